"""A configuration held to what the installer of its version takes. Pure.

The installer answers most faults with text on a screen and nothing else, and unknown keys with
silence; so each is found here, with its field and version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from appliance.errors import InputError
from appliance.hypervisor.versions import Field, FieldTable, Kind, first_version_with
from appliance.values import Mac, Secret

Config = dict[str, Any]
"""A configuration as typed data; what is secret in it is a Secret."""

_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_TOKEN = re.compile(r"[\x20-\x7e]+")
_CRYPT = re.compile(r"\$6\$(rounds=\d+\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A field at fault, and why."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def check(config: Config, table: FieldTable) -> None:
    """Raise InputError naming every field that this version's installer would not take."""
    faults = (*_shape(config, "", table), *_meaning(config), *_settings(config, table))
    if faults:
        raise InputError(
            f"Harvester {table.version} would not take this configuration",
            where=faults[0].path,
            why="; ".join(str(each) for each in faults),
            fix="correct these in the site file, or in templates of your own",
        )


def _shape(value: Any, path: str, table: FieldTable) -> Iterator[Fault]:
    field = table.fields.get(path)
    if field is not None:
        if not _fits(value, field):
            wanted = " or ".join(field.of) or field.kind.value
            yield Fault(path, f"must be {wanted}, is {_shown(value)}")
    elif path and not table.has_parent(path):
        since = first_version_with(path)
        yield Fault(
            path,
            f"Harvester {table.version} does not know it, 1.{since.split('.')[1]} does"
            if since
            else f"Harvester {table.version} does not know it",
        )
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _shape(inner, f"{path}.{key}" if path else str(key), table)
    elif isinstance(value, list):
        for inner in value:
            yield from _shape(inner, f"{path}[]", table)
    else:
        yield Fault(path, f"holds other fields, not {_shown(value)}")


def _fits(value: Any, field: Field) -> bool:
    match field.kind:
        case Kind.TEXT:
            text = value.reveal() if isinstance(value, Secret) else value
            return isinstance(text, str) and bool(text) and (not field.of or text in field.of)
        case Kind.NUMBER:
            return isinstance(value, int) and not isinstance(value, bool)
        case Kind.BOOL:
            return isinstance(value, bool)
        case Kind.TEXTS:
            return isinstance(value, list) and all(isinstance(each, str) and each for each in value)
        case Kind.STRINGS:
            return isinstance(value, Mapping) and all(
                isinstance(each, str) for pair in value.items() for each in pair
            )
        case Kind.FREE:
            return True


def _shown(value: object) -> str:
    return "******" if isinstance(value, Secret) else repr(value)[:60]


def _at(config: Config, path: str) -> Any:
    value: Any = config
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _meaning(config: Config) -> Iterator[Fault]:
    """What `validator.go` checks across fields, as far as it is known."""
    if config.get("scheme_version") != 1:
        yield Fault("scheme_version", "must be 1")
    token = config.get("token")
    if not isinstance(token, Secret) or not _TOKEN.fullmatch(token.reveal()):
        yield Fault("token", "must be a secret of printable ASCII")
    yield from _system(config)
    yield from _roles(config)
    yield from _network(config)
    for field in ("install.device", "install.iso_url"):
        if not _at(config, field):
            yield Fault(field, "is required")
    device = _at(config, "install.device")
    if isinstance(device, str) and not device.startswith("/dev/"):
        yield Fault("install.device", f"must be a path below /dev/, is {device!r}")
    replicas = _at(config, "install.harvester.storage_class.replica_count")
    if replicas is not None and replicas not in (1, 2, 3):
        yield Fault("install.harvester.storage_class.replica_count", "must be 1, 2 or 3")


def _system(config: Config) -> Iterator[Fault]:
    hostname = _at(config, "os.hostname")
    if not isinstance(hostname, str) or not _HOSTNAME.fullmatch(hostname):
        # Empty would mean the name that DHCP offers, else a random one (harvester#9403, #1682).
        yield Fault("os.hostname", "must be a lower-case host name")
    password = _at(config, "os.password")
    if password is None and not _at(config, "os.ssh_authorized_keys"):
        yield Fault("os", "needs a password or an SSH key")
    if password is not None and (
        not isinstance(password, Secret) or not _CRYPT.fullmatch(password.reveal())
    ):
        yield Fault("os.password", "must be a SHA-512 crypt hash ($6$…), never the password")


def _roles(config: Config) -> Iterator[Fault]:
    mode, server = _at(config, "install.mode"), config.get("server_url")
    if mode == "create":
        if server is not None:
            yield Fault("server_url", "must not be there: this machine founds the cluster")
        if not _is_address(_at(config, "install.vip")):
            yield Fault("install.vip", "must be an IPv4 address")
        if _at(config, "install.vip_mode") == "dhcp" and not _at(config, "install.vip_hw_addr"):
            yield Fault("install.vip_hw_addr", "is required with vip_mode dhcp")
    elif mode == "join":
        if not isinstance(server, str) or not re.fullmatch(r"https://[^/:]+(:443)?", server):
            yield Fault("server_url", "must be https:// and a name or address, on port 443")
        if config.get("system_settings"):
            yield Fault("system_settings", "are for the machine that founds the cluster alone")
    else:
        yield Fault("install.mode", "is required")


def _network(config: Config) -> Iterator[Fault]:
    path = "install.management_interface"
    found = _at(config, path) or {}
    yield from _interfaces(found.get("interfaces") or [], f"{path}.interfaces")
    if found.get("method") == "static":
        for key in ("ip", "subnet_mask", "gateway"):
            if not _is_address(found.get(key)):
                yield Fault(f"{path}.{key}", "must be an IPv4 address with method static")
        if not _at(config, "os.dns_nameservers"):
            yield Fault("os.dns_nameservers", "is required with method static")
    mtu, vlan = found.get("mtu", 0), found.get("vlan_id", 0)
    if isinstance(mtu, int) and mtu != 0 and not 576 <= mtu <= 9000:
        yield Fault(f"{path}.mtu", "must be 0 or 576 to 9000")
    if isinstance(vlan, int) and not 0 <= vlan <= 4094:
        yield Fault(f"{path}.vlan_id", "must be 0 to 4094")


def _interfaces(interfaces: list[Config], path: str) -> Iterator[Fault]:
    if not interfaces:
        yield Fault(path, "is required")
    for each in interfaces:
        if "name" in each:
            # Names differ between live and installed system (harvester#1206, #2073).
            yield Fault(f"{path}[].name", "interfaces go by hardware address only")
        elif not _is_mac(each.get("hwAddr")):
            yield Fault(f"{path}[].hwAddr", "must be a MAC address")


def _settings(config: Config, table: FieldTable) -> Iterator[Fault]:
    settings = config.get("system_settings")
    for name in settings if isinstance(settings, Mapping) else ():
        if name not in table.system_settings:
            # The installer stops for good at one it does not know.
            yield Fault(f"system_settings.{name}", f"Harvester {table.version} does not know it")


def _is_address(value: object) -> bool:
    try:
        IPv4Address(str(value))
    except AddressValueError:
        return False
    return True


def _is_mac(value: object) -> bool:
    try:
        Mac.parse(str(value))
    except ValueError:
        return False
    return True
