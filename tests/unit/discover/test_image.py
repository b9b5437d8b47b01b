"""The stage-1 image: its places, and that it is the same to the octet when built twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from appliance.discover import image, uki
from appliance.site.artifact_names import STAGE1_FILES

MIB = 1 << 20


def test_nothing_is_found_where_nothing_was_built(tmp_path: Path) -> None:
    """Looking builds nothing."""
    assert image.find(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_built_is_found_and_not_built_again(tmp_path: Path) -> None:
    """By the name that all of its inputs give it; another folder is not it."""
    _, target = image._places(tmp_path)
    (tmp_path / "stage1-0000000000000000").mkdir()
    assert image.find(tmp_path) is None
    target.mkdir()
    (target / "cmdline").write_text("quiet\n")
    found = image.find(tmp_path)
    assert found is not None
    assert (found.folder, found.uki.name, found.arguments) == (
        target,
        "stage1-amd64.efi",
        "quiet",
    )
    assert image.build(tmp_path, lambda _said: pytest.fail("it was built again")) == found


def test_a_half_built_image_is_never_seen(tmp_path: Path) -> None:
    """The folder of the base does not pass for an image's."""
    base, target = image._places(tmp_path)
    assert target.name.startswith("stage1-")
    assert not base.name.startswith("stage1-")


def test_the_files_have_the_names_under_which_they_are_served(tmp_path: Path) -> None:
    """The depot and the boot services know them by these."""
    built = image._describe(tmp_path)
    assert (built.uki.name, built.kernel.name, built.initrd.name) == STAGE1_FILES


def test_the_kernels_arguments_name_no_bridge() -> None:
    """That one stands on iPXE's line alone; else the DHCP server is the bridge."""
    text = (Path(image.__file__).parent / "recipe" / "cmdline").read_text("ascii")
    assert "console=tty0" in text
    assert "console=ttyS0" in text
    assert "panic=30" in text
    assert "bridgehead=" not in text


@pytest.mark.root
@pytest.mark.long
def test_built_twice_it_is_the_same(tmp_path: Path) -> None:
    """Two builds from the same packages, in folders of other names: every octet is equal."""
    first = image.build(tmp_path / "first")
    second = image.build(tmp_path / "the-second")
    for path in (first.kernel, first.initrd, first.uki, first.folder / "packages"):
        assert path.read_bytes() == (second.folder / path.name).read_bytes()
    assert first.uki.stat().st_size < 40 * MIB
    parts = uki.sections(first.uki.read_bytes())
    assert parts[".linux"] == first.kernel.read_bytes()
    assert parts[".initrd"] == first.initrd.read_bytes()
    assert parts[".cmdline"].decode() == first.arguments
    subprocess.run(["sha256sum", "-c", "--quiet", "sha256sums"], cwd=first.folder, check=True)
