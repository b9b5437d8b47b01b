"""A machine's report, mutated: it is read or raises WireError, and what is read harms nobody.

Half of the mutations change octets, half change values inside whole JSON, so that they come past
the parser. What is read is written and read again, and matched against a site.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from appliance.discover.match import Found, match
from appliance.discover.report import (
    MAX_REPORT,
    MAX_TEXT,
    Content,
    Lldp,
    Nic,
    Pci,
    Report,
    Usb,
    decode,
    encode,
)
from appliance.errors import WireError
from appliance.site.plan import MatchRule
from tests.reports import card, disk, found, full, report, wanted

WHOLE = report(
    board_serial="B1",
    bios_version="1.9.2",
    cpu_model="Xeon",
    sockets=2,
    cores=32,
    secure_boot=True,
    tpm="2.0",
    clock=1760000000.25,
    disks=(
        disk("S1", contents=full("ext4", label="root", system="Debian GNU/Linux 12")),
        disk("S2", "sdb", bus="usb", removable=True, rotational=True, wwn="0x5000"),
        disk("S3", "sdc", read_only=True, problem="hung", contents=(Content(kind="LVM2_member"),)),
    ),
    nics=(
        Nic("eno1", card(1), "i40e", "X710", True, 10000, Lldp("sw1", "Gi1/0/3", "sw", "-")),
        Nic("eno2", card(1, 1)),
    ),
    pci=(Pci("0000:01:00.0", 0x10DE, 0x20B5, 0x030200, "nouveau", "NVIDIA A100"),),
    usb=(Usb(0x0781, 0x5581, "SanDisk"),),
    problems=("the BMC did not answer",),
)
SEEDS = tuple(
    encode(each) for each in (Report(), report(1), WHOLE, replace(WHOLE, disks=WHOLE.disks * 8))
)
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 255, 65536, 1 << 24, 1 << 31, 1 << 53, (1 << 63) - 1, 1 << 63),
    *(10**400, 0.5, -0.0, 1e308, 5e-324, "", "0", "x" * 300, "\0", "\x1b[2J", "\ud800", "\u202e"),
    *("é", "😀" * 200, "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", str(card(1)), str(card(1, 1))),
    *("/dev/sda", "/dev/disk/by-id/x", "/dev/disk/by-id/../sda", "bios", "2.0", [], {}, [[]]),
    *([{}], [None], [1], {"name": "a"}, {"name": "a", "mac": str(card(3))}, [""] * 300),
    *([{"name": "a"}] * 257, [{"name": "b", "mac": str(card(4))}] * 65, [{}] * 513, "SERIAL2"),
    *("4c4c4544-005a-4b10-8037-b4c04f500001", "00000000-0000-0000-0000-000000000000"),
)
BYTES = b'{}[]",:\\0123456789.-+eEtrufalsn \x00\x7f\x80\xc3\xff\n'
MACHINES = (
    wanted(1),
    wanted(2, match=MatchRule(macs=(card(1),))),
    wanted(3, "usb", match=MatchRule(product="r650", uuid=report(1).uuid)),
)
HONEST = found(1)


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """Change a report once to four times, by its octets or by its values."""
    if chance.random() < 0.5:
        raw = bytearray(seed)
        for _ in range(chance.randint(1, 4)):
            mutate_octets(raw, chance)
        return bytes(raw)
    values = json.loads(seed)
    for _ in range(chance.randint(1, 4)):
        mutate_value(values, chance)
    return json.dumps(values, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def mutate_octets(raw: bytearray, chance: random.Random) -> None:
    """Change, insert, take out, repeat or cut octets."""
    at = chance.randint(0, len(raw))
    length = chance.randint(1, 8)
    way = chance.randrange(5)
    if way == 0:
        raw[at : at + 1] = bytes([chance.choice(BYTES)])
    elif way == 1:
        raw[at:at] = bytes(chance.choices(BYTES, k=length))
    elif way == 2:
        del raw[at : at + length]
    elif way == 3:
        raw[at:at] = raw[at : at + length * 8] * chance.choice((1, 2, 50))
    else:
        del raw[at:]


def mutate_value(values: dict[str, Any], chance: random.Random) -> None:
    """Put an odd value somewhere, add one under a known key, take one out, or repeat one."""
    odd = copy.deepcopy(chance.choice(ODD))
    holder: Any = values
    while True:
        inside = list(holder.values()) if isinstance(holder, dict) else holder
        deeper = [each for each in inside if isinstance(each, dict | list) and each]
        if not deeper or chance.random() < 0.4:
            break
        holder = chance.choice(deeper)
    if isinstance(holder, list):
        at = chance.randrange(len(holder)) if holder else 0
        holder[at : at + chance.randint(0, 1)] = chance.choices((*holder, odd), k=2)
    elif chance.random() < 0.2 and holder:
        del holder[chance.choice(list(holder))]
    else:
        known = list(holder) or ["disks"]
        key = chance.choice((*known, *(each.name for each in fields(Report))))
        holder[key] = odd


def decoded(raw: bytes) -> Report | WireError:
    """Give the report or its refusal; nothing else may come."""
    try:
        return decode(raw)
    except WireError as error:
        return error


def looked_at(raw: bytes) -> str:
    """Read a report and hold it to all that is promised; give what came of it."""
    read = decoded(raw)
    if isinstance(read, WireError):
        assert str(read).isprintable()
        assert read.where.startswith("report")
        return "refused"
    again = encode(read)
    assert decode(again) == read
    assert encode(decode(again)) == again
    assert len(again) <= min(len(raw), MAX_REPORT) + 64
    assert_printable(read)
    matching = match(MACHINES, (Found(card(7), read), Found(card(1), read), HONEST))
    macs = [mac for each in matching.bound.values() for mac in each.macs]
    assert len(set(macs)) == len(macs)
    return "read"


def assert_printable(value: object) -> None:
    """Every string in it is printable and no longer than a string may be."""
    if isinstance(value, str):
        assert value.isprintable()
        assert len(value) <= MAX_TEXT
    elif isinstance(value, tuple):
        for each in value:
            assert_printable(each)
    elif is_dataclass(value):
        for field in fields(value):
            assert_printable(getattr(value, field.name))


def fuzz(count: int, seed: int) -> Counter[str]:
    """Look at so many mutations; a failure says from what to make it again."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    for number in range(count):
        raw = mutated(chance.choice(SEEDS), chance)
        try:
            outcomes[looked_at(raw)] += 1
        except Exception as error:
            raise AssertionError(f"mutation {number} of seed {seed}: {raw[:2000]!r}") from error
    return outcomes


@pytest.mark.parametrize("seed", range(4))
def test_mutated_reports_are_read_or_refused(seed: int) -> None:
    """8,000 of them; of each kind a fair part, so that both ways are really gone."""
    outcomes = fuzz(2000, seed)

    assert sum(outcomes.values()) == 2000
    assert min(outcomes["read"], outcomes["refused"]) > 200


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_million_mutated_reports_are_read_or_refused() -> None:
    """The same, a million times."""
    outcomes = fuzz(1_000_000, 2026)

    assert sum(outcomes.values()) == 1_000_000
    assert min(outcomes["read"], outcomes["refused"]) > 100_000


def test_the_net_itself() -> None:
    """A report that broke a promise would be noticed."""
    with pytest.raises(AssertionError):
        assert_printable(report(vendor="\x1b[2J"))
    assert looked_at(encode(WHOLE)) == "read"
    assert looked_at(b"[]") == "refused"
