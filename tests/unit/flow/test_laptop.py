"""What is refused before the laptop's playbook runs. The playbook: tests/interop/test_bridge.py."""

from __future__ import annotations

import os
import threading
import zipfile
from pathlib import Path

import pytest

from appliance.errors import InputError, PreflightError
from appliance.flow.laptop import InstallWish, _build, install, other_firewalls, take_back


def test_setting_up_and_taking_back_are_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything is looked at."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PreflightError, match="needs root") as caught:
        install(InstallWish(), print, stop())
    assert "sudo" in caught.value.fix
    with pytest.raises(PreflightError, match="needs root"):
        take_back(print, stop())


def stop() -> threading.Event:
    """Nobody stops it."""
    return threading.Event()


@pytest.mark.root
@pytest.mark.parametrize(
    ("wish", "what"),
    [
        (InstallWish("lo", wheel=Path("/nowhere.whl")), "no such file"),
        (InstallWish("lo", Path(__file__), wheels_folder=Path("/nowhere")), "no such folder"),
        (InstallWish("lo", Path(__file__), packages_folder=Path("/nowhere")), "no such folder"),
    ],
)
def test_what_is_named_must_be_there(wish: InstallWish, what: str) -> None:
    """Else nothing is begun."""
    with pytest.raises(InputError, match=what):
        install(wish, print, stop())


def test_a_clone_builds_itself() -> None:
    """With what the appliance needs beside its code, twice the same, and nothing is left."""
    with _build(None) as build, _build(None) as again:
        assert build is not None
        assert again is not None
        names = zipfile.ZipFile(build.wheel).namelist()
    assert "appliance/_data/playbooks/roles/bridge/files/bridgehead-boot@.service" in names
    assert "appliance/boot/child.py" in names
    assert build.sha256 == again.sha256
    assert "flask" in build.versions
    assert not Path(build.wheel).exists()


def test_the_laptops_own_firewall_is_named(tmp_path: Path) -> None:
    """What it drops we cannot let in: the operator is told the command."""
    ufw, firewalld = tmp_path / "ufw.conf", tmp_path / "firewalld.pid"
    assert list(other_firewalls("eth1", ufw=ufw, firewalld=firewalld)) == []
    ufw.write_text("# comment\nENABLED=no\n")
    assert list(other_firewalls("eth1", ufw=ufw, firewalld=firewalld)) == []
    ufw.write_text("ENABLED=yes\nLOGLEVEL=low\n")
    firewalld.write_text("1")
    told = list(other_firewalls("eth1", ufw=ufw, firewalld=firewalld))

    assert "'ufw allow in on eth1'" in told[0]
    assert "--change-interface=eth1" in told[1]
