"""Runs all boot services with the real ports on one interface, until its input closes.

Started inside a network namespace: `python tests/interop/serve_site.py INTERFACE FOLDER [LOADER]`.
A loader that is a disc is served by its own name.
"""

from __future__ import annotations

import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from appliance.boot.control import Event
from appliance.boot.model import BootMachine, BootNetwork, Documents, ServedFile
from appliance.boot.process import BootProcess
from appliance.boot.sockets import open_sockets
from appliance.machines.state import Seen
from appliance.tools.clock import Clock
from appliance.values import Mac, Secret

BRIDGE = IPv4Address("10.77.0.1")


def main(interface: str, folder: Path, loader: Path) -> None:
    """Serve, and print each event as a line."""
    network = BootNetwork(
        interface=interface,
        cidr=IPv4Network("10.77.0.0/24"),
        bridge=BRIDGE,
        gateway=BRIDGE,
        dns=(BRIDGE,),
        ntp=(BRIDGE,),
        pool_first=IPv4Address("10.77.0.100"),
        pool_last=IPv4Address("10.77.0.200"),
        zone="alpha.lan",
        hosts=(("hv1", IPv4Address("10.77.0.11")),),
    )
    is_disc = loader.suffix == ".iso"
    name, proves = (loader.name, None) if is_disc else ("snponly.efi", Seen.BOOTLOADER_SENT)
    file = ServedFile(name, str(loader), loader.stat().st_size, "a" * 64, proves)
    machine = BootMachine(
        "hv1",
        "hv1",
        (Mac("525400000001"),),
        IPv4Address("10.77.0.11"),
        documents=Documents(Secret("#!ipxe\n"), Secret("")),
    )
    process = BootProcess(clock=Clock.of_this_machine())
    process.set_machines((machine,))
    process.start(open_sockets(interface, BRIDGE), folder / "boot", network, (file,))
    print("ready", flush=True)  # noqa: T201 - the test reads it
    sys.stdin.read()
    while told := list(process.events(1)):  # until a second is silent
        for each in told:
            if isinstance(each, Event):
                print(each.event.kind, each.event.machine, each.event.text)  # noqa: T201
    process.stop()


if __name__ == "__main__":
    given = Path(sys.argv[2])
    main(sys.argv[1], given, Path(sys.argv[3]) if sys.argv[3:] else given / "loader")
