"""A BMC that speaks IPMI 2.0: Debian's `ipmi_sim`, a process on loopback, its machine a file."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "root", "right-one"
WATCHER, WATCHERS = "watcher", "sees-only"
GUID = "a123456789abcdefa123456789abcdef"

_LAN = """name "bmc"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 {port}
  priv_limit admin
  allowed_auths_callback none md2 md5 straight
  allowed_auths_user none md2 md5 straight
  allowed_auths_operator none md2 md5 straight
  allowed_auths_admin none md2 md5 straight
  guid {guid}
endlan
chassis_control "{folder}/chassis 0x20"
user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
user 3 true "{watcher}" "{watchers}" user 10 none md2 md5 straight
"""

_COMMANDS = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_add_fru_data 0x20 0 {size} data {octets}
mc_enable 0x20
"""

_CHASSIS = """#!/bin/sh
cd "{folder}" || exit 1
echo "$*" >>acts
op=$2; shift 2
while [ $# -gt 0 ]; do
    if [ "$op" = get ]; then echo "$1:$(cat "$1")"; shift; else echo "$2" >"$1"; shift 2; fi
done
"""


@dataclass
class IpmiBmc:
    """A BMC that can be ended and started again; its machine's state is kept."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens, as the site file has it."""
        return f"127.0.0.1:{self.port}"

    @property
    def power(self) -> str:
        """`on` or `off`, as the machine itself knows it."""
        return "on" if (self.folder / "power").read_text().strip() == "1" else "off"

    def set_power(self, *, on: bool) -> None:
        """Somebody presses the machine's button."""
        (self.folder / "power").write_text(f"{on:d}\n")

    @property
    def boot(self) -> str:
        """Where it would boot from: `none`, `pxe`, `default` (its disk) and so on."""
        return (self.folder / "boot").read_text().strip()

    def switched(self) -> tuple[str, ...]:
        """Give what its machine was told, in order, without what was only asked."""
        acts = (self.folder / "acts").read_text().splitlines()
        return tuple(act.removeprefix("0x20 set ") for act in acts if " set " in act)

    def start(self) -> None:
        """Start it; it answers from then on."""
        words = ["ipmi_sim", "-n", "-c", "lan.conf", "-f", "commands", "-s", "state"]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(words, cwd=self.folder, stdout=output, stderr=output)
        end = time.monotonic() + 10
        while not _is_bound(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.folder / "output").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End it: nothing answers any more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def ipmi_bmc(folder: Path) -> Iterator[IpmiBmc]:
    """Run a BMC in a folder of its own, whose machine is off."""
    (folder / "state").mkdir(parents=True)
    bmc = IpmiBmc(folder, _free_port())
    names = {"user": USER, "password": PASSWORD, "watcher": WATCHER, "watchers": WATCHERS}
    lan = _LAN.format(port=bmc.port, guid=GUID, folder=folder, **names)
    (folder / "lan.conf").write_text(lan)
    fru = fru_record("Example Corp", "Rack Server 1", "SN-0012")
    octets = " ".join(f"0x{octet:02x}" for octet in fru)
    (folder / "commands").write_text(_COMMANDS.format(size=f"0x{len(fru):x}", octets=octets))
    chassis = folder / "chassis"
    chassis.write_text(_CHASSIS.format(folder=folder))
    chassis.chmod(0o755)
    for name, value in (("power", "0"), ("boot", "default"), ("acts", "")):
        (folder / name).write_text(value)
    try:
        bmc.start()
        yield bmc
    finally:
        bmc.stop()


def fru_record(maker: str, product: str, serial: str) -> bytes:
    """Write a record with a product area (IPMI FRU Information Storage 1.0, 8 and 12)."""
    fields: Sequence[str] = (maker, product, "P1", "1.0", serial, "A1", "F1")
    area = b"".join(bytes([0xC0 | len(each)]) + each.encode() for each in fields) + b"\xc1"
    length = -(-(len(area) + 4) // 8)
    padded = bytes([1, length, 25]) + area.ljust(length * 8 - 4, b"\0")
    header = bytes([1, 0, 0, 0, 1, 0, 0])
    return b"".join(part + bytes([-sum(part) & 0xFF]) for part in (header, padded))


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
