"""What the Vagrant lab's bridge is given. The whole folder is packed in tests/vagrant."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from appliance.artifacts.depot import Depot, Origin
from appliance.flow.looking import look_at
from appliance.flow.stocking import wants_of
from appliance.lab import bridge_kit
from appliance.lab.bridge_kit import PYTHON, STAND_INS, UPSTREAM, main
from appliance.lab.outside import PASSWORD
from appliance.paths import Paths

SITE = Path(__file__).resolve().parents[3] / "examples" / "vagrant.yaml"


def test_the_playbook_is_told_what_a_laptop_would_be(tmp_path: Path) -> None:
    """This clone's build, by its digest; wheels and packages only where the box has them."""
    with_box = bridge_kit.playbook_variables(tmp_path, own_box=True)
    without = bridge_kit.playbook_variables(tmp_path, own_box=False)

    wheel = Path(with_box["bridge_wheel"])
    assert wheel.parent == tmp_path
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert with_box["bridge_wheel_sha256"] == digest
    assert "appliance/lab/bridge_kit.py" in zipfile.ZipFile(wheel).namelist()
    assert with_box["bridge_interface"] == "eth1"
    assert {67, 69, 80} <= {each["port"] for each in with_box["bridge_ports"]}
    named = ("bridge_wheels_folder", "bridge_packages_folder")
    assert [with_box[name] for name in named] == ["/srv/wheels", "/srv/packages"]
    assert [without[name] for name in named] == ["", ""]
    assert json.loads(json.dumps(with_box)) == with_box


def test_the_providers_stand_in_finds_its_packages_beside_it(tmp_path: Path) -> None:
    """Copied from here, and run as the bridge will: by another Python's search path."""
    folder = tmp_path / PYTHON
    bridge_kit._copy_distribution("msgpack", folder)
    code = "import msgpack; print(msgpack.__file__)"
    clean = {"PYTHONPATH": str(folder), "PATH": os.defpath}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=clean, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(folder)


def test_what_upstream_released_is_noted_as_upstreams(tmp_path: Path) -> None:
    """A file that was fetched is taken as such; the depot knows it from one that stands in."""
    real, made, paths = tmp_path / UPSTREAM, tmp_path / STAND_INS, Paths(tmp_path / "state")
    for folder in (real, made):
        folder.mkdir()
    site = look_at(SITE, paths).plan
    wants = {want.name: want for want in wants_of(site)}
    archive = wants["tofu_1.12.6_linux_amd64.zip"]
    assert archive.sums is not None
    (real / archive.name).write_bytes(b"a zip")
    line = f"{hashlib.sha256(b'a zip').hexdigest()}  {archive.published_as}\n"
    (real / archive.sums).write_text(line, encoding="ascii")

    bridge_kit._take_upstreams([wants[archive.sums], archive], real, paths)
    file = Depot(paths.depot).get(archive.name)
    assert file is not None
    assert file.origin is Origin.UPSTREAM


def test_the_password_goes_along_privately(tmp_path: Path) -> None:
    """Where the BMCs have one; where they are not there yet nothing does."""
    kit = tmp_path / "kit"
    kit.mkdir()
    bridge_kit._add_password(kit)
    assert list(kit.iterdir()) == []
    (tmp_path / PASSWORD).write_bytes(b"secret")
    bridge_kit._add_password(kit)
    (copied,) = kit.iterdir()
    assert copied.read_bytes() == b"secret"
    assert copied.stat().st_mode & 0o777 == 0o600


def test_a_missing_site_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the exit code of bad input; nothing is written."""
    assert main(["pack", str(tmp_path / "none.yaml"), str(tmp_path / "kit")]) == 2
    assert "none.yaml" in capsys.readouterr().err
    assert not (tmp_path / "kit").exists()
