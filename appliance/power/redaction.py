"""What a recording of a BMC may not tell: who the machine is, where it stands, who may log in.

Pure: documents in, documents out. A value is replaced by the same stand-in wherever it is met, in
paths too, so that the recording still fits together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from appliance.power.redfish_documents import Document
from appliance.power.redfish_inventory import NO_SERIAL

_SECRET = re.compile(
    r"pass(word|phrase)|secret|token|credential|licen[cs]e|privatekey|community|pwd|^pass$|"
    r"presharedkey|^psk$",
    re.IGNORECASE,
)
_NAMES_ONE = re.compile(
    r"serial|servicetag|assettag|^sku$|hostname|fqdn|dnsname|username|email|nodename|chassistag|"
    r"spareparts?number|durablename|^address$|gateway|nameserver|domain|location|contact|"
    r"ntpserver|destination",
    re.IGNORECASE,
)
_PATTERNS = {
    "uuid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "card": r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b(?![:-])",
    # `Members@odata.count` is a key of Redfish.
    "mail": r"(?<![\w.+-])[\w.+-]{1,64}@(?!odata\.|Redfish\.|Message\.)[\w-]+(?:\.[\w-]+)+",
    "bare": r"(?<=\bMAC\()[0-9a-f]{12}\b",
    "address6": r"\b(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}\b){1,6}|"
    r"\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b",
    "address": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
}
_FORMS = {
    "uuid": "00000000-0000-4000-8000-{:012d}",
    "card": "52:54:00:00:00:{:02x}",
    "mail": "person{}@example.org",
    "bare": "525400{:06x}",
    "address6": "2001:db8::{:x}",
    "address": "192.0.2.{}",
}
# In one pass: a stand-in of one kind would be taken for another in the next.
_ANY = re.compile("|".join(f"(?P<{kind}>{one})" for kind, one in _PATTERNS.items()), re.IGNORECASE)
_BARE_MAC = re.compile(r"[0-9a-f]{12}", re.IGNORECASE)

_REMOVED = "removed"
_WITHOUT = frozenset({"Oem", "Location", "PostalAddress", "ContactInfo", "Placement", "Contacts"})
_WORDS = frozenset({"system", "systems", "manager", "managers", "redfish", "self", "localhost"})
"""Host names that are words of every path."""
_SHORTEST = 4
"""Shorter values (`1`, `0`) are no one's name, and would be replaced all over."""


def redacted(documents: Mapping[str, Document]) -> dict[str, Any]:
    """Give the documents without what names a machine, a person, a place or a secret.

    What stands below `Oem`, or says where it stands, is left out as a whole: nobody knows what a
    vendor puts there.
    """
    stand_ins = _StandIns()
    bare = {path: _without_oem(document) for path, document in documents.items()}
    for document in bare.values():
        for key, value in _named(document):
            stand_ins.learn(key, value)
    return {stand_ins.apply(path): _rewritten(value, "", stand_ins) for path, value in bare.items()}


class _StandIns:
    """The stand-in of each value, in the order they were met."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._counted: dict[str, int] = {}
        self._patterns: dict[str, int] = {}

    def learn(self, key: str, value: str) -> None:
        """Know a value by its key: a serial number may look like anything."""
        if len(value) < _SHORTEST or value.lower() in NO_SERIAL | _WORDS or value in self._known:
            return
        if _BARE_MAC.fullmatch(value) and "mac" in key.lower():
            self._known[value] = f"525400{self._count('bare'):06x}"
        elif not _ANY.fullmatch(value):
            self._known[value] = f"EXAMPLE{self._count('name'):04}"

    def apply(self, text: str, *, version: bool = False) -> str:
        """Rewrite one text; the numbers of a version look like an IPv4 address and stay."""
        for value in sorted(self._known, key=len, reverse=True):
            whole = rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])"
            text = re.sub(whole, self._known[value], text)

        def stand_in(match: re.Match[str]) -> str:
            kind = str(match.lastgroup)
            if version and kind == "address":
                return match.group()
            key = f"{kind} {match.group().lower()}"
            if key not in self._patterns:
                self._patterns[key] = self._count(kind)
            return _FORMS[kind].format(self._patterns[key] % 250)

        return _ANY.sub(stand_in, text)

    def _count(self, kind: str) -> int:
        self._counted[kind] = self._counted.get(kind, 0) + 1
        return self._counted[kind]


def _without_oem(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: {} if key in _WITHOUT else _without_oem(inner)
            for key, inner in value.items()
            if not key.startswith("#") or "Oem" not in key
        }
    return [_without_oem(inner) for inner in value] if isinstance(value, list) else value


def _named(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Give the texts that stand below a key which names one machine, person or place."""
    if isinstance(value, dict):
        for inner, below in value.items():
            yield from _named(below, inner)
    elif isinstance(value, list):
        for below in value:
            yield from _named(below, key)
    elif isinstance(value, str) and (_NAMES_ONE.search(key) or "mac" in key.lower()):
        yield key, value.strip()


def _rewritten(value: Any, key: str, stand_ins: _StandIns) -> Any:
    if _SECRET.search(key) and value is not None and not isinstance(value, dict | bool):
        return _REMOVED
    if isinstance(value, dict):
        return {
            stand_ins.apply(inner): _rewritten(below, inner, stand_ins)
            for inner, below in value.items()
        }
    if isinstance(value, list):
        return [_rewritten(below, key, stand_ins) for below in value]
    if isinstance(value, str):
        return stand_ins.apply(value, version="version" in key.lower())
    return value
