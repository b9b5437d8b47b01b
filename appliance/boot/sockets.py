"""Open every socket of the boot services, bound to the one provisioning interface.

Called by main as root; the unprivileged boot process is handed the open sockets. Bound to the
device, so that nothing here can ever answer on a corporate interface (maas `dhcp/detect.py`,
provisioners facts, section 5, mistake 8).
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance import advice
from appliance.boot.port_holder import find_holder
from appliance.errors import PortInUseError, PreflightError


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of the boot services. `any_address`: it must hear broadcasts, so it binds to any."""

    name: str
    port: int
    protocol: str
    purpose: str
    any_address: bool = False


SERVICE_PORTS = (
    ServicePort("dhcp", 67, "udp", "DHCP", any_address=True),
    ServicePort("proxy", 4011, "udp", "the PXE boot server", any_address=True),
    ServicePort("tftp", 69, "udp", "TFTP"),
    ServicePort("dns_udp", 53, "udp", "DNS"),
    ServicePort("dns_tcp", 53, "tcp", "DNS"),
    ServicePort("http", 80, "tcp", "boot files over HTTP"),
    ServicePort("ntp", 123, "udp", "NTP"),
    ServicePort("syslog", 514, "udp", "machines' logs"),
)
SERVICES_PORTS = (
    ServicePort("services_dns_udp", 53, "udp", "DNS at the services address"),
    ServicePort("services_dns_tcp", 53, "tcp", "DNS at the services address"),
    ServicePort("services_ntp", 123, "udp", "NTP at the services address"),
)
"""Answered at the site's services address too, until the staging machine has it."""
SERVICES_NAMES = tuple(each.name for each in SERVICES_PORTS)

PACKET = "packet"
SOCKET_NAMES = (*(each.name for each in SERVICE_PORTS), PACKET)

# linux/if_packet.h, asm-generic/socket.h, linux/sockios.h: Python has no names for these.
_SOL_PACKET = 263
_PACKET_IGNORE_OUTGOING = 23
_SO_ATTACH_FILTER = 26
_SO_RCVBUFFORCE = 33
_SO_LOCK_FILTER = 44
_SIOCGIFCONF = 0x8912
_ETH_P_ALL = 0x0003
_IFREQ_SIZE = 40

_RECEIVE_BUFFER = 4 << 20
"""A rack switched on at once: 1000 DISCOVERs overflowed Kea's default buffer (730 resends)."""
_BACKLOG = 1024


def open_sockets(
    interface: str,
    address: IPv4Address,
    *,
    names: Collection[str] = SOCKET_NAMES,
    ports: Mapping[str, int] | None = None,
) -> dict[str, socket.socket]:
    """Open the named sockets on `interface`, non-blocking, TCP ones listening.

    `address` is the laptop's on that interface: its own, or with SERVICES_NAMES the one it holds
    for the staging machine. `ports` overrides port numbers by name.
    Raises PreflightError (no such interface, address not on it, not root) and PortInUseError,
    which names the holder of the port; nothing is left open then.
    """
    check_interface(interface, address)
    opened: dict[str, socket.socket] = {}
    try:
        for service in (*SERVICE_PORTS, *SERVICES_PORTS):
            if service.name in names:
                port = (ports or {}).get(service.name, service.port)
                opened[service.name] = _open_port(service, port, interface, address)
        if PACKET in names:
            opened[PACKET] = open_packet_socket(interface)
    except BaseException:
        for each in opened.values():
            each.close()
        raise
    return opened


def check_interface(interface: str, address: IPv4Address) -> None:
    """See that `interface` exists and carries `address`. Raises PreflightError."""
    _index(interface)
    present = addresses_of(interface)
    if address not in present:
        shown = ", ".join(map(str, present)) or "none"
        raise PreflightError(
            f"the interface does not carry the address {address}",
            where=interface,
            why=f"its addresses: {shown}",
            fix=f"ip address add {address}/PREFIX dev {interface}",
        )


def addresses_of(interface: str) -> tuple[IPv4Address, ...]:
    """Give the IPv4 addresses on an interface, labelled ones (`eth0:1`) too. Needs no rights."""
    size = 128 * _IFREQ_SIZE
    found: list[IPv4Address] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        while True:
            records = _interface_records(probe, size)
            if len(records) < size:
                break
            size *= 2
    for start in range(0, len(records), _IFREQ_SIZE):
        label = records[start : start + 16].split(b"\0", 1)[0].decode()
        if label.partition(":")[0] == interface:
            found.append(IPv4Address(records[start + 20 : start + 24]))
    return tuple(found)


def _interface_records(probe: socket.socket, size: int) -> bytes:
    # SIOCGIFCONF wants a pointer to a buffer it fills with `struct ifreq`s (netdevice(7)).
    import ctypes  # noqa: PLC0415 (needed nowhere else, and main starts without it)

    buffer = ctypes.create_string_buffer(size)
    request = struct.pack("iP", size, ctypes.addressof(buffer))
    (used,) = struct.unpack_from("i", fcntl.ioctl(probe.fileno(), _SIOCGIFCONF, request))
    return buffer.raw[:used]


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        names = ", ".join(name for _, name in socket.if_nameindex() if name != "lo")
        raise PreflightError(
            "there is no such network interface",
            where=interface,
            why=f"this laptop has: {names or 'none'}",
            fix=f"plug the network adapter in, or {advice.other_interface()}",
        ) from error


def _open_port(
    service: ServicePort, port: int, interface: str, address: IPv4Address
) -> socket.socket:
    kind = socket.SOCK_DGRAM if service.protocol == "udp" else socket.SOCK_STREAM
    opened = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
    try:
        _bind_to_device(opened, interface)
        if service.protocol == "tcp":
            # Our own connections in TIME_WAIT must not keep a restart from listening. Not for
            # UDP: there it would let us share the port with another server, unnoticed.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            _widen(opened)
        opened.bind(("" if service.any_address else str(address), port))
        if service.protocol == "tcp":
            opened.listen(_BACKLOG)
    except PermissionError as error:
        opened.close()
        raise _not_root(f"port {port}/{service.protocol} ({service.purpose})") from error
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise _in_use(service, port) from error
        raise PreflightError(
            f"port {port}/{service.protocol} ({service.purpose}) cannot be opened",
            where=interface,
            why=error.strerror or str(error),
        ) from error
    return opened


def _in_use(service: ServicePort, port: int) -> PortInUseError:
    holder = find_holder(service.protocol, port)
    name = f"port {port}/{service.protocol} ({service.purpose})"
    return PortInUseError(
        f"{name} is held by {holder or 'another program'}",
        where=name,
        why="the boot services need this port on the provisioning interface",
        fix=f"stop {holder.program}" if holder and holder.pid else "stop that program",
    )


def _not_root(what: str) -> PreflightError:
    return PreflightError(
        f"{what} may not be opened", why="this needs root's rights", fix="run it with sudo"
    )


def _bind_to_device(opened: socket.socket, interface: str) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")


def _widen(opened: socket.socket) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)


def send_frame(opened: socket.socket, frame: bytes, interface: str) -> None:
    """Send a whole frame on an interface's packet socket. Raises PreflightError."""
    try:
        opened.send(frame)
    except OSError as error:  # it was switched off, or unplugged, just now
        raise PreflightError(
            f"nothing can be sent on {interface}",
            why=error.strerror or str(error),
            fix="see that the adapter is plugged in and its cable has link, then run again",
        ) from error


def open_packet_socket(interface: str) -> socket.socket:
    """Open the raw socket: sends whole frames, hears ARP and DHCP servers' packets, no more.

    Raises PreflightError without root's rights or without the interface.
    """
    _index(interface)
    try:
        # Protocol 0 hears nothing until it is bound, so nothing slips past the filter.
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    except PermissionError as error:
        raise _not_root("the raw socket for DHCP and ARP") from error
    try:
        _attach_filter(opened)
        # Without this every frame that we send, gigabytes of images, would pass the filter.
        opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        _widen(opened)
        opened.bind((interface, _ETH_P_ALL))
    except BaseException:
        opened.close()
        raise
    return opened


# Classic BPF (linux/filter.h), in tcpdump's words
# `arp or (udp src port 67 and not ip[6:2] & 0x1fff and udp[8] = 2)`: ARP, and BOOTP replies.
_FILTER = (
    (0x28, 0, 0, 12),  # ldh  [12]            EtherType
    (0x15, 10, 0, 0x0806),  # jeq  ARP → accept
    (0x15, 0, 10, 0x0800),  # jeq  IPv4, else drop
    (0x30, 0, 0, 23),  # ldb  [23]            protocol
    (0x15, 0, 8, 17),  # jeq  UDP, else drop
    (0x28, 0, 0, 20),  # ldh  [20]            flags, fragment offset
    (0x45, 6, 0, 0x1FFF),  # jset offset → drop
    (0xB1, 0, 0, 14),  # ldxb 4*([14]&0xf)    length of the IP header
    (0x48, 0, 0, 14),  # ldh  [x + 14]        source port
    (0x15, 0, 3, 67),  # jeq  67, else drop
    (0x50, 0, 0, 22),  # ldb  [x + 22]        op
    (0x15, 0, 1, 2),  # jeq  reply, else drop: relays speak from port 67 too
    (0x06, 0, 0, 0xFFFF),  # accept
    (0x06, 0, 0, 0),  # drop
)


def _attach_filter(opened: socket.socket) -> None:
    import ctypes  # noqa: PLC0415 (as above)

    program = b"".join(struct.pack("HBBI", *step) for step in _FILTER)
    buffer = ctypes.create_string_buffer(program)
    described = struct.pack("HP", len(_FILTER), ctypes.addressof(buffer))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
    # The unprivileged process that is handed this socket may not hear more than this.
    opened.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)
