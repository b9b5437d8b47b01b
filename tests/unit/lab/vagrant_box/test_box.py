"""The bridge's box. Building it takes minutes: that it boots is shown by `make test-vagrant`."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

from appliance.lab.vagrant_box import box
from appliance.tools.building import lines

RECIPE = Path(box.__file__).parent / "recipe"
REPOSITORY = Path(__file__).resolve().parents[4]


def test_a_box_is_a_disk_and_what_vagrant_must_know_of_it(tmp_path: Path) -> None:
    """As vagrant-libvirt reads it; nothing is left beside it."""
    disk, made = tmp_path / "disk", tmp_path / box.FILE
    disk.write_bytes(b"qcow2")
    box.pack(disk, made)

    with tarfile.open(made) as tar:
        assert tar.getnames() == ["metadata.json", "box.img"]
        about = tar.extractfile("metadata.json")
        assert about is not None
        assert json.load(about) == {
            "provider": "libvirt",
            "format": "qcow2",
            "virtual_size": box.SIZE_GIB,
        }
    assert {each.name for each in tmp_path.iterdir()} == {"disk", box.FILE}


def test_every_package_that_the_appliance_runs_with_goes_in_as_a_wheel() -> None:
    """Those of this very environment, as pip reads them."""
    found = dict(line.split("==") for line in box._versions().splitlines())
    assert {"ansible-core", "cheroot", "paramiko", "sushy"} <= found.keys()
    assert "bridgehead" not in found


def test_the_vagrantfile_takes_the_box_by_its_name() -> None:
    """The name stands in both."""
    vagrantfile = (REPOSITORY / "Vagrantfile").read_text(encoding="utf-8")
    assert f"OWN_BOX = '{box.NAME}'" in vagrantfile


def test_what_the_recipe_brings_the_playbook_finds_missing() -> None:
    """Else nothing would show that a bridge is set up without a mirror."""
    brought = {"ipxe", "nftables", "python3-venv"}
    script = (RECIPE / "customize.sh").read_text(encoding="utf-8")
    assert f"install {' '.join(sorted(brought))} " in script
    assert not brought & set(lines(RECIPE / "packages"))
    for path in (RECIPE / "customize.sh", box._SHARED / "recipe" / "boot.sh"):
        subprocess.run(["sh", "-n", path], check=True)
