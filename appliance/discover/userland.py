"""Which files of an unpacked Debian the stage-1 image holds: programs, drivers, names."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from appliance.discover import cpio
from appliance.errors import ArtifactError
from appliance.tools.building import lines, run

_OF = "the stage-1 image"
_LINKER = "/lib64/ld-linux-x86-64.so.2"
_MODULES = "lib/modules"
_ID = {
    "pci": re.compile(r"pci:v0000([0-9A-F]{4})(?:d0000([0-9A-F]{4}))?\*"),
    "usb": re.compile(r"usb:v([0-9A-F]{4})(?:p([0-9A-F]{4}))?\*"),
}
_HARDWARE = (
    ("pci", "lib/udev/hwdb.d/20-pci-vendor-model.hwdb"),
    ("usb", "lib/udev/hwdb.d/20-usb-vendor-model.hwdb"),
)
_MERGED = ("bin", "sbin", "lib", "lib64")
_KMOD = ("depmod", "insmod", "lsmod", "modinfo", "modprobe", "rmmod")
_FOLDERS = ("dev", "etc", "proc", "root", "run", "sys", "tmp", "var")
_PYTHON = "usr/lib/python3.11"
_LIST_MODULES = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
for module in sys.modules.values():
    path = getattr(module, "__file__", None) or ""
    if path.endswith((".py", ".so")):
        print(path)
"""

Tree = dict[str, cpio.Entry]


def gather(root: Path, recipe: Path) -> Tree:
    """Give the image's tree without the program. `root` is unpacked; it is changed: needs root."""
    version = kernel_version(root)
    tree: Tree = {name: cpio.folder() for name in _FOLDERS}
    tree |= {name: cpio.link(f"usr/{name}") for name in _MERGED}
    tree["dev/console"] = cpio.node(5, 1)
    tree["dev/null"] = cpio.node(1, 3, 0o666)
    files = lines(recipe / "files")
    programs = [name for name in files if os.access(root / name, os.X_OK)]
    for name in (*files, *_libraries(root, programs), *_python(root, lines(recipe / "python"))):
        tree[merged(name)] = _copied(root / name)
    tree |= _applets(root)
    tree["usr/lib/systemd/systemd-udevd"] = cpio.link("/usr/bin/udevadm")
    tree |= _drivers(root, version, lines(recipe / "modules"))
    names = [hardware_names(bus, (root / path).read_text("utf-8")) for bus, path in _HARDWARE]
    tree["usr/share/hardware.names"] = cpio.file("".join(names).encode())
    for name, place in (("passwd", "etc/passwd"), ("group", "etc/group")):
        tree[place] = cpio.file((recipe / name).read_bytes())
    tree["init"] = cpio.file((recipe / "init").read_bytes(), 0o755)
    tree["usr/lib/stage1-lease"] = cpio.file((recipe / "lease").read_bytes(), 0o755)
    return cpio.with_folders(tree)


def program(folder: Path) -> Tree:
    """Give the program's own tree: the package `stage1` where Python looks for modules."""
    tree: Tree = {}
    for path in sorted(folder.glob("*.py")):
        tree[f"{_PYTHON}/stage1/{path.name}"] = cpio.file(path.read_bytes())
    return cpio.with_folders(tree)


def kernel_version(root: Path) -> str:
    """Name the kernel whose modules are there. Raises ArtifactError if it is not one."""
    found = sorted(path.name for path in (root / _MODULES).iterdir())
    if len(found) != 1:
        raise ArtifactError(
            "not one kernel was unpacked", where=_OF, why=", ".join(found), fix="build again"
        )
    return found[0]


def merged(name: str) -> str:
    """Give the place of a file where /bin, /sbin, /lib and /lib64 are links into /usr."""
    return f"usr/{name}" if name.split("/", maxsplit=1)[0] in _MERGED else name


def _copied(path: Path) -> cpio.Entry:
    permissions = 0o755 if os.access(path, os.X_OK) else 0o644
    return cpio.file(path.read_bytes(), permissions)


# --- programs -------------------------------------------------------------------------------


def _in_root(root: Path, *words: str) -> list[str]:
    """Run a program of the unpacked root there and give its lines."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: TID251 - the same as building.run, whose words are wanted here
        ("chroot", root, *words), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ArtifactError(
            f"{words[0]} ended with {done.returncode}",
            where=_OF,
            why=done.stderr.strip()[-500:],
            fix="look at what it said; the build starts over when run again",
        )
    return done.stdout.splitlines()


def _libraries(root: Path, programs: Iterable[str]) -> list[str]:
    """Name the shared libraries that these programs load, as their own linker finds them."""
    found = {_LINKER}
    for name in programs:
        if (root / name).read_bytes()[:4] != b"\x7fELF" or name == "bin/busybox":
            continue
        for line in _in_root(root, _LINKER, "--list", f"/{name}"):
            _, arrow, rest = line.partition(" => ")
            if arrow:
                found.add(rest.split()[0])
    return sorted(name.lstrip("/") for name in found)


def _python(root: Path, wanted: Iterable[str]) -> list[str]:
    """Name the compiled standard modules that importing `wanted` loads, compiled here.

    Compiled once more without the time of their source in them, so that they never differ.
    """
    listed = _in_root(root, "/usr/bin/python3.11", "-I", "-S", "-B", "-c", _LIST_MODULES, *wanted)
    sources = sorted(path for path in set(listed) if path.endswith(".py"))
    compiling = ("-q", "--invalidation-mode", "unchecked-hash")
    _in_root(root, "/usr/bin/python3.11", "-I", "-S", "-m", "compileall", *compiling, *sources)
    compiled = [_compiled(path) for path in sources]
    native = [path for path in set(listed) if path.endswith(".so")]
    return sorted(path.lstrip("/") for path in (*sources, *compiled, *native))


def _compiled(source: str) -> str:
    folder, name = posixpath.split(source)
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"


def _applets(root: Path) -> Tree:
    """Link BusyBox's applets to it, and kmod's names to kmod."""
    tree: Tree = {}
    for name in _in_root(root, "/bin/busybox", "--list"):
        if name not in {"busybox", *_KMOD}:
            tree[f"usr/bin/{name}"] = cpio.link("busybox")
    for name in _KMOD:
        tree[f"usr/sbin/{name}"] = cpio.link("../bin/kmod")
    return tree


# --- drivers --------------------------------------------------------------------------------


def _drivers(root: Path, version: str, patterns: list[str]) -> Tree:
    """Take the wanted kernel modules and what they need, with an index of these alone."""
    folder = root / _MODULES / version
    _in_root(root, "/sbin/depmod", version)
    needs = dependencies((folder / "modules.dep").read_text("utf-8"))
    keep = closure(chosen(needs, patterns), needs)
    slim = root / "slim" / _MODULES / version
    for name in keep:
        (slim / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, slim / name)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copyfile(folder / name, slim / name)
    run(_OF, "chroot", root, "/sbin/depmod", "-b", "/slim", version)
    return {
        merged(f"{_MODULES}/{version}/{path.relative_to(slim)}"): cpio.file(path.read_bytes())
        for path in sorted(slim.rglob("*"))
        if path.is_file()
    }


def dependencies(text: str) -> dict[str, list[str]]:
    """Read modules.dep: each module and those that must be loaded before it."""
    parted = (line.partition(":") for line in text.splitlines())
    return {name: needed.split() for name, _, needed in parted if name}


def chosen(names: Iterable[str], patterns: Iterable[str]) -> set[str]:
    """Give the modules that the list wants: globs below kernel/, `!` takes out again.

    A glob's star does not reach into folders. Raises ArtifactError for a glob without a match.
    """
    keep: set[str] = set()
    names = list(names)
    for pattern in patterns:
        taken_out = pattern.startswith("!")
        glob = f"kernel/{pattern.lstrip('!')}"
        depth = glob.count("/")
        found = {n for n in names if n.count("/") == depth and fnmatch.fnmatchcase(n, glob)}
        if not found and not taken_out:
            raise ArtifactError(
                f"no kernel module matches {pattern}",
                where="recipe/modules",
                why="this kernel has it built in, or calls it otherwise",
                fix="take the line out, or change it",
            )
        keep = keep - found if taken_out else keep | found
    return keep


def closure(wanted: Iterable[str], needs: Mapping[str, list[str]]) -> list[str]:
    """Give these modules and all they need, sorted."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs.get(name, [])
    return sorted(found)


# --- names of hardware ----------------------------------------------------------------------


def hardware_names(bus: str, hwdb: str) -> str:
    """Turn udev's list of vendors and models into `pci 8086 1533<TAB>I210` lines."""
    found: dict[str, str] = {}
    key = ""
    for line in hwdb.splitlines():
        if line.startswith(f"{bus}:v"):
            matched = _ID[bus].fullmatch(line)
            key = " ".join([bus, *(p.lower() for p in matched.groups() if p)]) if matched else ""
        elif key and line.startswith((" ID_VENDOR_FROM_DATABASE=", " ID_MODEL_FROM_DATABASE=")):
            found.setdefault(key, line.partition("=")[2].strip())
    return "".join(f"{key}\t{name}\n" for key, name in sorted(found.items()))
