"""The control channel between main and boot: one JSON object a line on a Unix socket pair.

Secrets are revealed here alone, into memory of two processes of this machine, never into a file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from appliance.boot.model import BootEvent, BootMachine, BootNetwork, OrderKind, ServedFile
from appliance.errors import WireError
from appliance.machines.state import Evidence, Record
from appliance.values import Mac, Secret

MAX_LINE = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Configure:
    """main → boot: the network and every file that may be served. It starts the services."""

    network: BootNetwork
    files: tuple[ServedFile, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """main → boot, first of all: tell again what came after the event with this mark.

    It is the last that main has in its journal; empty if it has none.
    """

    after: str


@dataclass(frozen=True, slots=True)
class Machines:
    """main → boot: all machines of the site, each armed or held. Replaces what was sent before."""

    machines: tuple[BootMachine, ...]


@dataclass(frozen=True, slots=True)
class Inject:
    """main → boot: evidence that main saw, such as a system that answers."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Order:
    """main → boot: what the stage-1 with this card is told when it next asks, once.

    An order that is not fetched within a minute is forgotten. `seconds` is how long to blink.
    """

    mac: Mac
    order: OrderKind
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """main → boot: close these sockets and never use them again."""

    sockets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """main → boot: end now."""


@dataclass(frozen=True, slots=True)
class Ready:
    """boot → main: all services run, by the names of their sockets."""

    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """boot → main: those sockets are closed here."""

    sockets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """boot → main: something seen or decided."""

    event: BootEvent


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """boot → main: what is now known of a machine."""

    machine: str
    record: Record


@dataclass(frozen=True, slots=True)
class Reported:
    """boot → main: what the stage-1 with this card, at its leased address, says the machine is.

    `report` is in the canonical form of `discover.report.encode`. `machine` is whose the card is,
    if it is known.
    """

    mac: Mac
    address: IPv4Address
    machine: str | None
    report: str


ToBoot = Repeat | Configure | Machines | Inject | Order | Release | Stop
ToMain = Ready | Released | Event | RecordChanged | Reported
ControlMessage = ToBoot | ToMain

_KINDS: dict[str, type[ControlMessage]] = {
    "repeat": Repeat,
    "configure": Configure,
    "machines": Machines,
    "inject": Inject,
    "order": Order,
    "release": Release,
    "stop": Stop,
    "ready": Ready,
    "released": Released,
    "event": Event,
    "record": RecordChanged,
    "reported": Reported,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_TEXTUAL = (IPv4Address, IPv4Network)
_PLAIN = (str, int, float, bool, NoneType)


def encode(message: ControlMessage) -> bytes:
    """Write one message as a line. Raises ValueError if it is longer than MAX_LINE."""
    packed = {"kind": _NAMES[type(message)], **_pack(message)}
    line = json.dumps(packed, separators=(",", ":")).encode() + b"\n"
    if len(line) > MAX_LINE:
        raise ValueError(f"a control message of {len(line)} octets is longer than {MAX_LINE}")
    return line


def decode(line: bytes) -> ControlMessage:
    """Read one line. Raises WireError for anything that `encode` did not write."""
    try:
        raw = json.loads(line)
        kind = _KINDS[raw.pop("kind")]
        message: ControlMessage = _unpack(kind, raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Only the error's class: its text could quote a secret out of the line.
        raise WireError("a control message cannot be read", why=type(error).__name__) from None
    return message


class Lines:
    """Cuts a stream into lines. Raises WireError when a line grows beyond MAX_LINE."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take what was read; give the lines it completed."""
        self._rest += chunk
        *whole, rest = self._rest.split(b"\n") if b"\n" in chunk else [self._rest]
        if len(rest) > MAX_LINE:
            raise WireError("a control message is too long", why=f"more than {MAX_LINE} octets")
        self._rest = bytearray(rest)
        return [bytes(line) for line in whole]


def _pack(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mac):
        return value.bare
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, _TEXTUAL):
        return str(value)
    if is_dataclass(value):
        return {field.name: _pack(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_pack(each) for each in value]
    return value


def _unpack(kind: Any, raw: Any) -> Any:
    origin = get_origin(kind)
    if origin is UnionType:
        return _unpack_optional(get_args(kind), raw)
    if origin is tuple:
        return _unpack_tuple(get_args(kind), raw)
    if kind in (Secret, Mac, *_TEXTUAL):
        return kind(_checked(str, raw))
    if kind is float:
        return float(_checked((int, float), raw))
    if kind in _PLAIN:
        return _checked(kind, raw)
    if issubclass(kind, Enum):
        return kind(raw)
    hints = get_type_hints(kind)
    return kind(**{name: _unpack(hints[name], each) for name, each in raw.items()})


def _unpack_optional(kinds: tuple[Any, ...], raw: Any) -> Any:
    if raw is None and NoneType in kinds:
        return None
    (kind,) = (each for each in kinds if each is not NoneType)
    return _unpack(kind, raw)


def _unpack_tuple(kinds: tuple[Any, ...], raw: Any) -> Any:
    items = _checked(list, raw)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_unpack(kinds[0], each) for each in items)
    return tuple(_unpack(kind, each) for kind, each in zip(kinds, items, strict=True))


def _checked(kind: Any, raw: Any) -> Any:
    if not isinstance(raw, kind) or (isinstance(raw, bool) and kind is not bool):
        raise TypeError(f"{type(raw).__name__} where {kind} is expected")
    return raw
