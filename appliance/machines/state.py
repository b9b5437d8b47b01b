"""What is known of one machine, folded from evidence; and the table of its states.

Pure: a record and a piece of evidence give the next record. The table below also draws the
diagram in the docs. A state is never entered because something was *served* that should lead
there, only because something was *seen* (provisioners facts, section 5, mistake 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    """Where a machine stands, in the order of a good installation."""

    EXPECTED = "expected"
    FIRMWARE = "firmware"
    BOOTLOADER = "bootloader"
    SCRIPT = "script"
    KERNEL = "kernel"
    ROOTFS = "rootfs"
    CONFIG = "config"
    STARTED = "started"
    IMAGE = "image"
    INSTALLED = "installed"
    REBOOTED = "rebooted"
    READY = "ready"
    FAILED = "failed"
    HELD = "held"


class Seen(StrEnum):
    """The kinds of evidence."""

    FIRMWARE_DHCP = "firmware-dhcp"
    IPXE_DHCP = "ipxe-dhcp"
    SYSTEM_DHCP = "system-dhcp"
    BOOTLOADER_SENT = "bootloader-sent"
    INSTALL_SCRIPT = "install-script"
    OWN_DISK_SCRIPT = "own-disk-script"
    WAIT_SCRIPT = "wait-script"
    KERNEL_SENT = "kernel-sent"
    INITRD_SENT = "initrd-sent"
    ROOTFS_SENT = "rootfs-sent"
    CONFIG_SENT = "config-sent"
    HOOK_STARTED = "hook-started"
    IMAGE_ASKED = "image-asked"
    IMAGE_SENT = "image-sent"
    HOOK_SUCCEEDED = "hook-succeeded"
    HOOK_FAILED = "hook-failed"
    SYSTEM_ANSWERS = "system-answers"
    DEADLINE = "deadline"
    REINSTALL_ORDERED = "reinstall-ordered"
    INSTALL_LIMIT = "install-limit"


MAX_INSTALLS = 2
"""Installations begun without success before a machine is held."""

_BEFORE_INSTALL = (
    State.EXPECTED,
    State.FIRMWARE,
    State.BOOTLOADER,
    State.SCRIPT,
    State.KERNEL,
    State.ROOTFS,
    State.CONFIG,
)
_INSTALLING = (State.STARTED, State.IMAGE)
_AFTER_INSTALL = (State.INSTALLED, State.REBOOTED, State.READY)
_ALL = tuple(State)


def _table() -> dict[tuple[State, Seen], State]:
    table: dict[tuple[State, Seen], State] = {}

    def rule(sources: tuple[State, ...], seen: Seen, target: State) -> None:
        table.update({(source, seen): target for source in sources})

    unfinished = (*_BEFORE_INSTALL, *_INSTALLING, State.FAILED)
    rule(unfinished, Seen.FIRMWARE_DHCP, State.FIRMWARE)
    rule(unfinished, Seen.BOOTLOADER_SENT, State.BOOTLOADER)
    rule(unfinished, Seen.INSTALL_SCRIPT, State.SCRIPT)
    rule((State.SCRIPT, State.KERNEL), Seen.KERNEL_SENT, State.KERNEL)
    rule((State.SCRIPT, State.KERNEL), Seen.INITRD_SENT, State.KERNEL)
    rule((State.SCRIPT, State.KERNEL, State.ROOTFS), Seen.ROOTFS_SENT, State.ROOTFS)
    rule((State.SCRIPT, State.KERNEL, State.ROOTFS, State.CONFIG), Seen.CONFIG_SENT, State.CONFIG)
    rule((*_BEFORE_INSTALL, *_INSTALLING, State.FAILED), Seen.HOOK_STARTED, State.STARTED)
    rule((State.CONFIG, State.STARTED, State.IMAGE), Seen.IMAGE_ASKED, State.IMAGE)
    rule((State.CONFIG, State.STARTED, State.IMAGE), Seen.IMAGE_SENT, State.IMAGE)
    rule((*_BEFORE_INSTALL, *_INSTALLING), Seen.HOOK_FAILED, State.FAILED)
    rule((*unfinished, State.HELD), Seen.HOOK_SUCCEEDED, State.INSTALLED)
    rule((State.INSTALLED,), Seen.FIRMWARE_DHCP, State.REBOOTED)
    rule((State.INSTALLED,), Seen.OWN_DISK_SCRIPT, State.REBOOTED)
    rule((State.INSTALLED,), Seen.SYSTEM_DHCP, State.REBOOTED)
    rule(_ALL, Seen.SYSTEM_ANSWERS, State.READY)
    rule((*unfinished, State.HELD), Seen.INSTALL_LIMIT, State.HELD)
    rule(_ALL, Seen.REINSTALL_ORDERED, State.EXPECTED)
    return table


TRANSITIONS = _table()
"""(state, evidence) → next state. What is not in it changes nothing."""


@dataclass(frozen=True, slots=True)
class Record:
    """All that decisions need of a machine's past.

    `installs` counts installers that began (fetched their configuration) since the last order to
    install; `image_sent` is whether the present one took the whole image; `own_disk_tries` counts
    own-disk answers since a system was last seen running. Times are Unix seconds.
    """

    state: State = State.EXPECTED
    installs: int = 0
    image_sent: bool = False
    own_disk_tries: int = 0
    since: float = 0.0
    last_seen: Seen | None = None
    last_at: float = 0.0
    last_text: str = ""

    @property
    def installed(self) -> bool:
        """Whether the installation is proven; such a machine is never installed unasked."""
        return self.state in _AFTER_INSTALL


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing seen of one machine, at a Unix time, in words for people."""

    machine: str
    seen: Seen
    at: float
    text: str = ""


def fold(record: Record, evidence: Evidence) -> Record:
    """Take one piece of evidence into a record."""
    seen = evidence.seen
    state = TRANSITIONS.get((record.state, seen), record.state)
    installs, image_sent, tries = record.installs, record.image_sent, record.own_disk_tries
    if seen is Seen.REINSTALL_ORDERED:
        installs, image_sent, tries = 0, False, 0
    elif seen is Seen.CONFIG_SENT and record.state is not State.CONFIG:
        installs, image_sent = installs + 1, False
    elif seen is Seen.IMAGE_SENT:
        image_sent, tries = True, 0
    elif seen is Seen.OWN_DISK_SCRIPT:
        tries += 1
    elif seen in (Seen.SYSTEM_ANSWERS, Seen.HOOK_SUCCEEDED, Seen.SYSTEM_DHCP):
        tries = 0
    return replace(
        record,
        state=state,
        installs=installs,
        image_sent=image_sent,
        own_disk_tries=tries,
        since=evidence.at if state is not record.state else record.since,
        last_seen=seen,
        last_at=evidence.at,
        last_text=evidence.text,
    )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What should be seen next in a state, within so many seconds, and what to do when not."""

    next: str
    within: float
    advice: str


EXPECTATIONS: dict[State, Expectation] = {
    State.EXPECTED: Expectation(
        "a DHCP request from its firmware",
        900,
        "switch the machine on, see that its cable has link and that network boot is enabled",
    ),
    State.FIRMWARE: Expectation(
        "the iPXE binary being fetched",
        180,
        "see that nothing else answers DHCP here and that the switch port forwards (spanning tree)",
    ),
    State.BOOTLOADER: Expectation(
        "iPXE asking for its script",
        120,
        "Secure Boot is probably on: switch it off in the firmware's security menu, "
        "since this iPXE is not signed",
    ),
    State.SCRIPT: Expectation(
        "the kernel being fetched", 120, "look at the machine's screen for iPXE's error"
    ),
    State.KERNEL: Expectation(
        "the live root being fetched",
        600,
        "the kernel did not bring up the network: see the screen; too little memory or a missing "
        "network driver",
    ),
    State.ROOTFS: Expectation(
        "the installer fetching its configuration",
        900,
        "the live system did not come up: 8 GiB of memory are needed at least",
    ),
    State.CONFIG: Expectation(
        "the installer reporting STARTED",
        900,
        "the installer stopped before it began, without a word: read its log (fetched below, if "
        "the live system answered)",
    ),
    State.STARTED: Expectation(
        "the installer asking for the image", 600, "read the installer's log"
    ),
    State.IMAGE: Expectation(
        "the installer reporting SUCCEEDED", 3600, "read the installer's log; is the disk failing?"
    ),
    State.INSTALLED: Expectation(
        "the machine rebooting", 600, "power the machine off and on by its button"
    ),
    State.REBOOTED: Expectation(
        "the installed system answering",
        1800,
        "see the screen: does the machine start from its disk? put the disk first in boot order",
    ),
}
"""What each waiting state expects; READY, FAILED and HELD wait for nothing."""


def overdue(record: Record, now: float) -> Expectation | None:
    """Say what is missing if the state's time is over at Unix time `now`; else None."""
    expectation = EXPECTATIONS.get(record.state)
    if expectation is None or now - max(record.since, record.last_at) <= expectation.within:
        return None
    return expectation
