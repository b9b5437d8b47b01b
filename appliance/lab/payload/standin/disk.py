"""The target disk: partitioned, given file systems and made to start from UEFI and from BIOS.

The same partitions as Harvester's (OEM, ESP, STATE, PERSISTENT), smaller; no RECOVERY. One ESP
serves both firmwares: systemd-boot under the removable path, and extlinux with its GPT boot code.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from .system import InstallError, quietly, run

TARGET = Path("/run/standin/target")
_LOADER = Path("/usr/lib/systemd/boot/efi/systemd-bootx64.efi")
_GPT_BOOT_CODE = Path("/usr/lib/syslinux/mbr/gptmbr.bin")

# name, size, GPT type, file system
LAYOUT = (
    ("COS_OEM", "+50M", "8300", "ext4"),
    ("COS_GRUB", "+128M", "ef00", "vfat"),
    ("COS_STATE", "+1G", "8300", "ext4"),
    ("COS_PERSISTENT", "0", "8300", "ext4"),
)

# The installed system is the live one again, from its own partition, as elemental's images are.
BY_ID = Path("/dev/disk/by-id")
INSTALLED_LINE = (
    "root=live:LABEL=COS_STATE rd.live.dir=cOS rd.live.squashimg=active.img rd.cos.disable "
    "net.ifnames=1 norandmaps console=tty1 console=ttyS0 standin.installed"
)


def name_disks(named: str) -> None:
    """Make the paths that a site file names: `SERIAL=PATH …`, as the lab hands them over.

    The lab's disks are virtio disks; a server's may be nvme, or named by their slot.
    """
    for pair in named.split():
        serial, _, wanted = pair.partition("=")
        disk = BY_ID / f"virtio-{serial}"
        path = Path(wanted)
        if disk.exists() and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(disk.resolve())


def resolve(device: str) -> str:
    """Follow a by-id or by-path link to a whole disk. Raises InstallError when it is none."""
    real = os.path.realpath(device)
    listed = json.loads(run("lsblk", "--json", "--nodeps", "--paths", "--output", "NAME,TYPE"))
    disks = [entry["name"] for entry in listed["blockdevices"] if entry["type"] == "disk"]
    if real not in disks:
        raise InstallError(f"{device} is not a disk; there are {', '.join(disks) or 'none'}")
    return real


def all_disks() -> list[str]:
    """Name the machine's whole disks."""
    listed = json.loads(run("lsblk", "--json", "--nodeps", "--paths", "--output", "NAME,TYPE"))
    return [entry["name"] for entry in listed["blockdevices"] if entry["type"] == "disk"]


def wipe(disk: str) -> None:
    """Take every signature and partition table off a disk."""
    quietly("wipefs", "--all", "--force", disk)
    quietly("sgdisk", "--zap-all", disk)


def partition(disk: str) -> None:
    """Lay out the disk, make its file systems and mount them under TARGET."""
    wipe(disk)
    words = ["sgdisk", "--clear"]
    for number, (name, size, code, _) in enumerate(LAYOUT, start=1):
        words += [f"--new={number}:0:{size}", f"--change-name={number}:{name}"]
        words += [f"--typecode={number}:{code}"]
    words.append("--attributes=2:set:2")  # "legacy BIOS bootable": what gptmbr.bin looks for
    run(*words, disk)
    for number, (name, _, _, kind) in enumerate(LAYOUT, start=1):
        device = f"{disk}{'p' if re.search(r'[0-9]$', disk) else ''}{number}"
        _make(device, name, kind)
        mount_point = TARGET / name
        mount_point.mkdir(parents=True, exist_ok=True)
        run("mount", device, str(mount_point))


def _make(device: str, name: str, kind: str) -> None:
    if kind == "vfat":
        run("mkfs.vfat", "-F", "32", "-n", name, device)
    else:
        lazy = "lazy_itable_init=1,lazy_journal_init=1,nodiscard"
        run("mkfs.ext4", "-q", "-F", "-E", lazy, "-L", name, device)


def install_system(media: Path) -> None:
    """Copy kernel, initrd and root image from the mounted ISO to the partitions."""
    state = TARGET / "COS_STATE" / "cOS"
    state.mkdir()
    shutil.copyfile(media / "rootfs.squashfs", state / "active.img")
    boot = TARGET / "COS_GRUB" / "harvester"
    boot.mkdir()
    for name in ("vmlinuz", "initrd"):
        shutil.copyfile(media / "boot" / name, boot / name)


def install_loaders(disk: str) -> None:
    """Put a boot loader for each firmware on the disk. No NVRAM entry: the removable path."""
    esp = TARGET / "COS_GRUB"
    for folder in ("EFI/BOOT", "loader/entries", "syslinux"):
        (esp / folder).mkdir(parents=True)
    shutil.copyfile(_LOADER, esp / "EFI/BOOT/BOOTX64.EFI")
    (esp / "loader/loader.conf").write_text("timeout 0\neditor no\n")
    (esp / "loader/entries/harvester.conf").write_text(
        "title Harvester (stand-in)\nlinux /harvester/vmlinuz\ninitrd /harvester/initrd\n"
        f"options {INSTALLED_LINE}\n"
    )
    (esp / "syslinux/syslinux.cfg").write_text(
        "DEFAULT harvester\nLABEL harvester\n LINUX /harvester/vmlinuz\n INITRD /harvester/initrd\n"
        f" APPEND {INSTALLED_LINE}\n"
    )
    run("extlinux", "--install", str(esp / "syslinux"))
    with Path(disk).open("r+b", buffering=0) as raw:
        raw.write(_GPT_BOOT_CODE.read_bytes())


def unmount() -> None:
    """Flush and unmount the target's partitions."""
    os.sync()
    for name, *_ in LAYOUT:
        run("umount", str(TARGET / name))
