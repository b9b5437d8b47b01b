"""Opening files by name, and what a transfer proves."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.boot.model import STAGE1_UKI
from appliance.boot.served import FileUnreadableError, Watched, find_file, open_served
from appliance.machines.state import Seen
from tests.unit.boot.boot_world import HV1_ADDRESS, NETWORK, World


def test_a_file_is_found_by_name_with_or_without_its_folder(world: World) -> None:
    """Firmware strips or repeats the folder as it likes."""
    file = world.serve("snponly.efi", b"x")
    inside = world.serve("ipxe/other.efi", b"y")

    for name in ("snponly.efi", "/snponly.efi", "ipxe/snponly.efi", "//ipxe/snponly.efi"):
        assert find_file(world.state, name, "ipxe") == file
    for name in ("other.efi", "/ipxe/other.efi"):
        assert find_file(world.state, name, "ipxe") == inside


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "ipxe/../snponly.efi",
        "./snponly.efi",
        "snponly.efi/",
        "snponly.efi\0",
        "..\\snponly.efi",
        "",
        ".",
        "%2e%2e/snponly.efi",
    ],
)
def test_a_name_is_never_a_path(world: World, name: str) -> None:
    """There is a table and no folder to leave."""
    world.serve("snponly.efi", b"x")

    assert find_file(world.state, name, "ipxe") is None


def test_a_file_that_is_not_what_was_verified_is_not_opened(world: World) -> None:
    """Of another size, gone, a folder, or a link put in its place."""
    file = world.serve("iso", b"12345")
    os.close(open_served(file))
    path = Path(file.path)

    path.write_bytes(b"123456")
    with pytest.raises(FileUnreadableError, match="no longer the file"):
        open_served(file)
    path.unlink()
    with pytest.raises(FileUnreadableError, match="No such file"):
        open_served(file)
    (path.parent / "elsewhere").write_bytes(b"12345")
    path.symlink_to(path.parent / "elsewhere")
    with pytest.raises(FileUnreadableError, match="iso cannot be opened"):
        open_served(file)
    with pytest.raises(FileUnreadableError):
        open_served(replace(file, path=str(path.parent), size=path.parent.stat().st_size))


def watched(world: World, proves: Seen | None, *, whole: bool = True) -> Watched:
    """Watch a transfer of 1000 octets to hv1."""
    file = world.serve("file", b"x" * 1000, proves)
    return Watched(world.state, file, HV1_ADDRESS, "http", whole)


def test_a_whole_transfer_proves_what_the_file_proves(world: World) -> None:
    """For the machine that owns the address."""
    watched(world, Seen.KERNEL_SENT).ended(1000)

    assert world.seen() == [Seen.KERNEL_SENT]


@pytest.mark.parametrize("sent", [0, 999])
def test_a_broken_transfer_proves_nothing(world: World, sent: int) -> None:
    """How far it came is told."""
    watched(world, Seen.KERNEL_SENT).ended(sent)

    assert world.seen() == []
    assert "broke off" in world.events("http")[0].text


def test_a_range_proves_nothing(world: World) -> None:
    """A part of the image is not the image."""
    watched(world, Seen.IMAGE_SENT, whole=False).ended(1000)

    assert world.seen() == []


def test_the_image_tells_of_itself_every_five_per_cent(world: World) -> None:
    """However small the parts in which it is sent; the last word is the evidence's."""
    transfer = watched(world, Seen.IMAGE_SENT)
    transfer.begun()
    for sent in range(0, 1001, 3):
        transfer.progress(sent)
    transfer.ended(1000)

    percents = [int(dict(event.data)["percent"]) for event in world.events("http")]
    assert percents == list(range(5, 100, 5))
    assert world.seen() == [Seen.IMAGE_ASKED, Seen.IMAGE_SENT]


def test_a_transfer_to_nobody_is_no_evidence(world: World) -> None:
    """The laptop's own test with curl moves no machine."""
    file = world.serve("file", b"x" * 10, Seen.KERNEL_SENT)
    Watched(world.state, file, NETWORK.bridge, "http").ended(10)

    assert world.events("evidence") == []
    assert "sent to 127.0.0.1" in world.events("http")[0].text


def test_stage1_as_a_boot_file_is_evidence_of_its_own(world: World) -> None:
    """Whatever the depot holds it for; iPXE would be a boot loader."""
    file = world.serve(STAGE1_UKI, b"MZ", Seen.BOOTLOADER_SENT)
    Watched(world.state, file, HV1_ADDRESS, "tftp").ended(2)
    assert world.seen() == [Seen.STAGE1_SENT]
