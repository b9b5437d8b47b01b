"""A bootable disk from a folder: partition table, boot partition, root file system, qcow2.

Nothing is mounted and no loop device is used. The layout is that of Ubuntu's cloud images: the root
is partition 1 and lies last, so that it can grow; 15 is the EFI system partition, which here
starts a BIOS too.
"""

from __future__ import annotations

import os
from pathlib import Path

from appliance.tools.building import EPOCH, run

LABEL = "cloudimg-rootfs"
MIB = 1 << 20
ESP_AT = 1 * MIB
ROOT_AT = 33 * MIB
SIZE = 2048 * MIB
"""What the machine sees; a machine's own disk is larger, and the root grows at first boot."""
_SECTOR = 512
_OF = "the lab's cloud image"
_BOOT_CODE = 440  # octets of the first sector before the disk's signature
# Equal inputs give equal bytes: no identifier is drawn.
_DISK_ID = "4c41422d-0000-4000-8000-000000000000"
_ESP_ID = "4c41422d-0000-4000-8000-000000000015"
_ROOT_ID = "4c41422d-0000-4000-8000-000000000001"


def make_disk(root: Path, esp: Path, boot_code: Path, image: Path, *, size: int = SIZE) -> None:
    """Make `image` (qcow2) of a root folder, a boot partition (FAT) and a BIOS boot sector.

    `size` is what the machine sees, in octets, whole MiB. `root` must hold nothing that differs
    from build to build. Raises ArtifactError.
    """
    raw = image.with_name(f".{image.name}.raw")
    filesystem = image.with_name(f".{image.name}.ext4")
    try:
        _format_root(root, filesystem, size)
        _partition(raw, size)
        _place(raw, boot_code.read_bytes()[:_BOOT_CODE], 0)
        for source, at in ((esp, ESP_AT), (filesystem, ROOT_AT)):
            run(
                _OF,
                *("dd", f"if={source}", f"of={raw}", f"bs={MIB}", f"seek={at // MIB}"),
                *("conv=notrunc,sparse", "status=none"),
            )
        run(
            _OF,
            *("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", "-c"),
            *("-o", "compression_type=zstd", "-m", "1", raw, image),
        )
    finally:
        raw.unlink(missing_ok=True)
        filesystem.unlink(missing_ok=True)


def _format_root(root: Path, filesystem: Path, disk_size: int) -> None:
    size = disk_size - ROOT_AT - MIB  # the last sectors hold the table's second copy
    with filesystem.open("wb") as opened:
        opened.truncate(size)
    # Tables are written now, so that no kernel thread writes them in every machine.
    options = f"hash_seed={_ROOT_ID},lazy_itable_init=0,lazy_journal_init=0,nodiscard"
    run(
        _OF,
        *("env", f"E2FSPROGS_FAKE_TIME={EPOCH}", "mke2fs", "-q", "-F", "-t", "ext4"),
        *("-L", LABEL, "-U", _ROOT_ID, "-E", options, "-J", "size=16", "-m", "1"),
        *("-M", "/", "-d", root, filesystem),
    )
    _set_times(root, filesystem)


def _set_times(root: Path, filesystem: Path) -> None:
    """Take out when the files were made here: mke2fs copies times that nobody can set."""
    commands = []
    for folder, folders, files in os.walk(root):
        inside = "/" + str(Path(folder).relative_to(root)).lstrip(".")
        for name in ("", *sorted(folders), *sorted(files)):
            path = os.path.join(inside, name) if name else inside  # noqa: PTH118 - "" stays out
            for field in ("atime", "ctime", "crtime"):
                commands.append(f'sif "{path}" {field} @{EPOCH}')
    script = filesystem.with_suffix(".debugfs")
    script.write_text("\n".join(commands), encoding="utf-8", errors="surrogateescape")
    try:
        run(
            _OF,
            *("env", f"E2FSPROGS_FAKE_TIME={EPOCH}"),
            *("debugfs", "-w", "-f", script, filesystem),
        )
    finally:
        script.unlink()


def _partition(raw: Path, size: int) -> None:
    raw.unlink(missing_ok=True)
    with raw.open("wb") as opened:
        opened.truncate(size)
    esp = f"15:{ESP_AT // _SECTOR}:{ROOT_AT // _SECTOR - 1}"
    rest = f"1:{ROOT_AT // _SECTOR}:{(size - MIB) // _SECTOR - 1}"
    run(
        _OF,
        *("sgdisk", "--clear", f"--disk-guid={_DISK_ID}"),
        *("-n", esp, "-t", "15:ef00", "-u", f"15:{_ESP_ID}", "-c", "15:esp"),
        *("-n", rest, "-t", "1:8304", "-u", f"1:{_ROOT_ID}", "-c", "1:root"),
        *("-A", "15:set:2", raw),  # bit 2: where SYSLINUX's boot sector goes on (gptmbr)
    )


def _place(raw: Path, octets: bytes, at: int) -> None:
    with raw.open("r+b") as opened:
        opened.seek(at)
        opened.write(octets)
