"""What people read of a machine."""

from __future__ import annotations

from uuid import UUID

from appliance.discover.report import Content, Disk, Lldp, Nic, Pci, Report
from appliance.discover.words import disks_line, facts, headline, holds
from appliance.values import Mac

_BLANK = Disk("sda", 480_000_000_000, by_id=("/dev/disk/by-id/ata-A",), bus="sata", serial="A1")
_REPORT = Report(
    vendor="Dell Inc.",
    product="PowerEdge R650",
    serial="7XKQ9Z3",
    uuid=UUID("4c4c4544-0058-4b10-8051-b7c04f395a33"),
    threads=64,
    cores=32,
    sockets=1,
    memory=274_877_906_944,
    firmware="uefi",
    secure_boot=True,
    tpm="2.0",
    disks=(
        _BLANK,
        Disk(
            "sdb",
            960_000_000_000,
            contents=(
                Content("", "gpt"),
                Content("sdb1", "ext4", label="data", system="Debian GNU/Linux 12 (bookworm)"),
            ),
        ),
    ),
    nics=(
        Nic("eno1", Mac("525400000001"), "tg3", "BCM5720", link=True, speed=1000),
        Nic(
            "eno2",
            Mac("525400000002"),
            lldp=Lldp(chassis="aa", port="Gi1/0/3", system="sw1"),
            link=True,
        ),
    ),
    pci=(
        Pci("0000:17:00.0", 0x10DE, 0x20B7, 0x030200, name="NVIDIA A30"),
        Pci("0000:00:00.0", 0x8086, 1, 0x060000, name="a bridge"),
    ),
    problems=("sdc did not answer",),
    failed="no room",
)


def test_a_machine_is_said_in_one_line() -> None:
    """What stands on its label, and how big it is."""
    assert headline(_REPORT) == (
        "Dell Inc. PowerEdge R650, serial 7XKQ9Z3, 64 threads, 275 GB of memory"
    )
    assert headline(Report()) == "a machine without a name"


def test_a_report_of_thousands_is_said_in_few_words() -> None:
    """An event keeps it for ever, and a liar may send another every 5 s."""
    contents = tuple(Content(f"sda{n}", f"kind{n}", "x" * 256) for n in range(256))
    disks = tuple(Disk(f"sd{n}", 1 << 30, contents=contents) for n in range(256))
    said = disks_line(Report(disks=disks))
    assert said.endswith("; and 240 more disks")
    assert " and 250 more; sd1 " in said
    assert len(said) < 32_000


def test_disks_are_said_with_what_is_on_them() -> None:
    """An installed system goes by its own name."""
    assert disks_line(_REPORT) == (
        "sda 480 GB, blank; sdb 960 GB, holds Debian GNU/Linux 12 (bookworm)"
    )
    assert disks_line(Report()) == "no disk"


def test_what_a_disk_holds() -> None:
    """File systems by kind and label; a bare table is empty; a disk that hangs says so."""
    data = Disk("sda", 1, contents=(Content("", "gpt"), Content("sda1", "xfs", label="photos")))
    assert holds(data) == "holds xfs 'photos'"
    assert holds(Disk("sda", 1, contents=(Content("", "gpt"),))) == "an empty partition table"
    assert holds(Disk("sda", 1, problem="reading it took 10 s")) == "reading it took 10 s"
    assert holds(Disk("sda", 1)) == "blank"


def test_all_facts_of_a_machine() -> None:
    """Each with its label; what is not known is left out, and so are devices nobody asks for."""
    found = dict(facts(_REPORT))
    assert found["model"] == "Dell Inc. PowerEdge R650"
    assert found["firmware"] == "UEFI, Secure Boot on"
    assert found["processor"] == "1 socket, 32 cores, 64 threads"
    assert found["disk sda"] == "480 GB, serial A1, sata, blank, /dev/disk/by-id/ata-A"
    assert found["card eno1"] == "52:54:00:00:00:01, BCM5720, tg3, link 1000 Mbit/s"
    assert found["card eno2"] == "52:54:00:00:00:02, link, at sw1, port Gi1/0/3"
    assert found["PCI 0000:17:00.0"] == "NVIDIA A30"
    assert found["not found out"] == "sdc did not answer"
    assert found["not installed"] == "no room"
    assert "PCI 0000:00:00.0" not in found
    assert "board serial" not in found
    assert facts(Report()) == (("TPM", "none"), ("disks", "none"))
