"""The one service of the stand-in's system: installer in the live system, node on the disk."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

from . import installer, node, system
from .config import parse_version
from .system import InstallError, RefusalError, say

RELEASE = Path("/harvester-release")


def main() -> None:
    """Do what this start is for, then stay, so that sshd and the screen's text stay too."""
    name = RELEASE.read_text(encoding="ascii").strip()
    installed = "standin.installed" in system.kernel_line().split()
    firmware = "UEFI" if system.is_uefi() else "BIOS"
    kind = "installed system" if installed else "live system"
    say(f"{kind} {name} started, firmware {firmware}, up {_uptime()} s")
    try:
        if installed:
            node.live_on()
        else:
            system.start_sshd(Path("/run/standin/ssh"))
            installer.install(installer.Release(name, parse_version(name)))
    except RefusalError as error:
        say(f"refused: {error}")
    except InstallError as error:
        say(f"failed: {error}")
    except Exception as error:  # noqa: BLE001 - the screen is all a stopped machine has to tell with
        say(f"broken: {error!r}")
        for line in traceback.format_exc().splitlines():
            say(f"| {line}")
    while True:
        time.sleep(3600)


def _uptime() -> str:
    return Path("/proc/uptime").read_text(encoding="ascii").split(".")[0]
