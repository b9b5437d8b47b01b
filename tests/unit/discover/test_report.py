"""What a machine says of itself, read strictly and written in one form."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from uuid import UUID

import pytest

from appliance.discover.report import (
    MAX_DISKS,
    MAX_NICS,
    MAX_PROBLEMS,
    MAX_REPORT,
    MAX_TEXT,
    Content,
    Disk,
    Lldp,
    Nic,
    Pci,
    Report,
    Usb,
    decode,
    encode,
)
from appliance.errors import WireError
from appliance.values import Mac

MAC = "52:54:00:12:34:56"
WHOLE = Report(
    vendor="Dell Inc.",
    product="PowerEdge R650",
    serial="4ZK7PX3",
    board_serial=".4ZK7PX3.CN1",
    bios_version="1.9.2",
    uuid=UUID("4c4c4544-005a-4b10-8037-b4c04f505833"),
    cpu_model="Intel(R) Xeon(R) Gold 6338",
    sockets=2,
    cores=64,
    threads=128,
    memory=549755813888,
    firmware="uefi",
    secure_boot=True,
    tpm="2.0",
    clock=1760000000.25,
    disks=(
        Disk(
            name="nvme0n1",
            size=960197124096,
            by_id=("/dev/disk/by-id/nvme-PM9A3_S64", "/dev/disk/by-id/nvme-eui.0025"),
            by_path=("/dev/disk/by-path/pci-0000:65:00.0-nvme-1",),
            model="PM9A3",
            serial="S64",
            wwn="eui.0025",
            bus="nvme",
            contents=(
                Content(kind="gpt"),
                Content("nvme0n1p2", "ext4", "root", 1000, "Debian GNU/Linux 12 (bookworm)"),
            ),
        ),
        Disk(name="sda", size=0, rotational=True, removable=True, read_only=True, problem="hung"),
    ),
    nics=(
        Nic("eno1", Mac.parse(MAC), "i40e", "X710", True, 10000, Lldp("sw1", "Gi1/0/3", "sw", "-")),
        Nic("eno2", Mac.parse("52:54:00:12:34:57")),
    ),
    pci=(Pci("0000:01:00.0", 0x10DE, 0x20B5, 0x030200, "nouveau", "NVIDIA A100"),),
    usb=(Usb(0x0781, 0x5581, "SanDisk"),),
    problems=("the BMC did not answer",),
    failed="its installer has 900 MiB, and its memory has room for 300 MiB of it",
)


def refusal(values: Any) -> str:
    """Give the words with which a report is refused."""
    with pytest.raises(WireError) as caught:
        decode(json.dumps(values).encode())
    return str(caught.value)


def test_what_is_written_is_read_again() -> None:
    """Every field survives, and the second writing is the first to the byte."""
    raw = encode(WHOLE)

    assert decode(raw) == WHOLE
    assert encode(decode(raw)) == raw


def test_keys_are_the_names_of_the_fields() -> None:
    """The image's program can be written from the dataclasses alone."""
    values = json.loads(encode(WHOLE))

    assert set(values) == {each.name for each in dataclasses.fields(Report)}
    assert values["nics"][0]["mac"] == MAC
    assert values["uuid"] == "4c4c4544-005a-4b10-8037-b4c04f505833"
    assert values["clock"] == 1760000000.25


def test_nothing_said_is_all_defaults() -> None:
    """Missing keys, unknown ones and null are no errors."""
    assert decode(b"{}") == Report()
    assert decode(b'{"new": [1], "vendor": null, "disks": null, "uuid": null}') == Report()
    assert encode(Report()) == b"{}"


def test_text_is_printable_and_cut() -> None:
    """Nothing in it can move a terminal's cursor, reverse a line, or fill a screen."""
    given = {"vendor": "a\x1b[2Jb\u202ec\ud800", "product": "x" * 1000}
    report = decode(json.dumps(given).encode())

    assert report.vendor == "a?[2Jb?c?"
    assert report.product == "x" * MAX_TEXT


def test_a_path_is_never_changed() -> None:
    """A path that would have to be cut or cleaned is left out: it would name another disk."""
    by_id = ["/dev/disk/by-id/good", "/dev/disk/by-id/" + "x" * MAX_TEXT, "/dev/disk/by-id/a\nb"]
    report = decode(json.dumps({"disks": [{"name": "sda", "by_id": by_id}]}).encode())

    assert report.disks[0].by_id == ("/dev/disk/by-id/good",)


@pytest.mark.parametrize("address", ["00:00:00:00:00:00", "01:00:5e:00:00:01"])
def test_a_card_without_address_does_not_hide_the_machine(address: str) -> None:
    """Some firmware shows dead cards as all zero: the others are still listed."""
    nics = [{"name": "eth0", "mac": address}, {"name": "eth1", "mac": MAC}]
    report = decode(json.dumps({"nics": nics}).encode())

    assert [nic.name for nic in report.nics] == ["eth1"]
    assert report.problems == ("eth0 has no address of its own",)


@pytest.mark.parametrize(
    ("values", "place", "why"),
    [
        ([], "report:", "no JSON object"),
        ({"vendor": 5}, "report.vendor", "no string"),
        ({"threads": "8"}, "report.threads", "no whole number"),
        ({"threads": True}, "report.threads", "no whole number"),
        ({"threads": 1.0}, "report.threads", "no whole number"),
        ({"memory": -1}, "report.memory", "from 0 to"),
        ({"memory": 1 << 63}, "report.memory", "from 0 to"),
        ({"clock": "now"}, "report.clock", "no number"),
        ({"clock": 1e300}, "report.clock", "no moment"),
        ({"clock": 1 << 2000}, "report.clock", "no moment"),
        ({"secure_boot": "yes"}, "report.secure_boot", "neither true nor false"),
        ({"firmware": "coreboot"}, "report.firmware", "none of bios, uefi"),
        ({"tpm": "3"}, "report.tpm", "none of 1.2, 2.0"),
        ({"uuid": "4c4c4544"}, "report.uuid", "no UUID"),
        ({"disks": {}}, "report.disks", "no list"),
        ({"disks": ["sda"]}, "report.disks[0]", "no JSON object"),
        ({"disks": [{"size": 1}]}, "report.disks[0].name", "missing"),
        ({"disks": [{"name": "a"}] * (MAX_DISKS + 1)}, "report.disks", "257 entries"),
        (
            {"disks": [{"name": "a", "contents": [{"size": []}]}]},
            "report.disks[0].contents[0].size",
            "no whole number",
        ),
        ({"disks": [{"name": "a", "by_id": [1]}]}, "report.disks[0].by_id[0]", "no string"),
        ({"nics": [{"name": "e"}]}, "report.nics[0].mac", "missing"),
        ({"nics": [{"name": "e", "mac": "525400123456"}]}, "report.nics[0].mac", "no MAC"),
        ({"nics": [{"name": "e", "mac": MAC, "lldp": 1}]}, "report.nics[0].lldp", "no JSON object"),
        ({"nics": [{"name": "e", "mac": MAC}] * (MAX_NICS + 1)}, "report.nics", "65 entries"),
        ({"pci": [{"vendor": 65536}]}, "report.pci[0].vendor", "from 0 to 65535"),
        ({"pci": [{"class_code": 1 << 24}]}, "report.pci[0].class_code", "from 0 to"),
        ({"usb": [{"product": 65536}]}, "report.usb[0].product", "from 0 to"),
        ({"problems": [""] * (MAX_PROBLEMS + 1)}, "report.problems", "65 entries"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(values: Any, place: str, why: str) -> None:
    """The refusal names where in the report, and what is wrong there."""
    words = refusal(values)

    assert place in words
    assert why in words


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b'{"clock": NaN}',
        b'{"clock": Infinity}',
        b'{"memory": ' + b"9" * 5000 + b"}",
        b"[" * MAX_REPORT,
        b'{"a":' * 50000,
    ],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    """Bad octets, numbers that are none, endless digits and endless nesting."""
    with pytest.raises(WireError, match="no JSON"):
        decode(raw)


def test_a_huge_report_is_refused_unread() -> None:
    """What is larger than a report may be is not even parsed."""
    with pytest.raises(WireError, match=f"at most {MAX_REPORT}"):
        decode(b" " * (MAX_REPORT + 1000) + b"{}")


def test_the_largest_report_can_be_stored_and_read_again() -> None:
    """The canonical form is not longer than a report may be: empty entries stay empty."""
    assert encode(decode(b'{"disks":[{"name":"a"}]}')) == b'{"disks":[{"name":"a"}]}'
    disk = {"name": "a", "contents": [{}] * 256}
    raw = json.dumps({"clock": 1e9, "disks": [disk] * 256}, separators=(",", ":")).encode()
    assert len(raw) < MAX_REPORT

    report = decode(raw)

    assert len(encode(report)) <= MAX_REPORT
    assert decode(encode(report)) == report


def test_two_reports_of_one_machine_differ_by_their_clock_alone() -> None:
    """What has changed is asked of the facts."""
    later = dataclasses.replace(WHOLE, clock=WHOLE.clock + 10)

    assert later != WHOLE
    assert later.facts == WHOLE.facts


def test_macs_are_each_named_once() -> None:
    """A bond shows its cards with one address."""
    twice = dataclasses.replace(WHOLE, nics=WHOLE.nics + WHOLE.nics[:1])

    assert [str(mac) for mac in twice.macs] == [MAC, "52:54:00:12:34:57"]
