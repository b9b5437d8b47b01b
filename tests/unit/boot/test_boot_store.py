"""boot.db: evidence survives a crash, other events are bounded, tokens are not in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.boot import boot_store
from appliance.boot.boot_store import BootStore
from appliance.boot.model import BootEvent, Moment
from appliance.boot.tokens import Boots, Honoured, Hook
from appliance.machines.state import Evidence, Seen
from tests.unit.boot.boot_world import HV1, HV1_ADDRESS, armed

NOW = Moment(1_800_000_000.0, 500.0)


def evidence(seen: Seen, at: float = 1.0) -> BootEvent:
    """Give a piece of hv1's evidence."""
    return BootEvent(at, "evidence", "t", HV1, "hv1", seen, (("k", "v"),))


def minted(store: BootStore) -> Boots:
    """Mint a boot of hv1 and keep it."""
    boots = Boots()
    machine = armed()
    assert machine.documents is not None
    boots.mint(
        "the-token",
        machine=machine,
        documents=machine.documents,
        mac=HV1,
        address=HV1_ADDRESS,
        now=NOW.monotonic,
    )
    store.keep_boots(boots.of_machine("hv1"), NOW)
    return boots


def test_evidence_is_on_disk_when_add_returns(tmp_path: Path) -> None:
    """A second reader sees it though nothing was flushed or closed."""
    store = BootStore(tmp_path / "boot.db")
    store.add(evidence(Seen.HOOK_SUCCEEDED))

    other = BootStore(tmp_path / "boot.db")
    assert list(other.evidence()) == [Evidence("hv1", Seen.HOOK_SUCCEEDED, 1.0, "t")]


def test_other_events_wait_for_a_flush_and_keep_their_order(tmp_path: Path) -> None:
    """What came before a piece of evidence is written with it, in order."""
    store = BootStore(tmp_path / "boot.db")
    other = BootStore(tmp_path / "boot.db")
    store.add(BootEvent(1.0, "dns", "asked"))
    assert other.events() == []
    store.add(evidence(Seen.KERNEL_SENT, 2.0))

    assert [event.kind for event in other.events()] == ["dns", "evidence"]
    assert other.events(machine="hv1") == [evidence(Seen.KERNEL_SENT, 2.0)]


def test_syslog_lines_of_a_machine_are_bounded(tmp_path: Path) -> None:
    """A machine that logs for ever loses its oldest lines, and no other machine's."""
    store = BootStore(tmp_path / "boot.db")
    store.add(BootEvent(0.0, "syslog", "quiet", None, "hv2"))
    lines = boot_store.SYSLOG_LINES_PER_MACHINE + 700
    for number in range(lines):
        store.add(BootEvent(float(number), "syslog", str(number), None, "hv1"))
        if number % 100 == 99:
            store.flush()
    store.flush()

    kept = store.events(machine="hv1", kind="syslog")
    assert len(kept) <= boot_store.SYSLOG_LINES_PER_MACHINE + boot_store._TRIM_EVERY
    assert kept[-1].text == str(lines - 1)
    assert len(store.events(machine="hv2", kind="syslog")) == 1


def test_evidence_is_never_trimmed(tmp_path: Path) -> None:
    """A flood of anything else leaves what decides."""
    store = BootStore(tmp_path / "boot.db")
    store.add(evidence(Seen.HOOK_SUCCEEDED))
    for number in range(boot_store.OTHER_EVENTS + 3 * boot_store._TRIM_EVERY):
        store.add(BootEvent(float(number), "dns", "x"))
    store.flush()

    assert len(list(store.evidence())) == 1
    assert len(store.events(kind="dns")) <= boot_store.OTHER_EVENTS + boot_store._PENDING_LIMIT


def test_a_boot_comes_back_without_its_secrets(tmp_path: Path) -> None:
    """Who, where, until when and what was reported; neither token nor documents are in the file."""
    store = BootStore(tmp_path / "boot.db")
    boots = minted(store)
    outcome = boots.report(
        "the-token", Hook.STARTED, address=HV1_ADDRESS, owner="hv1", now=NOW.monotonic
    )
    assert isinstance(outcome, Honoured)
    store.keep_boots((outcome.boot,), NOW)
    store.close()

    (boot,) = BootStore(tmp_path / "boot.db").boots(NOW)
    assert (boot.machine, boot.mac, boot.address) == ("hv1", HV1, HV1_ADDRESS)
    assert boot.hooks == {Hook.STARTED}
    assert (boot.script, boot.config, boot.ended) == (None, None, "")
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"the-token" not in on_disk


def test_a_boots_age_counts_across_a_restart(tmp_path: Path) -> None:
    """The monotonic clock begins anew at a reboot; the term goes on by Unix time."""
    store = BootStore(tmp_path / "boot.db")
    minted(store)

    (boot,) = store.boots(Moment(NOW.unix + 3600, 7.0))
    assert boot.deadline == 7.0 + 2 * 3600


def test_a_clock_that_was_set_back_does_not_lengthen_a_boot(tmp_path: Path) -> None:
    """A boot from the future counts as just minted, with its whole life and no more."""
    store = BootStore(tmp_path / "boot.db")
    minted(store)

    (boot,) = store.boots(Moment(NOW.unix - 86_400, 7.0))
    assert boot.deadline == 7.0 + 3 * 3600


def kept(store: BootStore, *texts: str, kind: str = "evidence") -> list[BootEvent]:
    """Mark and keep events of these texts."""
    events = [
        store.marked(BootEvent(1.0, kind, text, HV1, "hv1", Seen.KERNEL_SENT)) for text in texts
    ]
    for event in events:
        store.add(event)
    return events


def test_what_came_after_a_mark_is_given_in_order_over_all_starts(tmp_path: Path) -> None:
    """Decisions and findings too; what is never told again has no mark and is not among it."""
    store = BootStore(tmp_path / "boot.db")
    first, second = kept(store, "1", "2")
    (plain,) = kept(store, "a name was asked for", kind="dns")
    (third,) = kept(store, "3", kind="decision")
    store.close()
    again = BootStore(tmp_path / "boot.db")
    (fourth,) = kept(again, "4", kind="finding")

    assert plain.mark == ""
    assert len({each.mark for each in (first, second, third, fourth)}) == 4
    assert again.after("") == [first, second, third, fourth]
    assert again.after(second.mark) == [third, fourth]
    assert again.after(fourth.mark) == []


def test_after_a_mark_that_is_not_known_here_all_is_given(tmp_path: Path) -> None:
    """Main heard it, and then the power went before it was written, or boot.db was lost."""
    store = BootStore(tmp_path / "boot.db")
    (written,) = kept(store, "1")
    (told_only,) = (store.marked(BootEvent(2.0, "decision", "2")),)

    (later,) = kept(BootStore(tmp_path / "boot.db"), "3")
    assert BootStore(tmp_path / "boot.db").after(told_only.mark) == [written, later]
    (fresh,) = kept(BootStore(tmp_path / "other.db"), "1")
    assert BootStore(tmp_path / "other.db").after(later.mark) == [fresh]
    assert fresh.mark not in (written.mark, told_only.mark, later.mark)


def test_what_is_given_again_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of it: more than the channel holds would push itself out."""
    monkeypatch.setattr(boot_store, "REPEATED_EVENTS", 3)
    store = BootStore(tmp_path / "boot.db")
    events = kept(store, *"12345")

    assert store.after("") == events[2:]


def test_a_file_from_before_there_were_marks_is_read_on(tmp_path: Path) -> None:
    """Its evidence stays; it is not told again, for main may have it."""
    store = BootStore(tmp_path / "boot.db")
    store.add(evidence(Seen.HOOK_SUCCEEDED))
    store.close()
    with closing(sqlite3.connect(tmp_path / "boot.db")) as old:
        old.execute("ALTER TABLE event DROP COLUMN mark")

    again = BootStore(tmp_path / "boot.db")
    assert len(list(again.evidence())) == 1
    (new,) = kept(again, "new")
    assert again.after("") == [new]
