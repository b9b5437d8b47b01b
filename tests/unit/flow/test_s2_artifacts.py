"""s2: every file that will be served is there, verified, and told what it proves."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.flow.engine import Engine
from appliance.flow.s2_artifacts import ArtifactsStep
from appliance.flow.stocking import stock
from appliance.machines.state import Seen
from tests.plans import plan
from tests.unit.flow.support import context_in
from tests.unit.flow.test_stocking import medium


def test_the_files_are_given_with_what_their_transfer_proves(tmp_path: Path) -> None:
    """Kernel, first root, live root, image and boot loaders; the list proves nothing."""
    names = plan().artifacts
    with context_in(tmp_path) as context:
        stock(plan(), context.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
        files = Engine(context).take(ArtifactsStep(context), plan())
        (entry,) = context.journal.steps()
    proofs = {each.name: each.proves for each in files}
    assert proofs == {
        names.sums: None,
        names.kernel: Seen.KERNEL_SENT,
        names.initrd: Seen.INITRD_SENT,
        names.rootfs: Seen.ROOTFS_SENT,
        names.iso: Seen.IMAGE_SENT,
        "snponly.efi": Seen.BOOTLOADER_SENT,
        "ipxe.efi": Seen.BOOTLOADER_SENT,
        "undionly.kpxe": Seen.BOOTLOADER_SENT,
    }
    assert all(Path(each.path).stat().st_size == each.size for each in files)
    assert entry.evidence == {"files": {each.name: each.digest for each in files}}


def test_stand_ins_are_told_apart_from_real_files(tmp_path: Path) -> None:
    """The report says of each file which it was."""
    with context_in(tmp_path) as context:
        folder = medium(tmp_path / "medium")
        stock(plan(), context.paths, folder=folder, accept_ipxe=True, stand_ins=True)
        ArtifactsStep(context).run(plan())
        (told,) = (each for each in context.journal.events() if each.kind == "real")
    assert all(each.startswith("stand-in") for each in told.data["real"].values())
    assert len(told.data["real"]) == 8


def test_each_missing_and_damaged_file_is_named(tmp_path: Path) -> None:
    """All at once, so that one visit to the Internet is enough."""
    names = plan().artifacts
    with context_in(tmp_path) as context:
        stock(plan(), context.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
        (context.paths.depot / names.iso).unlink()
        path = context.paths.depot / names.kernel
        path.write_bytes(b"x" * path.stat().st_size)
        with pytest.raises(ArtifactError) as caught:
            ArtifactsStep(context).run(plan())
    assert names.iso in caught.value.why
    assert names.kernel in caught.value.why
    assert names.rootfs not in caught.value.why
