"""Builds the payload: a slow base from Debian packages once, a version's files in seconds.

The base (kernel, initrd, root tree as a squashfs) is keyed by the recipe in `base/`. A version
adds the program in `standin/` and its own name to a copy of that squashfs, and wraps it as an
ISO. Both are built beside their place and renamed into it, so a half-built one is never seen.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from appliance.lab.payload.standin.config import parse_version
from appliance.tools.building import (
    EPOCH,
    SUITE,
    Say,
    contents,
    debian_root,
    digest,
    in_place,
    lines,
    run,
    sha,
    to_stderr,
)

RECIPE = "3"
_OF = "the stand-in payload"
# lz4: the live root is read in software emulation, where it decompresses several times faster
# than zstd; it costs 15 MB more to transfer (measured 84 against 68 MB).
_SQUASHFS = ("-comp", "lz4", "-Xhc", "-no-xattrs", "-no-progress", "-no-recovery", "-all-root")
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Payload:
    """One version's files, named as Harvester's release names them."""

    folder: Path
    version: str

    @property
    def kernel(self) -> Path:
        """The kernel."""
        return self.folder / f"harvester-{self.version}-vmlinuz-amd64"

    @property
    def initrd(self) -> Path:
        """The initial RAM disk that fetches the root image."""
        return self.folder / f"harvester-{self.version}-initrd-amd64"

    @property
    def rootfs(self) -> Path:
        """The live system's root image."""
        return self.folder / f"harvester-{self.version}-rootfs-amd64.squashfs"

    @property
    def iso(self) -> Path:
        """What the installer downloads and copies to the disk."""
        return self.folder / f"harvester-{self.version}-amd64.iso"

    @property
    def checksums(self) -> Path:
        """The sha512 list of all of these, and of a net-install ISO that is not here."""
        return self.folder / f"harvester-{self.version}-amd64.sha512"


def describe(folder: Path, version: str) -> Payload:
    """Name the files of a folder that `build` gave."""
    return Payload(folder, version)


def build(cache: Path, version: str, say: Say | None = None) -> Path:
    """Give the folder of `version`'s files under `cache`, building what is not there yet.

    Needs root (mmdebstrap) and the host's own Debian package sources the first time; a base takes
    about two minutes, a version seconds, and a second call returns at once. Raises ArtifactError
    when a tool is missing or fails.
    """
    parse_version(version)
    tell = say or to_stderr
    base, target = _places(cache, version)
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    if not base.is_dir():
        tell(f"building the base system in {base}: about two minutes, once")
        with in_place(base) as draft:
            _build_base(draft)
    tell(f"building the stand-in payload {version} in {target}")
    with in_place(target) as draft:
        _build_version(base, draft, version)
    return target


def _places(cache: Path, version: str) -> tuple[Path, Path]:
    """Name the base's and the version's folder by all that goes into them."""
    base_key = digest(SUITE, RECIPE, *contents(_HERE / "base"))
    key = digest(base_key, version, *contents(_HERE / "standin"))
    return cache / f"base-{base_key[:16]}", cache / f"harvester-{version}-{key[:16]}"


# --- the base -------------------------------------------------------------------------------


def _build_base(draft: Path) -> None:
    root = draft / "root"
    debian_root(_OF, root, lines(_HERE / "base" / "packages"), _HERE / "base" / "customize.sh")
    for name in ("vmlinuz", "initrd"):
        shutil.copyfile(root / "boot" / name, draft / name)
    _squash(root, draft / "rootfs.squashfs", "-e", "boot")
    shutil.rmtree(root)


def _squash(tree: Path, image: Path, *extra: str) -> None:
    times = ("-mkfs-time", EPOCH, "-all-time", EPOCH)
    # mksquashfs refuses its options together with the variable of the same meaning.
    run(
        _OF, "env", "-u", "SOURCE_DATE_EPOCH", "mksquashfs", tree, image, *_SQUASHFS, *times, *extra
    )


# --- a version ------------------------------------------------------------------------------


def _build_version(base: Path, draft: Path, version: str) -> None:
    payload = Payload(draft, version)
    shutil.copyfile(base / "vmlinuz", payload.kernel)
    shutil.copyfile(base / "initrd", payload.initrd)
    shutil.copyfile(base / "rootfs.squashfs", payload.rootfs)
    with tempfile.TemporaryDirectory(dir=draft) as scratch:
        layer = Path(scratch) / "layer"
        program = layer / "standin" / "standin"
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_HERE / "standin", program, ignore=ignore)
        (layer / "harvester-release").write_text(f"{version}\n", encoding="ascii")
        _squash(layer, payload.rootfs)  # an existing image is added to
        _build_iso(payload, Path(scratch) / "iso")
    _write_lists(payload)


def _build_iso(payload: Payload, tree: Path) -> None:
    (tree / "boot").mkdir(parents=True)
    os.link(payload.kernel, tree / "boot" / "vmlinuz")
    os.link(payload.initrd, tree / "boot" / "initrd")
    os.link(payload.rootfs, tree / "rootfs.squashfs")
    release = f"harvester: {payload.version}\nos: stand-in\n"
    (tree / "harvester-release.yaml").write_text(release, encoding="ascii")
    run(
        _OF,
        *("xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", "COS_LIVE"),
        *("-o", payload.iso, tree),
    )


def _write_lists(payload: Payload) -> None:
    files = (payload.iso, payload.rootfs, payload.kernel, payload.initrd)
    sums = {path.name: sha("sha512", path) for path in files}
    # Upstream's list also names the net-install ISO, which nobody fetches here.
    missing = f"harvester-{payload.version}-amd64-net-install.iso"
    sums[missing] = hashlib.sha512(missing.encode()).hexdigest()
    payload.checksums.write_text(
        "".join(f"{digest}  {name}\n" for name, digest in sums.items()), encoding="ascii"
    )
    (payload.folder / "version.yaml").write_text(
        "apiVersion: harvesterhci.io/v1beta1\nkind: Version\n"
        f"metadata:\n  name: {payload.version}\n  namespace: harvester-system\n"
        f"spec:\n  isoChecksum: '{sums[payload.iso.name]}'\n"
        f"  isoURL: https://releases.example/harvester/{payload.version}/{payload.iso.name}\n"
        "  releaseDate: '20260101'\n",
        encoding="ascii",
    )
