"""What is known of each kind of BMC, as data in `quirks/`, and which kind answers here.

A profile says how sure it is of itself (its tier) and where each of its quirks is known from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from appliance.power.redfish_documents import Document, text

FOLDER = Path(__file__).parent / "quirks"
_KEYS = {"name", "title", "tier", "vendor", "product", "quirks", "notes"}
_QUIRK_KEYS = {"quirk", "why", "source"}
_NOTE_KEYS = {"note", "source"}


class Tier(StrEnum):
    """How a profile is known."""

    TESTED_HERE = "tested-here"
    """This project's own tests drive such a BMC."""
    RECORDED = "recorded"
    """From a recording of such a BMC, made with `provision power probe`."""
    REPORTED = "reported"
    """From public reports and documents; never seen by this project."""
    UNKNOWN = "unknown"
    """Nothing is known."""


class Quirk(StrEnum):
    """What a BMC does otherwise than the specification lets expect."""

    MODE_WITH_TARGET = "mode-with-target"
    """The boot mode falls back to another unless it is sent with each override."""
    MODE_IS_FIXED = "mode-is-fixed"
    """The boot mode cannot be written, and the whole request is refused if it is tried."""
    SERIAL_IN_SKU = "serial-in-sku"
    """The serial number that the machine itself reports is in SKU."""
    COUNT_IS_THREADS = "count-is-threads"
    """ProcessorSummary.Count counts threads, not sockets."""
    HTTP_IS_SHOWN_AS_PXE = "http-is-shown-as-pxe"
    """UefiHttp is taken, and shown as Pxe afterwards."""
    DISC_IS_USB_CD = "disc-is-usb-cd"
    """Virtual media is UsbCd; Cd is another drive, if any."""
    NEVER_LASTING = "never-lasting"
    """An override is never `Continuous`."""


@dataclass(frozen=True, slots=True)
class Known:
    """One quirk, why it matters here and where it is known from."""

    quirk: Quirk
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Note:
    """What need not be handled but should be known, and where it is known from."""

    note: str
    source: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one kind of BMC. `vendor` and `product` are patterns."""

    name: str
    title: str
    tier: Tier
    vendor: str = ""
    product: str = ""
    known: tuple[Known, ...] = ()
    notes: tuple[Note, ...] = ()

    def has(self, quirk: Quirk) -> bool:
        """Whether such a BMC has this quirk."""
        return any(each.quirk is quirk for each in self.known)

    def fits(self, kind: Kind) -> bool:
        """Whether it is a profile of that kind of BMC."""
        return bool(re.search(self.vendor, kind.vendor, re.IGNORECASE)) and bool(
            re.search(self.product, kind.product, re.IGNORECASE)
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.tier})"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a BMC and its machine call themselves: all their names, one after the other."""

    vendor: str
    product: str

    @classmethod
    def of(cls, root: Document, system: Document, manager: Document) -> Kind:
        """Read the names from the service root, the system and the manager."""
        makers = (
            text(root, "Vendor"),
            text(system, "Manufacturer"),
            text(manager, "Manufacturer"),
        )
        products = (
            text(root, "Product"),
            text(manager, "Model"),
            text(manager, "Name"),
            text(manager, "Description"),
            text(system, "Model"),
        )
        return cls("; ".join(filter(None, makers)), "; ".join(filter(None, products)))


NOTHING_KNOWN = Profile("unknown", "a BMC of which nothing is known", Tier.UNKNOWN)


def load_profiles(folder: Path = FOLDER) -> tuple[Profile, ...]:
    """Read all profiles, in the order of their file names.

    Raises ValueError with the file's name for one that is not as it should be.
    """
    return tuple(read_profile(path) for path in sorted(folder.glob("*.yaml")))


def read_profile(path: Path) -> Profile:
    """Read one profile. Raises ValueError with the file's name and the reason."""
    try:
        return _profile(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, YAMLError, re.error) as error:
        raise ValueError(f"{path.name}: {error}") from error


def choose(profiles: tuple[Profile, ...], kind: Kind) -> Profile:
    """Give the profile that fits; one that names a product goes before one that names none."""
    fitting = [profile for profile in profiles if profile.fits(kind)]
    fitting.sort(key=lambda profile: not profile.product)
    return fitting[0] if fitting else NOTHING_KNOWN


def _profile(loaded: Any) -> Profile:
    _only(loaded, _KEYS)
    profile = Profile(
        name=_word(loaded, "name"),
        title=_word(loaded, "title"),
        tier=Tier(_word(loaded, "tier")),
        vendor=str(loaded.get("vendor", "")),
        product=str(loaded.get("product", "")),
        known=tuple(_known(each) for each in loaded.get("quirks") or ()),
        notes=tuple(_note(each) for each in loaded.get("notes") or ()),
    )
    if not (profile.vendor or profile.product):
        raise ValueError("neither vendor nor product: it would fit every BMC")
    for pattern in (profile.vendor, profile.product):
        re.compile(pattern)
    return profile


def _known(loaded: Any) -> Known:
    _only(loaded, _QUIRK_KEYS)
    return Known(Quirk(_word(loaded, "quirk")), _word(loaded, "why"), _word(loaded, "source"))


def _note(loaded: Any) -> Note:
    _only(loaded, _NOTE_KEYS)
    return Note(_word(loaded, "note"), _word(loaded, "source"))


def _only(loaded: Any, keys: set[str]) -> None:
    if not isinstance(loaded, dict):
        raise TypeError("a map of keys is expected")
    if strange := set(loaded) - keys:
        raise ValueError(f"unknown keys: {', '.join(sorted(map(str, strange)))}")


def _word(loaded: dict[str, Any], key: str) -> str:
    value = loaded.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} is missing")
    return " ".join(value.split())
