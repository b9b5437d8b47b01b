"""The one state that all boot services share: machines, what is known of them, minted boots.

The loop and the HTTP threads call it; one lock stands around everything. Nothing here waits for
the network or for main: what main is told goes through a queue (`emit`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from threading import RLock

from appliance.boot.boot_store import BootStore
from appliance.boot.control import Event, RecordChanged, ToMain
from appliance.boot.decide import Action, Decision, decide
from appliance.boot.model import BootEvent, BootMachine, BootNetwork, Moment, ServedFile
from appliance.boot.tokens import Boot, Boots, Honoured, Hook, Refusal, Refused
from appliance.machines.state import MAX_INSTALLS, Evidence, Record, Seen, State, fold
from appliance.site.plan import OwnDisk
from appliance.tools.clock import Clock
from appliance.values import Mac
from appliance.wire.pxe import Firmware

_NEW_BOOT = frozenset({Seen.FIRMWARE_DHCP})
_WAIT_EVIDENCE_SECONDS = 60.0
_REMEMBERED_CLIENTS = 4096
_OF_HOOK = {
    Hook.STARTED: Seen.HOOK_STARTED,
    Hook.SUCCEEDED: Seen.HOOK_SUCCEEDED,
    Hook.FAILED: Seen.HOOK_FAILED,
}


@dataclass(slots=True)
class Client:
    """What is remembered of one network card between its requests."""

    address: IPv4Address | None = None
    firmware: Firmware | None = None
    decided: Decision | None = None
    waited_at: float = float("-inf")
    own_disk_given: bool = False
    own_disk_ordered: bool = False
    order_followed: bool = False


class BootState:
    """Thread-safe. `neighbour` gives the MAC that the kernel knows for an address, or None."""

    def __init__(
        self,
        *,
        store: BootStore,
        clock: Clock,
        emit: Callable[[ToMain], None],
        new_token: Callable[[], str],
        neighbour: Callable[[IPv4Address], Mac | None],
    ) -> None:
        self._lock = RLock()
        self._store = store
        self._clock = clock
        self._emit = emit
        self._new_token = new_token
        self._neighbour = neighbour
        self._network: BootNetwork | None = None
        self._files: dict[str, ServedFile] = {}
        self._machines: dict[str, BootMachine] = {}
        self._by_mac: dict[Mac, BootMachine] = {}
        self._by_address: dict[IPv4Address, BootMachine] = {}
        self._clients: dict[Mac, Client] = {}
        self._leased: dict[IPv4Address, Mac] = {}
        self._records: dict[str, Record] = {}
        self._boots = Boots()
        self._disk_failed = False
        for evidence in store.evidence():
            self._fold(evidence)
        self._boots.restore(store.boots(self._moment()))

    # ---------------------------------------------------------------- what main says

    def configure(self, network: BootNetwork, files: tuple[ServedFile, ...]) -> None:
        """Take the network and the files that may be served."""
        with self._lock:
            self._network = network
            self._files = {file.name: file for file in files}

    def repeat(self, after: str) -> None:
        """Tell main what it has not journalled: the marked events after the last that it has."""
        with self._lock:
            missed: list[BootEvent] = []
            self._on_disk(lambda: missed.extend(self._store.after(after)))
            for event in missed:
                self._emit(Event(event))

    def set_machines(self, machines: tuple[BootMachine, ...]) -> None:
        """Take all machines. One that is no longer armed loses its living boots."""
        with self._lock:
            new = [machine.name for machine in machines if machine.name not in self._machines]
            self._machines = {machine.name: machine for machine in machines}
            self._by_mac = {mac: machine for machine in machines for mac in machine.macs}
            self._by_address = {machine.address: machine for machine in machines}
            for machine in machines:
                if machine.documents is None and not machine.installed:
                    self._keep(self._boots.end_machine(machine.name, "it is no longer armed"))
            # What was seen while main was away, or just before it was killed.
            for name in new:
                if name in self._records:
                    self._emit(RecordChanged(name, self._records[name]))

    # ---------------------------------------------------------------- questions

    @property
    def network(self) -> BootNetwork:
        """The provisioning network. Raises RuntimeError before `configure`."""
        if self._network is None:
            raise RuntimeError("boot has not been configured yet")
        return self._network

    @property
    def now(self) -> float:
        """Unix seconds, for events."""
        return self._clock.utc()

    def monotonic(self) -> float:
        """Seconds on which terms run."""
        return self._clock.monotonic()

    def machine_of_mac(self, mac: Mac) -> BootMachine | None:
        """Give the machine that has a network card."""
        with self._lock:
            return self._by_mac.get(mac)

    def machines(self) -> tuple[BootMachine, ...]:
        """Give all machines of the site."""
        with self._lock:
            return tuple(self._machines.values())

    def record(self, machine: str) -> Record:
        """Give what is known of a machine."""
        with self._lock:
            return self._records.get(machine, Record())

    def file(self, name: str) -> ServedFile | None:
        """Give a file by its exact name; there are no paths to walk."""
        with self._lock:
            return self._files.get(name)

    def owner_of(self, address: IPv4Address) -> BootMachine | None:
        """Give the machine that uses an address: by lease, by reservation, or by ARP."""
        with self._lock:
            mac = self._leased.get(address)
            machine = self._by_mac.get(mac) if mac else self._by_address.get(address)
            if machine is not None:
                return machine
        mac = self._neighbour(address)
        return self.machine_of_mac(mac) if mac else None

    def belongs(self, address: IPv4Address, mac: Mac) -> bool:
        """Say whether a request from an address may speak for a network card."""
        with self._lock:
            machine = self._by_mac.get(mac)
            leased = self._leased.get(address)
        if leased is not None:
            return leased == mac or (machine is not None and leased in machine.macs)
        if machine is not None and address == machine.address:
            return True
        seen = self._neighbour(address)
        return seen is not None and (seen == mac or (machine is not None and seen in machine.macs))

    def decide_for(self, mac: Mac, *, firmware: Firmware | None, booting: bool) -> Decision:
        """Decide what a network card is told; log it when it changes or at a new boot."""
        with self._lock:
            client = self._client(mac)
            if firmware is not None:
                client.firmware = firmware
            machine = self._by_mac.get(mac)
            record = self.record(machine.name) if machine else Record()
            decision = decide(machine, record, firmware=client.firmware, booting=booting)
            if client.own_disk_ordered:
                way = OwnDisk(machine.own_disk) if machine else OwnDisk.EXIT
                decision = Decision(Action.OWN_DISK, "it was ordered to", way)
            if decision != client.decided:
                client.decided = decision
                self.say("decision", f"{decision.action.value}: {decision.reason}", mac=mac)
            if machine is not None and self._is_limit(machine, record, decision):
                self.see(machine.name, Seen.INSTALL_LIMIT, decision.reason, mac=mac)
            return decision

    # ---------------------------------------------------------------- the next boot, by order

    def order_own_disk(self, mac: Mac) -> None:
        """Have the next network boot of a card answered with its own disk, whatever it is."""
        with self._lock:
            client = self._client(mac)
            client.own_disk_ordered, client.order_followed = True, False

    def own_disk_ordered(self, mac: Mac) -> bool:
        """Say whether the boot that now begins, or is under way, goes to the own disk by order."""
        with self._lock:
            client = self._clients.get(mac)
            return client is not None and client.own_disk_ordered

    def boots(self, mac: Mac) -> None:
        """Note that a firmware or boot loader begins to boot: an order followed is over."""
        with self._lock:
            client = self._clients.get(mac)
            if client is not None and client.order_followed:
                client.own_disk_ordered = client.order_followed = False

    # ---------------------------------------------------------------- what is seen

    def leased(self, mac: Mac, address: IPv4Address) -> None:
        """Note which address a network card was given."""
        with self._lock:
            client = self._client(mac)
            if client.address is not None and self._leased.get(client.address) == mac:
                del self._leased[client.address]
            client.address = address
            self._leased[address] = mac

    def released(self, address: IPv4Address) -> None:
        """Note that an address is nobody's again."""
        with self._lock:
            self._leased.pop(address, None)

    def note(self, event: BootEvent) -> None:
        """Keep an event, fold it if it is evidence, and tell main."""
        with self._lock:
            event = self._store.marked(self._named(event))
            self._remember_firmware(event)
            if event.kind == "evidence" and event.seen is not None:
                self._new_boot(event.mac, event.machine, event.seen)
            self._on_disk(lambda: self._store.add(event))
            self._emit(Event(event))
            if event.kind == "evidence" and event.machine and event.seen:
                record = self._fold(Evidence(event.machine, event.seen, event.at, event.text))
                self._emit(RecordChanged(event.machine, record))

    def inject(self, evidence: Evidence) -> None:
        """Take evidence that main saw."""
        self.see(evidence.machine, evidence.seen, evidence.text, at=evidence.at)

    def see(
        self,
        machine: str,
        seen: Seen,
        text: str,
        *,
        mac: Mac | None = None,
        at: float | None = None,
        data: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Note evidence of a machine, now if no time is given."""
        moment = self.now if at is None else at
        self.note(BootEvent(moment, "evidence", text, mac, machine, seen, data))

    def say(
        self,
        kind: str,
        text: str,
        *,
        mac: Mac | None = None,
        machine: str | None = None,
        data: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Note an event that is no evidence, now."""
        self.note(BootEvent(self.now, kind, text, mac, machine, None, data))

    def alive(self, machine: str, seen: Seen) -> None:
        """Take the last evidence as seen again now, without keeping it: a sign of life."""
        with self._lock:
            last = self._records.get(machine)
            if last is not None and last.last_seen is seen:
                record = self._fold(Evidence(machine, seen, self.now, last.last_text))
                self._emit(RecordChanged(machine, record))

    def tell(self, message: ToMain) -> None:
        """Tell main something that is no event."""
        self._emit(message)

    def flush(self) -> None:
        """Write what waits for the disk."""
        with self._lock:
            if self._on_disk(self._store.flush):
                self._disk_failed = False

    # ---------------------------------------------------------------- scripts and tokens

    def install_boot(
        self, mac: Mac, address: IPv4Address, *, how: str = "it was given its install script"
    ) -> Boot | None:
        """Give the boot whose script a machine gets: the living one again, or a new one.

        None if the machine is not armed. A new one is evidence of its own, in the words `how`.
        """
        with self._lock:
            machine = self._by_mac.get(mac)
            if machine is None or machine.documents is None:
                return None
            now = self._clock.monotonic()
            boot = self._boots.repeatable(machine.name, mac, now)
            if boot is not None and boot.address == address:
                return boot
            boot = self._boots.mint(
                self._new_token(),
                machine=machine,
                documents=machine.documents,
                mac=mac,
                address=address,
                now=now,
            )
            self._keep(self._boots.of_machine(machine.name))
            self.see(machine.name, Seen.INSTALL_SCRIPT, how, mac=mac)
            return boot

    def own_disk_given(self, mac: Mac, machine: BootMachine | None, decision: Decision) -> None:
        """Note that a machine was sent to its own disk; once a boot, however often it asks."""
        with self._lock:
            client = self._client(mac)
            client.order_followed = client.own_disk_ordered
            if machine is not None and not client.own_disk_given:
                client.own_disk_given = True
                way = decision.own_disk.value if decision.own_disk else ""
                text = f"it was sent to its own disk by {way}: {decision.reason}"
                self.see(machine.name, Seen.OWN_DISK_SCRIPT, text, mac=mac, data=(("way", way),))

    def discover_given(self, mac: Mac, machine: BootMachine, reason: str) -> None:
        """Note that a machine was given the script that starts stage-1; at most once a minute."""
        with self._lock:
            client = self._client(mac)
            now = self._clock.monotonic()
            again = self.record(machine.name).last_seen is Seen.DISCOVER_SCRIPT
            if not again or now - client.waited_at >= _WAIT_EVIDENCE_SECONDS:
                client.waited_at = now
                text = f"it was given our small Linux, to show what it is: {reason}"
                self.see(machine.name, Seen.DISCOVER_SCRIPT, text, mac=mac)

    def wait_given(self, mac: Mac, machine: BootMachine, reason: str) -> None:
        """Note that a machine was told to wait: at a new reason, and else once a minute.

        The text is the reason alone, because it becomes the record's last word.
        """
        with self._lock:
            client = self._client(mac)
            now = self._clock.monotonic()
            last = self.record(machine.name)
            if last.last_text != reason or now - client.waited_at >= _WAIT_EVIDENCE_SECONDS:
                client.waited_at = now
                self.see(machine.name, Seen.WAIT_SCRIPT, reason, mac=mac)

    def config_boot(self, token: str, address: IPv4Address) -> Boot | Refused:
        """Give the living boot of a token with its configuration, or say why not."""
        owner = self.owner_of(address)
        with self._lock:
            found = self._boots.find(
                token,
                address=address,
                owner=owner.name if owner else None,
                now=self._clock.monotonic(),
            )
            if isinstance(found, Refused) or found.config is not None:
                return found
            machine = self._machines.get(found.machine)
            if machine is None or machine.documents is None:
                return Refused(Refusal.ENDED, f"{found.machine} is not armed", found)
            return self._boots.rebuild(found, token, machine.documents)

    def config_given(self, boot: Boot) -> None:
        """Note that an installer fetched its configuration: once a boot, however often it asks."""
        with self._lock:
            taken = self._boots.take_config(boot)
            if taken is not None:
                self.see(boot.machine, Seen.CONFIG_SENT, "it fetched its configuration")
                self._keep((taken,))

    def hook(self, token: str, hook: Hook, address: IPv4Address, text: str) -> Honoured | Refused:
        """Take an installer's report: it has its effect once."""
        owner = self.owner_of(address)
        with self._lock:
            outcome = self._boots.report(
                token,
                hook,
                address=address,
                owner=owner.name if owner else None,
                now=self._clock.monotonic(),
            )
            if isinstance(outcome, Honoured) and outcome.fresh:
                # Evidence first: killed between the two, the repeated report still counts.
                boot = outcome.boot
                self.see(boot.machine, _OF_HOOK[hook], text, mac=boot.mac)
                self._keep((boot,))
            return outcome

    # ---------------------------------------------------------------- inside

    def _client(self, mac: Mac) -> Client:
        client = self._clients.get(mac)
        if client is None:
            if len(self._clients) >= _REMEMBERED_CLIENTS:
                # A flood of made-up MACs pushes out the oldest that is not of this site.
                stranger = next((old for old in self._clients if old not in self._by_mac), None)
                self._clients.pop(stranger or next(iter(self._clients)))
            client = self._clients[mac] = Client()
        return client

    def _named(self, event: BootEvent) -> BootEvent:
        if event.machine is None and event.mac is not None and event.mac in self._by_mac:
            return replace(event, machine=self._by_mac[event.mac].name)
        return event

    def _remember_firmware(self, event: BootEvent) -> None:
        # DHCP decides by itself and tells here what the firmware is; HTTP requests do not say it.
        if event.mac is not None and event.mac in self._by_mac:
            told = dict(event.data).get("firmware")
            if told in Firmware._value2member_map_:
                self._client(event.mac).firmware = Firmware(told)

    def _fold(self, evidence: Evidence) -> Record:
        record = fold(self._records.get(evidence.machine, Record()), evidence)
        self._records[evidence.machine] = record
        return record

    def _new_boot(self, mac: Mac | None, machine: str | None, seen: Seen) -> None:
        if mac is not None and seen in (Seen.FIRMWARE_DHCP, Seen.IPXE_DHCP, Seen.SYSTEM_DHCP):
            client = self._client(mac)
            client.own_disk_given = False
            if seen in _NEW_BOOT:
                client.decided = None
                self._keep(self._boots.end_mac(mac, "the machine booted again"))
        if machine is not None:
            if seen is Seen.KERNEL_SENT:
                self._keep(self._boots.take_kernel(machine))
            if seen in (Seen.REINSTALL_ORDERED, Seen.HOOK_SUCCEEDED, Seen.SYSTEM_ANSWERS):
                reason = _END_REASONS[seen]
                living = self._boots.end_machine(machine, reason)
                self._keep(living)

    def _is_limit(self, machine: BootMachine, record: Record, decision: Decision) -> bool:
        return (
            decision.action is Action.HOLD
            and machine.documents is not None
            and not machine.hold
            and record.installs >= MAX_INSTALLS
            and record.state is not State.HELD
        )

    def _keep(self, boots: tuple[Boot, ...]) -> None:
        if boots:
            self._on_disk(lambda: self._store.keep_boots(boots, self._moment()))

    def _on_disk(self, write: Callable[[], None]) -> bool:
        """Write; a full disk ends no installation: main is told, once, and memory goes on."""
        try:
            write()
        except sqlite3.Error as error:
            if not self._disk_failed:
                self._disk_failed = True
                text = f"boot events cannot be written: {error}. Is the disk full?"
                self._emit(Event(BootEvent(self.now, "finding", text)))
            return False
        return True

    def _moment(self) -> Moment:
        return Moment(self._clock.utc(), self._clock.monotonic())


_END_REASONS = {
    Seen.REINSTALL_ORDERED: "a reinstallation was ordered",
    Seen.HOOK_SUCCEEDED: "its installer reported success",
    Seen.SYSTEM_ANSWERS: "the installed system answers",
}
