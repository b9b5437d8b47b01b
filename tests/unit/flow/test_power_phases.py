"""Where a machine stands for its switch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.flow.power_phases import Noticed, phase_of
from appliance.machines.state import Evidence, Record, Seen, State, fold
from appliance.power.decide import Phase

_FRESH = Noticed(Record(), installed=False)


def _in(state: State, **changes: object) -> Noticed:
    return Noticed(replace(Record(state=state, since=5.0), **changes), installed=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        (State.EXPECTED, Phase.WANTED),
        (State.FIRMWARE, Phase.STARTING),
        (State.WAITING, Phase.STARTING),
        (State.DISCOVERED, Phase.STARTING),
        (State.ROOTFS, Phase.STARTING),
        (State.CONFIG, Phase.INSTALLING),
        (State.IMAGE, Phase.INSTALLING),
        (State.OWN_DISK, Phase.INSTALLING),
        (State.INSTALLED, Phase.FINISHED),
        (State.READY, Phase.FINISHED),
        (State.FAILED, Phase.LEFT_ALONE),
        (State.HELD, Phase.LEFT_ALONE),
    ],
)
def test_a_state_seen_in_this_run_has_its_phase(state: State, phase: Phase) -> None:
    """From the first request to its own disk."""
    assert phase_of(_in(state), _FRESH) is phase


def test_what_was_installed_before_this_run_is_left_alone() -> None:
    """Whatever boot remembers of it; also one of which only the proof is kept."""
    ready = replace(_in(State.READY), answers=True)
    assert phase_of(ready, ready) is Phase.LEFT_ALONE
    proven = Noticed(Record(), installed=True, answers=True)
    assert phase_of(proven, proven) is Phase.LEFT_ALONE
    assert phase_of(replace(proven, answers=False), proven) is Phase.SILENT


def test_an_ordered_reinstallation_goes_from_the_order_to_its_end() -> None:
    """The order itself lifts the hand from it, and only until an installer began."""
    ordered = fold(Record(State.READY), Evidence("hv1", Seen.REINSTALL_ORDERED, 7.0))
    first = Noticed(ordered, installed=False)
    assert phase_of(first, first) is Phase.ORDERED
    kept = Noticed(Record(last_seen=Seen.REINSTALL_ORDERED), installed=False)
    assert phase_of(kept, kept) is Phase.ORDERED
    done = fold(ordered, Evidence("hv1", Seen.FIRMWARE_DHCP, 8.0))
    assert phase_of(Noticed(done, installed=False), first) is Phase.STARTING
    done = replace(done, state=State.READY, ordered=False)
    assert phase_of(Noticed(done, installed=True), first) is Phase.FINISHED


def test_a_failure_of_an_earlier_run_is_tried_again_but_not_one_of_this() -> None:
    """People ran again. What fails now is for them to read."""
    old = _in(State.FAILED)
    assert phase_of(old, old) is Phase.WANTED
    assert phase_of(_in(State.FAILED, since=9.0), old) is Phase.LEFT_ALONE


def test_who_is_not_awaited_or_in_its_setup_is_left_alone() -> None:
    """Secure Boot is switched off by people who sit before the machine at that moment."""
    assert phase_of(replace(_FRESH, awaited=False), _FRESH) is Phase.LEFT_ALONE
    assert phase_of(replace(_in(State.BOOTLOADER), late=True), _FRESH) is Phase.LEFT_ALONE
    assert phase_of(_in(State.BOOTLOADER), _FRESH) is Phase.STARTING
    assert phase_of(_in(State.FIRMWARE, false_starts=2), _FRESH) is Phase.LEFT_ALONE


def test_a_system_that_answers_is_left_alone_though_nothing_is_known_of_it() -> None:
    """It was installed from another laptop, or this one lost its store."""
    answering = replace(_FRESH, answers=True)
    assert phase_of(answering, _FRESH) is Phase.LEFT_ALONE
