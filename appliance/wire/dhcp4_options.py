"""DHCPv4 options: codes, an immutable set of them, and the codecs of their values.

Sources: RFC 2132, RFC 3396 (long options), RFC 3004 (user class), RFC 3046 (relay agent),
RFC 4578 (PXE), the PXE 2.1 specification and iPXE's `dhcp.h`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Self

from appliance.errors import WireError


class OptionCode(IntEnum):
    """Names of the option codes this product reads or sends (IANA, RFC 2132 and later)."""

    PAD = 0
    SUBNET_MASK = 1
    TIME_OFFSET = 2
    ROUTER = 3
    TIME_SERVER = 4
    DNS_SERVER = 6
    LOG_SERVER = 7
    HOST_NAME = 12
    BOOT_FILE_SIZE = 13
    DOMAIN_NAME = 15
    ROOT_PATH = 17
    INTERFACE_MTU = 26
    BROADCAST_ADDRESS = 28
    NTP_SERVER = 42
    VENDOR_SPECIFIC = 43
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER_ID = 54
    PARAMETER_REQUEST_LIST = 55
    MESSAGE = 56
    MAX_MESSAGE_SIZE = 57
    RENEWAL_TIME = 58
    REBINDING_TIME = 59
    VENDOR_CLASS = 60
    CLIENT_ID = 61
    TFTP_SERVER_NAME = 66
    BOOT_FILE_NAME = 67
    USER_CLASS = 77
    CLIENT_FQDN = 81
    RELAY_AGENT = 82
    CLIENT_ARCHITECTURE = 93
    CLIENT_NETWORK_INTERFACE = 94
    MACHINE_ID = 97
    IPV6_ONLY_PREFERRED = 108
    CAPTIVE_PORTAL = 114
    AUTO_CONFIGURE = 116
    SUBNET_SELECTION = 118
    DOMAIN_SEARCH = 119
    CLASSLESS_ROUTES = 121
    PXE_128 = 128
    PXE_129 = 129
    PXE_130 = 130
    PXE_131 = 131
    PXE_132 = 132
    PXE_133 = 133
    PXE_134 = 134
    PXE_135 = 135
    TFTP_SERVER_ADDRESS = 150
    IPXE = 175
    CONFIGURATION_FILE = 209
    PATH_PREFIX = 210
    PRIVATE_CLASSLESS_ROUTES = 249
    END = 255


class PxeOption(IntEnum):
    """Sub-options of option 43 under vendor class `PXEClient` (PXE 2.1, table 2-1)."""

    DISCOVERY_CONTROL = 6
    BOOT_SERVERS = 8
    BOOT_MENU = 9
    MENU_PROMPT = 10
    BOOT_ITEM = 71


class RelayOption(IntEnum):
    """Sub-options of option 82 (RFC 3046, RFC 3527, RFC 5107)."""

    CIRCUIT_ID = 1
    REMOTE_ID = 2
    LINK_SELECTION = 5
    SERVER_ID_OVERRIDE = 11


class IpxeOption(IntEnum):
    """Sub-options of option 175, from iPXE's `dhcp.h` and `features.h`."""

    PRIORITY = 1
    KEEP_SAN = 8
    SKIP_SAN_BOOT = 9
    PXE_EXTENSIONS = 16
    ISCSI = 17
    AOE = 18
    HTTP = 19
    HTTPS = 20
    TFTP = 21
    FTP = 22
    DNS = 23
    BZIMAGE = 24
    MULTIBOOT = 25
    SLAM = 26
    SRP = 27
    NBI = 32
    PXE = 33
    ELF = 34
    COMBOOT = 35
    EFI = 36
    FCOE = 37
    VLAN = 38
    MENU = 39
    SDI = 40
    NFS = 41
    NO_PXEDHCP = 176
    BUS_ID = 177
    BIOS_DRIVE = 189
    VERSION = 235


# iPXE features.h: what a build can do is announced under codes 16 to 79.
_IPXE_FEATURES = tuple(option for option in IpxeOption if 16 <= option <= 79)
_END = b"\xff"

# PXE 2.1, table 2-1: bit 3 means "boot the named file, do not discover boot servers".
PXE_BOOT_FROM_OFFER = 8


class Options(Mapping[int, bytes]):
    """An immutable mapping from code to joined value, in the order of arrival.

    PAD, END and OVERLOAD are marks of the encoding and never members. A typed getter gives
    None when the option is absent and raises WireError when its length is wrong.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[int, bytes] | Iterable[tuple[int, bytes]] = ()) -> None:
        self._values: dict[int, bytes] = dict(values)

    def __getitem__(self, code: int) -> bytes:
        return self._values[code]

    def __iter__(self) -> Iterator[int]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Options({ {int(code): value for code, value in self._values.items()} })"

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def with_(self, code: int, value: bytes) -> Self:
        """Give a copy in which `code` holds `value`; an existing one keeps its place."""
        return type(self)({**self._values, int(code): value})

    def without(self, *codes: int) -> Self:
        """Give a copy that lacks these codes."""
        return type(self)({c: v for c, v in self._values.items() if c not in codes})

    def address(self, code: int) -> IPv4Address | None:
        """Read one address (4 octets)."""
        value = self._values.get(code)
        return None if value is None else IPv4Address(_sized(code, value, 4))

    def addresses(self, code: int) -> tuple[IPv4Address, ...] | None:
        """Read a list of at least one address (a multiple of 4 octets)."""
        value = self._values.get(code)
        if value is None:
            return None
        if not value or len(value) % 4:
            raise _wrong_length(code, value, "a multiple of 4 octets")
        return tuple(IPv4Address(value[at : at + 4]) for at in range(0, len(value), 4))

    def uint8(self, code: int) -> int | None:
        """Read one octet."""
        value = self._values.get(code)
        return None if value is None else int.from_bytes(_sized(code, value, 1), "big")

    def uint16(self, code: int) -> int | None:
        """Read two octets, big-endian."""
        value = self._values.get(code)
        return None if value is None else int.from_bytes(_sized(code, value, 2), "big")

    def uint32(self, code: int) -> int | None:
        """Read four octets, big-endian."""
        value = self._values.get(code)
        return None if value is None else int.from_bytes(_sized(code, value, 4), "big")

    def text(self, code: int) -> str | None:
        r"""Read a text; octets outside printable ASCII become `\xNN`, trailing NULs are dropped."""
        value = self._values.get(code)
        return None if value is None else printable(value.rstrip(b"\0"))


def read_into(values: dict[int, bytes], raw: bytes, what: str, *, marks: bool = True) -> None:
    """Add the triples in `raw` to `values`, joining a code that comes again (RFC 3396, 7).

    The loop is the hot path of the DHCP server: no object per option, one look-up each.
    Raises WireError when a length leads past the end of `raw`.
    """
    at, end = 0, len(raw)
    while at < end:
        code = raw[at]
        if marks:
            if code == 0:
                at += 1
                continue
            if code == 255:
                return
        start = at + 2
        if start > end or (stop := start + raw[at + 1]) > end:
            raise WireError(f"{what}: option {code} runs past the end", where=f"octet {at}")
        value = raw[start:stop]
        if code in values:
            value = values[code] + value
        values[code] = value
        at = stop


def printable(raw: bytes) -> str:
    r"""Give `raw` as text for people: printable ASCII stays, all else becomes `\xNN`."""
    text = raw.decode("latin-1")
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text)


def _sized(code: int, value: bytes, length: int) -> bytes:
    if len(value) != length:
        raise _wrong_length(code, value, f"{length} octet{'s' if length > 1 else ''}")
    return value


def _wrong_length(code: int, value: bytes, wanted: str) -> WireError:
    return WireError(f"option {int(code)} holds {len(value)} octets", why=f"{wanted} expected")


def _number(value: int, size: int) -> bytes:
    if not 0 <= value < 1 << 8 * size:
        raise WireError(f"{value} does not fit in {size} octet{'s' if size > 1 else ''}")
    return value.to_bytes(size, "big")


def of_address(value: IPv4Address) -> bytes:
    """Write one address."""
    return value.packed


def of_addresses(values: Iterable[IPv4Address]) -> bytes:
    """Write a list of addresses."""
    return b"".join(value.packed for value in values)


def of_uint8(value: int) -> bytes:
    """Write one octet. Raises WireError when the number does not fit."""
    return _number(value, 1)


def of_uint16(value: int) -> bytes:
    """Write two octets, big-endian. Raises WireError when the number does not fit."""
    return _number(value, 2)


def of_uint32(value: int) -> bytes:
    """Write four octets, big-endian. Raises WireError when the number does not fit."""
    return _number(value, 4)


def of_text(value: str) -> bytes:
    """Write an ASCII text without a NUL. Raises WireError for other characters."""
    if not value.isascii() or "\0" in value:
        raise WireError("a DHCP text must be ASCII without NUL", where=repr(value))
    return value.encode("ascii")


def decode_suboptions(raw: bytes, *, marks: bool = True) -> Options:
    """Read code-length-value triples, as in options 43, 82 and 175.

    `marks`: 0 pads and 255 ends (options 43 and 175); option 82 knows neither (RFC 3046, 2.0).
    A code that comes twice is joined. Raises WireError when a length leads past the end.
    """
    values: dict[int, bytes] = {}
    read_into(values, raw, "sub-options", marks=marks)
    return Options(values)


def encode_suboptions(values: Mapping[int, bytes], *, end: bool = True) -> bytes:
    """Write triples in order, with 255 at the end if `end`. Raises WireError above 255 octets."""
    parts = []
    for code, value in values.items():
        if len(value) > 255:
            raise WireError(f"sub-option {int(code)} holds {len(value)} octets", why="255 at most")
        parts.append(bytes((code, len(value))) + value)
    if end:
        parts.append(_END)
    return b"".join(parts)


def pxe_boot_from_offer() -> bytes:
    """Give the option 43 that makes PXE firmware boot the offered file (sub-option 6 = 8)."""
    return encode_suboptions({PxeOption.DISCOVERY_CONTROL: bytes((PXE_BOOT_FROM_OFFER,))})


def user_classes(raw: bytes) -> tuple[str, ...]:
    """Read option 77 liberally; never raises.

    RFC 3004 wants each class behind its length; iPXE sends the bare text `iPXE`, and some UEFI
    firmware sends malformed lists, which are then taken as one text.
    """
    classes = []
    at = 0
    while at < len(raw):
        length = raw[at]
        piece = raw[at + 1 : at + 1 + length]
        if not length or len(piece) < length:
            return (printable(raw.strip(b"\0")),)
        classes.append(printable(piece.rstrip(b"\0")))
        at += 1 + length
    return tuple(classes)


def ipxe_features(raw: bytes) -> frozenset[IpxeOption]:
    """Give the features an iPXE announces in option 175. Raises WireError for a cut option."""
    found = decode_suboptions(raw)
    return frozenset(o for o in _IPXE_FEATURES if (v := found.get(o)) and v != b"\0")


def ipxe_version(raw: bytes) -> tuple[int, int, int] | None:
    """Give the version an iPXE announces in option 175, if it does. Raises WireError likewise."""
    value = decode_suboptions(raw).get(IpxeOption.VERSION)
    if value is None or len(value) != 3:
        return None
    return value[0], value[1], value[2]
