"""Who asks: a DHCP packet parsed once, at the door, into a `BootClient`.

Liberal where firmware is known to be sloppy (option 77: metal3-io/baremetal-operator#446),
strict where a wrong length means that the packet is not what it says (option 97).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address
from uuid import UUID

from appliance.boot.bmc import maker_by_class
from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire.dhcp4 import UNSPECIFIED, Packet
from appliance.wire.dhcp4_options import (
    IpxeOption,
    OptionCode,
    Options,
    ipxe_features,
    ipxe_version,
    user_classes,
)
from appliance.wire.pxe import (
    Firmware,
    architecture_in_vendor_class,
    boots_over_http,
    firmware_of,
    is_raspberry_pi,
    parse_architectures,
    parse_machine_id,
)

IPXE_CLASS = "iPXE"
PXE_CLIENT = "PXEClient"
HTTP_CLIENT = "HTTPClient"
STAGE1_CLASS = "bridgehead-stage1"
"""Vendor class of our small Linux."""
PROBE_CLASS = "bridgehead-probe"
"""User class of our own search for other DHCP servers; our own service stays silent to it."""


class ClientKind(StrEnum):
    """What speaks: which decides the form of the answer."""

    PXE = "PXE firmware"
    HTTP_BOOT = "UEFI HTTP boot"
    IPXE = "iPXE"
    STAGE1 = "our small Linux"
    SYSTEM = "a running system"
    BMC = "a BMC"


_RUNNING = (ClientKind.STAGE1, ClientKind.SYSTEM, ClientKind.BMC)


@dataclass(frozen=True, slots=True)
class BootClient:
    """All that a DHCP packet says about its sender.

    `architecture` is option 93's first value. `firmware` is None for a running system, which does
    not tell it. `asks` is option 55. `can_http` is False only for an iPXE that lists its features
    and lacks HTTP. `bmc` is the maker, where it is a BMC that tells it.
    """

    mac: Mac
    kind: ClientKind
    architecture: int | None = None
    firmware: Firmware | None = None
    user_class: tuple[str, ...] = ()
    vendor_class: str = ""
    machine_id: UUID | None = None
    asks: bytes = b""
    hostname: str = ""
    requested: IPv4Address | None = None
    server_id: IPv4Address | None = None
    relay: IPv4Address | None = None
    ipxe_features: frozenset[IpxeOption] = frozenset()
    ipxe_version: tuple[int, int, int] | None = None
    bmc: str = ""

    @property
    def is_booting(self) -> bool:
        """Whether this is a firmware or a boot loader, in contrast to a running system."""
        return self.kind not in _RUNNING

    @property
    def is_firmware(self) -> bool:
        """Whether this is a firmware, which still has to be given its boot loader."""
        return self.kind in (ClientKind.PXE, ClientKind.HTTP_BOOT)

    @property
    def is_our_probe(self) -> bool:
        """Whether this is our own search for other DHCP servers."""
        return PROBE_CLASS in self.user_class

    @property
    def is_raspberry_pi(self) -> bool:
        """Whether the network card is a Raspberry Pi's, which lies about its architecture."""
        return is_raspberry_pi(self.mac.bare[:6])

    @property
    def can_http(self) -> bool:
        """Whether it can fetch a script over HTTP. An iPXE that lists nothing is believed to."""
        return not self.ipxe_features or IpxeOption.HTTP in self.ipxe_features

    def wants(self, code: int) -> bool:
        """Whether it asks for an option; one that sends no list takes all (RFC 2132, 9.8)."""
        return not self.asks or code in self.asks

    def described(self) -> str:
        """Say in words what it is: `UEFI HTTP boot, uefi-x64`."""
        if self.bmc:
            return f"{self.kind.value}, {self.bmc}"
        if self.kind in _RUNNING or self.firmware is None:
            return self.kind.value
        return f"{self.kind.value}, {self.firmware.value}"


def parse_client(packet: Packet) -> BootClient:
    """Read a request's sender.

    Raises WireError for hardware that is not Ethernet, an option 97 of a wrong length or type
    (pixiecore and Tinkerbell refuse these too), or an address option of a wrong length.
    """
    options = packet.options
    mac = packet.mac
    vendor_class = options.text(OptionCode.VENDOR_CLASS) or ""
    classes = user_classes(options.get(OptionCode.USER_CLASS, b""))
    architecture = _architecture(options, vendor_class)
    kind = _kind(options, vendor_class, classes, architecture)
    features, version = _ipxe(options) if kind is ClientKind.IPXE else (frozenset(), None)
    return BootClient(
        mac=mac,
        kind=kind,
        architecture=architecture,
        firmware=(None if kind in _RUNNING else firmware_of(architecture, oui=mac.bare[:6])),
        user_class=classes,
        vendor_class=vendor_class,
        machine_id=parse_machine_id(options.get(OptionCode.MACHINE_ID)),
        asks=options.get(OptionCode.PARAMETER_REQUEST_LIST, b""),
        hostname=options.text(OptionCode.HOST_NAME) or "",
        requested=options.address(OptionCode.REQUESTED_ADDRESS),
        server_id=options.address(OptionCode.SERVER_ID),
        relay=packet.giaddr if packet.giaddr != UNSPECIFIED else None,
        ipxe_features=features,
        ipxe_version=version,
        bmc=maker_by_class(vendor_class) if kind is ClientKind.BMC else "",
    )


def _architecture(options: Options, vendor_class: str) -> int | None:
    raw = options.get(OptionCode.CLIENT_ARCHITECTURE)
    if raw is not None:
        try:
            return parse_architectures(raw)[0]
        except WireError:
            pass  # The vendor class says it again.
    return architecture_in_vendor_class(vendor_class)


def _kind(
    options: Options, vendor_class: str, classes: tuple[str, ...], architecture: int | None
) -> ClientKind:
    if vendor_class == STAGE1_CLASS:
        return ClientKind.STAGE1
    if IPXE_CLASS in classes or OptionCode.IPXE in options:
        return ClientKind.IPXE
    if vendor_class.startswith(HTTP_CLIENT) or boots_over_http(architecture):
        return ClientKind.HTTP_BOOT
    if vendor_class.startswith(PXE_CLIENT) or architecture is not None:
        return ClientKind.PXE
    return ClientKind.BMC if maker_by_class(vendor_class) else ClientKind.SYSTEM


def _ipxe(options: Options) -> tuple[frozenset[IpxeOption], tuple[int, int, int] | None]:
    raw = options.get(OptionCode.IPXE)
    if raw is None:
        return frozenset(), None
    try:
        return ipxe_features(raw), ipxe_version(raw)
    except WireError:
        # A cut list of features is no reason to leave a machine without an answer.
        return frozenset(), None
