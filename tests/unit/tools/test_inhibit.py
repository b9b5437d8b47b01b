"""The laptop is kept awake where that can be done, and it is said where it cannot."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from appliance.tools.inhibit import no_sleep


def _program(folder: Path, text: str) -> None:
    program = folder / "systemd-inhibit"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_without_the_program_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No systemd-inhibit: the block runs, and the caller can tell the operator."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with no_sleep("a test") as awake:
        assert awake is False


def test_a_refusing_logind_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd-inhibit that ends at once keeps nobody awake."""
    _program(tmp_path, "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with no_sleep("a test") as awake:
        assert awake is False


def test_it_holds_for_the_block_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder runs while the block does, is told why, and is gone afterwards."""
    _program(tmp_path, f'echo "$$ $*" > {tmp_path}/held\nshift 3\nexec "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with no_sleep("machines install") as awake:
        assert awake is True
        pid, _, words = (tmp_path / "held").read_text().partition(" ")
        assert "--why=machines install" in words
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
