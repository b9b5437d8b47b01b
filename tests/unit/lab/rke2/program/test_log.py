"""Log lines and word to systemd."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from appliance.lab.rke2.program.log import Log, notify


def test_lines_have_upstream_s_form(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, message; quotes and line ends are escaped, so that a line stays one."""
    log = Log()
    log.info("a")
    log.fatal('b "c"\nd')
    first, second = capsys.readouterr().err.splitlines()

    assert re.fullmatch(r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=info msg="a"', first)
    assert second.endswith(r'level=fatal msg="b \"c\"\nd"')


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A datagram to the socket that the variable names."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        notify("READY=1\n")
        assert listening.recv(100) == b"READY=1\n"


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by hand the program goes on."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1\n")
