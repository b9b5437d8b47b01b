"""What is asked next of one machine's switch: pure, from where it stands and what was tried.

What a BMC accepts proves nothing. Only what the boot services see moves a machine on; here it is
only said what to ask, how often, and when a person is asked instead. A machine whose installation
is proven is never switched off, never cycled and never sent to the network from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance import advice
from appliance.power.model import BootFrom, Power
from appliance.power.tried import LIMITS, Act, Limits, Tried


class Phase(StrEnum):
    """Where a machine stands, as far as its switch is concerned."""

    WANTED = "wanted"
    """It is to start from the network, and nothing was seen of it since."""
    ORDERED = "ordered"
    """The same, of an installed one that was ordered to be installed again; its system may run."""
    STARTING = "starting"
    """It was seen, and no installer has begun to write."""
    INSTALLING = "installing"
    FINISHED = "finished"
    """Its installation was proven in this run."""
    SILENT = "silent"
    """Installed before this run, and it does not answer: it is looked at, and nothing else."""
    LEFT_ALONE = "left-alone"
    """Installed before and answering, held, failed, or not of this run: people decide."""


@dataclass(frozen=True, slots=True)
class Case:
    """One machine at one moment.

    `since`: when its phase began, on the clock of `now`. `switch` names its switch in words.
    `certain`: what the BMC says of its machine names it. `told`: people said that it may be
    switched off. `against`: why nothing may be asked of this BMC. `late`: its phase has passed its
    limit. `http`: it is to boot by UEFI HTTP. `own_disk`: it took its image, and tries its disk.
    `disk_due`: an earlier run installed it, and ended before its disk was set as its boot device.
    `disc`: people said that it is to boot from the boot disc.
    """

    machine: str
    phase: Phase
    since: float
    switch: str = "its BMC"
    certain: bool = False
    told: bool = False
    against: str = ""
    late: bool = False
    http: bool = False
    own_disk: bool = False
    disk_due: bool = False
    disc: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What to do, and why in words; the words are empty where there is nothing to tell."""

    act: Act
    words: str = ""


_WAIT = Next(Act.WAIT)
_BOOT_FAILURES = 2
_NO_LONGER = "{} does not need its boot disc now"
_BEFORE = frozenset({Phase.SILENT, Phase.LEFT_ALONE})
_TO_COME = frozenset({Phase.WANTED, Phase.ORDERED})
_ON_ITS_WAY = frozenset({Phase.STARTING, Phase.INSTALLING})


def decide(case: Case, tried: Tried, now: float, limits: Limits = LIMITS) -> Next:
    """Say what is asked next. Nothing that switches what was installed before this run.

    For FINISHED never CYCLE, BOOT_NETWORK nor BOOT_DISC.
    """
    if is_disc_over(case, tried) and now >= tried.not_before:
        return Next(Act.EJECT, _NO_LONGER.format(case.machine))
    if case.phase in _BEFORE and is_disk_due(case, tried):
        return _set_disk_late(case, tried, now, limits)
    if case.phase is Phase.LEFT_ALONE:
        return _WAIT
    if case.phase is Phase.SILENT:
        return _silent(case, tried, now, limits)
    for_good = _for_good(case, tried, limits)
    if for_good:
        return _WAIT if tried.asked == for_good else Next(Act.ASK, for_good)
    if tried.failures >= limits.failures and not tried.asked:
        return Next(Act.ASK, _without_bmc(case, tried))
    if now < tried.not_before:
        return _WAIT
    if tried.contact is None:
        return Next(Act.CONTACT)
    if tried.unsure:
        return Next(Act.READ)
    return _by_phase(case, tried, now, limits)


def _by_phase(case: Case, tried: Tried, now: float, limits: Limits) -> Next:
    if not tried.inventoried:
        return Next(Act.INVENTORY)
    if case.phase is Phase.FINISHED:
        return _finished(case, tried, now, limits)
    if case.phase in _ON_ITS_WAY:
        return _on_its_way(case, tried, now, limits)
    return _wanted(case, tried, now, limits)


def network_of(case: Case, tried: Tried) -> BootFrom | None:
    """Give by what the network is its next boot; None where its own order decides."""
    if tried.boot_failures >= _BOOT_FAILURES:
        return None
    by_wish = (BootFrom.PXE, BootFrom.UEFI_HTTP)
    ordered = reversed(by_wish) if case.http else by_wish
    return next((each for each in ordered if each in _boots(tried)), None)


def is_disc_over(case: Case, tried: Tried) -> bool:
    """Whether the boot disc is to be taken out: the machine was seen, or is started otherwise."""
    if not tried.disc_in or tried.disc_stuck or tried.barred or case.against:
        return False
    if case.phase in _TO_COME:
        return not tried.by_disc
    if case.phase in _ON_ITS_WAY and tried.by_disc:  # it may have been started once more
        seen_since = tried.switched_at is None or tried.switched_at < case.since
        return seen_since and not tried.boot_set
    return True


def _is_by_disc(case: Case, tried: Tried, limits: Limits) -> bool:
    """Whether the next start is from the boot disc: the last resort, unless people said it.

    What brought a machine once brings it again; what brought nothing is not tried twice running.
    """
    if tried.disc_refused or BootFrom.DISC not in _boots(tried):
        return False
    if case.phase not in _TO_COME:
        return tried.by_disc
    if tried.by_disc and _switched_at(case, tried) is not None:
        return False
    is_last = 0 < tried.tries == limits.tries - 1 and tried.power is not Power.OFF
    return case.disc or is_last or network_of(case, tried) is None


def is_disk_due(case: Case, tried: Tried) -> bool:
    """Whether an installed machine's disk is yet to be set as its boot device."""
    installed = case.phase is Phase.FINISHED or (case.disk_due and case.phase in _BEFORE)
    if not installed or tried.disk_set or tried.asked:
        return False
    can = tried.contact is None or BootFrom.DISK in tried.contact.boots
    return can and tried.boot_failures < _BOOT_FAILURES


def _for_good(case: Case, tried: Tried, limits: Limits) -> str:
    """Say why the BMC is asked for nothing any more, whatever it answers; empty: it is."""
    if tried.barred:
        return _without_bmc(case, tried)
    if case.against:
        return (
            f"{case.machine}: {case.against}; nothing is switched: correct the site file, "
            "or press the machine's own power button"
        )
    if case.phase in (Phase.FINISHED, Phase.INSTALLING):
        return ""
    again = _is_late(case, tried, limits)
    if again and tried.tries >= limits.tries:
        return f"{case.machine}: {again} after {tried.tries} tries: {_by_hand(case)}"
    return ""


def _is_late(case: Case, tried: Tried, limits: Limits) -> str:
    """Say what did not come of the last switching, judged by the last reading; else empty."""
    at = _switched_at(case, tried)
    if at is None or case.phase not in (Phase.WANTED, Phase.ORDERED, Phase.STARTING):
        return ""
    waited = tried.read_at - at
    if case.phase is not Phase.STARTING and tried.power is Power.OFF and waited >= limits.obey:
        return f"{case.switch} accepted the command, and the machine is still off"
    seen = case.phase is Phase.STARTING and not case.late
    if waited < limits.appear or seen:
        return ""
    if tried.power is Power.ON:
        nothing = "and nothing more was seen of it" if case.late else "and no DHCP request came"
        return f"{case.switch} says that it is on, {nothing} in {limits.appear / 60:.0f} minutes"
    return f"no DHCP request came in {limits.appear / 60:.0f} minutes"


def _switched_at(case: Case, tried: Tried) -> float | None:
    """When it was switched for what is wanted now."""
    at = tried.switched_at
    return None if at is None or (case.phase in _TO_COME and at < case.since) else at


def _without_bmc(case: Case, tried: Tried) -> str:
    if case.phase is Phase.FINISHED:
        return _without_disk(case, tried.error)
    return f"{tried.error}; the run goes on without it: {_by_hand(case)}"


def _without_disk(case: Case, why: str) -> str:
    return (
        f"{case.machine}: {why}; its disk was not set as its boot device: "
        "put the disk first in its boot order"
    )


def _by_hand(case: Case) -> str:
    return f"switch {case.machine} off and on by its button, and have it boot from the network"


def _wanted(case: Case, tried: Tried, now: float, limits: Limits) -> Next:
    at = _switched_at(case, tried)
    if at is not None:
        late = _is_late(case, tried, limits)
        if late and tried.power is Power.ON and not _may_cycle(case, tried):
            return _which_is_it(case, tried)
        if late:
            return _switch(case, tried, f"{late}; try {tried.tries + 1} of {limits.tries}", limits)
        followed = tried.power is not Power.OFF and now - at > limits.obey
        return _read(tried, now, limits.seldom if followed else limits.soon)
    if tried.power is Power.OFF:
        return _switch(case, tried, f"{case.machine} is off", limits)
    if tried.power is Power.UNKNOWN and case.phase is Phase.ORDERED:
        return _ask(tried, f"{case.machine} may be running, and {case.switch} cannot switch "
                    f"it off: {_by_hand(case)}")  # fmt: skip
    if case.phase is Phase.ORDERED:
        return _switch(case, tried, f"{case.machine} is on, and to start anew", limits)
    # Told or not: meanwhile it is seen whether an installed system answers at its address. A
    # magic packet does nothing to it.
    if now - case.since < limits.settle and (tried.power is Power.ON or _boots(tried)):
        return _read(tried, now, limits.soon)
    if tried.power is Power.UNKNOWN:
        return _switch(case, tried, f"nobody knows whether {case.machine} is on", limits)
    if not _may_cycle(case, tried):
        return _which_is_it(case, tried)
    words = f"{case.machine} is on, and does not boot from the network"
    return _switch(case, tried, words, limits)


def _may_cycle(case: Case, tried: Tried) -> bool:
    return case.certain or case.told or tried.ours or case.phase is Phase.ORDERED


def _which_is_it(case: Case, tried: Tried) -> Next:
    return _ask(
        tried,
        f"{case.machine} is on, and {case.switch} does not say which machine it is, so it is "
        f"not switched off unasked: {advice.power_cycle(case.machine)}, or "
        f"{_by_hand(case)}",
    )


def _on_its_way(case: Case, tried: Tried, now: float, limits: Limits) -> Next:
    """It is only watched, and started again where its power went or it got stuck early."""
    if _is_off(tried, limits.soon) and tried.tries < limits.tries:
        words = f"{case.machine} was switched off, or lost its power"
        # The network would install it a second time: what it took may well start.
        return Next(Act.ON, words) if case.own_disk else _switch(case, tried, words, limits)
    stuck = case.late and case.phase is Phase.STARTING and _may_cycle(case, tried)
    recent = tried.switched_at is not None and tried.read_at - tried.switched_at < limits.appear
    if stuck and tried.power is Power.ON and not recent and tried.tries < limits.tries:
        return _switch(case, tried, f"{case.machine} got stuck on its way", limits)
    return _read(tried, now, limits.soon if tried.power is Power.OFF else limits.seldom)


def _finished(case: Case, tried: Tried, now: float, limits: Limits) -> Next:
    """Its disk from now on; and it is never left off in the middle of its first start."""
    if is_disk_due(case, tried):
        return Next(Act.BOOT_DISK, f"{case.machine} is installed")
    if _is_off(tried, limits.seldom) and tried.tries < limits.tries:
        return Next(Act.ON, f"{case.machine} is installed, and stayed off")
    return _read(tried, now, limits.soon if tried.power is Power.OFF else limits.seldom)


def _set_disk_late(case: Case, tried: Tried, now: float, limits: Limits) -> Next:
    """Make up for what an earlier run left undone. It switches nothing, so it may run meanwhile."""
    if case.against or tried.barred or tried.failures >= limits.failures:
        return Next(Act.ASK, _without_disk(case, case.against or tried.error))
    if now < tried.not_before:
        return _WAIT
    if tried.contact is None:
        return Next(Act.CONTACT)
    if not tried.inventoried:
        return Next(Act.INVENTORY)
    return Next(Act.BOOT_DISK, f"{case.machine} was installed by an earlier run")


def _silent(case: Case, tried: Tried, now: float, limits: Limits) -> Next:
    """Somebody may have switched it off for a reason: that it is off is said."""
    if now - case.since < limits.seldom or tried.barred or now < tried.not_before:
        return _WAIT
    if tried.contact is None:
        return Next(Act.CONTACT)
    if _is_off(tried, limits.soon):
        return _ask(
            tried,
            f"{case.machine} is installed, and switched off: press its button, or "
            f"{advice.power_on(case.machine)}",
        )
    return _read(tried, now, limits.soon if tried.power is Power.OFF else limits.seldom)


def _switch(case: Case, tried: Tried, why: str, limits: Limits) -> Next:
    if not tried.boot_set:
        if _is_by_disc(case, tried, limits):
            return Next(Act.BOOT_DISC, why)
        if tried.disc_in and not tried.disc_stuck:
            return Next(Act.EJECT, _NO_LONGER.format(case.machine))
        if network_of(case, tried) is not None:
            return Next(Act.BOOT_NETWORK, why)
    return Next(Act.CYCLE if tried.power is Power.ON else Act.ON, why)


def _is_off(tried: Tried, seconds: float) -> bool:
    """Whether it was read as off, and again after so many seconds."""
    since = tried.off_since
    return tried.power is Power.OFF and since is not None and tried.read_at - since >= seconds


def _boots(tried: Tried) -> tuple[BootFrom, ...]:
    return tried.contact.boots if tried.contact is not None else ()


def _ask(tried: Tried, words: str) -> Next:
    return _WAIT if tried.asked == words else Next(Act.ASK, words)


def _read(tried: Tried, now: float, pause: float) -> Next:
    return Next(Act.READ) if now - tried.read_at >= pause else _WAIT
