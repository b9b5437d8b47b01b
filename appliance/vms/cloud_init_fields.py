"""The fields of cloud-init's documents that we write, and what each may hold. Pure.

cloud-init passes over what it does not know, some of it in silence (22.4 takes a misspelt
`write_file` for nothing at all); so each field is held to this list before a machine is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from appliance.errors import InputError
from appliance.values import Mac, Secret

Document = dict[str, Any]
"""A document as typed data; what is secret in it is a Secret."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PRINTABLE = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]*")
_MODE = re.compile(r"0[0-7]{3}")

Fits = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and bool(_PRINTABLE.fullmatch(value))


def _line(value: Any) -> bool:
    return _text(value) and "\n" not in value


def _name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 253 and bool(_NAME.fullmatch(value))


def _label(value: Any) -> bool:
    return _name(value) and "." not in value


def _yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def _secret(value: Any) -> bool:
    return isinstance(value, Secret) and value.reveal().startswith("-----BEGIN ")


def _parses(kind: Callable[[str], object]) -> Fits:
    def fits(value: Any) -> bool:
        try:
            return isinstance(value, str) and bool(kind(value))
        except ValueError:
            return False

    return fits


def _mac(value: Any) -> bool:
    return _parses(Mac.parse)(value) and str(Mac.parse(value)) == value


def _mtu(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 576 <= value <= 9000


_USER_DATA: Mapping[str, Fits] = {
    "apt.preserve_sources_list": _yes_or_no,
    "disable_root": _yes_or_no,
    "fqdn": _name,
    "growpart.devices[]": _line,
    "growpart.mode": lambda value: value in {"auto", "growpart", "off"},
    "hostname": _label,
    "manage_etc_hosts": _yes_or_no,
    "ntp.enabled": _yes_or_no,
    "ntp.pools[]": _name,
    "ntp.servers[]": _parses(IPv4Address),
    "package_update": _yes_or_no,
    "package_upgrade": _yes_or_no,
    "preserve_hostname": _yes_or_no,
    "resize_rootfs": _yes_or_no,
    "ssh_deletekeys": _yes_or_no,
    "ssh_keys.ed25519_private": _secret,
    "ssh_keys.ed25519_public": _line,
    "ssh_pwauth": _yes_or_no,
    "users[].gecos": _line,
    "users[].lock_passwd": _yes_or_no,
    "users[].name": _label,
    "users[].shell": _line,
    "users[].ssh_authorized_keys[]": _line,
    "users[].sudo": _line,
    "write_files[].content": _text,
    "write_files[].owner": _line,
    "write_files[].path": lambda value: _line(value) and value.startswith("/"),
    "write_files[].permissions": lambda value: isinstance(value, str) and bool(_MODE.match(value)),
}

_CARD = "ethernets.lan0"
_NETWORK_DATA: Mapping[str, Fits] = {
    "version": lambda value: value == 2,
    f"{_CARD}.addresses[]": _parses(IPv4Interface),
    f"{_CARD}.dhcp4": _yes_or_no,
    f"{_CARD}.dhcp6": _yes_or_no,
    f"{_CARD}.match.macaddress": _mac,
    f"{_CARD}.mtu": _mtu,
    f"{_CARD}.nameservers.addresses[]": _parses(IPv4Address),
    f"{_CARD}.nameservers.search[]": _name,
    f"{_CARD}.routes[].to": _parses(IPv4Network),
    f"{_CARD}.routes[].via": _parses(IPv4Address),
    f"{_CARD}.set-name": _label,
}


def check_user_data(document: Document, machine: str) -> None:
    """Raise InputError naming every field of user data that cloud-init would not take."""
    _check(document, _USER_DATA, f"user data of {machine}")


def check_network_data(document: Document, machine: str) -> None:
    """Raise InputError naming every field of network data that cloud-init would not take."""
    _check(document, _NETWORK_DATA, f"network data of {machine}")


def _check(document: Document, fields: Mapping[str, Fits], what: str) -> None:
    faults = [*_faults(document, "", fields)]
    if faults:
        raise InputError(
            f"cloud-init would not take the {what}",
            where=faults[0].partition(":")[0],
            why="; ".join(faults),
            fix="correct what the site file says there",
        )


def _faults(value: Any, path: str, fields: Mapping[str, Fits]) -> Iterator[str]:
    fits = fields.get(path)
    if fits is not None:
        if not fits(value):
            yield f"{path}: cannot be {str(value)[:60]!r}"  # a Secret's own text is a mask
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _faults(inner, f"{path}.{key}" if path else str(key), fields)
    elif isinstance(value, list):
        for inner in value:
            yield from _faults(inner, f"{path}[]", fields)
    else:
        yield f"{path}: is not a field we know"
