"""Stage-1, our small Linux, as the bridge meets it: who it is, what it reports, what it is told.

The DHCP service asks here whose turn it is, the HTTP app brings what machines send. A machine
speaks for one card: by a token that only the address leased to that card was given, and from that
card's address alone. What it reports of other cards, or of itself, gives it no right to anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from threading import Lock

from appliance.boot.client import BootClient
from appliance.boot.control import Order, Reported
from appliance.boot.decide import Action, Decision
from appliance.boot.discoveries import Discoveries, Visit
from appliance.boot.model import STAGE1_UKI, BootMachine, OrderKind
from appliance.boot.state import BootState
from appliance.boot.tokens import Boot, Refusal, Refused
from appliance.discover.report import Report, decode, encode
from appliance.machines.state import Seen
from appliance.values import Mac
from appliance.wire.dhcp4 import MessageType

ALIVE_SECONDS = 20.0
"""Between two signs of life that main is told of; stage-1 asks every 3 s."""


@dataclass(frozen=True, slots=True)
class Told:
    """What stage-1 is told to do: `wait`, `install`, or as in OrderKind.

    `name`, `state` and `reason` are for its screen; `boot` is there to install.
    """

    order: str
    name: str = ""
    state: str = ""
    reason: str = ""
    seconds: int = 0
    boot: Boot | None = None


class Stage1:
    """Thread-safe. `new_token` gives a secret that nobody can guess."""

    def __init__(self, state: BootState, *, new_token: Callable[[], str]) -> None:
        self._state = state
        self._new_token = new_token
        # Held for look-ups alone; what takes time (reading a report, ARP) is done outside.
        self._lock = Lock()
        self._visits = Discoveries(lambda mac: state.machine_of_mac(mac) is not None)

    # ---------------------------------------------------------------- what DHCP asks

    def turn(self, client: BootClient, message: MessageType | None) -> bool:
        """Say whether the boot file of a machine that shows itself is stage-1's, not iPXE's.

        A client's DISCOVER is the beginning of a boot.
        """
        mac = client.mac
        if message is MessageType.DISCOVER:
            self._state.boots(mac)
            with self._lock:
                self._visits.boots(mac, firmware=client.is_firmware)
        if self._state.file(STAGE1_UKI) is None or self._state.own_disk_ordered(mac):
            return False
        with self._lock:
            return self._visits.is_direct(mac)

    def pointed(self, mac: Mac) -> None:
        """Note that a firmware was told for good what to boot."""
        with self._lock:
            self._visits.pointed(mac, self._state.monotonic())

    # ---------------------------------------------------------------- what machines send

    def call(self, mac: Mac, address: IPv4Address) -> str | Refused:
        """Give stage-1 its token. Only the address leased to its card gets one."""
        if not self._state.belongs(address, mac):
            return Refused(Refusal.WRONG_ADDRESS, f"{address} is not the address leased to {mac}")
        token = self._new_token()
        with self._lock:
            refused = self._visits.call(token, mac, self._state.monotonic())
        return refused or token

    def may_report(self, token: str, address: IPv4Address) -> Visit | Refused:
        """Say whether a report is to be read now: before its octets are."""
        visit = self._speaker(token, address)
        if isinstance(visit, Refused):
            return visit
        with self._lock:
            return self._visits.may_report(visit, self._state.monotonic()) or visit

    def report(self, visit: Visit, raw: bytes, address: IPv4Address) -> bool:
        """Take a report; give whether it says anything new. Main is told only that.

        Raises WireError for what is no report.
        """
        report = decode(raw)
        with self._lock:
            news = self._visits.is_news(visit, encode(report.facts))
        if news:
            self._tell(visit.mac, address, report)
        return news

    def order(self, order: Order) -> None:
        """Keep what an operator orders until the machine asks."""
        with self._lock:
            self._visits.order(order, self._state.monotonic())

    def orders(self, token: str, address: IPv4Address) -> Told | Refused:
        """Say what stage-1 is to do now."""
        visit = self._speaker(token, address)
        if isinstance(visit, Refused):
            return visit
        with self._lock:
            order = self._visits.take_order(visit, self._state.monotonic())
        if order is not None:
            return self._ordered(order)
        machine = self._state.machine_of_mac(visit.mac)
        decision = self._state.decide_for(visit.mac, firmware=None, booting=True)
        if decision.action is Action.INSTALL:
            return self._install(visit.mac, address, decision)
        if decision.action is Action.OWN_DISK:
            return Told(OrderKind.OWN_DISK.value, reason=decision.reason)
        return self._wait(visit, machine, decision)

    # ---------------------------------------------------------------- inside

    def _speaker(self, token: str, address: IPv4Address) -> Visit | Refused:
        with self._lock:
            visit = self._visits.of_token(token)
        if isinstance(visit, Visit) and not self._state.belongs(address, visit.mac):
            return Refused(Refusal.WRONG_ADDRESS, f"this token is not of the machine at {address}")
        return visit

    def _tell(self, mac: Mac, address: IPv4Address, report: Report) -> None:
        machine = self._state.machine_of_mac(mac)
        text = f"it showed itself: {_words(report)}"
        if machine is not None:
            self._state.see(machine.name, Seen.DISCOVERED, text, mac=mac)
        else:
            self._state.say("http", f"{mac}: {text}", mac=mac, data=(("address", str(address)),))
        name = machine.name if machine is not None else None
        self._state.tell(Reported(mac, address, name, encode(report).decode()))

    def _ordered(self, order: Order) -> Told:
        if order.order is OrderKind.OWN_DISK:
            self._state.order_own_disk(order.mac)
        self._state.say("decision", f"{order.order.value}: it was ordered to", mac=order.mac)
        return Told(order.order.value, reason="it was ordered to", seconds=order.seconds)

    def _install(self, mac: Mac, address: IPv4Address, decision: Decision) -> Told:
        machine = self._state.machine_of_mac(mac)
        documents = machine.documents if machine is not None else None
        if documents is None or not documents.kernel or not documents.initrd:
            # Its installer starts by iPXE alone: the next network boot is given the script.
            return Told(OrderKind.REBOOT.value, reason=decision.reason)
        boot = self._state.install_boot(mac, address, how="it was ordered to install")
        if boot is None or boot.arguments is None:
            return Told("wait", reason="it is not armed any more")
        return Told("install", reason=decision.reason, boot=boot)

    def _wait(self, visit: Visit, machine: BootMachine | None, decision: Decision) -> Told:
        if machine is None:
            return Told("wait", state="unknown", reason=decision.reason)
        record = self._state.record(machine.name)
        if record.last_seen is not Seen.DISCOVERED or record.last_text != decision.reason:
            self._state.see(machine.name, Seen.DISCOVERED, decision.reason, mac=visit.mac)
        elif self._is_due(visit):
            self._state.alive(machine.name, Seen.DISCOVERED)
        state = self._state.record(machine.name).state.value
        return Told("wait", machine.hostname, state, decision.reason)

    def _is_due(self, visit: Visit) -> bool:
        now = self._state.monotonic()
        with self._lock:
            due = now - visit.alive_at >= ALIVE_SECONDS
            visit.alive_at = now if due else visit.alive_at
        return due


def _words(report: Report) -> str:
    model = " ".join(each for each in (report.vendor, report.product) if each) or "no name"
    serial = f", serial {report.serial}" if report.serial else ""
    return f"{model}{serial}, {_count(report.disks, 'disk')}, {_count(report.nics, 'network card')}"


def _count(things: tuple[object, ...], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
