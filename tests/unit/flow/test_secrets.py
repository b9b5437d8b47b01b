"""A site's secrets are made once and stay."""

from __future__ import annotations

from pathlib import Path

from passlib.hash import sha512_crypt

from appliance.flow.secrets import site_secrets
from tests.unit.flow.support import context_in


def test_secrets_stay_the_same_and_are_kept_sealed(tmp_path: Path) -> None:
    """A second look gives the same; the database file holds none of them in clear."""
    with context_in(tmp_path) as context:
        first = site_secrets(context.vault)
        assert site_secrets(context.vault) == first
        raw = b"".join(each.read_bytes() for each in context.site_paths.folder.glob("main.db*"))
    for secret in (first.token, first.password, first.password_hash):
        assert secret.reveal().encode() not in raw


def test_the_hash_is_of_the_password_in_a_form_installers_read(tmp_path: Path) -> None:
    """It is crypt(3)'s $6$ (harvester-rke2 facts 2.3)."""
    with context_in(tmp_path) as context:
        secrets = site_secrets(context.vault)
    assert secrets.password_hash.reveal().startswith("$6$")
    assert sha512_crypt.verify(secrets.password.reveal(), secrets.password_hash.reveal())
