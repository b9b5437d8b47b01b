"""s2: every file that will be served is there, verified, and told what it proves."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.flow.engine import Engine
from appliance.flow.s2_artifacts import ArtifactsStep
from appliance.flow.stocking import stock
from appliance.machines.state import Seen
from appliance.site.artifact_names import STAGE1_FILES, STAGE1_INITRD, STAGE1_KERNEL, STAGE1_UKI
from tests.plans import plan
from tests.site_files import media, whole_plan
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
        "ipxe.iso": None,
    }
    assert all(Path(each.path).stat().st_size == each.size for each in files)
    assert entry.evidence == {"files": {each.name: each.digest for each in files}}


def test_our_small_linux_proves_something_of_its_own(tmp_path: Path) -> None:
    """Its one file for UEFI is no boot loader that asks for a script."""
    with context_in(tmp_path) as context:
        folder = medium(tmp_path / "medium")
        for name in STAGE1_FILES:
            (folder / name).write_bytes(name.encode())
        stock(plan(), context.paths, folder=folder, accept_ipxe=True)
        files = Engine(context).take(ArtifactsStep(context), plan())
    proofs = {each.name: each.proves for each in files if each.name in STAGE1_FILES}
    assert proofs == {STAGE1_UKI: Seen.STAGE1_SENT, STAGE1_KERNEL: None, STAGE1_INITRD: None}


def test_stand_ins_are_told_apart_from_real_files(tmp_path: Path) -> None:
    """The report says of each file which it was."""
    with context_in(tmp_path) as context:
        folder = medium(tmp_path / "medium")
        built = plan().artifacts.kernel
        stock(
            plan(), context.paths, folder=folder, accept_ipxe=True, stand_ins=True, built=(built,)
        )
        ArtifactsStep(context).run(plan())
        (told,) = (each for each in context.journal.events() if each.kind == "real")
    assert told.data["real"].pop(built).startswith("real: built")
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


def test_what_is_the_laptops_own_is_checked_and_not_served(tmp_path: Path) -> None:
    """Terraform, its provider and upstream's lists of images."""
    whole = whole_plan()
    with context_in(tmp_path) as context:
        folders = media(tmp_path / "media", whole)
        stock(whole, context.paths, folder=folders, accept_ipxe=True, stand_ins=True)
        done = ArtifactsStep(context).run(whole)
    served = {each.name for each in done.value}
    assert whole.images[0].file in served
    assert not [name for name in served if name.startswith(("terraform", "tofu"))]
    held_back = done.evidence["files"].keys() - served
    assert "terraform_1.14.8_linux_amd64.zip" in held_back
    assert "terraform-provider-harvester_1.8.1_linux_amd64.zip" in held_back


def test_terraform_is_missed_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the depot or on the laptop: one of the two programs is needed where there are machines."""
    whole = whole_plan()
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    with context_in(tmp_path) as context:
        folders = [
            each for each in media(tmp_path / "media", whole) if "terraform_" not in each.name
        ]
        stock(whole, context.paths, folder=folders, accept_ipxe=True, stand_ins=True)
        with pytest.raises(ArtifactError, match="Terraform is missing"):
            ArtifactsStep(context).run(whole)
        (programs / "tofu").write_text("#!/bin/sh\n")
        (programs / "tofu").chmod(0o755)
        assert ArtifactsStep(context).run(whole).value
