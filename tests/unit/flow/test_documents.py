"""Documents are made once, with the site's secrets and without a boot's token."""

from __future__ import annotations

from pathlib import Path

from appliance.boot.model import TOKEN_MARK
from appliance.flow.documents import Documenter
from appliance.flow.secrets import site_secrets
from tests.plans import machine, plan
from tests.unit.flow.support import context_in


def test_documents_hold_the_mark_and_the_sites_token(tmp_path: Path) -> None:
    """The token of one boot is boot's to fill in; the cluster's is the vault's."""
    with context_in(tmp_path) as context:
        made = Documenter(plan(), context.vault).of(machine(1))
        secrets = site_secrets(context.vault)
    config = made.config.reveal()
    assert f"/c/{TOKEN_MARK}/{made.config_name}" in made.script.reveal()
    assert f"/c/{TOKEN_MARK}/{made.config_name}" in made.arguments.reveal()
    assert made.kernel
    assert made.initrd
    assert f"/hook/{TOKEN_MARK}/succeeded" in config
    assert secrets.token.reveal() in config
    assert secrets.password_hash.reveal() in config
    assert secrets.password.reveal() not in config + made.script.reveal()


def test_documents_are_the_same_in_every_run(tmp_path: Path) -> None:
    """A second run, on the same vault, tells boot nothing new."""
    with context_in(tmp_path) as context:
        first = Documenter(plan(), context.vault)
        again = Documenter(plan(), context.vault)
        assert first.of(machine(1)) is first.of(machine(1))
        assert first.of(machine(1)) == again.of(machine(1))


def test_the_master_of_a_join_is_the_vip(tmp_path: Path) -> None:
    """Creating and joining machines get different documents."""
    of = plan(machine(1), machine(2))
    with context_in(tmp_path) as context:
        documenter = Documenter(of, context.vault)
        create, join = (documenter.of(each).config.reveal() for each in of.machines)
    assert "https://10.20.0.10:443" not in create
    assert "https://10.20.0.10:443" in join
