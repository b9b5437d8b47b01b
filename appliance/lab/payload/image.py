"""Builds the payload: a slow base from Debian packages once, a version's files in seconds.

The base (kernel, initrd, root tree as a squashfs) is keyed by the recipe in `base/`. A version
adds the program in `standin/` and its own name to a copy of that squashfs, and wraps it as an
ISO. Both are built beside their place and renamed into it, so a half-built one is never seen.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ArtifactError
from appliance.lab.payload.standin.config import parse_version

SUITE = "bookworm"
RECIPE = "3"
EPOCH = "1767225600"  # 2026-01-01: every file time in the images, so equal inputs give equal bytes
# lz4: the live root is read in software emulation, where it decompresses several times faster
# than zstd; it costs 15 MB more to transfer (measured 84 against 68 MB).
_SQUASHFS = ("-comp", "lz4", "-Xhc", "-no-xattrs", "-no-progress", "-no-recovery", "-all-root")
_HERE = Path(__file__).parent

Say = Callable[[str], None]


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
    tell = say or _to_stderr
    base, target = _places(cache, version)
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    if not base.is_dir():
        tell(f"building the base system in {base}: about two minutes, once")
        with _in_place(base) as draft:
            _build_base(draft)
    tell(f"building the stand-in payload {version} in {target}")
    with _in_place(target) as draft:
        _build_version(base, draft, version)
    return target


def _places(cache: Path, version: str) -> tuple[Path, Path]:
    """Name the base's and the version's folder by all that goes into them."""
    base_key = _digest(SUITE, RECIPE, *_contents(_HERE / "base"))
    key = _digest(base_key, version, *_contents(_HERE / "standin"))
    return cache / f"base-{base_key[:16]}", cache / f"harvester-{version}-{key[:16]}"


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"payload: {text}\n")


def _contents(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{path.relative_to(folder)}\0{path.read_text(encoding='utf-8')}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0\0".join(parts).encode()).hexdigest()


@contextlib.contextmanager
def _in_place(target: Path) -> Iterator[Path]:
    """Give a folder to fill that becomes `target` when all went well, and nothing otherwise."""
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    draft.chmod(0o755)
    try:
        yield draft
        with contextlib.suppress(OSError):  # another build was quicker: its result is as good
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _run(*words: str | Path) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{words[0]} is not installed",
            where="the stand-in payload",
            fix=f"apt install {_PACKAGE_OF.get(str(words[0]), str(words[0]))}",
        ) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
        raise ArtifactError(
            f"{words[0]} ended with {done.returncode}",
            where="the stand-in payload",
            why="\n".join(said),
            fix="look at what it said; the build starts over when run again",
        )


_PACKAGE_OF = {"mksquashfs": "squashfs-tools"}


# --- the base -------------------------------------------------------------------------------


def _build_base(draft: Path) -> None:
    root = draft / "root"
    _run(
        *("mmdebstrap", "--variant=essential", "--format=directory", "--quiet"),
        f"--include={','.join(_lines(_HERE / 'base' / 'packages'))}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "locale", "doc")),
        f'--customize-hook={_HERE / "base" / "customize.sh"} "$1"',
        *(SUITE, root, _package_sources()),
    )
    for name in ("vmlinuz", "initrd"):
        shutil.copyfile(root / "boot" / name, draft / name)
    _squash(root, draft / "rootfs.squashfs", "-e", "boot")
    shutil.rmtree(root)


def _package_sources() -> Path:
    """Find the file of this host's own Debian package sources; the lab names no registry."""
    folder = Path("/etc/apt")
    for path in (folder / "sources.list.d" / "debian.sources", folder / "sources.list"):
        if path.is_file() and SUITE in path.read_text(encoding="utf-8"):
            return path
    raise ArtifactError(
        f"this host has no package sources of Debian {SUITE}",
        where="/etc/apt",
        why="the stand-in payload is made from Debian packages",
        fix=f"build the payload on Debian {SUITE} and copy its cache folder here",
    )


def _lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _squash(tree: Path, image: Path, *extra: str) -> None:
    times = ("-mkfs-time", EPOCH, "-all-time", EPOCH)
    # mksquashfs refuses its options together with the variable of the same meaning.
    _run("env", "-u", "SOURCE_DATE_EPOCH", "mksquashfs", tree, image, *_SQUASHFS, *times, *extra)


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
    _run(
        *("xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", "COS_LIVE"),
        *("-o", payload.iso, tree),
    )


def _write_lists(payload: Payload) -> None:
    files = (payload.iso, payload.rootfs, payload.kernel, payload.initrd)
    sums = {path.name: _sha512(path) for path in files}
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


def _sha512(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha512").hexdigest()
