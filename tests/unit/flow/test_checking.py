"""`provision check` says what is right, line by line, and all that is not."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from appliance.errors import BridgeheadError, PreflightError
from appliance.flow import checking
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


def _found(look: Look, interface: str) -> tuple[list[str], list[BridgeheadError]]:
    """Give what is right, and what is not."""
    options = Options(interface, clock_is_right=True)
    found = list(check_all(look, options, confirm=lambda _question: False))
    return (
        [each for each in found if isinstance(each, str)],
        [each for each in found if isinstance(each, BridgeheadError)],
    )


def test_the_file_is_judged_whatever_else_is_missing(tmp_path: Path) -> None:
    """Who is armed, who is not and why; then each fault: of the files, and of the interface."""
    right, wrong = _found(_look(tmp_path), "nosuch0")
    assert right[:2] == ["site alpha: the file is right", "hv1: armed"]
    assert right[2].startswith("hv2: ")
    assert right[2] != "hv2: armed"
    assert "8 of the files" in wrong[0].what
    assert "'nosuch0'" in wrong[-1].what


def test_without_an_interface_one_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the office there is none: that is one fault more, and the last that is said."""

    def none() -> str:
        raise PreflightError("which interface?")

    monkeypatch.setattr(checking, "choose", none)
    right, wrong = _found(_look(tmp_path), "")
    assert right[0] == "site alpha: the file is right"
    assert [wrong[0].code, wrong[-1].what] == ["BH300", "which interface?"]


def test_without_root_the_interface_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs root is said once; an interface that is there is said to be there."""
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    right, wrong = _found(_look(tmp_path), "lo")
    assert right[-1] == "lo is there and has link"
    assert [each.what for each in wrong if "root" in each.what] == ["the boot services need root"]


def test_files_and_laptop_that_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the interface is wrong here. On a real wire: tests/flow."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with open_folder() as folder:
        look = _look(folder)
        stock(look.plan, look.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
        right, wrong = _found(look, "nosuch0")
    assert right[3:5] == [
        "9 files are there and verified",
        "this laptop lets the boot services run",
    ]
    (only,) = wrong
    assert "'nosuch0'" in only.what


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
