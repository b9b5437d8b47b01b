"""SMBIOS tables: read as DSP0134 has them, and never believed to be whole."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from appliance.discover.stage1 import smbios
from tests.unit.discover.stage1.machine_tree import put

IDENTITY = bytes.fromhex("44332211665588 7799aabbccddeeff00".replace(" ", ""))


def structure(kind: int, body: bytes, *strings: str) -> bytes:
    """Write a structure: header, formatted area, strings."""
    texts = b"".join(each.encode() + b"\0" for each in strings) or b"\0"
    return struct.pack("<BBH", kind, 4 + len(body), kind) + body + texts + b"\0"


def memory(size: int, extended: int = 0) -> bytes:
    """Write a memory device of 32 octets (7.18)."""
    body = bytearray(0x22 - 4)
    struct.pack_into("<H", body, 0x0C - 4, size)
    struct.pack_into("<I", body, 0x1C - 4, extended)
    return structure(17, bytes(body))


TABLE = (
    structure(0, b"\1\2\0\0\3\0", "Dell Inc.", "2.19.1", "06/04/2025")
    + structure(1, b"\1\2\0\3" + IDENTITY, "Dell Inc.", "PowerEdge R650  ", "7XK1234")
    + structure(2, b"\1\2\0\3", "Dell Inc.", "0PYXKY", "CN7475")
    + memory(0x7FFF, 65536)
    + memory(16384)
    + memory(0)
    + memory(0xFFFF)
    + structure(127, b"")
)


def test_a_server() -> None:
    """Identity, board and the memory that is plugged in: 64 GiB and 16 GiB."""
    assert smbios.decode(TABLE, (3, 3)) == {
        "bios_version": "2.19.1",
        "vendor": "Dell Inc.",
        "product": "PowerEdge R650",
        "serial": "7XK1234",
        "uuid": "11223344-5566-7788-99aa-bbccddeeff00",
        "board_serial": "CN7475",
        "memory": 80 << 30,
    }


def test_the_uuid_was_big_endian_before_2_6() -> None:
    """Section 7.2.1."""
    assert smbios.decode(TABLE, (2, 5))["uuid"] == "44332211-6655-8877-99aa-bbccddeeff00"


def test_a_uuid_that_is_not_set_is_none() -> None:
    """All zeros and all ones are what boards carry that nobody has given one."""
    for raw in (bytes(16), b"\xff" * 16):
        table = structure(1, b"\1\2\0\3" + raw, "a", "b", "c")
        assert smbios.decode(table, (3, 0))["uuid"] is None


def test_versions() -> None:
    """Both kinds of entry point name it; another thing has none."""
    assert smbios.version(b"_SM3_\x00\x18\x03\x05") == (3, 5)
    assert smbios.version(b"_SM_\x00\x1f\x02\x08") == (2, 8)
    assert smbios.version(b"") == (0, 0)


def test_garbage_is_never_an_exception() -> None:
    """A table cut anywhere, and one with flipped octets, gives what it gives."""
    for end in range(len(TABLE)):
        smbios.decode(TABLE[:end], (3, 0))
    chance = random.Random(4)
    for _ in range(2000):
        table = bytearray(TABLE)
        for _ in range(8):
            table[chance.randrange(len(table))] = chance.randrange(256)
        smbios.decode(bytes(table), (3, 0))


def test_gathered_from_the_kernels_files(tmp_path: Path) -> None:
    """The table where the kernel gives it; else what it has read of it."""
    put(tmp_path, "sys/class/dmi/id/sys_vendor", "ACME\n")
    put(tmp_path, "sys/class/dmi/id/product_uuid", "11223344-5566-7788-99AA-BBCCDDEEFF00\n")
    found = smbios.gather(str(tmp_path))
    assert (found["vendor"], found["uuid"]) == ("ACME", "11223344-5566-7788-99aa-bbccddeeff00")
    put(tmp_path, "sys/firmware/dmi/tables/DMI", TABLE)
    put(tmp_path, "sys/firmware/dmi/tables/smbios_entry_point", b"_SM3_\x00\x18\x03\x03")
    assert smbios.gather(str(tmp_path))["serial"] == "7XK1234"


def test_a_machine_without_any(tmp_path: Path) -> None:
    """Nothing is said, nothing is made up."""
    assert smbios.gather(str(tmp_path)) == {}
