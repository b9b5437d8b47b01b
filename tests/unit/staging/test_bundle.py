"""The bundle: the same octets each time, complete, and small."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from appliance.errors import StepError
from appliance.staging import bundle


def test_the_same_installation_gives_the_same_bytes(tmp_path: Path) -> None:
    """So that a second run of the playbook changes nothing; it is written once."""
    first = bundle.make(tmp_path)
    written = first.path.stat().st_mtime_ns
    assert bundle.make(tmp_path) == first
    assert first.path.stat().st_mtime_ns == written
    assert bundle.pack() == first.path.read_bytes()
    assert first.path.stat().st_size < 200_000


def test_it_has_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """Both entry points start with nothing but Python; the site's secrets' code is not there."""
    content = bundle.pack()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(tmp_path)
        names = tar.getnames()
    assert [each for each in names if each.startswith("dnslib") and "LICEN" in each]
    assert names[-1] == bundle.UNPACKED
    assert not [each for each in names if each.startswith(("appliance/store", "appliance/flow"))]
    for entry in bundle.ENTRY_POINTS:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _RUN.format(folder=str(tmp_path), module=entry)],
            capture_output=True,
            text=True,
            input="{}",
            check=False,
        )
        said = done.stdout + done.stderr
        assert ("--config FILE" in said) or ("filled with cannot be read" in said), said


_RUN = """
import runpy, sys
sys.path.insert(0, {folder!r})
sys.argv = ["x", "--help"]
runpy.run_module({module!r}, run_name="__main__")
"""


def test_what_is_not_pure_python_is_refused() -> None:
    """The machine may run another Python than the laptop."""
    with pytest.raises(StepError, match="cryptography cannot go") as caught:
        bundle._of_distribution("cryptography")
    assert "compiled" in caught.value.why
