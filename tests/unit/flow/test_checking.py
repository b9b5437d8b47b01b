"""`provision check` says what is right, line by line, and raises the first that is not."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from appliance.errors import ArtifactError, PreflightError
from appliance.flow.checking import check_all
from appliance.flow.context import Options
from appliance.flow.looking import Look, look_at
from appliance.flow.stocking import stock
from appliance.paths import Paths
from tests.namespaces import ip, veth_pair
from tests.unit.flow.inside_namespace import open_folder
from tests.unit.flow.test_stocking import medium

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
    hv2: {mac: "52:54:00:00:00:02"}
"""


def _look(folder: Path) -> Look:
    file = folder / "site.yaml"
    file.write_text(_SITE)
    return look_at(file, Paths(folder / "state"))


_CHECK = """
import sys
from pathlib import Path
from appliance.flow.checking import check_all
from appliance.flow.context import Options
from appliance.flow.looking import look_at
from appliance.paths import Paths
look = look_at(Path({site!r}), Paths(Path({state!r})))
print(*check_all(look, Options(sys.argv[1], yes=True), confirm=lambda _: False), sep=chr(10))
"""


def _said_until(look: Look, said: list[str]) -> None:
    lines = check_all(look, Options("nosuch0", yes=True), confirm=lambda _question: False)
    said.extend(lines)


def test_the_file_and_the_machines_come_first(tmp_path: Path) -> None:
    """Who is armed, who is not and why; then the files, which are missing here."""
    said: list[str] = []
    with pytest.raises(ArtifactError, match="files to be served"):
        _said_until(_look(tmp_path), said)
    assert said[0] == "site alpha: the file is right"
    assert said[1] == "hv1: armed"
    assert said[2].startswith("hv2: ")
    assert said[2] != "hv2: armed"


def test_then_the_files_and_the_laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all files there, the interface is looked at. On a real wire: tests/flow."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with open_folder() as folder:
        look = _look(folder)
        stock(look.plan, look.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
        said: list[str] = []
        with pytest.raises(PreflightError, match="nosuch0"):
            _said_until(look, said)
    assert said[-1] == "8 files are there and verified"


@pytest.mark.root
def test_an_interface_that_is_off_is_no_fault(tmp_path: Path) -> None:
    """The run switches it on: the check says so, and what it therefore could not look for."""
    with open_folder() as folder, veth_pair(IPv4Interface("10.20.0.2/24")) as pair:
        ip("-n", pair.server, "link", "set", pair.server_interface, "down")
        look = _look(folder)
        stock(look.plan, look.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
        script = _CHECK.format(site=str(look.site_file), state=str(look.paths.root))
        done = subprocess.run(
            [
                "ip",
                "netns",
                "exec",
                pair.server,
                sys.executable,
                "-c",
                script,
                pair.server_interface,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        written = (look.paths.site("alpha").folder, look.paths.host_key)
        assert [each for each in written if each.exists()] == []
    assert done.returncode == 0, done.stderr
    assert "is there, and switched off" in done.stdout
    assert "other DHCP servers are looked for by the run" in done.stdout
