"""Where a machine stands for its switch, from what the watch knows of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.machines.state import Record, Seen, State
from appliance.machines.watch import SECURE_BOOT_STARTS
from appliance.power.decide import Phase

_WRITES = frozenset({State.CONFIG, State.STARTED, State.IMAGE, State.OWN_DISK})


@dataclass(frozen=True, slots=True)
class Noticed:
    """What the watch knows of a machine. `late`: its state has passed its limit.

    `answers`: its installed system does.
    """

    record: Record
    installed: bool
    awaited: bool = True
    late: bool = False
    answers: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether its installation is proven, by this run or one before."""
        return self.installed or self.record.installed


def phase_of(now: Noticed, first: Noticed) -> Phase:
    """Give the phase; `first` is what was known of the machine when this run began.

    A failure of an earlier run is tried again, since people ran again; one of this run is theirs.
    """
    record = now.record
    if not now.awaited:
        return Phase.LEFT_ALONE
    ordered = record.ordered or record.last_seen is Seen.REINSTALL_ORDERED
    if ordered and record.state is State.EXPECTED:
        return Phase.ORDERED
    if now.is_installed:
        before = first.is_installed and not first.record.ordered
        if not before:
            return Phase.FINISHED
        return Phase.LEFT_ALONE if now.answers else Phase.SILENT
    if record.state is State.HELD or now.answers:  # a system that this store knows nothing of
        return Phase.LEFT_ALONE
    if record.state is State.FAILED:
        old = first.record.state is State.FAILED and first.record.since == record.since
        return Phase.WANTED if old else Phase.LEFT_ALONE
    if record.state is State.EXPECTED:
        return Phase.WANTED
    if record.state in _WRITES:
        return Phase.INSTALLING
    return Phase.LEFT_ALONE if _people_are_in_its_setup(now) else Phase.STARTING


def _people_are_in_its_setup(now: Noticed) -> bool:
    """Secure Boot was named to them as the reason: switching it now would throw them out."""
    state = now.record.state
    if state is State.BOOTLOADER:
        return now.late or now.record.false_starts >= SECURE_BOOT_STARTS
    return state is State.FIRMWARE and now.record.false_starts >= SECURE_BOOT_STARTS
