"""The answer to one DHCP packet. Pure but for the lease book it is given, which it changes.

RFC 2131 where a machine asks for an address, PXE 2.1 where it asks what to boot, and
`decide` where it matters which machine it is. Every silence has a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from appliance.boot.bmc import maker_by_name
from appliance.boot.boot_file import BootFile, boot_file
from appliance.boot.client import BootClient, ClientKind, parse_client
from appliance.boot.decide import Action, Decision, decide
from appliance.boot.dhcp_reply import (
    address_options,
    boot_options,
    lease_times,
    refusal,
    with_boot,
)
from appliance.boot.leases import LeaseBook, LeaseChange
from appliance.boot.model import BootEvent, BootMachine, BootNetwork, Moment
from appliance.machines.state import Record, Seen
from appliance.values import Mac
from appliance.wire.dhcp4 import PXE_PORT, SERVER_PORT, UNSPECIFIED, MessageType, Op, Packet

KNOWN_SECONDS = 43_200.0
"""A lease for a machine of the site: 12 hours, as harvester-dev gives."""

SHORT_SECONDS = 120.0
"""For any other: once it is approved, its next renewal is refused and it comes for its own
address (OpenCHAMI `bootloop`)."""

BMC_SECONDS = 3_600.0
"""For a BMC: it keeps its address while the laptop is restarted, and few ask for one."""

Machines = Callable[[Mac], BootMachine | None]
Records = Callable[[str], Record]
Turn = Callable[[BootClient, MessageType | None], bool]
"""Who boots, by which message → whether the boot file is stage-1 itself this time, not iPXE."""


@dataclass(frozen=True, slots=True)
class DhcpOutcome:
    """What came of one packet.

    `changes` must be on disk before `reply` leaves. `reason` says why there is no reply, or why
    it is what it is. With `points`, the reply told a firmware for good what to boot so that its
    machine shows itself.
    """

    reply: Packet | None = None
    changes: tuple[LeaseChange, ...] = ()
    decision: Decision | None = None
    events: tuple[BootEvent, ...] = ()
    reason: str = ""
    points: bool = False


@dataclass(frozen=True, slots=True)
class _Ask:
    packet: Packet
    client: BootClient
    machine: BootMachine | None
    decision: Decision
    network: BootNetwork
    book: LeaseBook
    now: Moment
    stage1: bool = False

    @property
    def points(self) -> bool:
        return self.client.is_firmware and self.decision.action is Action.DISCOVER

    @property
    def name(self) -> str:
        return self.machine.name if self.machine is not None else str(self.client.mac)

    def file(self) -> BootFile:
        if not self.client.is_booting:
            return BootFile(None)
        return boot_file(self.client, self.machine, self.network.bridge, stage1=self.stage1)

    @property
    def is_bmc(self) -> bool:
        return self.client.kind is ClientKind.BMC

    def event(
        self,
        text: str,
        *,
        kind: str = "dhcp",
        seen: Seen | None = None,
        address: IPv4Address | None = None,
    ) -> BootEvent:
        return BootEvent(
            at=self.now.unix,
            kind=kind,
            text=text,
            mac=self.client.mac,
            machine=self.machine.name if self.machine is not None else None,
            seen=seen,
            data=(*_facts(self), *((("address", str(address)),) if address else ())),
        )


def answer(  # noqa: PLR0913 - all that an answer follows from
    packet: Packet,
    *,
    network: BootNetwork,
    machines: Machines,
    records: Records,
    book: LeaseBook,
    now: Moment,
    server_port: int = SERVER_PORT,
    turn: Turn | None = None,
) -> DhcpOutcome:
    """Answer a packet that came to `server_port` (67 or 4011).

    Raises WireError when it claims something about its sender that cannot be.
    """
    if packet.op is not Op.REQUEST:
        return DhcpOutcome(reason="it is a server's packet")
    client = parse_client(packet)
    if client.is_our_probe:
        return DhcpOutcome(reason="it is our own search for other DHCP servers")
    machine = machines(client.mac)
    client = _known_as_bmc(client, machine, book)
    record = records(machine.name) if machine is not None else Record()
    # Stage-1 asks on every card with link, and some of them may never have booted.
    booting = client.is_booting or client.kind is ClientKind.STAGE1
    decision = decide(machine, record, firmware=client.firmware, booting=booting)
    if client.kind is ClientKind.BMC:
        decision = Decision(Action.HOLD, "it is a BMC, which boots nothing from here")
    elif decision.action is Action.IGNORE and book.lease_of(client.mac, now.monotonic) is not None:
        decision = Decision(Action.DISCOVER, "not of this site, but it booted from here")
    direct = turn is not None and client.is_booting and turn(client, packet.message_type)
    # Beside another DHCP server, stage-1 would take that one for the bridge: iPXE tells it better.
    direct = direct and decision.action is Action.DISCOVER and not network.proxy
    ask = _Ask(packet, client, machine, decision, network, book, now, direct)
    if client.relay is not None and client.relay not in network.cidr:
        return _silent(
            ask, f"its relay {client.relay} stands in another network, and there is no pool for it"
        )
    if server_port == PXE_PORT:
        return _boot_server(ask)
    if ask.is_bmc and machine is not None:
        return _bmc_with_machines_card(ask)
    return _proxy(ask) if network.proxy else _authoritative(ask)


def reservations(machines: Sequence[BootMachine]) -> dict[Mac, IPv4Address]:
    """Give the addresses that are kept: for the machines' cards, and for those of their BMCs."""
    kept: dict[Mac, IPv4Address] = {}
    for each in machines:
        if each.bmc_mac is not None and each.bmc_address is not None:
            kept[each.bmc_mac] = each.bmc_address
    return kept | {mac: each.address for each in machines for mac in each.macs}


def _known_as_bmc(client: BootClient, machine: BootMachine | None, book: LeaseBook) -> BootClient:
    """Take a running system that is nobody's for a BMC, by its name or by the site file's card."""
    if machine is not None or client.kind is not ClientKind.SYSTEM:
        return client
    maker = maker_by_name(client.hostname)
    if maker or book.reservation(client.mac) is not None:
        return replace(client, kind=ClientKind.BMC, bmc=maker)
    return client


def _bmc_with_machines_card(ask: _Ask) -> DhcpOutcome:
    """Give it nothing: the machine's own address would be the BMC's, and its boot evidence."""
    reason = (
        f"it is {ask.client.described()} with the card that the site file gives to the machine: "
        "write the machine's own card as mac, and this one as bmc.mac"
    )
    return _silent(ask, reason, kind="finding")


# ---------------------------------------------------------------------- our own network


def _authoritative(ask: _Ask) -> DhcpOutcome:
    match ask.packet.message_type:
        case MessageType.RELEASE:
            return _release(ask)
        case MessageType.DECLINE:
            return _decline(ask)
        case MessageType.REQUEST if ask.client.server_id not in (None, ask.network.bridge):
            return _took_another(ask)
        case _ if ask.decision.action is Action.IGNORE:
            return _silent(ask, ask.decision.reason)
        case MessageType.DISCOVER:
            return _offer(ask)
        case MessageType.REQUEST:
            return _request(ask)
        case MessageType.INFORM:
            return _inform(ask)
        case None:
            return _silent(ask, "it speaks BOOTP, not DHCP")
        case _:
            return _silent(ask, "only servers send such a message")


def _offer(ask: _Ask) -> DhcpOutcome:
    address = ask.book.propose(ask.client.mac, ask.now.monotonic, requested=ask.client.requested)
    if address is None:
        return _silent(ask, "no address is free in the pool", kind="finding")
    reply, note = _lease_reply(ask, MessageType.OFFER, address)
    shown = ask.event(f"{ask.name} ({ask.client.described()}) is offered {address}{note}")
    return DhcpOutcome(
        reply=reply,
        decision=ask.decision,
        events=(*_evidence(ask), shown),
        reason=ask.decision.reason,
    )


def _request(ask: _Ask) -> DhcpOutcome:
    client, now = ask.client, ask.now.monotonic
    renews = ask.packet.ciaddr != UNSPECIFIED
    address = ask.packet.ciaddr if renews else client.requested
    if address is None:
        return _silent(ask, "it asks for an address without naming it")
    reason = ask.book.may_have(client.mac, address, now)
    if reason:
        return _nak(ask, address, reason)
    changes = ask.book.grant(
        client.mac, address, now, length=_length(ask, address), hostname=client.hostname
    )
    reply, note = _lease_reply(ask, MessageType.ACK, address)
    verb = "keeps" if renews else "has"
    text = f"{ask.name} ({client.described()}) {verb} {address}{note}"
    shown = ask.event(text, kind="bmc" if ask.is_bmc else "dhcp", address=address)
    # A renewal is the system that was there before, and shows no boot.
    evidence = () if renews else _evidence(ask)
    return DhcpOutcome(
        reply, changes, ask.decision, (*evidence, shown), ask.decision.reason, points=ask.points
    )


def _nak(ask: _Ask, address: IPv4Address, reason: str) -> DhcpOutcome:
    shown = ask.event(f"{ask.name} is refused {address}: {reason}")
    return DhcpOutcome(
        reply=refusal(ask.packet, ask.network, reason),
        decision=ask.decision,
        events=(shown,),
        reason=reason,
    )


def _inform(ask: _Ask) -> DhcpOutcome:
    if ask.packet.ciaddr == UNSPECIFIED:
        return _silent(ask, "it asks for settings without saying its address")
    options = address_options(ask.network, ask.client, ask.machine)
    reply = with_boot(ask.packet, MessageType.ACK, options, network=ask.network, name=None)
    shown = ask.event(f"{ask.name} asked for the network's settings")
    return DhcpOutcome(reply, (), ask.decision, (shown,), ask.decision.reason)


def _release(ask: _Ask) -> DhcpOutcome:
    address = ask.packet.ciaddr
    changes = ask.book.release(ask.client.mac, address)
    if not changes:
        return _silent(ask, f"it gives back {address}, which it does not hold")
    shown = ask.event(f"{ask.name} gives back {address}")
    return DhcpOutcome(None, changes, ask.decision, (shown,), "a release is not answered")


def _decline(ask: _Ask) -> DhcpOutcome:
    address = ask.client.requested
    if address is None:
        return _silent(ask, "it declines an address without naming it")
    changes = ask.book.decline(ask.client.mac, address, ask.now.monotonic)
    if not changes:
        return _silent(ask, f"it declines {address}, which it was not given")
    shown = ask.event(
        f"{ask.name} found {address} in use by another machine: it is set aside for ten minutes. "
        "Find that machine, or move the pool",
        kind="finding",
    )
    return DhcpOutcome(None, changes, ask.decision, (shown,), "a decline is not answered")


def _took_another(ask: _Ask) -> DhcpOutcome:
    ask.book.drop_offer(ask.client.mac)
    reason = f"it took the offer of another DHCP server, {ask.client.server_id}"
    ours = ask.machine is not None or ask.client.is_booting
    return _silent(ask, reason, kind="finding" if ours else "dhcp")


# ---------------------------------------------------------------------- beside another server


def _proxy(ask: _Ask) -> DhcpOutcome:
    message = ask.packet.message_type
    if ask.decision.action is Action.IGNORE:
        return _silent(ask, ask.decision.reason)
    if message is MessageType.DISCOVER and ask.client.is_booting:
        return _boot_reply(ask, MessageType.OFFER)
    seen = _evidence(ask) if message is MessageType.REQUEST else ()
    if ask.is_bmc and message is MessageType.REQUEST:
        renews = ask.packet.ciaddr != UNSPECIFIED
        address = ask.packet.ciaddr if renews else ask.client.requested
        text = f"{ask.name} ({ask.client.described()}) asks another DHCP server for its address"
        seen = (ask.event(text, kind="bmc", address=address),)
    reason = "its address comes from the site's own DHCP server"
    return DhcpOutcome(None, (), ask.decision, seen, reason)


def _boot_server(ask: _Ask) -> DhcpOutcome:
    if not ask.client.is_booting:
        return _silent(ask, "only firmware has business on port 4011")
    match ask.packet.message_type:
        case MessageType.REQUEST | MessageType.INFORM:
            return _boot_reply(ask, MessageType.ACK)
        case MessageType.DISCOVER:
            return _boot_reply(ask, MessageType.OFFER)
        case _:
            return _silent(ask, "port 4011 answers requests only")


def _boot_reply(ask: _Ask, message: MessageType) -> DhcpOutcome:
    file = ask.file()
    if file.name is None:
        return _silent(ask, file.note, kind="finding")
    options = boot_options(ask.network, ask.packet, ask.client, file.name)
    reply = with_boot(ask.packet, message, options, network=ask.network, name=file.name)
    shown = ask.event(f"{ask.name} ({ask.client.described()}) is pointed to {file.name}")
    return DhcpOutcome(
        reply,
        (),
        ask.decision,
        (*_evidence(ask), shown),
        file.note or ask.decision.reason,
        points=ask.points and message is MessageType.ACK,
    )


# ---------------------------------------------------------------------- parts


def _lease_reply(ask: _Ask, message: MessageType, address: IPv4Address) -> tuple[Packet, str]:
    """Build an OFFER or ACK with an address, and say in words what it boots."""
    network, client = ask.network, ask.client
    file = ask.file()
    options = address_options(network, client, ask.machine) | lease_times(_length(ask, address))
    note = f"; {file.note}" if file.note else ""
    if file.name is not None:
        options |= boot_options(network, ask.packet, client, file.name)
        note = f" and {file.name}{note}"
    reply = with_boot(ask.packet, message, options, network=network, name=file.name, yiaddr=address)
    return reply, note


def _length(ask: _Ask, address: IPv4Address) -> float:
    if ask.book.reservation(ask.client.mac) == address:
        return KNOWN_SECONDS
    return BMC_SECONDS if ask.is_bmc else SHORT_SECONDS


def _evidence(ask: _Ask) -> tuple[BootEvent, ...]:
    """Give what this packet proves of a machine of the site.

    A firmware shows itself by its first word, a system when it takes its address: the installer's
    own system renews, and that proves nothing new.
    """
    if ask.machine is None or ask.is_bmc:
        return ()
    begins = ask.packet.message_type is MessageType.DISCOVER
    match ask.client.kind:
        case ClientKind.STAGE1:
            seen = None  # Its own word, by HTTP, says more; and it is not the installed system.
        case ClientKind.SYSTEM:
            seen = None if begins else Seen.SYSTEM_DHCP
        case ClientKind.IPXE:
            seen = Seen.IPXE_DHCP if begins else None
        case _:
            seen = Seen.FIRMWARE_DHCP if begins else None
    if seen is None:
        return ()
    text = f"DHCP from {ask.client.described()}"
    return (ask.event(text, kind="evidence", seen=seen),)


def _silent(ask: _Ask, reason: str, *, kind: str = "dhcp") -> DhcpOutcome:
    message = ask.packet.message_type
    asked = message.name if message is not None else "BOOTP request"
    shown = ask.event(f"{asked} from {ask.name} is not answered: {reason}", kind=kind)
    return DhcpOutcome(None, (), ask.decision, (shown,), reason)


def _facts(ask: _Ask) -> tuple[tuple[str, str], ...]:
    client = ask.client
    facts = [("client", client.kind.value), ("action", ask.decision.action.value)]
    facts.append(("reason", ask.decision.reason))
    if client.firmware is not None:
        facts.append(("firmware", client.firmware.value))
    if client.machine_id is not None:
        facts.append(("uuid", str(client.machine_id)))
    if client.hostname:
        facts.append(("hostname", client.hostname))
    if client.bmc:
        facts.append(("vendor", client.bmc))
    return tuple(facts)
