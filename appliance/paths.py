"""Where the appliance keeps things on the laptop. No file is touched here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_SITE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
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
    def keys(self) -> Path:
        """Public keys of those whose signatures are checked."""
        return self.root / "keys"

    @property
    def image_keyring(self) -> Path:
        """The keyring of Ubuntu's cloud images, where the operator has put it."""
        return self.keys / "ubuntu-cloudimage.gpg"

    @property
    def host_key(self) -> Path:
        """The key that opens this laptop's vaults, where the host has no credential of its own."""
        return self.root / "host.key"

    @property
    def operator(self) -> Path:
        """The hash of the wizard's password, mode 0600."""
        return self.root / "operator.json"

    @property
    def web_site_file(self) -> Path:
        """The site file of a wizard that was started without one."""
        return self.root / "site.yaml"

    @property
    def web_interface(self) -> Path:
        """The name of the network interface that was chosen in the wizard."""
        return self.root / "web-interface"

    @property
    def web_certificate(self) -> Path:
        """The certificate that the wizard made for itself."""
        return self.root / "web.crt"

    @property
    def web_key(self) -> Path:
        """The key of that certificate, mode 0600."""
        return self.root / "web.key"

    def site(self, site_id: str) -> SitePaths:
        """Give the folders of one site.

        Raises ValueError for an id that would leave the root or fall on a folder of all sites.
        """
        if not _SITE_ID.fullmatch(site_id) or site_id in _taken(self):
            raise ValueError(f"{site_id!r} cannot be the folder of a site")
        return SitePaths(self.root / site_id)


def _taken(paths: Paths) -> tuple[str, ...]:
    return (
        paths.depot.name,
        paths.keys.name,
        paths.host_key.name,
        paths.operator.name,
        paths.web_site_file.name,
        paths.web_interface.name,
        paths.web_certificate.name,
        paths.web_key.name,
    )


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
    def files_lock(self) -> Path:
        """Held by the one that fetches the site's files into the depot, or takes them out."""
        return self.folder / "files.lock"

    @property
    def boot(self) -> Path:
        """The unprivileged boot process' own folder: leases and boot events."""
        return self.folder / "boot"

    @property
    def reports(self) -> Path:
        """Reports, support files, live logs of installers."""
        return self.folder / "reports"
