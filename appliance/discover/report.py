"""What a machine says of itself: the report that stage-1 sends, read strictly and written again.

A report comes from a machine nobody knows yet, so nothing in it is believed beyond its form: sizes
are bounded, strings are printable, and whatever cannot be read raises WireError with its place.

The JSON is one object whose keys are the names of the fields below. Unknown keys are ignored, so
that an older bridge reads a newer image; missing ones and `null` take the default.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from appliance.errors import WireError
from appliance.values import Mac

MAX_REPORT = 256 * 1024
"""Octets of a report's JSON."""
MAX_TEXT = 256
"""Characters of a string; what is longer is cut."""
MAX_DISKS = 256
MAX_NICS = 64
MAX_PCI = 512
MAX_USB = 128
MAX_PROBLEMS = 64
MAX_NAMES = 64
"""Paths by-id, and by-path, of one disk."""
MAX_CONTENTS = 256
"""Partitions and file systems of one disk."""

_REWRITTEN = 64
"""Octets by which the canonical form may be longer: only the clock is written otherwise."""
_NUMBER_END = 1 << 63
_MOMENT_END = 1 << 53
"""Seconds that a float still counts one by one, so that reading what was written gives the same."""
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lldp:
    """The switch port at a card's other end (IEEE 802.1AB)."""

    chassis: str = ""
    port: str = ""
    system: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card. `speed` in Mbit/s, 0 where unknown."""

    name: str
    mac: Mac
    driver: str = ""
    model: str = ""
    link: bool = False
    speed: int = 0
    lldp: Lldp | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Something found on a disk.

    `where` is empty for the whole disk, else the partition's kernel name. `kind` is libblkid's
    TYPE (`ext4`, `LVM2_member`, …) or, for a partition table, its PTTYPE (`gpt`, `dos`). `size` is
    in octets. `system` is an installed system by its own name.
    """

    where: str = ""
    kind: str = ""
    label: str = ""
    size: int = 0
    system: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk. `size` in octets, `bus` as lsblk's TRAN, `by_id` and `by_path` whole paths."""

    name: str
    size: int = 0
    by_id: tuple[str, ...] = ()
    by_path: tuple[str, ...] = ()
    model: str = ""
    serial: str = ""
    wwn: str = ""
    bus: str = ""
    rotational: bool = False
    removable: bool = False
    read_only: bool = False
    contents: tuple[Content, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Pci:
    """A PCI function. `class_code` has 24 bits: class, subclass, interface."""

    slot: str = ""
    vendor: int = 0
    device: int = 0
    class_code: int = 0
    driver: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Usb:
    """A USB device."""

    vendor: int = 0
    product: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What one machine is. `memory` in octets; `clock` in Unix seconds, by the machine itself.

    `firmware` is `bios` or `uefi`, `tpm` is `1.2` or `2.0`; empty where unknown or none.
    `problems` are what stage-1 could not find out, in its own words, and `failed` is why it could
    not start the installer.
    """

    vendor: str = ""
    product: str = ""
    serial: str = ""
    board_serial: str = ""
    bios_version: str = ""
    uuid: UUID | None = None
    cpu_model: str = ""
    sockets: int = 0
    cores: int = 0
    threads: int = 0
    memory: int = 0
    firmware: str = ""
    secure_boot: bool | None = None
    tpm: str = ""
    clock: float = 0.0
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    pci: tuple[Pci, ...] = ()
    usb: tuple[Usb, ...] = ()
    problems: tuple[str, ...] = ()
    failed: str = ""

    @property
    def macs(self) -> tuple[Mac, ...]:
        """The MAC addresses of all its cards, each once, in the order reported."""
        return tuple(dict.fromkeys(nic.mac for nic in self.nics))

    @property
    def facts(self) -> Report:
        """The report without its clock: equal as long as the machine is the same."""
        return replace(self, clock=0.0)


def decode(raw: bytes) -> Report:
    """Read a report. Raises WireError, naming the place, for all that is not one.

    Strings are cut to MAX_TEXT characters, and characters that cannot be printed become `?`. A
    path longer than that, or with such characters, is left out: changed, it would name another
    disk. A card whose address no card can own is left out, with a line in `problems`.
    """
    if len(raw) > MAX_REPORT + _REWRITTEN:
        _refuse("", f"{len(raw)} octets, and a report has at most {MAX_REPORT}")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise WireError(
            "a machine's report is no JSON", where="report", why=_printable(str(error))[:MAX_TEXT]
        ) from None
    return _report(_Object.of(value, ""))


def encode(report: Report) -> bytes:
    """Write a report in its one canonical form, without what is as by default."""
    text = json.dumps(_plain(report), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def _plain(value: object) -> object:
    if isinstance(value, Mac | UUID):
        return str(value)
    if is_dataclass(value):
        return {
            each.name: _plain(found)
            for each in fields(value)
            if (found := getattr(value, each.name)) != each.default or each.default is MISSING
        }
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _refuse(place: str, what: str) -> NoReturn:
    where = f"report.{place}" if place else "report"
    raise WireError("a machine's report cannot be read", where=where, why=what)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "?" for each in text)


@dataclass(frozen=True, slots=True)
class _Object:
    """One JSON object and its place, with a method for each kind of value."""

    values: Mapping[str, Any]
    place: str

    @classmethod
    def of(cls, value: object, place: str) -> _Object:
        if not isinstance(value, dict):
            _refuse(place, "it is no JSON object")
        return cls(value, place)

    def at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return "" if value is None else _text(value, self.at(key))

    def number(self, key: str, end: int = _NUMBER_END) -> int:
        value = self.values.get(key)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            _refuse(self.at(key), "it is no whole number")
        if not 0 <= value < end:
            _refuse(self.at(key), f"it is not from 0 to {end - 1}")
        return value

    def moment(self, key: str) -> float:
        value = self.values.get(key)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float):
            _refuse(self.at(key), "it is no number")
        if not (abs(value) < _MOMENT_END and math.isfinite(value)):
            _refuse(self.at(key), "it is no moment")
        return float(value)

    def maybe(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            _refuse(self.at(key), "it is neither true nor false")
        return value

    def flag(self, key: str) -> bool:
        return self.maybe(key) or False

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        value = self.text(key)
        if value and value not in known:
            _refuse(self.at(key), f"it is none of {', '.join(known)}")
        return value

    def array(self, key: str, most: int, read: Callable[[object, str], T]) -> tuple[T, ...]:
        value = self.values.get(key)
        if value is None:
            return ()
        place = self.at(key)
        if not isinstance(value, list):
            _refuse(place, "it is no list")
        if len(value) > most:
            _refuse(place, f"{len(value)} entries, and there may be {most}")
        return tuple(read(each, f"{place}[{index}]") for index, each in enumerate(value))

    def needed(self, key: str) -> str:
        value = self.text(key)
        if not value:
            _refuse(self.at(key), "it is missing")
        return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        _refuse(place, "it is no string")
    return _printable(value[:MAX_TEXT])


def _path(value: object, place: str) -> str:
    """Give the path as it stands, or nothing: cut or cleaned, it would name another disk."""
    text = _text(value, place)
    return text if text == value else ""


def _paths(given: _Object, key: str) -> tuple[str, ...]:
    return tuple(filter(None, given.array(key, MAX_NAMES, _path)))


def _report(given: _Object) -> Report:
    nics = given.array("nics", MAX_NICS, _nic)
    problems = given.array("problems", MAX_PROBLEMS, _text)
    problems += tuple(each for each in nics if isinstance(each, str))
    return Report(
        vendor=given.text("vendor"),
        product=given.text("product"),
        serial=given.text("serial"),
        board_serial=given.text("board_serial"),
        bios_version=given.text("bios_version"),
        uuid=_uuid(given, "uuid"),
        cpu_model=given.text("cpu_model"),
        sockets=given.number("sockets"),
        cores=given.number("cores"),
        threads=given.number("threads"),
        memory=given.number("memory"),
        firmware=given.one_of("firmware", ("bios", "uefi")),
        secure_boot=given.maybe("secure_boot"),
        tpm=given.one_of("tpm", ("1.2", "2.0")),
        clock=given.moment("clock"),
        disks=given.array("disks", MAX_DISKS, _disk),
        nics=tuple(each for each in nics if isinstance(each, Nic)),
        pci=given.array("pci", MAX_PCI, _pci),
        usb=given.array("usb", MAX_USB, _usb),
        problems=problems[:MAX_PROBLEMS],
        failed=given.text("failed"),
    )


def _uuid(given: _Object, key: str) -> UUID | None:
    value = given.text(key)
    if not value:
        return None
    if not _UUID.fullmatch(value):
        _refuse(given.at(key), "it is no UUID")
    return UUID(value)


def _nic(value: object, place: str) -> Nic | str:
    """Read a card; a sentence where its address is none that a card can own."""
    given = _Object.of(value, place)
    name, address = given.needed("name"), given.needed("mac")
    if not _MAC.fullmatch(address):
        _refuse(given.at("mac"), "it is no MAC address such as 52:54:00:12:34:56")
    lldp = given.values.get("lldp")
    try:
        mac = Mac.parse(address)
    except ValueError:
        return _printable(f"{name} has no address of its own"[:MAX_TEXT])
    return Nic(
        name=name,
        mac=mac,
        driver=given.text("driver"),
        model=given.text("model"),
        link=given.flag("link"),
        speed=given.number("speed"),
        lldp=None if lldp is None else _lldp(_Object.of(lldp, given.at("lldp"))),
    )


def _lldp(given: _Object) -> Lldp:
    return Lldp(
        chassis=given.text("chassis"),
        port=given.text("port"),
        system=given.text("system"),
        description=given.text("description"),
    )


def _disk(value: object, place: str) -> Disk:
    given = _Object.of(value, place)
    return Disk(
        name=given.needed("name"),
        size=given.number("size"),
        by_id=_paths(given, "by_id"),
        by_path=_paths(given, "by_path"),
        model=given.text("model"),
        serial=given.text("serial"),
        wwn=given.text("wwn"),
        bus=given.text("bus"),
        rotational=given.flag("rotational"),
        removable=given.flag("removable"),
        read_only=given.flag("read_only"),
        contents=given.array("contents", MAX_CONTENTS, _content),
        problem=given.text("problem"),
    )


def _content(value: object, place: str) -> Content:
    given = _Object.of(value, place)
    return Content(
        where=given.text("where"),
        kind=given.text("kind"),
        label=given.text("label"),
        size=given.number("size"),
        system=given.text("system"),
    )


def _pci(value: object, place: str) -> Pci:
    given = _Object.of(value, place)
    return Pci(
        slot=given.text("slot"),
        vendor=given.number("vendor", 1 << 16),
        device=given.number("device", 1 << 16),
        class_code=given.number("class_code", 1 << 24),
        driver=given.text("driver"),
        name=given.text("name"),
    )


def _usb(value: object, place: str) -> Usb:
    given = _Object.of(value, place)
    return Usb(
        vendor=given.number("vendor", 1 << 16),
        product=given.number("product", 1 << 16),
        name=given.text("name"),
    )
