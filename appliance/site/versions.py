"""What is known of Harvester's releases: which lines, what they bundle, what they refuse.

Facts read in the installer's branches in 2026: `scripts/version-rke2`, `scripts/version-rancher`
and, for UEFI, the first lines of `pkg/installer/console/install_panels.go`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:-rc(\d{1,3}))?")
_PARTIAL = re.compile(r"v?(\d{1,4})(?:\.(\d{1,4}))?(?:\.|$|-)")


@dataclass(frozen=True, slots=True)
class HarvesterLine:
    """One minor line. `newest` is the newest release seen; `rke2` is what the line bundles.

    `checks_disk_always`: the installer's check of the disk's size cannot be skipped
    (harvester/harvester#6064, fixed in 1.8). `provider` is the version of Terraform's provider for
    the line: both are released together, and only like fits like.
    """

    major: int
    minor: int
    newest: str
    rke2: str
    provider: str
    uefi_only: bool
    checks_disk_always: bool

    @property
    def name(self) -> str:
        """The line in words, such as `1.8`."""
        return f"{self.major}.{self.minor}"


KNOWN_LINES = (
    HarvesterLine(1, 7, "v1.7.3", "v1.34.9", "1.7.0", uefi_only=False, checks_disk_always=True),
    HarvesterLine(1, 8, "v1.8.2", "v1.35.6", "1.8.1", uefi_only=True, checks_disk_always=False),
    HarvesterLine(
        1, 9, "v1.9.0", "v1.36.3+rke2r1", "1.9.0", uefi_only=True, checks_disk_always=False
    ),
)
"""Oldest first. A new line is added here, with what its installer was seen to do."""

TERRAFORM = "1.14.8"
"""What the provider's own tests run (terraform-provider-harvester, 2026)."""
TOFU = "1.12.6"
REGISTRY = "3.1.2"
"""Of distribution/distribution."""
DEFAULT_IMAGE = "ubuntu-24.04"
DEFAULT_IMAGE_URL = (
    "https://cloud-images.ubuntu.com/releases/noble/release-20260814/"
    "ubuntu-24.04-server-cloudimg-amd64.img"
)
"""A dated release: `current` changes under one's feet, and daily ones are soon removed."""


def normal_version(text: str) -> str | None:
    """Give `v1.8.2` for `1.8.2` or `v1.8.2`; None where the text is no full version."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, candidate = match.groups()
    tail = f"-rc{int(candidate)}" if candidate else ""
    return f"v{int(major)}.{int(minor)}.{int(patch)}{tail}"


def line_of(version: str) -> HarvesterLine | None:
    """Find the known line a full version belongs to; None where it is not known."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    place = (int(match.group(1)), int(match.group(2)))
    return next((line for line in KNOWN_LINES if (line.major, line.minor) == place), None)


def provider_of(version: str) -> str:
    """Give the version of Terraform's provider for a Harvester; an unknown line has the newest."""
    line = line_of(version)
    return (line or KNOWN_LINES[-1]).provider


def nearest_known(text: str) -> str:
    """Name the known release nearest to what was written; the newest where nothing can be read."""
    match = _PARTIAL.match(text.strip())
    if match is None or match.group(2) is None:
        return KNOWN_LINES[-1].newest
    place = int(match.group(1)) * 10_000 + int(match.group(2))
    nearest = min(KNOWN_LINES, key=lambda line: abs(line.major * 10_000 + line.minor - place))
    return nearest.newest


def known_lines_text() -> str:
    """Name the known lines in words: `1.7, 1.8 and 1.9`."""
    names = [line.name for line in KNOWN_LINES]
    return f"{', '.join(names[:-1])} and {names[-1]}"
