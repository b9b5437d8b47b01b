"""What is known of hardware: how much Harvester needs, and which identifiers are none.

The minimums are Harvester's documented ones and its installer's checks (docs, v1.3 to v1.8;
installer `pkg/console/preflight`); its installer stops on what is below production.
"""

from __future__ import annotations

import re
from uuid import UUID

GIB = 2**30

MIN_MEMORY = 64 * GIB
MIN_CPUS = 16
SLACK = 0.9
"""Harvester's installer lets 10 % less memory pass (installer, preflight checks)."""
MIN_SPEED = 10_000
"""Mbit/s of the management network."""
MIN_DISK = 250 * GIB
MIN_DISK_BESIDE_DATA = 180 * GIB
MIN_DATA_DISK = 50 * GIB
RUNNING = 256 * 2**20
"""Octets of memory that a Linux needs beside the files that it was started from."""
TEST_MEMORY = 32 * GIB
TEST_CPUS = 8
"""Below these it is not even good for a test."""

_JUNK = frozenset(
    """
    0 00 none null na n/a unknown unspecified empty default defaultstring string serial
    serialnumber systemserialnumber chassisserialnumber baseboardserialnumber notapplicable
    notavailable notspecified notset tobefilledbyoem tobefilled oem
    invalid test 123456789 1234567890 0123456789 xxxxxxxx
    """.split()
)
"""What vendors leave in place of a serial number, in lower case, without blanks, dots, hyphens."""
_JUNK_UUIDS = frozenset(
    {
        # AMI's example, shipped on boards of many vendors.
        UUID("03000200-0400-0500-0006-000700080009"),
        UUID("00020003-0004-0005-0006-000700080009"),
        UUID("12345678-1234-5678-90ab-cddeefaabbcc"),
        UUID("78563412-3412-7856-90ab-cddeefaabbcc"),
    }
)


def is_serial(text: str) -> bool:
    """Whether a serial number can be one machine's alone."""
    bare = re.sub(r"[\s_:.-]", "", text).lower()
    return len(set(bare)) > 1 and bare not in _JUNK


def is_uuid(value: UUID) -> bool:
    """Whether a UUID can be one machine's alone: not all one digit, and no vendor's example."""
    return len(set(value.hex)) > 1 and value not in _JUNK_UUIDS
