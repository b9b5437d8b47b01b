"""Which disk to install on: a stable path, or a selector that must match exactly one disk.

A selector is terms joined by commas or `and`, all of which must hold:

    size >= 250G          also > <= < = !=; G and GiB are 2³⁰ octets, GB is 10⁹
    model ~ "PM9A3"       contains, in any case; also !~ = !=; the same for serial, wwn, path, bus
    usb, nvme, sata, sas, scsi, virtio, mmc, rotational, removable, ssd     each also with `not`

Kernel names such as /dev/sda change between boots (harvester/harvester#5579, #5574, #6909).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from appliance.site.plan import DiskPlan

STABLE_FOLDERS = ("/dev/disk/by-id/", "/dev/disk/by-path/")
MAX_SELECTOR = 500
"""Characters: a longer selector is no selector."""

_SIZE = re.compile(r"(\d{1,9})(?:\.(\d{1,3}))?\s*([KMGTP])(i?B)?", re.IGNORECASE)
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<sign>>=|<=|!=|!~|>|<|=|~|,)|(?P<word>[^\s,<>=!~"']+))"""
)


class DiskTextError(ValueError):
    """A disk was named in a way that cannot be used. `fix` says what to write instead."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


def parse_size(text: str) -> int:
    """Read `64G`, `512 MiB`, `1.5T` or `500GB` into octets.

    `G` and `GiB` are 2³⁰, as Harvester's installer and memory modules count; `GB` is 10⁹, as
    disk vendors do. Raises ValueError for anything else, and for nought.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 64G")
    whole, fraction, unit, suffix = match.groups()
    base = 1000 if (suffix or "").lower() == "b" else 1024
    scale: int = base ** _POWERS[unit.upper()]
    octets = int(whole) * scale
    if fraction:
        octets += int(fraction) * scale // 10 ** len(fraction)
    if octets == 0:
        raise ValueError("a size of nought")
    return octets


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """One disk as a running system sees it. `size` in octets; `bus` as lsblk's TRAN gives it."""

    size: int
    path: str = ""
    model: str = ""
    serial: str = ""
    wwn: str = ""
    bus: str = ""
    rotational: bool = False
    removable: bool = False


class Sign(StrEnum):
    """How a term compares."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    EQUAL = "="
    NOT_EQUAL = "!="
    CONTAINS = "~"
    CONTAINS_NOT = "!~"


_TEXT_SIGNS = (Sign.EQUAL, Sign.NOT_EQUAL, Sign.CONTAINS, Sign.CONTAINS_NOT)
_SIZE_SIGNS = tuple(sign for sign in Sign if sign not in (Sign.CONTAINS, Sign.CONTAINS_NOT))


@dataclass(frozen=True, slots=True)
class SizeTerm:
    """`size >= 250G`."""

    sign: Sign
    octets: int

    def holds(self, disk: DiskFacts) -> bool:
        """Whether the disk is as the term says."""
        size, bound = disk.size, self.octets
        outcomes = {
            Sign.AT_LEAST: size >= bound,
            Sign.AT_MOST: size <= bound,
            Sign.MORE: size > bound,
            Sign.LESS: size < bound,
            Sign.EQUAL: size == bound,
            Sign.NOT_EQUAL: size != bound,
        }
        return outcomes[self.sign]


class TextFact(StrEnum):
    """The facts of a disk that are text."""

    MODEL = "model"
    SERIAL = "serial"
    WWN = "wwn"
    PATH = "path"
    BUS = "bus"


@dataclass(frozen=True, slots=True)
class TextTerm:
    """`model ~ "PM9A3"`. Case does not count."""

    fact: TextFact
    sign: Sign
    text: str

    def holds(self, disk: DiskFacts) -> bool:
        """Whether the disk is as the term says."""
        value = str(getattr(disk, self.fact.value)).strip().casefold()
        wanted = self.text.casefold()
        if self.sign in (Sign.EQUAL, Sign.NOT_EQUAL):
            return (value == wanted) is (self.sign is Sign.EQUAL)
        return (wanted in value) is (self.sign is Sign.CONTAINS)


class Trait(StrEnum):
    """What a disk is or is not, in one word."""

    USB = "usb"
    NVME = "nvme"
    SATA = "sata"
    SAS = "sas"
    SCSI = "scsi"
    VIRTIO = "virtio"
    MMC = "mmc"
    ROTATIONAL = "rotational"
    REMOVABLE = "removable"
    SSD = "ssd"


@dataclass(frozen=True, slots=True)
class TraitTerm:
    """`usb` or `not usb`."""

    trait: Trait
    wanted: bool

    def holds(self, disk: DiskFacts) -> bool:
        """Whether the disk is as the term says."""
        if self.trait is Trait.ROTATIONAL:
            found = disk.rotational
        elif self.trait is Trait.SSD:
            found = not disk.rotational
        elif self.trait is Trait.REMOVABLE:
            found = disk.removable
        else:
            found = disk.bus.casefold() == self.trait.value
        return found is self.wanted


Term = SizeTerm | TextTerm | TraitTerm


@dataclass(frozen=True, slots=True)
class Selector:
    """A disk selector: every term must hold. `text` is what the operator wrote."""

    text: str
    terms: tuple[Term, ...]

    def matches(self, disk: DiskFacts) -> bool:
        """Whether one disk is as the selector says."""
        return all(term.holds(disk) for term in self.terms)

    def only_match(self, disks: Iterable[DiskFacts]) -> DiskFacts | str:
        """Give the one disk that matches, or why there is not exactly one."""
        found = [disk for disk in disks if self.matches(disk)]
        if len(found) == 1:
            return found[0]
        if not found:
            return f"no disk matches '{self.text}'"
        names = ", ".join(disk.path or disk.serial or "a disk without name" for disk in found)
        return f"{len(found)} disks match '{self.text}': {names}"


def parse_selector(text: str) -> Selector:
    """Read a selector. Raises DiskTextError, with what may stand there."""
    if len(text) > MAX_SELECTOR:
        raise DiskTextError(
            f"a selector of {len(text)} characters", f"write at most {MAX_SELECTOR}"
        )
    groups = _term_groups(_tokens(text))
    return Selector(" ".join(text.split()), tuple(_term(group) for group in groups))


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise DiskTextError(
                f"cannot read {stripped[position:].strip()!r} in the disk selector",
                "write terms such as: size >= 250G, not usb",
            )
        tokens.append(match.group(match.lastgroup or 0))
        position = match.end()
    return tokens


def _term_groups(tokens: list[str]) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for token in tokens:
        if token == "," or token.lower() == "and":
            groups.append([])
        else:
            groups[-1].append(token)
    if any(not group for group in groups):
        raise DiskTextError(
            "the disk selector has an empty term", "write terms such as: size >= 250G, not usb"
        )
    return groups


def _term(group: list[str]) -> Term:
    if len(group) >= 3 and group[0].lower() == "size":
        return _size_term(group)
    if len(group) == 3 and group[0].lower() in set(TextFact):
        return _text_term(group)
    words = [word.lower() for word in group]
    wanted = words[0] != "not"
    rest = words if wanted else words[1:]
    if len(rest) == 1 and rest[0] in set(Trait):
        return TraitTerm(Trait(rest[0]), wanted=wanted)
    raise DiskTextError(
        f"{' '.join(group)!r} is no term of a disk selector",
        "write size, model, serial, wwn, path or bus with a comparison, or one of: "
        + ", ".join(Trait)
        + ", each also with 'not'; a path starts with /dev/disk/by-id/ or /dev/disk/by-path/",
    )


def _size_term(group: list[str]) -> SizeTerm:
    if group[1] not in set(_SIZE_SIGNS):
        raise DiskTextError(
            f"size cannot be compared with {group[1]!r}",
            f"use one of {' '.join(_SIZE_SIGNS)}",
        )
    try:
        octets = parse_size(" ".join(group[2:]).strip("\"'"))
    except ValueError as error:
        raise DiskTextError(str(error), "write a size such as 250G or 1.5T") from None
    return SizeTerm(Sign(group[1]), octets)


def _text_term(group: list[str]) -> TextTerm:
    if group[1] not in set(_TEXT_SIGNS):
        raise DiskTextError(
            f"{group[0]} cannot be compared with {group[1]!r}",
            f"use one of {' '.join(_TEXT_SIGNS)}",
        )
    text = group[2].strip("\"'").strip()
    if not text:
        raise DiskTextError(f"{group[0]} is compared with nothing", 'write it as model ~ "PM9A3"')
    return TextTerm(TextFact(group[0].lower()), Sign(group[1]), text)


def parse_path(text: str) -> str:
    """Read a path that names the same disk at every boot. Raises DiskTextError."""
    path = text.strip()
    folder = next((each for each in STABLE_FOLDERS if path.startswith(each)), None)
    if folder is None:
        raise DiskTextError(
            f"{path!r} may name another disk at the next boot",
            "name the disk by /dev/disk/by-id/… or /dev/disk/by-path/… "
            "(ls -l /dev/disk/by-id shows them)",
        )
    if not re.fullmatch(r"[A-Za-z0-9._:+@=-]+", path.removeprefix(folder)):
        raise DiskTextError(
            f"{path!r} is not the name of one disk", "write one name, without spaces or folders"
        )
    if re.search(r"-part\d+$", path):
        raise DiskTextError(f"{path!r} is a partition", "name the whole disk: leave out -part…")
    return path


def parse_disk(text: str) -> DiskPlan:
    """Read `disk`: what starts with `/` is a path, all else a selector. Raises DiskTextError."""
    if text.strip().startswith("/"):
        return DiskPlan(path=parse_path(text), selector=None)
    return DiskPlan(path=None, selector=parse_selector(text).text)
