"""What the builders share: folders named by their inputs, programs run, Debian's packages.

A thing is built beside its place and renamed into it, so that a half-built one is never seen, and
its place is named by all that goes into it, so that nothing stale is ever taken.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from appliance.errors import ArtifactError

SUITE = "bookworm"
EPOCH = "1767225600"
"""2026-01-01: every file time in what is built, so that equal inputs give equal bytes."""
UNPACKED = "unpacked"

Say = Callable[[str], None]

_PACKAGE_OF = {
    "mcopy": "mtools",
    "mformat": "mtools",
    "mke2fs": "e2fsprogs",
    "mksquashfs": "squashfs-tools",
    "qemu-img": "qemu-utils",
    "sgdisk": "gdisk",
}


def contents(folder: Path) -> Iterator[str]:
    """Give the name and text of every file below a folder, for `digest`."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{path.relative_to(folder)}\0{path.read_text(encoding='utf-8')}"


def digest(*parts: str) -> str:
    """Give the SHA-256 of these texts in their order, in hex."""
    return hashlib.sha256("\0\0".join(parts).encode()).hexdigest()


@contextlib.contextmanager
def in_place(target: Path) -> Iterator[Path]:
    """Give a folder to fill that becomes `target` when all went well, and nothing otherwise."""
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    draft.chmod(0o755)
    try:
        yield draft
        with contextlib.suppress(OSError):  # another build was quicker: its result is as good
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def run(of: str, *words: str | Path) -> None:
    """Run a program to its end. `of` is what is being built: it is the place of the error.

    Raises ArtifactError when the program is missing, or with its last words when it fails.
    """
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "LC_ALL": "C.UTF-8"}
    # No initrd is made by the kernel's package: what is built here brings its own, in less time.
    environment["INITRD"] = "No"
    try:
        # A build takes minutes, and whoever waits for it breaks it off: no time limit.
        done = subprocess.run(  # noqa: TID251 - this is an adapter
            words, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{words[0]} is not installed",
            where=of,
            fix=f"apt install {_PACKAGE_OF.get(str(words[0]), str(words[0]))}",
        ) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
        raise ArtifactError(
            f"{words[0]} ended with {done.returncode}",
            where=of,
            why="\n".join(said),
            fix="look at what it said; the build starts over when run again",
        )


def unpack_debian(of: str, root: Path, packages: Iterable[str]) -> None:
    """Unpack these packages and all they depend on into a folder; nothing of them is run.

    The folder's file `UNPACKED` lists them, with their versions. Takes half the
    time of `debian_root`. Needs root and this host's own package sources.
    """
    run(
        of,
        *("mmdebstrap", "--variant=extract", "--format=directory", "--quiet"),
        f"--include={','.join(packages)}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "locale", "doc")),
        f'--extract-hook=ls "$1/var/cache/apt/archives" | grep [.]deb >"$1/{UNPACKED}"',
        *(SUITE, root, package_sources(of)),
    )


def debian_root(of: str, root: Path, packages: Iterable[str], customize: Path) -> None:
    """Make a Debian root folder of these packages, and run `customize` with it as its argument.

    Needs root and this host's own package sources. Manuals, translations and docs are left out.
    """
    run(
        of,
        *("mmdebstrap", "--variant=essential", "--format=directory", "--quiet"),
        f"--include={','.join(packages)}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "locale", "doc")),
        f'--customize-hook={customize} "$1"',
        *(SUITE, root, package_sources(of)),
    )


def package_sources(of: str) -> Path:
    """Find the file of this host's own Debian package sources; the project names no registry."""
    folder = Path("/etc/apt")
    for path in (folder / "sources.list.d" / "debian.sources", folder / "sources.list"):
        if path.is_file() and SUITE in path.read_text(encoding="utf-8"):
            return path
    raise ArtifactError(
        f"this host has no package sources of Debian {SUITE}",
        where="/etc/apt",
        why=f"{of} is made from Debian packages",
        fix=f"build it on Debian {SUITE} and copy its cache folder here",
    )


def lines(path: Path) -> list[str]:
    """Read a list, one entry a line; `#` begins a comment line."""
    text = path.read_text(encoding="utf-8").splitlines()
    return [line for line in text if line and not line.startswith("#")]


def sha(algorithm: str, path: Path) -> str:
    """Give a file's checksum in hex: `sha256` or `sha512`."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, algorithm).hexdigest()


def to_stderr(text: str) -> None:
    """Say what is being built where a person who waits for it looks."""
    sys.stderr.write(f"build: {text}\n")
