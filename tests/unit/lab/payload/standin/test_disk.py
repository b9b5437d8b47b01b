"""The stand-in's disks are called what the site file calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.lab.payload.standin import disk


def test_paths_of_the_site_file_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is there stays; a serial that is not there makes none."""
    by_id = tmp_path / "dev/disk/by-id"
    by_id.mkdir(parents=True)
    (tmp_path / "dev/vda").touch()
    (by_id / "virtio-LAB-1").symlink_to(tmp_path / "dev/vda")
    slot = tmp_path / "dev/disk/by-path/pci-0000:01:00.0-nvme-1"
    monkeypatch.setattr(disk, "BY_ID", by_id)
    disk.name_disks(f"LAB-1={slot} LAB-2={tmp_path}/dev/disk/by-id/ata-none")
    disk.name_disks(f"LAB-1={slot}")
    assert slot.resolve() == tmp_path / "dev/vda"
    assert not (by_id / "ata-none").is_symlink()
    disk.name_disks("")
