"""The verbs for state and secrets, as a process."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.store.database import open_database
from appliance.store.vault import Vault, host_key
from appliance.values import Secret
from tests.unit.cli.running import provision

_SITE = """\
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site that has a kubeconfig in its vault on the laptop `one`."""
    path = tmp_path / "site.yaml"
    path.write_text(_SITE)
    paths = Paths(tmp_path / "one")
    with closing(open_database(paths.site("alpha").database)) as connection:
        vault = Vault(connection, host_key(paths.host_key))
        vault.put("kubeconfig", Secret("apiVersion: v1\nkind: Config\n"))
    return path


def test_a_second_laptop_has_the_kubeconfig(site: Path, tmp_path: Path) -> None:
    """Export, import, ask: with a passphrase from a file, as a script does."""
    words = tmp_path / "words"
    words.write_text("five words that nobody guesses\n")
    words.chmod(0o600)
    file = tmp_path / "alpha.sealed"
    by = ("--passphrase-file", words)
    code, out, err = provision("export", "state", site, file, *by, "--state", tmp_path / "one")
    assert (code, err) == (0, "")
    assert out.strip() == str(file)
    code, out, _ = provision("import", file, *by, "--state", tmp_path / "two")
    assert code == 0
    assert "alpha" in out
    to = tmp_path / "kubeconfig"
    code, out, _ = provision("kubeconfig", site, "--out", to, "--state", tmp_path / "two")
    assert code == 0
    assert to.read_text() == "apiVersion: v1\nkind: Config\n"
    assert to.stat().st_mode & 0o777 == 0o600


def test_without_a_terminal_and_a_file_nobody_is_asked(site: Path, tmp_path: Path) -> None:
    """Exit 2, and what to give."""
    state = ("--state", tmp_path / "one")
    code, _, err = provision("export", "state", site, tmp_path / "x", *state)
    assert code == 2
    assert "--passphrase-file" in err


def test_what_cannot_be_written_says_why_and_what_to_do(site: Path, tmp_path: Path) -> None:
    """In words, without the system's numbers."""
    state = ("--state", tmp_path / "one")
    code, _, err = provision("kubeconfig", site, "--out", tmp_path / "no" / "where", *state)
    assert code == 2
    assert "  why: No such file or directory\n  do: name a file" in err


def test_secrets_are_listed_by_name_and_printed_one_by_one(site: Path, tmp_path: Path) -> None:
    """The list holds no secret; a wrong name is exit 2; one not made yet is exit 3."""
    state = ("--state", tmp_path / "one")
    code, out, _ = provision("secret", site, *state)
    assert code == 0
    assert "kubeconfig" in out
    assert "apiVersion" not in out
    assert provision("secret", site, "kubeconfig", *state)[1] == "apiVersion: v1\nkind: Config\n"
    assert provision("secret", site, "host.key", *state)[0] == 2
    assert provision("secret", site, "harvester-admin-password", *state)[0] == 3


def test_what_is_kept_is_wiped_only_when_all_is_said(site: Path, tmp_path: Path) -> None:
    """Exit 2 for each word that lacks; then it is gone, and the site file stays."""
    state = ("--state", tmp_path / "one")
    code, _, err = provision("wipe", site, *state)
    assert code == 2
    assert "would be lost" in err
    code, _, err = provision("wipe", site, "--yes", *state)
    assert code == 2
    assert "is not finished" in err
    code, out, err = provision("wipe", site, "--yes", "--unfinished", *state)
    assert (code, err) == (0, "")
    assert "overwritten and removed" in out
    assert not (tmp_path / "one" / "alpha").exists()
    assert site.exists()
    code, out, _ = provision("wipe", site, "--yes", "--unfinished", *state)
    assert (code, "nothing of this site" in out) == (0, True)
