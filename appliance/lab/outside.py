"""What stands outside the machines of the Vagrant lab: their BMCs, and Harvester's API stand-in.

    python -m appliance.lab.outside start SITE     address on the closed network, both started
    python -m appliance.lab.outside stop SITE      both ended, and all that they left
    python -m appliance.lab.outside serve SITE     what `start` starts, in the foreground

The Vagrantfile calls it: `start` when an empty machine is there, `stop` when one is destroyed.
Needs root: it makes taps on libvirt's bridge. libvirt is the one that LIBVIRT_DEFAULT_URI names.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from appliance.errors import LabNetworkError, MachineError
from appliance.flow.looking import look_at
from appliance.lab.as_program import ended
from appliance.lab.harvester_sim.process import SimPlace, SimProcess
from appliance.lab.redfish import RedfishPlace, furnish
from appliance.lab.rehearsal import switch_address
from appliance.paths import Paths
from appliance.site.plan import Plan, Way
from appliance.tools.detached import Detached
from appliance.tools.private_file import write_private

PLACE = Path("/var/tmp/bridgehead/vagrant")  # noqa: S108 - root makes it, as rehearsals' places
NVRAM = Path("/var/lib/libvirt/qemu/nvram")
DEFAULT_URI = "qemu:///system"
PASSWORD = "bmc-password"
_TAP = re.compile(r"v[0-9a-f]{11}")  # harvester_sim.cables.tap_name
_READY = "ready"
_START_S, _END_S, _LOOK_S = 90.0, 60.0, 0.2
_MACHINES_LIMIT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Outside:
    """The outer parts of one site. `folder` holds all they keep; `stop` takes it away."""

    site: Path
    plan: Plan
    folder: Path
    uri: str = DEFAULT_URI

    @property
    def network(self) -> str:
        """The name of the closed network at libvirt; its machines' domains begin so, too."""
        return f"bridgehead-{self.plan.site_id}"

    @property
    def address(self) -> str:
        """This computer's own address on the closed network: the router's."""
        return str(switch_address(self.plan))

    @property
    def process(self) -> Detached:
        """The process that keeps both."""
        return Detached(self.folder / "outside.log")

    def api(self, bridge: str) -> SimPlace:
        """Say where Harvester's stand-in runs: its virtual machines are plugged into `bridge`."""
        return SimPlace(
            self.folder / "hypervisor",
            self.address,
            str(self.plan.hypervisor.vip),
            bridge=bridge,
            harvester=self.plan.hypervisor.harvester,
            options=("--quick-firmware", "--limit", str(_MACHINES_LIMIT_S)),
        )

    def bmcs(self) -> tuple[RedfishPlace, ...]:
        """Say which Redfish services the site's machines want here, one a port."""
        found: dict[int, list[str]] = {}
        user = ""
        for bmc in (each.bmc for each in self.plan.machines):
            if bmc.way is Way.REDFISH and bmc.host == self.address:
                found.setdefault(port_of(bmc.address), []).append(bmc.system)
                user = bmc.user
        return tuple(
            RedfishPlace(
                self.folder / f"bmc-{port}", self.address, port, self.uri, user, tuple(systems)
            )
            for port, systems in sorted(found.items())
        )


def port_of(address: str) -> int:
    """Give the port of a BMC's address: 443 where it says none (RFC 9110 4.2.2)."""
    tail = address.partition("://")[2] or address
    port = tail.partition("/")[0].rpartition(":")[2]
    return int(port) if ":" in tail and port.isdigit() else 443


def outside_of(site: Path, folder: Path | None = None, uri: str = "") -> Outside:
    """Read the site file. Raises InputError."""
    plan = look_at(site, Paths(PLACE / "nothing")).plan
    place = folder or PLACE / plan.site_id
    return Outside(site.absolute(), plan, place, uri or DEFAULT_URI)


# --- start, stop ----------------------------------------------------------------------------


def start(outside: Outside) -> bool:
    """Start the outer parts and wait for them; False: they run already. Raises BridgeheadError."""
    if outside.process.pid() is not None:
        return False
    outside.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    bridge_of(outside)
    password = outside.folder / PASSWORD
    if not password.exists():
        write_private(password, secrets.token_urlsafe(16).encode())
    own = [sys.executable, "-m", "appliance.lab.outside", "serve", str(outside.site)]
    outside.process.start([*own, "--folder", str(outside.folder), "--uri", outside.uri])
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        said = [str(each.get("text")) for each in outside.process.said()]
        if _READY in said:
            return True
        if outside.process.pid() is None:
            break
        time.sleep(_LOOK_S)
    stop(outside, keep=True)
    raise MachineError(
        "what stands outside the lab's machines did not start",
        where=str(outside.process.log),
        why=" / ".join(str(each.get("text")) for each in outside.process.said()[-3:]),
        fix="look at that file",
    )


def stop(outside: Outside, *, keep: bool = False) -> None:
    """End the outer parts and take away what they left: taps, address, files. Safe to repeat.

    `keep` leaves the files, for whoever wants to know why they ended.
    """
    pid = outside.process.pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _END_S
        while outside.process.pid() is not None and time.monotonic() < until:
            time.sleep(_LOOK_S)
        if outside.process.pid() is not None:
            os.kill(pid, signal.SIGKILL)
    bridge = find_bridge(outside)
    if bridge:
        for tap in taps_of(bridge):
            _run("ip", "link", "del", tap)
        _run("ip", "address", "del", _cidr(outside), "dev", bridge)
    for path in NVRAM.glob(f"{outside.network}-*.fd"):
        if not is_defined(outside, path.stem):
            path.unlink()
    if not keep:
        shutil.rmtree(outside.folder, ignore_errors=True)


# --- the closed network ---------------------------------------------------------------------


def find_bridge(outside: Outside) -> str:
    """Name the bridge of the closed network; empty where libvirt has no such network."""
    done = _run("virsh", "-q", "-c", outside.uri, "net-dumpxml", outside.network)
    if done.returncode:
        return ""
    found = ET.fromstring(done.stdout).find("bridge")  # noqa: S314 - libvirt's own words
    return "" if found is None else found.get("name", "")


def bridge_of(outside: Outside) -> str:
    """Name the bridge of the closed network. Raises LabNetworkError."""
    bridge = find_bridge(outside)
    if not bridge:
        raise LabNetworkError(
            f"there is no network {outside.network}",
            where=f"libvirt at {outside.uri}",
            why="the first machine that Vagrant makes brings it",
            fix="run 'vagrant up'",
        )
    return bridge


def taps_of(bridge: str) -> list[str]:
    """Name the taps that Harvester's stand-in has plugged into a bridge."""
    ports = Path(f"/sys/class/net/{bridge}/brif")
    return sorted(p.name for p in ports.glob("*") if _TAP.fullmatch(p.name))


def is_defined(outside: Outside, domain: str) -> bool:
    """Say whether libvirt knows a machine of this name."""
    return _run("virsh", "-q", "-c", outside.uri, "domid", domain).returncode == 0


def _cidr(outside: Outside) -> str:
    return f"{outside.address}/{outside.plan.provisioning.cidr.prefixlen}"


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


# --- the process ----------------------------------------------------------------------------


def serve(outside: Outside) -> None:
    """Serve until SIGTERM or SIGINT. Raises BridgeheadError where a part does not start."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    bridge = bridge_of(outside)
    _run("ip", "address", "replace", _cidr(outside), "dev", bridge)
    password = (outside.folder / PASSWORD).read_text(encoding="ascii")
    with ExitStack() as stack:
        stack.enter_context(SimProcess(outside.api(bridge)))
        for place in outside.bmcs():
            furnish(place, password)
            stack.enter_context(answering(place))
        sys.stdout.write(f"{_READY}\n")
        sys.stdout.flush()
        stopped.wait()


@contextmanager
def answering(place: RedfishPlace) -> Iterator[None]:
    """Run a Redfish service for the length of the block. Raises MachineError."""
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *place.words()],
            env=place.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _await_door(process, place)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_door(process: subprocess.Popen[bytes], place: RedfishPlace) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        if place.answers():
            return
        time.sleep(_LOOK_S)
    raise MachineError(
        "the Redfish emulator did not start",
        where=str(place.log),
        why=" / ".join(place.log.read_text(errors="replace").splitlines()[-3:]),
        fix="look at that file",
    )


def main(words: Sequence[str] | None = None) -> int:
    """Do what is asked; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m appliance.lab.outside")
    parser.add_argument("verb", choices=("start", "stop", "serve"))
    parser.add_argument("site", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--uri", default=os.environ.get("LIBVIRT_DEFAULT_URI", DEFAULT_URI))
    given = parser.parse_args(words)
    verbs: dict[str, Callable[[Outside], object]] = {"start": start, "stop": stop, "serve": serve}
    do = verbs[given.verb]
    return ended(lambda: do(outside_of(given.site, given.folder, given.uri)))


if __name__ == "__main__":
    sys.exit(main())
