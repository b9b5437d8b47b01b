"""Doing what the bridge orders."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any, NamedTuple

from . import processor
from .bridge import Bridge, NoRoomError
from .files import clean, names

FOLDER = "/run/install"
MEMINFO = "/proc/meminfo"
SPARE = 64 << 20
"""Octets that stay free for this system itself while it holds the installer."""
_LONGEST_BLINK = 300
_KEXEC_SECONDS = 120

Say = Callable[[str], None]


class Install(NamedTuple):
    """An order to start the installer: two URLs and the kernel's arguments."""

    kernel: str
    initrd: str
    arguments: str


class ImpossibleError(Exception):
    """The order cannot be carried out here."""


def install_of(order: dict[str, Any]) -> Install:
    """Read an order to install. Raises ImpossibleError where a part is missing."""
    parts = [order.get(key) for key in ("kernel", "initrd", "arguments")]
    if not all(isinstance(part, str) and part for part in parts[:2]) or not isinstance(
        parts[2], str
    ):
        raise ImpossibleError("the order to install lacks its kernel or initrd")
    return Install(*(str(part) for part in parts))


def blink_seconds(order: dict[str, Any]) -> int:
    """Give for how long to blink: 30 s where the order does not say, never more than 5 min."""
    seconds = order.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        return 30
    return min(seconds, _LONGEST_BLINK)


def start_installer(install: Install, bridge: Bridge, say: Say, folder: str = FOLDER) -> None:
    """Fetch kernel and initrd and jump into them; does not return.

    Raises bridge.NoAnswerError or RefusedError while fetching, NoRoomError where the memory does
    not hold them, ImpossibleError where the kernel cannot be replaced here.
    """
    os.makedirs(folder, exist_ok=True)
    _empty(folder)
    check_room(sum(bridge.size(each) for each in (install.kernel, install.initrd)), folder)
    paths = []
    for name, url in (("kernel", install.kernel), ("initrd", install.initrd)):
        paths.append(os.path.join(folder, name))
        say(f"fetching the installer's {name}")
        try:
            bridge.download(url, paths[-1], lambda _so_far, _size: None)
        except NoRoomError:
            _empty(folder)
            raise
    say("starting the installer")
    load(paths[0], paths[1], install.arguments)
    _run("kexec", "-e")
    raise ImpossibleError("the kernel was not replaced")


def check_room(wanted: int, folder: str, meminfo: str = MEMINFO) -> None:
    """Raise NoRoomError where so many octets do not fit: before the kernel ends us for them."""
    disk = os.statvfs(folder)
    free = processor.mem_available(meminfo) - SPARE
    room = max(0, min(disk.f_bavail * disk.f_frsize, free))
    if wanted > room:
        raise NoRoomError(
            f"its installer has {_mib(wanted)}, and its memory has room for {_mib(room)} of it"
        )


def _mib(octets: int) -> str:
    return f"{octets / (1 << 20):.0f} MiB"


def _empty(folder: str) -> None:
    for name in names(folder):
        os.unlink(os.path.join(folder, name))


def load(kernel: str, initrd: str, arguments: str) -> None:
    """Load the next kernel: by kexec_file_load, which Secure Boot allows, else by kexec_load.

    The arguments hold a boot token: they are read by nobody, as this machine has no users.
    """
    said = ""
    for way in ("-s", "-c"):
        code, said = _run(
            "kexec", way, "-l", kernel, f"--initrd={initrd}", f"--command-line={arguments}"
        )
        if code == 0:
            return
    raise ImpossibleError(f"the installer's kernel cannot be loaded: {said}")


def reboot() -> None:
    """Restart this machine; the firmware decides again from where."""
    _run("reboot", "-f")


def poweroff() -> None:
    """Switch this machine off."""
    _run("poweroff", "-f")


def _run(*words: str) -> tuple[int, str]:
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_KEXEC_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, f"{words[0]} took more than {_KEXEC_SECONDS} s"  # its own text has the token
    except OSError as error:
        return 1, clean(str(error))
    return done.returncode, clean(done.stderr.decode("utf-8", "replace"))
