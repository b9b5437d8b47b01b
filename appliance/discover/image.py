"""Builds the stage-1 image: a slow base from Debian packages once, our program's layer in seconds.

Both are named by what goes into them and renamed into their place when whole. Equal packages give
equal octets: see docs/stage-1.md.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from appliance.discover import cpio, uki, userland
from appliance.tools.building import (
    EPOCH,
    SUITE,
    UNPACKED,
    Say,
    contents,
    digest,
    in_place,
    lines,
    run,
    sha,
    to_stderr,
    unpack_debian,
)

RECIPE = "1"
KERNEL = "stage1-amd64.vmlinuz"
INITRD = "stage1-amd64.initrd"
UKI = "stage1-amd64.efi"
_OF = "the stage-1 image"
_HERE = Path(__file__).parent
# zstd is unpacked five times faster than xz by the kernel. The window is the kernel's largest.
_ZSTD = ("zstd", "-q", "--ultra", "-22", "--zstd=wlog=23", "--no-check", "--single-thread")


@dataclass(frozen=True, slots=True)
class Stage1Image:
    """The files of a built image, all in `folder`."""

    kernel: Path
    initrd: Path
    uki: Path
    folder: Path

    @property
    def arguments(self) -> str:
        """The kernel's arguments, as the UKI has them; `bridgehead=URL` may be added to them."""
        return (self.folder / "cmdline").read_text("ascii").strip()


def find(cache: Path) -> Stage1Image | None:
    """Give the image that `build` would give, if it is in `cache` already. Builds nothing."""
    _, target = _places(cache)
    return _describe(target) if target.is_dir() else None


def build(cache: Path, say: Say | None = None) -> Stage1Image:
    """Give the image under `cache`, building what is not there yet.

    Needs root (mmdebstrap, chroot) and the host's own Debian package sources the first time; a
    base takes about two minutes, the rest seconds, and a second call returns at once. Raises
    ArtifactError when a tool is missing or fails.
    """
    tell = say or to_stderr
    base, target = _places(cache)
    if target.is_dir():
        return _describe(target)
    cache.mkdir(parents=True, exist_ok=True)
    if not base.is_dir():
        tell(f"building the base of {_OF} in {base}: about two minutes, once")
        with in_place(base) as draft:
            _build_base(draft)
    tell(f"building {_OF} in {target}")
    with in_place(target) as draft:
        _build_image(base, draft)
    return _describe(target)


def _describe(folder: Path) -> Stage1Image:
    return Stage1Image(folder / KERNEL, folder / INITRD, folder / UKI, folder)


def _places(cache: Path) -> tuple[Path, Path]:
    """Name the base's and the image's folder by all that goes into them."""
    recipe = contents(_HERE / "recipe")
    builders = [(_HERE / name).read_text("utf-8") for name in ("cpio.py", "userland.py")]
    base_key = digest(SUITE, RECIPE, EPOCH, *recipe, *builders)
    layer = [*contents(_HERE / "stage1"), (_HERE / "uki.py").read_text("utf-8")]
    key = digest(base_key, *layer)
    return cache / f"stage1base-{base_key[:16]}", cache / f"stage1-{key[:16]}"


def _build_base(draft: Path) -> None:
    root, recipe = draft / "root", _HERE / "recipe"
    unpack_debian(_OF, root, lines(recipe / "packages"))
    version = userland.kernel_version(root)
    shutil.copyfile(root / "boot" / f"vmlinuz-{version}", draft / "vmlinuz")
    shutil.copyfile(root / "usr/lib/systemd/boot/efi/linuxx64.efi.stub", draft / "stub.efi")
    shutil.copyfile(root / UNPACKED, draft / "packages")
    tree = userland.gather(root, recipe)
    _compress(cpio.archive(tree, int(EPOCH)), draft / "base.cpio.zst")
    shutil.rmtree(root)


def _build_image(base: Path, draft: Path) -> None:
    image = _describe(draft)
    shutil.copyfile(base / "vmlinuz", image.kernel)
    shutil.copyfile(base / "packages", draft / "packages")
    layer = draft / "program.cpio.zst"
    _compress(cpio.archive(userland.program(_HERE / "stage1"), int(EPOCH)), layer)
    # The kernel unpacks archives that stand one behind the other.
    image.initrd.write_bytes((base / "base.cpio.zst").read_bytes() + layer.read_bytes())
    layer.unlink()
    arguments = " ".join(lines(_HERE / "recipe" / "cmdline"))
    (draft / "cmdline").write_text(f"{arguments}\n", "ascii")
    joined = uki.join(
        (base / "stub.efi").read_bytes(),
        {
            ".osrel": (_HERE / "recipe" / "os-release").read_bytes(),
            ".cmdline": arguments.encode(),
            ".linux": image.kernel.read_bytes(),
            ".initrd": image.initrd.read_bytes(),
        },
    )
    image.uki.write_bytes(joined)
    files = (image.uki, image.kernel, image.initrd)
    sums = "".join(f"{sha('sha256', path)}  {path.name}\n" for path in files)
    (draft / "sha256sums").write_text(sums, "ascii")


def _compress(data: bytes, path: Path) -> None:
    raw = path.with_suffix("")
    raw.write_bytes(data)
    run(_OF, *_ZSTD, raw, "-o", path)
    raw.unlink()
    # The kernel looks for the next archive at a multiple of four.
    with path.open("ab") as opened:
        opened.write(bytes(-path.stat().st_size % 4))
