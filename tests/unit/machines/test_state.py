"""The table of states: every row, and what the record keeps beside the state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.machines.state import (
    EXPECTATIONS,
    MAX_INSTALLS,
    STATE_WORDS,
    TRANSITIONS,
    Evidence,
    Record,
    Seen,
    State,
    fold,
    overdue,
    waiting_since,
)

GOOD = [
    (Seen.FIRMWARE_DHCP, State.FIRMWARE),
    (Seen.BOOTLOADER_SENT, State.BOOTLOADER),
    (Seen.IPXE_DHCP, State.BOOTLOADER),
    (Seen.INSTALL_SCRIPT, State.SCRIPT),
    (Seen.KERNEL_SENT, State.KERNEL),
    (Seen.INITRD_SENT, State.KERNEL),
    (Seen.SYSTEM_DHCP, State.KERNEL),
    (Seen.ROOTFS_SENT, State.ROOTFS),
    (Seen.SYSTEM_DHCP, State.ROOTFS),
    (Seen.CONFIG_SENT, State.CONFIG),
    (Seen.HOOK_STARTED, State.STARTED),
    (Seen.IMAGE_ASKED, State.IMAGE),
    (Seen.IMAGE_SENT, State.IMAGE),
    (Seen.HOOK_SUCCEEDED, State.INSTALLED),
    (Seen.FIRMWARE_DHCP, State.REBOOTED),
    (Seen.OWN_DISK_SCRIPT, State.REBOOTED),
    (Seen.SYSTEM_ANSWERS, State.READY),
]
HOOKS = {Seen.HOOK_STARTED, Seen.HOOK_SUCCEEDED, Seen.HOOK_FAILED}


def told(*seen: Seen, record: Record | None = None, start: float = 100.0) -> Record:
    """Fold evidence, one a second."""
    record = record or Record()
    for number, each in enumerate(seen):
        record = fold(record, Evidence("hv1", each, start + number, each.value))
    return record


def until(last: Seen) -> list[Seen]:
    """Give the evidence of a good installation up to and with `last`."""
    seen = [each for each, _ in GOOD]
    return seen[: seen.index(last) + 1]


@pytest.mark.parametrize(
    ("source", "seen", "target"),
    [(source, seen, target) for (source, seen), target in TRANSITIONS.items()],
    ids=lambda each: each.value,
)
def test_every_row(source: State, seen: Seen, target: State) -> None:
    """Each row of the table is what `fold` does, and `since` moves only with the state."""
    before = Record(state=source, since=5.0)
    after = told(seen, record=before)
    assert after.state is target
    moved = target is not source or seen is Seen.REINSTALL_ORDERED
    assert after.since == (100.0 if moved else 5.0)
    assert (after.last_seen, after.last_at, after.last_text) == (seen, 100.0, seen.value)


@pytest.mark.parametrize("source", list(State))
@pytest.mark.parametrize("seen", list(Seen))
def test_what_is_not_in_the_table_moves_nothing(source: State, seen: Seen) -> None:
    """Every other pair of state and evidence."""
    if (source, seen) not in TRANSITIONS:
        assert told(seen, record=Record(state=source)).state is source


@pytest.mark.parametrize("source", list(State))
@pytest.mark.parametrize("seen", list(Seen))
def test_the_same_evidence_twice_is_as_once(source: State, seen: Seen) -> None:
    """State and counts; only tries of the own disk count each time they are made."""
    once = told(seen, record=Record(state=source))
    twice = told(seen, record=once)
    assert (twice.state, twice.installs, twice.image_sent, twice.ordered) == (
        once.state,
        once.installs,
        once.image_sent,
        once.ordered,
    )


def test_a_good_installation() -> None:
    """Each sign leads where it should; at the end nothing is left over."""
    record = Record()
    for number, (seen, state) in enumerate(GOOD):
        record = fold(record, Evidence("hv1", seen, 100.0 + number))
        assert record.state is state, seen
    assert (record.installs, record.own_disk_tries, record.false_starts) == (1, 0, 0)
    assert record.installed


def test_every_state_has_words_of_its_own() -> None:
    """A new state is not shown as nothing, nor as another."""
    assert set(STATE_WORDS) == set(State)
    assert len(set(STATE_WORDS.values())) == len(State)


def test_every_state_can_be_reached_and_left() -> None:
    """From EXPECTED every state; from every state back to it by order."""
    reached, todo = {State.EXPECTED}, [State.EXPECTED]
    while todo:
        state = todo.pop()
        for (source, _), target in TRANSITIONS.items():
            if source is state and target not in reached:
                reached.add(target)
                todo.append(target)
    assert reached == set(State)
    assert all(TRANSITIONS[state, Seen.REINSTALL_ORDERED] is State.EXPECTED for state in State)


@pytest.mark.parametrize("last", [seen for seen, _ in GOOD[:13]], ids=lambda each: each.value)
def test_a_power_cut_at_any_stage_is_a_new_start(last: Seen) -> None:
    """The machine is at its firmware; what it took stays known; it may then go all the way."""
    cut = told(*until(last), Seen.FIRMWARE_DHCP)
    assert cut.state is State.FIRMWARE
    assert cut.image_sent is (last is Seen.IMAGE_SENT)
    assert cut.installs == (1 if Seen.CONFIG_SENT in until(last) else 0)
    assert told(*until(Seen.SYSTEM_ANSWERS), record=cut).state is State.READY


@pytest.mark.parametrize("last", [seen for seen, _ in GOOD[:13]], ids=lambda each: each.value)
def test_a_power_cut_on_a_card_with_ipxe_in_it(last: Seen) -> None:
    """Such a machine never shows a firmware: iPXE's DHCP or its script is the new start."""
    cut = told(*until(last), Seen.IPXE_DHCP, Seen.INSTALL_SCRIPT)
    assert cut.state is State.SCRIPT
    assert told(*until(Seen.SYSTEM_ANSWERS), record=cut).state is State.READY


def test_all_hooks_lost() -> None:
    """What the installer fetches, and the system that answers, tell enough."""
    seen = [each for each, _ in GOOD if each not in HOOKS]
    record = told(*seen[: seen.index(Seen.IMAGE_SENT) + 1])
    assert (record.state, record.image_sent, record.installs) == (State.IMAGE, True, 1)
    tried = told(Seen.FIRMWARE_DHCP, Seen.OWN_DISK_SCRIPT, record=record)
    assert (tried.state, tried.own_disk_tries, tried.installed) == (State.OWN_DISK, 1, False)
    assert told(Seen.SYSTEM_ANSWERS, record=tried).state is State.READY


def test_a_lost_success_whose_disk_does_not_start_is_installed_once_more() -> None:
    """The disk was tried and the machine is back: a second installation, then no third."""
    back = told(
        *until(Seen.IMAGE_SENT),
        *(Seen.FIRMWARE_DHCP, Seen.OWN_DISK_SCRIPT, Seen.FIRMWARE_DHCP),
    )
    assert (back.state, back.image_sent, back.own_disk_tries) == (State.FIRMWARE, True, 1)
    again = told(*until(Seen.CONFIG_SENT)[1:], record=back)
    assert (again.installs, again.image_sent) == (MAX_INSTALLS, False)


def test_the_live_system_asks_by_dhcp_and_that_proves_no_disk() -> None:
    """The tries of the own disk stay counted while an installer runs."""
    tried = replace(told(*until(Seen.ROOTFS_SENT)), own_disk_tries=1)
    assert told(Seen.SYSTEM_DHCP, record=tried).own_disk_tries == 1
    installed = replace(tried, state=State.INSTALLED)
    assert told(Seen.SYSTEM_DHCP, record=installed).own_disk_tries == 0


@pytest.mark.parametrize("seen", [Seen.CONFIG_SENT, Seen.HOOK_STARTED, Seen.IMAGE_ASKED])
def test_an_installation_counts_once_however_it_shows(seen: Seen) -> None:
    """The configuration fetched 30 times, or its sign lost: one installation."""
    record = told(Seen.INSTALL_SCRIPT, Seen.KERNEL_SENT, Seen.ROOTFS_SENT, seen)
    assert record.installs == 1
    again = told(
        *(Seen.CONFIG_SENT, Seen.CONFIG_SENT, Seen.HOOK_STARTED, Seen.CONFIG_SENT),
        *(Seen.IMAGE_ASKED, Seen.IMAGE_SENT, Seen.CONFIG_SENT),
        record=record,
    )
    assert (again.installs, again.image_sent, again.state) == (1, True, State.IMAGE)


def test_failed_after_succeeded_changes_nothing() -> None:
    """The shutdown may fail after a good installation; the machine is installed all the same."""
    assert told(*until(Seen.HOOK_SUCCEEDED), Seen.HOOK_FAILED).state is State.INSTALLED


def test_a_late_hook_of_an_earlier_boot() -> None:
    """FAILED after the machine started anew is of the past; STARTED after FAILED too."""
    assert told(*until(Seen.CONFIG_SENT), Seen.FIRMWARE_DHCP, Seen.HOOK_FAILED).state is (
        State.FIRMWARE
    )
    failed = told(*until(Seen.HOOK_STARTED), Seen.HOOK_FAILED)
    assert told(Seen.HOOK_STARTED, record=failed).state is State.FAILED


def test_why_it_failed_or_is_held_is_kept() -> None:
    """Later signs do not write over the reason; leaving the state does."""
    failed = told(*until(Seen.HOOK_STARTED), Seen.HOOK_FAILED, Seen.SYSTEM_DHCP)
    assert (failed.reason, failed.last_text) == ("hook-failed", "system-dhcp")
    held = fold(failed, Evidence("hv1", Seen.INSTALL_LIMIT, 200.0, "two began and none ended"))
    held = told(Seen.FIRMWARE_DHCP, Seen.WAIT_SCRIPT, record=held)
    assert (held.state, held.reason) == (State.HELD, "two began and none ended")
    assert told(Seen.REINSTALL_ORDERED, record=held).reason == ""


def test_an_order_to_install_again_holds_against_the_old_system() -> None:
    """It still answers and its reports may come late: it is installed again nevertheless."""
    ordered = told(*until(Seen.SYSTEM_ANSWERS), Seen.REINSTALL_ORDERED)
    assert (ordered.installs, ordered.image_sent, ordered.ordered) == (0, False, True)
    still = told(
        *(Seen.SYSTEM_ANSWERS, Seen.HOOK_SUCCEEDED, Seen.SYSTEM_DHCP, Seen.IMAGE_SENT),
        record=ordered,
    )
    assert (still.state, still.image_sent, still.installed) == (State.EXPECTED, False, False)
    begun = told(*until(Seen.CONFIG_SENT), record=still)
    assert (begun.state, begun.ordered, begun.installs) == (State.CONFIG, False, 1)
    assert told(Seen.SYSTEM_ANSWERS, record=begun).state is State.READY


def test_false_starts_are_counted_until_a_script_is_asked_for() -> None:
    """The boot file was fetched and the firmware is back: Secure Boot, most likely."""
    twice = told(*(Seen.FIRMWARE_DHCP, Seen.BOOTLOADER_SENT) * 2, Seen.FIRMWARE_DHCP)
    assert twice.false_starts == 2
    assert told(Seen.BOOTLOADER_SENT, Seen.INSTALL_SCRIPT, record=twice).false_starts == 0


def test_a_waiting_machine_goes_on() -> None:
    """It asks for its script again and again, and one time it may install."""
    waiting = told(Seen.IPXE_DHCP, Seen.WAIT_SCRIPT, Seen.IPXE_DHCP, Seen.WAIT_SCRIPT)
    assert waiting.state is State.WAITING
    assert told(Seen.INSTALL_SCRIPT, record=waiting).state is State.SCRIPT


@pytest.mark.parametrize(
    "way",
    [
        (Seen.FIRMWARE_DHCP, Seen.BOOTLOADER_SENT, Seen.IPXE_DHCP, Seen.DISCOVER_SCRIPT),
        (Seen.FIRMWARE_DHCP, Seen.STAGE1_SENT),
    ],
    ids=["by iPXE", "as the boot file itself"],
)
def test_a_machine_that_shows_itself_first(way: tuple[Seen, ...]) -> None:
    """It loads our small Linux, reports, waits, and is installed from there or by iPXE."""
    loading = told(*way)
    assert loading.state is State.DISCOVERING
    shown = told(Seen.DISCOVERED, record=loading)
    assert (shown.state, shown.false_starts, shown.installs) == (State.DISCOVERED, 0, 0)
    started = told(Seen.INSTALL_SCRIPT, Seen.KERNEL_SENT, Seen.INITRD_SENT, record=shown)
    assert started.state is State.KERNEL
    for record in (loading, shown, started):
        assert told(*until(Seen.SYSTEM_ANSWERS), record=record).state is State.READY
        assert told(Seen.FIRMWARE_DHCP, record=record).state is State.FIRMWARE


def test_a_discovered_machine_is_never_taken_for_installed() -> None:
    """And an installed one is moved by nothing that our small Linux does."""
    assert not told(Seen.DISCOVER_SCRIPT, Seen.DISCOVERED, Seen.SYSTEM_DHCP).installed
    ready = told(*until(Seen.SYSTEM_ANSWERS))
    after = told(Seen.DISCOVER_SCRIPT, Seen.STAGE1_SENT, Seen.DISCOVERED, record=ready)
    assert after.state is State.READY


def test_an_image_that_never_calls_back_counts_as_a_false_start() -> None:
    """Secure Boot refuses ours as it refuses iPXE; a kernel that iPXE started is none."""
    twice = told(*(Seen.FIRMWARE_DHCP, Seen.STAGE1_SENT) * 2, Seen.FIRMWARE_DHCP)
    assert twice.false_starts == 2
    assert told(Seen.STAGE1_SENT, Seen.DISCOVERED, record=twice).false_starts == 0
    assert told(Seen.IPXE_DHCP, Seen.DISCOVER_SCRIPT, Seen.FIRMWARE_DHCP).false_starts == 0


def test_a_discovered_machine_is_overdue_when_it_stops_asking_for_orders() -> None:
    """60 s after the last time, with what was seen last."""
    record = told(Seen.DISCOVERED, record=told(Seen.DISCOVERED), start=1000.0)
    assert waiting_since(record) == 1000.0
    assert overdue(record, 1060.0) is None
    assert overdue(record, 1061.0) is EXPECTATIONS[State.DISCOVERED]


@given(st.lists(st.sampled_from([seen for seen in Seen if seen is not Seen.REINSTALL_ORDERED])))
def test_whatever_is_seen_in_whatever_order(seen: list[Seen]) -> None:
    """Once installed, always installed; counts never fall; the record's words are the last."""
    record = Record()
    for each in seen:
        after = told(each, record=record)
        assert after.installed or not record.installed
        assert after.installs in (record.installs, record.installs + 1)
        assert after.installed <= any(
            past in (Seen.HOOK_SUCCEEDED, Seen.SYSTEM_ANSWERS) for past in seen
        )
        record = after


def test_every_waiting_state_expects_something() -> None:
    """READY, FAILED and HELD wait for nothing; all others say what, how long, and what to do."""
    assert set(EXPECTATIONS) == set(State) - {State.READY, State.FAILED, State.HELD}
    assert all(each.next and each.advice and each.within > 0 for each in EXPECTATIONS.values())


def test_a_deadline_is_no_sign_of_the_machine() -> None:
    """It changes nothing, so that the state stays overdue until the machine itself is seen."""
    record = told(*until(Seen.ROOTFS_SENT))
    assert told(Seen.DEADLINE, record=record) == record


def test_overdue_counts_from_entering_the_state() -> None:
    """A hung installer renews its lease for ever; that does not put its limit off."""
    record = told(*until(Seen.ROOTFS_SENT))
    limit = EXPECTATIONS[State.ROOTFS].within
    renewed = told(Seen.SYSTEM_DHCP, record=record, start=record.since + limit - 1)
    assert overdue(renewed, record.since + limit) is None
    assert overdue(renewed, record.since + limit + 1) is EXPECTATIONS[State.ROOTFS]


def test_a_waiting_machine_is_overdue_when_it_stops_asking() -> None:
    """Each round of asking counts anew."""
    record = told(Seen.WAIT_SCRIPT, record=told(Seen.WAIT_SCRIPT), start=1000.0)
    assert waiting_since(record) == 1000.0
    limit = EXPECTATIONS[State.WAITING].within
    assert overdue(record, 1000.0 + limit) is None
    assert overdue(record, 1001.0 + limit) is EXPECTATIONS[State.WAITING]


def test_nothing_is_overdue_that_nobody_watched() -> None:
    """A machine never seen counts from the watch's beginning; without one it is never overdue."""
    assert overdue(Record(), 1e9) is None
    limit = EXPECTATIONS[State.EXPECTED].within
    assert overdue(Record(), 1e9, watched_since=1e9 - limit) is None
    assert overdue(Record(), 1e9, watched_since=1e9 - limit - 1) is EXPECTATIONS[State.EXPECTED]
    assert overdue(Record(state=State.READY, since=1.0), 1e9) is None
