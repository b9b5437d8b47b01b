"""`python -m appliance.lab.harvester_sim`: the stand-in as a process of its own.

    --state FOLDER          the objects, and the control socket `control.sock`
    --place FOLDER          images, volumes and machines; as --state where it is not given
    --listen ADDRESS:PORT   the door
    --bridge NAME           the switch's bridge in this network namespace; machines get cables to it
    --vip ADDRESS           what the world knows it by, and who is asked for the members

Ends at SIGTERM or SIGINT; its machines are then off. Started again, it goes on.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import BridgeheadError
from appliance.lab.harvester_sim.faults import FORMS
from appliance.lab.harvester_sim.sim import DEFAULT_HARVESTER, HarvesterSim, SimOptions
from appliance.lab.qemu import DEFAULT_LIMIT_S


def main(words: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; give the exit code."""
    options = read_options(words)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with HarvesterSim(options) as sim:
            sys.stdout.write(f"harvester-sim: {sim.url}\n")
            sys.stdout.flush()
            stop.wait()
    except BridgeheadError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"harvester-sim: {error}\n")
        return BridgeheadError.exit_code
    return 0


def read_options(words: Sequence[str] | None) -> SimOptions:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m appliance.lab.harvester_sim")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--place", type=Path)
    parser.add_argument("--listen", default="127.0.0.1:6080", metavar="ADDRESS:PORT")
    parser.add_argument("--bridge", default="")
    parser.add_argument("--vip", default="")
    parser.add_argument("--tls", action="store_true", help="serve TLS at the door itself")
    parser.add_argument("--harvester", default=DEFAULT_HARVESTER, metavar="VERSION")
    parser.add_argument("--node", action="append", default=[], metavar="NAME=ADDRESS")
    parser.add_argument("--fault", action="append", default=[], metavar="FAULT", help=FORMS)
    parser.add_argument(
        "--quick-firmware", action="store_true", help="UEFI without Secure Boot starts as BIOS"
    )
    parser.add_argument("--limit", type=float, default=DEFAULT_LIMIT_S, metavar="SECONDS")
    given = parser.parse_args(words)
    address, _, port = given.listen.rpartition(":")
    return SimOptions(
        state=given.state.absolute(),
        place=(given.place or given.state).absolute(),
        listen=(address, int(port)),
        vip=given.vip,
        bridge=given.bridge,
        tls=given.tls,
        harvester=given.harvester,
        nodes=dict(each.partition("=")[::2] for each in given.node),
        faults=tuple(given.fault),
        quick_firmware=given.quick_firmware,
        limit_s=given.limit,
    )


if __name__ == "__main__":
    sys.exit(main())
