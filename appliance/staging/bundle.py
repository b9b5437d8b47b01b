"""One file that holds all the staging machine runs of ours: `bridgehead-staging-<version>.tar.gz`.

The virtual machine is a plain cloud image without Internet: Python is there, pip is not. So the
modules that its entry points import are taken from this very installation, with the one pure
distribution that they need. The same installation gives the same bytes.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import importlib.metadata
import io
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import appliance
from appliance.errors import StepError
from appliance.tools.whole_file import whole

ENTRY_POINTS = ("appliance.staging.serve", "appliance.staging.fill")
_PACKAGE = "appliance"
_MODE = 0o644
UNPACKED = "unpacked"
"""The last file of a bundle, empty: where it is, the others are."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A written bundle; `sha256` in hex names its content."""

    path: Path
    sha256: str


def make(folder: Path) -> Bundle:
    """Write the bundle into a folder, unless the same is there. Raises StepError."""
    content = pack()
    version = importlib.metadata.version("bridgehead")
    path = folder / f"bridgehead-staging-{version}.tar.gz"
    if not path.exists() or path.read_bytes() != content:
        folder.mkdir(parents=True, exist_ok=True)
        with whole(path, 0o666) as file:
            file.write(content)
    return Bundle(path, hashlib.sha256(content).hexdigest())


def pack() -> bytes:
    """Give the bundle's octets."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in (*sorted(files().items()), (UNPACKED, b"")):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), _MODE
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=0)


def files() -> dict[str, bytes]:
    """Give every file of the bundle by its path in it. Raises StepError for what is not pure."""
    modules, foreign = closure(ENTRY_POINTS)
    found = {name: path.read_bytes() for name, path in modules.items()}
    owners = importlib.metadata.packages_distributions()
    for distribution in sorted({owners[name][0] for name in foreign}):
        found |= _of_distribution(distribution)
    return found


def closure(entry_points: tuple[str, ...]) -> tuple[dict[str, Path], frozenset[str]]:
    """Follow imports: our modules as path in the bundle to file, and the foreign packages."""
    root = Path(appliance.__file__).parent.parent
    waiting, seen, foreign = list(entry_points), dict[str, Path](), set[str]()
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            continue
        if top != _PACKAGE:
            foreign.add(top)
            continue
        path = _file_of(root, name)
        if path is None:  # a name out of a module, whose module is followed as well
            continue
        relative = str(path.relative_to(root))
        if relative in seen:
            continue
        seen[relative] = path
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
        waiting += _imported(path)
    return seen, frozenset(foreign)


def _file_of(root: Path, module: str) -> Path | None:
    stem = root.joinpath(*module.split("."))
    candidates = (stem / "__init__.py", stem.with_suffix(".py"))
    return next((each for each in candidates if each.is_file()), None)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _of_distribution(name: str) -> dict[str, bytes]:
    """Give a distribution's modules, and its metadata with the licence."""
    found: dict[str, bytes] = {}
    distribution = importlib.metadata.distribution(name)
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if file.suffix == ".so":
            raise StepError(
                f"{name} cannot go to the staging machine",
                where=str(path),
                why="it has compiled parts, and the machine may run another Python",
            )
        if file.parts[0] == ".." or "__pycache__" in file.parts or not path.is_file():
            continue
        if file.suffix == ".py" or file.name.startswith(("METADATA", "LICENSE", "LICENCE")):
            found[str(file)] = path.read_bytes()
    if not found:
        raise StepError(f"{name} cannot go to the staging machine", why="its files are not known")
    return found
