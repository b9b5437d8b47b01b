"""The single values a site file may hold: each read from text by the key it stands under.

The loader hands every scalar over as text, so that `serial: 0012` keeps its noughts and
`mac: 525400123456` is no number; the key's type says what the text means. Every refusal says
what is wrong and what to write.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from appliance import advice
from appliance.site import disk
from appliance.site.plan import (
    AddressRange,
    BmcBoot,
    DiskPlan,
    ExpectedFirmware,
    OwnDisk,
    Role,
    Way,
)
from appliance.site.versions import (
    known_lines_text,
    line_of,
    nearest_known,
    normal_version,
)
from appliance.values import Mac

WRONG = "site_value"
"""The type of every error raised here; its context holds `what` and `fix`."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_IPV4_PATTERN = r"^\d{1,3}(\.\d{1,3}){3}$"
_SIZE_PATTERN = r"^\d+(\.\d+)?\s*[KMGTPkmgtp](i?B)?$"
_NETWORK_PATTERN = r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$"
_RANGE_PATTERN = r"^[0-9.]+(\s*-\s*|\s+to\s+)[0-9.]+$"
_MAC_PATTERN = r"^[0-9A-Fa-f]{2}([:.-]?[0-9A-Fa-f]{2}){5}$"
_DISK_PATTERN = r"^/dev/disk/by-(id|path)/[^/]+$"
_HARVESTER_PATTERN = r"^v?\d+\.\d+\.\d+(-rc\d+)?$"
_BMC_ADDRESS = re.compile(
    r"(?P<scheme>https?://)?(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,190}[A-Za-z0-9])?)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._~/-]*)?"
)
_BMC_ADDRESS_PATTERN = r"^(https?://)?[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?$"
_SSH_KEY = re.compile(
    r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com"
    r"|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{40,}={0,2}(?: [^\n\r]{0,200})?"
)

_E = TypeVar("_E", bound=StrEnum)


def wrong(what: str, fix: str) -> PydanticCustomError:
    """Make the one error of this module. `what` and `fix` go to the operator as they are."""
    return PydanticCustomError(WRONG, "{what}", {"what": what, "fix": fix})


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word most like what was written; None where none is like it."""
    found = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _text(value: object, fix: str) -> str:
    if not isinstance(value, str):
        raise wrong("one value belongs here", fix)
    return value.strip()


def _read_label(value: object) -> str:
    fix = "write lower-case letters, digits and hyphens, at most 63, such as rack1-hv2"
    text = _text(value, fix)
    if not _LABEL.fullmatch(text):
        raise wrong(f"{text!r} is no RFC 1123 label", fix)
    return text


def _read_domain(value: object) -> str:
    fix = "write a domain such as alpha.internal"
    text = _text(value, fix).rstrip(".")
    if len(text) > 190 or not all(_LABEL.fullmatch(part) for part in text.split(".")):
        raise wrong(f"{text!r} is no domain name", fix)
    if text == "local" or text.endswith(".local"):
        raise wrong(
            f"{text!r} belongs to multicast DNS (RFC 6762): many systems never ask a server for it",
            "use a name under .internal, such as alpha.internal",
        )
    return text


def _read_address(value: object) -> IPv4Address:
    if isinstance(value, IPv4Address):
        return value
    fix = "write an IPv4 address such as 10.20.0.10"
    text = _text(value, fix)
    try:
        return IPv4Address(text)
    except ValueError:
        raise wrong(f"{text!r} is no IPv4 address", fix) from None


def _read_network(value: object) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    fix = "write a subnet such as 10.20.0.0/24"
    text = _text(value, fix)
    if "/" not in text:
        raise wrong(f"{text!r} says no prefix length", fix)
    try:
        return IPv4Network(text)
    except ValueError:
        pass
    try:
        inside = IPv4Network(text, strict=False)
    except ValueError:
        raise wrong(f"{text!r} is no IPv4 subnet", fix) from None
    raise wrong(f"{text!r} is an address in a subnet, not the subnet", f"write {inside}")


def _read_range(value: object) -> AddressRange:
    if isinstance(value, AddressRange):
        return value
    fix = "write the first and the last address: 10.20.0.200 to 10.20.0.250"
    text = _text(value, fix)
    ends = re.split(r"\s*-\s*|\s+to\s+", text)
    try:
        first, last = (IPv4Address(end) for end in ends)
    except ValueError:
        raise wrong(f"{text!r} is no range of addresses", fix) from None
    if last < first:
        raise wrong(f"{text!r} ends before it begins", f"write {last} to {first}")
    return AddressRange(first, last)


def _read_mac(value: object) -> Mac:
    if isinstance(value, Mac):
        return value
    fix = "write the address on the card's or the server's label, such as 52:54:00:12:34:56"
    text = _text(value, fix)
    try:
        return Mac.parse(text)
    except ValueError as error:
        raise wrong(str(error), fix) from None


def _read_bmc_address(value: object) -> str:
    fix = "write the BMC's address, such as 10.20.0.51, 10.20.0.51:8443 or https://10.20.0.51"
    text = _text(value, fix)
    if "@" in text:  # what stands before it may be a password, and is not repeated
        raise wrong(
            "a user or a password stands in this address",
            f"write the address alone and the user as bmc.user; {advice.password_not_here()}",
        )
    found = _BMC_ADDRESS.fullmatch(text)
    if found is None or (found["path"] and not found["scheme"]):
        raise wrong(f"{text!r} is no address of a BMC", fix)
    if found["port"] and not 1 <= int(found["port"]) <= 65535:
        raise wrong(f"{found['port']} is no port", "write a port from 1 to 65535")
    if re.fullmatch(r"[0-9.]+", found["host"]):
        _read_address(found["host"])
    return text.rstrip("/")


def _read_uuid(value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    fix = "write it as dmidecode shows it, such as 4c4c4544-0042-3510-8052-b4c04f4d3732"
    text = _text(value, fix)
    try:
        return UUID(text)
    except ValueError:
        raise wrong(f"{text!r} is no UUID", fix) from None


def _read_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = _text(value, "write true or false")
    if text.lower() not in ("true", "false"):
        raise wrong(f"{text!r} is neither true nor false", "write true or false")
    return text.lower() == "true"


def _read_size(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    fix = "write a number with its unit, such as 64G"
    text = _text(value, fix)
    try:
        return disk.parse_size(text)
    except ValueError as error:
        raise wrong(str(error), fix) from None


def _read_disk(value: object) -> DiskPlan:
    if isinstance(value, DiskPlan):
        return value
    text = _text(value, "write /dev/disk/by-id/… or a selector such as: size >= 250G, not usb")
    try:
        return disk.parse_disk(text)
    except disk.DiskTextError as error:
        raise wrong(str(error), error.fix) from None


def _read_disk_path(value: object) -> str:
    text = _text(value, "write /dev/disk/by-id/…")
    try:
        return disk.parse_path(text)
    except disk.DiskTextError as error:
        raise wrong(str(error), error.fix) from None


def _read_harvester(value: object) -> str:
    text = _text(value, f"write {nearest_known('')}")
    version = normal_version(text)
    if version is None:
        raise wrong(f"{text!r} is no full version", f"write {nearest_known(text)}")
    if line_of(version) is None:
        raise wrong(
            f"Harvester {version} is not known: {known_lines_text()} are",
            f"the nearest known is {nearest_known(text)}",
        )
    return version


def _read_ssh_key(value: object) -> str:
    fix = "write one line of an id_….pub file, such as: ssh-ed25519 AAAA… name"
    text = _text(value, fix)
    if "PRIVATE KEY" in text:
        raise wrong("this is a private key, which belongs in no site file", fix)
    if not _SSH_KEY.fullmatch(text):
        raise wrong("this is no OpenSSH public key", fix)
    return text


def _whole(low: int, high: int) -> BeforeValidator:
    fix = f"write a whole number from {low} to {high}"

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        else:
            text = _text(value, fix)
            if not re.fullmatch(r"[0-9]{1,9}", text):
                raise wrong(f"{text!r} is no whole number", fix)
            number = int(text)
        if not low <= number <= high:
            raise wrong(f"{number} is out of range", fix)
        return number

    return BeforeValidator(read)


def _one_of(kind: type[_E]) -> BeforeValidator:
    words = [member.value for member in kind]

    def read(value: object) -> _E:
        if isinstance(value, kind):
            return value
        text = _text(value, f"write one of {', '.join(words)}")
        if text in words:
            return kind(text)
        near = nearest(text, words)
        hint = f"; did you mean {near}?" if near else ""
        raise wrong(f"{text!r} is not known here", f"write one of {', '.join(words)}{hint}")

    return BeforeValidator(read)


def _matching(pattern: str, what: str, fix: str) -> BeforeValidator:
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        text = _text(value, fix)
        if not compiled.fullmatch(text):
            raise wrong(f"{text!r} is no {what}", fix)
        return text

    return BeforeValidator(read)


def _schema(read: Callable[[object], object] | BeforeValidator, **schema: str) -> tuple[Any, Any]:
    before = read if isinstance(read, BeforeValidator) else BeforeValidator(read)
    return before, WithJsonSchema({"type": "string", **schema})


class NetworkRole(StrEnum):
    """What a network is for. Machines boot on the one for provisioning."""

    PROVISIONING = "provisioning"
    VM = "vm"
    STORAGE = "storage"


class ClusterProfile(StrEnum):
    """A hardening of the cluster."""

    CIS = "cis"


_BMC_USER = r"[!-~]{1,64}"
_BMC_SYSTEM = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,100}"
_RKE2 = r"v\d+\.\d+\.\d+(?:-rc\d+)?\+rke2r\d+"
_K3S = r"v\d+\.\d+\.\d+(?:-rc\d+)?\+k3s\d+"
_IPXE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}\.(?:efi|kpxe|pxe)"
_CONSOLE = r"tty[A-Za-z]{0,4}[0-9]{1,3}(?:,[0-9]{3,7}(?:[noe][5-8])?)?"
_SERIAL = r"[!-~](?:[ -~]{0,62}[!-~])?"
_IMAGE = r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?"
_URL = r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[A-Za-z0-9._~%+/-]*[A-Za-z0-9+]"
_FILE = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}"
_DEVICE = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}"


def _number(low: int, high: int) -> tuple[Any, Any]:
    kind = f"whole number, {low} to {high}"
    schema = {"type": "integer", "minimum": low, "maximum": high, "kind": kind}
    return _whole(low, high), WithJsonSchema(schema)


def _choice(kind: type[StrEnum]) -> tuple[Any, Any]:
    words = [member.value for member in kind]
    text = " or ".join(f"`{word}`" for word in words)
    return _one_of(kind), WithJsonSchema({"type": "string", "enum": words, "kind": text})


def _pattern(pattern: str, what: str, fix: str) -> tuple[Any, Any]:
    return _schema(_matching(pattern, what, fix), pattern=f"^{pattern}$", kind=what)


# The keys' types. `kind` is how the docs name them.
Label = Annotated[str, *_schema(_read_label, pattern=_LABEL_PATTERN, kind="RFC 1123 label")]
Domain = Annotated[str, *_schema(_read_domain, format="hostname", kind="domain")]
Address = Annotated[
    IPv4Address, *_schema(_read_address, pattern=_IPV4_PATTERN, kind="IPv4 address")
]
Network4 = Annotated[
    IPv4Network, *_schema(_read_network, pattern=_NETWORK_PATTERN, kind="IPv4 subnet")
]
Range = Annotated[AddressRange, *_schema(_read_range, pattern=_RANGE_PATTERN, kind="IPv4 range")]
MacAddress = Annotated[Mac, *_schema(_read_mac, pattern=_MAC_PATTERN, kind="MAC address")]
SystemUuid = Annotated[UUID, *_schema(_read_uuid, format="uuid", kind="UUID")]
Serial = Annotated[str, *_pattern(_SERIAL, "serial number", "write what is on the machine's label")]
HardwareName = Annotated[
    str, *_pattern(_SERIAL, "name of hardware", "write it as the machine's report shows it")
]
Flag = Annotated[
    bool, BeforeValidator(_read_flag), WithJsonSchema({"type": "boolean", "kind": "true or false"})
]
Size = Annotated[int, *_schema(_read_size, pattern=_SIZE_PATTERN, kind="size")]
Disk = Annotated[DiskPlan, *_schema(_read_disk, kind="disk path or selector")]
DiskPath = Annotated[str, *_schema(_read_disk_path, pattern=_DISK_PATTERN, kind="disk path")]
Harvester = Annotated[
    str, *_schema(_read_harvester, pattern=_HARVESTER_PATTERN, kind="Harvester version")
]
Rke2 = Annotated[str, *_pattern(_RKE2, "RKE2 version", "write such as v1.36.3+rke2r1")]
K3s = Annotated[str, *_pattern(_K3S, "K3s version", "write such as v1.36.3+k3s1")]
IpxeName = Annotated[str, *_pattern(_IPXE, "iPXE file name", "write such as ipxe.efi")]
Console = Annotated[str, *_pattern(_CONSOLE, "console", "write tty1 or ttyS0,115200")]
SshKey = Annotated[str, *_schema(_read_ssh_key, kind="OpenSSH public key")]
ImageName = Annotated[
    str, *_pattern(_IMAGE, "image name", "write lower-case letters, digits, dots and hyphens")
]
Url = Annotated[str, *_pattern(_URL, "URL of a file", "write such as https://host/folder/file.img")]
FileName = Annotated[str, *_pattern(_FILE, "file name", "write a plain name such as win2012.iso")]
FileOrUrl = Annotated[
    str,
    *_pattern(f"(?:{_FILE}|{_URL})", "file name or URL", "write app.tar or https://host/app.tar"),
]
Sha256 = Annotated[
    str, *_pattern(r"[0-9a-f]{64}", "SHA-256", "write the 64 digits that sha256sum prints")
]
Sha512 = Annotated[
    str, *_pattern(r"[0-9a-f]{128}", "SHA-512", "write the 128 digits that sha512sum prints")
]
BmcAddress = Annotated[
    str, *_schema(_read_bmc_address, pattern=_BMC_ADDRESS_PATTERN, kind="address of a BMC")
]
BmcUser = Annotated[str, *_pattern(_BMC_USER, "BMC user", "write its login name, such as root")]
BmcSystem = Annotated[
    str, *_pattern(_BMC_SYSTEM, "Redfish system", "write its Id or UUID, such as System.Embedded.1")
]
BmcWay = Annotated[Way, *_choice(Way)]
StartFrom = Annotated[BmcBoot, *_choice(BmcBoot)]
Device = Annotated[str, *_pattern(_DEVICE, "device name", "write it as Harvester lists the device")]
MachineRole = Annotated[Role, *_choice(Role)]
Firmware = Annotated[ExpectedFirmware, *_choice(ExpectedFirmware)]
OwnDiskWay = Annotated[OwnDisk, *_choice(OwnDisk)]
RoleOfNetwork = Annotated[NetworkRole, *_choice(NetworkRole)]
Profile = Annotated[ClusterProfile, *_choice(ClusterProfile)]
Vlan = Annotated[int, *_number(2, 4094)]
Mtu = Annotated[int, *_number(576, 9000)]
Cpus = Annotated[int, *_number(1, 1024)]
Disks = Annotated[int, *_number(1, 256)]
Nics = Annotated[int, *_number(1, 64)]
Servers = Annotated[int, *_number(1, 9)]
Agents = Annotated[int, *_number(0, 500)]
