"""Records the first packets of the lab's real firmware.

`sudo .venv/bin/python tests/captures/record.py`

One machine of each firmware is switched on against the product; the capture ends when it has its
script. TFTP data blocks are left out. `pytest tests/captures --update-goldens` then writes the
texts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal
from appliance.values import Mac
from appliance.wire import pcap
from tests.lab.rehearsing import staged

HERE = Path(__file__).parent
SITES = {
    "lab-bios": "lab-bios.yaml",
    "lab-uefi-pxe": "lab-bare.yaml",
    "lab-uefi-http": "lab-http.yaml",
}
_FILTER = "udp and not (udp[8:2] = 3)"  # what is left out: TFTP's DATA, opcode 3
_ENOUGH = "kernel-sent"


def main() -> None:
    """Record each firmware in turn."""
    for name, site in SITES.items():
        target = HERE / f"{name}.pcap"
        with staged(site) as rehearsal, _captured(rehearsal, target):
            rehearsal.start_appliance()
            rehearsal.follow(_stop_when_enough, seconds=300)
        (machine,) = rehearsal.plan.machines
        keep_only(target, machine.macs[0])
        sys.stdout.write(f"{target.name}: {target.stat().st_size} octets\n")


def keep_only(target: Path, mac: Mac) -> None:
    """Leave out what is not of the machine: the appliance looks for rival servers first."""
    frames = pcap.read(target.read_bytes())
    target.write_bytes(pcap.write([each for each in frames if mac.to_bytes() in each.data]))


def _stop_when_enough(rehearsal: Rehearsal, event: EventDict) -> None:
    if event["kind"] == "evidence" and event["data"]["seen"] == _ENOUGH and rehearsal.appliance:
        rehearsal.appliance.interrupt()


@contextmanager
def _captured(rehearsal: Rehearsal, target: Path) -> Iterator[None]:
    words = ["tcpdump", "-i", "br0", "-w", str(target), "-U", "-Z", "root", _FILTER]
    prefix = rehearsal.network.exec_prefix(rehearsal.network.switch)
    with subprocess.Popen([*prefix, *words], stderr=subprocess.DEVNULL) as capture:
        try:
            yield
        finally:
            capture.terminate()


if __name__ == "__main__":
    main()
