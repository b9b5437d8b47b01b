"""Where the appliance keeps things on the laptop. No file is touched here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_STATE = Path("/var/lib/bridgehead")


@dataclass(frozen=True, slots=True)
class Paths:
    """All folders and files of one laptop under one root (`--state`, else /var/lib/bridgehead)."""

    root: Path = DEFAULT_STATE

    @property
    def depot(self) -> Path:
        """Verified artifacts, shared by all sites of the laptop."""
        return self.root / "depot"

    @property
    def host_key(self) -> Path:
        """The key that opens this laptop's vaults, where the host has no credential of its own."""
        return self.root / "host.key"

    def site(self, site_id: str) -> SitePaths:
        """Give the folders of one site."""
        return SitePaths(self.root / site_id)


@dataclass(frozen=True, slots=True)
class SitePaths:
    """The folders and files of one site."""

    folder: Path

    @property
    def database(self) -> Path:
        """Journal, events, vault: main's own, mode 0600."""
        return self.folder / "main.db"

    @property
    def lock(self) -> Path:
        """Held by the one run that may change the site."""
        return self.folder / "lock"

    @property
    def boot(self) -> Path:
        """The unprivileged boot process' own folder: leases and boot events."""
        return self.folder / "boot"

    @property
    def reports(self) -> Path:
        """Reports, support files, live logs of installers."""
        return self.folder / "reports"
