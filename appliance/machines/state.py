"""What is known of one machine, folded from evidence; and the table of its states.

Pure: a record and a piece of evidence give the next record. The table below also draws the
diagram in the docs. A state is never entered because something was *served* that should lead
there, only because something was *seen* (provisioners facts, section 5, mistake 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    """Where a machine stands, in the order of a good installation."""

    EXPECTED = "expected"
    FIRMWARE = "firmware"
    BOOTLOADER = "bootloader"
    WAITING = "waiting"
    DISCOVERING = "discovering"
    DISCOVERED = "discovered"
    SCRIPT = "script"
    KERNEL = "kernel"
    ROOTFS = "rootfs"
    CONFIG = "config"
    STARTED = "started"
    IMAGE = "image"
    OWN_DISK = "own-disk"
    INSTALLED = "installed"
    REBOOTED = "rebooted"
    READY = "ready"
    FAILED = "failed"
    HELD = "held"


STATE_WORDS: Mapping[State, str] = {
    State.EXPECTED: "not seen yet",
    State.FIRMWARE: "firmware booting",
    State.BOOTLOADER: "boot loader runs",
    State.WAITING: "waits its turn",
    State.DISCOVERING: "looks at itself",
    State.DISCOVERED: "discovered",
    State.SCRIPT: "boot script",
    State.KERNEL: "kernel loaded",
    State.ROOTFS: "live system",
    State.CONFIG: "installer starts",
    State.STARTED: "installing",
    State.IMAGE: "writing image",
    State.OWN_DISK: "tries its disk",
    State.INSTALLED: "installed",
    State.REBOOTED: "starts from disk",
    State.READY: "ready",
    State.FAILED: "failed",
    State.HELD: "held",
}
"""What a person is told, on a terminal and on a page; docs/operator.md explains each."""


class Seen(StrEnum):
    """The kinds of evidence."""

    FIRMWARE_DHCP = "firmware-dhcp"
    IPXE_DHCP = "ipxe-dhcp"
    SYSTEM_DHCP = "system-dhcp"
    BOOTLOADER_SENT = "bootloader-sent"
    INSTALL_SCRIPT = "install-script"
    OWN_DISK_SCRIPT = "own-disk-script"
    WAIT_SCRIPT = "wait-script"
    DISCOVER_SCRIPT = "discover-script"
    STAGE1_SENT = "stage1-sent"
    DISCOVERED = "discovered"
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

_BEFORE_SCRIPT = (
    State.EXPECTED,
    State.FIRMWARE,
    State.BOOTLOADER,
    State.WAITING,
    State.DISCOVERING,
    State.DISCOVERED,
)
_LOADING = (State.SCRIPT, State.KERNEL, State.ROOTFS)
_BEGUN = (State.CONFIG, State.STARTED, State.IMAGE)
_AFTER_INSTALL = (State.INSTALLED, State.REBOOTED, State.READY)
_UNFINISHED = (*_BEFORE_SCRIPT, *_LOADING, *_BEGUN, State.OWN_DISK, State.FAILED)
_ALL = tuple(State)

_Table = dict[tuple[State, Seen], State]


def _table() -> _Table:
    table: _Table = {}
    _booting(table)
    _installing(table)
    _ending(table)
    return table


def _rule(table: _Table, sources: tuple[State, ...], seen: Seen, target: State) -> None:
    table.update({(source, seen): target for source in sources})


def _booting(table: _Table) -> None:
    """From power-on to the script. Evidence may be lost, so a later one is taken from any state.

    A machine that starts anew in the middle of anything is back at its firmware.
    """
    _rule(table, _UNFINISHED, Seen.FIRMWARE_DHCP, State.FIRMWARE)
    _rule(table, _UNFINISHED, Seen.BOOTLOADER_SENT, State.BOOTLOADER)
    # A card whose boot ROM is iPXE shows no firmware first. In SCRIPT it is the script's own dhcp.
    loading = (*_LOADING, State.DISCOVERING)
    not_loading = tuple(each for each in _UNFINISHED if each not in loading)
    _rule(table, not_loading, Seen.IPXE_DHCP, State.BOOTLOADER)
    _rule(table, (State.WAITING,), Seen.IPXE_DHCP, State.WAITING)
    asks = tuple(each for each in _UNFINISHED if each is not State.FAILED)
    _rule(table, asks, Seen.WAIT_SCRIPT, State.WAITING)
    # Our small Linux, by iPXE's script or as the boot file itself; and the word of that Linux.
    _rule(table, _UNFINISHED, Seen.DISCOVER_SCRIPT, State.DISCOVERING)
    _rule(table, _BEFORE_SCRIPT[:-1], Seen.STAGE1_SENT, State.DISCOVERING)
    _rule(table, _UNFINISHED, Seen.DISCOVERED, State.DISCOVERED)
    _rule(table, _UNFINISHED, Seen.INSTALL_SCRIPT, State.SCRIPT)
    _rule(table, _UNFINISHED, Seen.OWN_DISK_SCRIPT, State.OWN_DISK)


def _installing(table: _Table) -> None:
    """From the kernel to the whole image. What the installer does shows by HTTP, hooks may fail."""
    before_kernel = (*_BEFORE_SCRIPT, State.SCRIPT)
    _rule(table, before_kernel, Seen.KERNEL_SENT, State.KERNEL)
    _rule(table, before_kernel, Seen.INITRD_SENT, State.KERNEL)
    _rule(table, (*before_kernel, State.KERNEL), Seen.ROOTFS_SENT, State.ROOTFS)
    before_config = (*_BEFORE_SCRIPT, *_LOADING)
    _rule(table, (*before_config, State.OWN_DISK, State.FAILED), Seen.CONFIG_SENT, State.CONFIG)
    _rule(table, (*before_config, State.CONFIG), Seen.HOOK_STARTED, State.STARTED)
    takes = (*_LOADING, State.CONFIG, State.STARTED)
    _rule(table, takes, Seen.IMAGE_ASKED, State.IMAGE)
    _rule(table, (*takes, State.IMAGE), Seen.IMAGE_SENT, State.IMAGE)
    # After a SUCCEEDED, a FAILED is only the shutdown's: it changes nothing.
    _rule(table, (*_LOADING, *_BEGUN), Seen.HOOK_FAILED, State.FAILED)


def _ending(table: _Table) -> None:
    """Success, the machine's own disk, and the operator's word."""
    _rule(table, (*_UNFINISHED, State.HELD), Seen.HOOK_SUCCEEDED, State.INSTALLED)
    for seen in (Seen.FIRMWARE_DHCP, Seen.IPXE_DHCP, Seen.OWN_DISK_SCRIPT, Seen.SYSTEM_DHCP):
        _rule(table, (State.INSTALLED,), seen, State.REBOOTED)
    _rule(table, _ALL, Seen.SYSTEM_ANSWERS, State.READY)
    _rule(table, (*_UNFINISHED, State.HELD), Seen.INSTALL_LIMIT, State.HELD)
    _rule(table, _ALL, Seen.REINSTALL_ORDERED, State.EXPECTED)


TRANSITIONS = _table()
"""(state, evidence) → next state. What is not in it changes nothing."""


@dataclass(frozen=True, slots=True)
class Record:
    """All that decisions need of a machine's past.

    `installs` counts installers that began (fetched their configuration) since the last order to
    install; `image_sent` is whether the present one took the whole image; `own_disk_tries` counts
    own-disk answers since a system was last seen running; `false_starts` counts boots in a row
    that took the boot file and came back without asking for a script. `ordered`: to be installed
    again, and not begun yet; the old system may still answer. `reason` says why it failed or is
    held. Times are Unix seconds.
    """

    state: State = State.EXPECTED
    installs: int = 0
    image_sent: bool = False
    own_disk_tries: int = 0
    since: float = 0.0
    last_seen: Seen | None = None
    last_at: float = 0.0
    last_text: str = ""
    false_starts: int = 0
    ordered: bool = False
    reason: str = ""

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


_OLD_SYSTEM = frozenset({Seen.SYSTEM_ANSWERS, Seen.HOOK_SUCCEEDED})
_SCRIPTS = frozenset(
    {
        Seen.INSTALL_SCRIPT,
        Seen.WAIT_SCRIPT,
        Seen.OWN_DISK_SCRIPT,
        Seen.DISCOVER_SCRIPT,
        Seen.DISCOVERED,
    }
)


def fold(record: Record, evidence: Evidence) -> Record:
    """Take one piece of evidence into a record.

    A passed deadline is our own remark, not a sign of the machine: it changes nothing.
    """
    seen = evidence.seen
    if seen is Seen.DEADLINE:
        return record
    of_the_past = record.ordered and seen in _OLD_SYSTEM
    state = record.state if of_the_past else TRANSITIONS.get((record.state, seen), record.state)
    moved = state is not record.state
    begun = state in _BEGUN and record.state not in _BEGUN
    anew = seen is Seen.REINSTALL_ORDERED
    fresh_image = seen is Seen.IMAGE_SENT and not record.ordered
    return replace(
        record,
        state=state,
        installs=0 if anew else record.installs + begun,
        image_sent=fresh_image or (record.image_sent and not begun and not anew),
        own_disk_tries=_own_disk_tries(record, seen, state),
        false_starts=_false_starts(record, seen),
        ordered=anew or (record.ordered and not begun),
        reason=_reason(record, evidence, state),
        since=evidence.at if moved or anew else record.since,
        last_seen=seen,
        last_at=evidence.at,
        last_text=evidence.text,
    )


def _own_disk_tries(record: Record, seen: Seen, state: State) -> int:
    if seen is Seen.OWN_DISK_SCRIPT:
        return record.own_disk_tries + 1
    if seen in (Seen.SYSTEM_ANSWERS, Seen.HOOK_SUCCEEDED, Seen.REINSTALL_ORDERED):
        return 0
    if seen is Seen.IMAGE_SENT and not record.image_sent:
        return 0
    # The live system asks by DHCP too: only an installed one proves that its disk boots.
    if seen is Seen.SYSTEM_DHCP and state in _AFTER_INSTALL:
        return 0
    return record.own_disk_tries


def _false_starts(record: Record, seen: Seen) -> int:
    if seen in _SCRIPTS or seen is Seen.REINSTALL_ORDERED:
        return 0
    took = record.state is State.BOOTLOADER or record.last_seen is Seen.STAGE1_SENT
    return record.false_starts + (took and seen is Seen.FIRMWARE_DHCP)


def _reason(record: Record, evidence: Evidence, state: State) -> str:
    if state not in (State.FAILED, State.HELD):
        return ""
    return record.reason if state is record.state else evidence.text


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
    State.WAITING: Expectation(
        "iPXE asking again", 180, "it has stopped asking: power the machine off and on"
    ),
    State.DISCOVERING: Expectation(
        "our small Linux calling back",
        180,
        "see the machine's screen: our small Linux did not start (Secure Boot must be off, and it "
        "takes 512 MB of memory) or found no network card that it has a driver for",
    ),
    State.DISCOVERED: Expectation(
        "our small Linux asking for its orders",
        60,
        "it has stopped asking: is the machine switched off, or its cable pulled? "
        "Power it off and on",
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
        "the installer stopped before it began, without a word: read its log (kept with the "
        "reports, if the live system answered)",
    ),
    State.STARTED: Expectation(
        "the installer asking for the image", 600, "read the installer's log"
    ),
    State.IMAGE: Expectation(
        "the installer reporting SUCCEEDED", 3600, "read the installer's log; is the disk failing?"
    ),
    State.OWN_DISK: Expectation(
        "its own disk answering, or the machine booting from the network again",
        1800,
        "its disk does not start: power the machine off and on, and it will be installed anew",
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


REPEATS = {State.WAITING: Seen.WAIT_SCRIPT, State.DISCOVERED: Seen.DISCOVERED}
"""The evidence that keeps a state alive by coming again.

Nothing else does: an installer that hangs still renews its lease for ever.
"""


def waiting_since(record: Record, watched_since: float = 0.0) -> float:
    """Give the Unix time from which the state's limit counts.

    `watched_since` is when somebody began to look: nothing is overdue for what was not watched.
    """
    kept = record.last_at if record.last_seen is REPEATS.get(record.state) else 0.0
    return max(record.since, kept, watched_since)


def overdue(record: Record, now: float, watched_since: float = 0.0) -> Expectation | None:
    """Say what is missing if the state's time is over at Unix time `now`; else None."""
    expectation = EXPECTATIONS.get(record.state)
    since = waiting_since(record, watched_since)
    # 0: never seen, and nobody says since when it is watched.
    if expectation is None or since == 0 or now - since <= expectation.within:
        return None
    return expectation
