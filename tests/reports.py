"""Reports of machines made by hand, for tests of what reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from appliance.discover.report import Content, Disk, Nic, Report
from appliance.discover.wanted import Found, Wanted
from appliance.site.disk import parse_disk
from appliance.site.plan import MatchRule
from appliance.values import Mac

GB = 10**9
GIB = 2**30


def card(number: int, port: int = 0) -> Mac:
    """Give the address of a card of machine `number`."""
    return Mac(f"5254000{number:03x}{port:02x}")


def disk(serial: str = "S1", name: str = "nvme0n1", **changes: Any) -> Disk:
    """Give an empty NVMe disk of 960 GB with the names that udev gives it."""
    made = Disk(
        name=name,
        size=960 * GB,
        by_id=(f"/dev/disk/by-id/nvme-PM9A3_{serial}", f"/dev/disk/by-id/nvme-eui.00{serial}"),
        by_path=(f"/dev/disk/by-path/pci-0000:65:00.0-{name}",),
        model="PM9A3",
        serial=serial,
        bus="nvme",
    )
    return replace(made, **changes)


def full(kind: str = "ext4", **changes: Any) -> tuple[Content, ...]:
    """Give what is on a disk with one partition."""
    return (Content(kind="gpt"), replace(Content("nvme0n1p1", kind, size=GIB), **changes))


def report(number: int = 1, **changes: Any) -> Report:
    """Give the report of machine `number`: large enough, with one empty disk, nothing unusual."""
    made = Report(
        vendor="Dell Inc.",
        product="PowerEdge R650",
        serial=f"SERIAL{number}",
        uuid=UUID(f"4c4c4544-005a-4b10-8037-b4c04f50{number:04x}"),
        threads=64,
        memory=256 * GIB,
        firmware="uefi",
        disks=(disk(f"S{number}"),),
        nics=(
            Nic("eno1", card(number), link=True, speed=25000),
            Nic("eno2", card(number, 1), link=True, speed=25000),
        ),
    )
    return replace(made, **changes)


def found(number: int = 1, *, at: float = 0.0, mac: Mac | None = None, **changes: Any) -> Found:
    """Give that report as it came from the machine's first card."""
    return Found(mac or card(number), report(number, **changes), at)


def wanted(number: int = 1, selector: str = "size >= 250G, not usb", **changes: Any) -> Wanted:
    """Give machine `hv<number>`, told by its serial number, its disk by a selector."""
    rule = MatchRule(serial=f"SERIAL{number}")
    return replace(Wanted(f"hv{number}", rule, parse_disk(selector)), **changes)
