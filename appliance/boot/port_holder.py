"""Which program holds a port: the line that turns "address in use" into something to act on.

Reads `/proc/thread-self/net/{udp,tcp}{,6}` for the socket's inode and `/proc/*/fd` for who has it
open (proc(5), proc_pid_net(5)). What cannot be read, another user's process say, is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """A running program. `pid` is None when the port is held but nobody could be named."""

    program: str
    pid: int | None

    def __str__(self) -> str:
        return self.program if self.pid is None else f"{self.program} (pid {self.pid})"


def find_holder(protocol: str, port: int, *, proc: Path = PROC) -> Holder | None:
    """Name the program that holds `port` of `protocol` (`udp` or `tcp`).

    None when no socket of this network namespace has it. For TCP only listeners count.
    """
    inodes = set(_inodes(protocol, port, proc))
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.iterdir():
        if process.name.isdecimal() and _has_open(process / "fd", wanted):
            return Holder(_program(process), int(process.name))
    return Holder("a program of another user or container", None)


_TCP_LISTEN = "0A"


def _inodes(protocol: str, port: int, proc: Path) -> Iterator[str]:
    for name in (protocol, f"{protocol}6"):
        with suppress(OSError):
            lines = (proc / "thread-self" / "net" / name).read_text().splitlines()
            for line in lines[1:]:
                field = line.split()
                if int(field[1].rpartition(":")[2], 16) != port:
                    continue
                if protocol != "tcp" or field[3] == _TCP_LISTEN:
                    yield field[9]


def _has_open(folder: Path, wanted: set[str]) -> bool:
    # A process that ends while it is being looked at, or one that may not be looked into.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if os.readlink(entry.path) in wanted:  # noqa: PTH115 (thousands: no Path for each)
                    return True
    return False


def _program(process: Path) -> str:
    with suppress(OSError):
        return (process / "comm").read_text().strip()
    return "an unknown program"
