"""What a DHCP reply carries: the address options and the boot options, by client.

Sources: RFC 2132, RFC 4578, PXE 2.1, and what firmware was measured to need (provisioners facts,
section 6).
"""

from __future__ import annotations

from ipaddress import IPv4Address

from appliance.boot.client import HTTP_CLIENT, PXE_CLIENT, BootClient, ClientKind
from appliance.boot.model import BootMachine, BootNetwork
from appliance.errors import WireError
from appliance.wire.dhcp4 import FILE_LIMIT, UNSPECIFIED, MessageType, Packet, reply_to
from appliance.wire.dhcp4_options import (
    IpxeOption,
    OptionCode,
    Options,
    PxeOption,
    decode_suboptions,
    encode_suboptions,
    of_address,
    of_addresses,
    of_text,
    of_uint16,
    of_uint32,
    pxe_boot_from_offer,
)

_ETHERNET_MTU = 1500
_PXE_BOOT_FROM_OFFER = pxe_boot_from_offer()
_IPXE_NO_PROXY = encode_suboptions({IpxeOption.NO_PXEDHCP: b"\1"}, end=False)


def address_options(
    network: BootNetwork, client: BootClient, machine: BootMachine | None
) -> dict[int, bytes]:
    """Give the options that configure the network, without the lease's times.

    The router is always sent: without a default route the Harvester installer aborts
    (harvester#5675), and RKE2's image preload fails.
    """
    options: dict[int, bytes] = {
        OptionCode.SERVER_ID: of_address(network.bridge),
        OptionCode.SUBNET_MASK: of_address(network.cidr.netmask),
        OptionCode.ROUTER: of_address(network.gateway),
    }
    if network.dns:
        options[OptionCode.DNS_SERVER] = of_addresses(network.dns)
    if client.wants(OptionCode.DOMAIN_NAME) and network.zone:
        options[OptionCode.DOMAIN_NAME] = of_text(network.zone)
    if client.wants(OptionCode.BROADCAST_ADDRESS):
        options[OptionCode.BROADCAST_ADDRESS] = of_address(network.cidr.broadcast_address)
    if client.wants(OptionCode.NTP_SERVER) and network.ntp:
        options[OptionCode.NTP_SERVER] = of_addresses(network.ntp)
    if machine is not None and client.wants(OptionCode.HOST_NAME):
        options[OptionCode.HOST_NAME] = of_text(machine.hostname)
    if network.mtu != _ETHERNET_MTU and client.wants(OptionCode.INTERFACE_MTU):
        options[OptionCode.INTERFACE_MTU] = of_uint16(network.mtu)
    if OptionCode.LOG_SERVER in client.asks:
        # iPXE then sends its messages to our syslog.
        options[OptionCode.LOG_SERVER] = of_address(network.bridge)
    return options


def lease_times(length: float) -> dict[int, bytes]:
    """Give options 51, 58 and 59 for a lease of so many seconds (RFC 2131, 4.4.5)."""
    seconds = int(length)
    return {
        OptionCode.LEASE_TIME: of_uint32(seconds),
        OptionCode.RENEWAL_TIME: of_uint32(seconds // 2),
        OptionCode.REBINDING_TIME: of_uint32(seconds * 7 // 8),
    }


def boot_options(
    network: BootNetwork, packet: Packet, client: BootClient, name: str
) -> dict[int, bytes]:
    """Give the options that make this client boot `name`, a TFTP name or a URL."""
    options: dict[int, bytes] = {
        OptionCode.SERVER_ID: of_address(network.bridge),
        OptionCode.BOOT_FILE_NAME: name.encode(),
    }
    if not name.startswith("http:"):
        options[OptionCode.TFTP_SERVER_NAME] = of_text(str(network.bridge))
    if client.kind is ClientKind.HTTP_BOOT:
        # Without it EDK2 sends four DISCOVERs and never a REQUEST (measured, OVMF 2022.11).
        options[OptionCode.VENDOR_CLASS] = HTTP_CLIENT.encode()
    elif client.kind is ClientKind.PXE or network.proxy:
        # 60 without 43 sends EDK2 to port 4011 (FOGProject/fog-docs#188); without 60 it takes a
        # proxy's offer for none at all, PXE-E16 (measured, OVMF 2022.11).
        options[OptionCode.VENDOR_CLASS] = PXE_CLIENT.encode()
        options[OptionCode.VENDOR_SPECIFIC] = _pxe_options(packet)
    else:
        # Spares iPXE its wait for a ProxyDHCP server.
        options[OptionCode.IPXE] = _IPXE_NO_PROXY
    return options


def with_boot(
    packet: Packet,
    message: MessageType,
    options: dict[int, bytes],
    *,
    network: BootNetwork,
    name: str | None,
    yiaddr: IPv4Address = UNSPECIFIED,
) -> Packet:
    """Build the reply; the boot file's name goes in the header too, all that U-Boot reads."""
    file = name.encode() if name is not None else b""
    return reply_to(
        packet,
        message,
        options=Options(options),
        yiaddr=yiaddr,
        siaddr=network.bridge if file else UNSPECIFIED,
        file=file if len(file) <= FILE_LIMIT else b"",
    )


def refusal(packet: Packet, network: BootNetwork, reason: str) -> Packet:
    """Build a NAK that says why (option 56)."""
    text = reason.encode("ascii", "replace")[:200]
    options: dict[int, bytes] = {
        OptionCode.SERVER_ID: of_address(network.bridge),
        OptionCode.MESSAGE: text,
    }
    return reply_to(packet, MessageType.NAK, options=Options(options))


def _pxe_options(packet: Packet) -> bytes:
    """Give option 43, with the boot item that was asked for (PXE 2.1, 2.2.4), if one was."""
    raw = packet.options.get(OptionCode.VENDOR_SPECIFIC)
    if raw is None:
        return _PXE_BOOT_FROM_OFFER
    try:
        item = decode_suboptions(raw).get(PxeOption.BOOT_ITEM)
    except WireError:
        item = None  # Vendors put other things there.
    if item is None:
        return _PXE_BOOT_FROM_OFFER
    chosen: dict[int, bytes] = {PxeOption.DISCOVERY_CONTROL: b"\x08", PxeOption.BOOT_ITEM: item}
    return encode_suboptions(chosen)
