"""Where things are kept: one folder a site, none outside the root."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.paths import Paths


def test_everything_stays_under_the_root() -> None:
    """Another root moves all of it."""
    paths = Paths(Path("/srv/other"))
    site = paths.site("alpha")
    kept = [
        paths.depot,
        paths.keys,
        paths.image_keyring,
        paths.host_key,
        paths.operator,
        paths.web_site_file,
        paths.web_interface,
        paths.web_certificate,
        paths.web_key,
        site.folder,
        site.database,
        site.lock,
        site.boot,
        site.reports,
    ]
    assert all(path.is_relative_to("/srv/other") for path in kept)
    assert len(set(kept)) == len(kept)


def test_two_sites_share_no_file() -> None:
    """Several sites live on one laptop."""
    alpha, beta = Paths().site("alpha"), Paths().site("beta")
    assert not alpha.folder.is_relative_to(beta.folder)
    assert alpha.database != beta.database


@pytest.mark.parametrize(
    "site_id",
    [
        "",
        ".",
        "..",
        "../etc",
        "a/b",
        "depot",
        "keys",
        "host.key",
        "operator.json",
        "site.yaml",
        ".git",
    ],
)
def test_an_id_that_would_fall_elsewhere_is_refused(site_id: str) -> None:
    """A site called `depot` would lie in the folder of the artifacts."""
    with pytest.raises(ValueError, match="cannot be the folder of a site"):
        Paths().site(site_id)
