"""Opening served files, and what a transfer of one is evidence of. HTTP and TFTP both use it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from appliance.boot.model import STAGE1_UKI, ServedFile
from appliance.boot.state import BootState
from appliance.machines.state import Seen

PROGRESS_STEP = 5
"""Per cent between two progress events of the image."""


class FileUnreadableError(Exception):
    """A file of the depot cannot be opened, or is no longer what was verified."""


def open_served(file: ServedFile) -> int:
    """Give a descriptor of a verified file. Raises FileUnreadableError with the reason."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise FileUnreadableError(f"{file.name} cannot be opened: {error.strerror}") from error
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size == file.size:
        return descriptor
    os.close(descriptor)
    raise FileUnreadableError(
        f"{file.name} is no longer the file that was verified: "
        f"{status.st_size} octets instead of {file.size}"
    )


def find_file(state: BootState, name: str, folder: str) -> ServedFile | None:
    """Find a file by the name a client used, which may repeat the folder it is offered in."""
    bare = name.lstrip("/").removeprefix(f"{folder}/")
    return state.file(bare) or state.file(f"{folder}/{bare}")


@dataclass(slots=True)
class Watched:
    """One transfer of a file to one address: says how far it is, and what its end proves."""

    state: BootState
    file: ServedFile
    address: IPv4Address
    kind: str
    whole: bool = True
    _told: int = field(default=0)

    def begun(self) -> None:
        """The client asked for the file itself."""
        if self.file.proves is Seen.IMAGE_SENT:
            self.asked("the installer fetches the image")

    def asked(self, text: str) -> None:
        """The client asked after the image, by HEAD or GET."""
        owner = self.state.owner_of(self.address)
        if owner is not None and self.file.proves is Seen.IMAGE_SENT:
            self.state.see(owner.name, Seen.IMAGE_ASKED, text)

    def progress(self, sent: int) -> None:
        """Tell of the image every 5 per cent."""
        if self.file.proves is not Seen.IMAGE_SENT or not self.whole:
            return
        percent = sent * 100 // max(self.file.size, 1)
        if percent - self._told < PROGRESS_STEP or percent >= 100:
            return
        self._told = percent - percent % PROGRESS_STEP
        self._say(f"{self.file.name}: {self._told} %", percent=self._told)

    def ended(self, sent: int) -> None:
        """The transfer is over after `sent` octets; a whole file proves what it proves."""
        if not self.whole:
            return
        proves = Seen.STAGE1_SENT if self.file.name == STAGE1_UKI else self.file.proves
        if sent < self.file.size:
            percent = sent * 100 // self.file.size
            self._say(f"{self.file.name} broke off at {percent} %", percent=percent)
            return
        owner = self.state.owner_of(self.address)
        if owner is not None and proves is not None:
            text = f"it took all of {self.file.name} by {self.kind.upper()}"
            data = (("file", self.file.name), ("address", str(self.address)))
            self.state.see(owner.name, proves, text, data=data)
        else:
            self._say(f"{self.file.name} sent to {self.address}", percent=100)

    def _say(self, text: str, *, percent: int) -> None:
        owner = self.state.owner_of(self.address)
        self.state.say(
            self.kind,
            text,
            machine=owner.name if owner else None,
            data=(
                ("file", self.file.name),
                ("percent", str(percent)),
                ("address", str(self.address)),
            ),
        )
