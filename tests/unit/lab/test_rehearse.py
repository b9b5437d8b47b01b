"""What must be there before a rehearsal begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.lab.rehearse import refuse_unready_host


def test_missing_programs_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without QEMU the error names it, and what installs it."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError, match="qemu-system-x86_64") as caught:
        refuse_unready_host()
    assert "make" in caught.value.fix


def test_without_root_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what root is needed for."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PreflightError, match="needs root") as caught:
        refuse_unready_host()
    assert "namespaces" in caught.value.why
