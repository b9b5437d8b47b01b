"""The machine's own description of itself: SMBIOS structures (DMTF DSP0134), decoded from bytes.

Firmware writes nonsense there; nothing raises, what cannot be read is missing.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from typing import Any

from .files import clean, names, octets, text

_END = 127
_TABLES = "sys/firmware/dmi/tables"
_CLASS = "sys/class/dmi/id"
_LITTLE_ENDIAN_SINCE = (2, 6)
"""From this version on the first three fields of the UUID are little-endian (7.2.1)."""
_SIZE_IN_EXTENDED = 0x7FFF
_NO_MODULE = (0, 0xFFFF)

Facts = dict[str, Any]


def gather(root: str) -> Facts:
    """Give vendor, product, serial, board_serial, bios_version, uuid and memory of the machine."""
    table = octets(f"{root}/{_TABLES}/DMI")
    if table:
        return decode(table, version(octets(f"{root}/{_TABLES}/smbios_entry_point")))
    return _of_class(f"{root}/{_CLASS}")


def version(entry: bytes) -> tuple[int, int]:
    """Give the version that the entry point names: 32-bit `_SM_` or 64-bit `_SM3_`."""
    if entry.startswith(b"_SM3_") and len(entry) > 8:
        return entry[7], entry[8]
    if entry.startswith(b"_SM_") and len(entry) > 7:
        return entry[6], entry[7]
    return (0, 0)


def structures(table: bytes) -> Iterator[tuple[int, bytes, list[str]]]:
    """Give each structure: its type, its formatted area, its strings."""
    at = 0
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        if length < 4 or at + length > len(table):
            return
        end = table.find(b"\0\0", at + length)
        if end < 0:
            end = len(table)
        strings = table[at + length : end].split(b"\0")
        yield kind, table[at : at + length], [clean(s.decode("latin-1")) for s in strings]
        if kind == _END:
            return
        at = end + 2


def decode(table: bytes, spec: tuple[int, int]) -> Facts:
    """Read the structures of types 0, 1, 2 and 17. Of several the first counts; memory is a sum."""
    facts: Facts = {}
    memory = 0
    for kind, area, strings in structures(table):
        if kind == 0:
            facts.setdefault("bios_version", _string(area, 0x05, strings))
        elif kind == 1 and "product" not in facts:
            facts["vendor"] = _string(area, 0x04, strings)
            facts["product"] = _string(area, 0x05, strings)
            facts["serial"] = _string(area, 0x07, strings)
            facts["uuid"] = _uuid(area[0x08:0x18], spec)
        elif kind == 2:
            facts.setdefault("board_serial", _string(area, 0x07, strings))
        elif kind == 17:
            memory += _memory(area)
    facts["memory"] = memory
    return facts


def _string(area: bytes, offset: int, strings: list[str]) -> str:
    if offset >= len(area):
        return ""
    index = area[offset]
    return strings[index - 1] if 0 < index <= len(strings) else ""


def _uuid(raw: bytes, spec: tuple[int, int]) -> str | None:
    if len(raw) != 16 or raw in {bytes(16), b"\xff" * 16}:
        return None
    little = spec >= _LITTLE_ENDIAN_SINCE
    return str(uuid.UUID(bytes_le=raw) if little else uuid.UUID(bytes=raw))


def _memory(area: bytes) -> int:
    """Give the octets of a memory device (7.18): 0 for an empty socket or an unknown size."""
    if len(area) < 0x0E:
        return 0
    (size,) = struct.unpack_from("<H", area, 0x0C)
    if size in _NO_MODULE:
        return 0
    if size == _SIZE_IN_EXTENDED and len(area) >= 0x20:
        (extended,) = struct.unpack_from("<I", area, 0x1C)
        return int(extended & 0x7FFFFFFF) << 20
    return int(size & 0x7FFF) << (10 if size & 0x8000 else 20)


def _of_class(folder: str) -> Facts:
    """Read what the kernel has read, where it does not give the table itself."""
    if not names(folder):
        return {}
    identity = text(folder, "product_uuid").lower()
    return {
        "vendor": text(folder, "sys_vendor"),
        "product": text(folder, "product_name"),
        "serial": text(folder, "product_serial"),
        "board_serial": text(folder, "board_serial"),
        "bios_version": text(folder, "bios_version"),
        "uuid": identity or None,
    }
