"""A run as pages show it: folded from events, judged at a time that is given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.machines.state import Record, Seen, State
from appliance.machines.watch import Standing
from appliance.store.journal import Event
from appliance.web.history import History, Outcome
from appliance.web.progress import TRACK, Progress, progress
from tests.plans import machine, plan

TITLES = (("s1", "plan"), ("s4", "install the machines"), ("s5", "found the hypervisor"))
ISO = "harvester-v1.8.2-amd64.iso"


class Told:
    """A history that is told event by event, one a second."""

    def __init__(self) -> None:
        self.history = History()
        self.at = 1000.0
        self.number = 0

    def tell(
        self, kind: str, text: str = "", machine: str | None = None, step: str = "", **data: Any
    ) -> None:
        """Tell one event, a second after the one before."""
        self.at += 1
        self.number += 1
        self.history.feed(Event(self.number, self.at, kind, text, step or None, machine, data))

    def now(
        self, records: dict[str, Record] | None = None, *, later: float = 0.0, running: bool = True
    ) -> Progress:
        """Judge it so many seconds later."""
        return progress(
            plan(machine(1), machine(2)),
            self.history,
            records or {},
            self.at + later,
            running=running,
            titles=TITLES,
            sizes={ISO: 6_000_000_000},
        )

    def begin(self) -> None:
        """A run that installs machines."""
        self.tell("run-started")
        self.tell("step-started", step="s1")
        self.tell("step-done", step="s1")
        self.tell("step-started", step="s4")


def test_before_any_run_all_is_to_do() -> None:
    """Nothing is late, nothing is asked for."""
    seen = Told().now(running=False)
    assert (seen.outcome, seen.seconds, seen.error, seen.safe) == (Outcome.TODO, None, None, False)
    assert {each.outcome for each in seen.steps} == {Outcome.TODO}
    assert [each.state for each in seen.machines] == [State.EXPECTED] * 2
    assert [each.limit for each in seen.machines] == [None, None]
    assert seen.headline == "nothing has been run yet"


def test_steps_go_from_to_do_to_done() -> None:
    """Each with how long it took; the headline says the one at hand."""
    told = Told()
    told.begin()
    seen = told.now(later=60)
    assert [each.outcome for each in seen.steps] == [Outcome.DONE, Outcome.RUNNING, Outcome.TODO]
    assert [each.seconds for each in seen.steps] == [1.0, 60.0, None]
    assert seen.step == "s4"
    assert seen.headline == "install the machines; step 2 of 3, 0 of 2 machines ready"
    assert seen.last == 4


def test_a_run_without_end_and_holder_was_killed() -> None:
    """The journal alone does not know; nobody holding the site does."""
    told = Told()
    told.begin()
    seen = told.now(running=False)
    assert seen.outcome is Outcome.KILLED
    assert seen.steps[1].outcome is Outcome.KILLED
    assert seen.seconds is None
    assert not seen.armed


def test_a_failure_says_what_to_do_and_the_next_run_forgets_it() -> None:
    """What, why, fix and code are the flow's own."""
    told = Told()
    told.begin()
    told.tell("finding", "something odd")
    error = {"code": "BH401", "what": "late", "where": "hv1", "why": "silence", "fix": "look"}
    told.tell("step-failed", "x", step="s4", **error)
    told.tell("run-ended", outcome="failed")
    seen = told.now(running=False)
    assert seen.outcome is Outcome.FAILED
    assert seen.error is not None
    assert seen.error == seen.steps[1].error
    assert (seen.error.code, seen.error.what, seen.error.fix) == ("BH401", "late", "look")
    assert seen.findings == ("something odd",)
    told.tell("run-started")
    anew = told.now()
    assert (anew.error, anew.findings, anew.outcome) == (None, (), Outcome.RUNNING)


def test_a_pause_is_not_a_failure() -> None:
    """The step at hand is shown as paused, with no error."""
    told = Told()
    told.begin()
    told.tell("run-ended", outcome="interrupted")
    seen = told.now(running=False)
    assert (seen.outcome, seen.steps[1].outcome) == (Outcome.INTERRUPTED, Outcome.INTERRUPTED)
    assert seen.headline.startswith("paused after 1 step,")


def test_the_rate_and_the_time_left_are_measured() -> None:
    """Five per cent of 6 GB a second; what went by since the last word is taken off."""
    told = Told()
    told.begin()
    for percent in (5, 10, 15, 20):
        told.tell("http", machine="hv1", percent=str(percent), file=ISO)
    records = {"hv1": Record(State.IMAGE, 1, since=told.at)}
    transfer = told.now(records, later=2).machines[0].transfer
    assert transfer is not None
    assert (transfer.percent, transfer.done, transfer.total) == (20, 1_200_000_000, 6_000_000_000)
    assert transfer.rate == pytest.approx(300_000_000)
    assert transfer.left == pytest.approx(14)
    assert transfer.text == f"{ISO}: 20 %, 1.2 GB of 6.0 GB, 300 MB/s, 14 s left"
    assert told.now(records).armed
    told.tell("http", machine="hv1", percent="5", file=ISO)
    again = told.now(records).machines[0].transfer
    assert again is not None
    assert (again.percent, again.left) == (5, None), "it began anew: nothing is measured yet"


def test_the_time_till_ready_is_what_the_others_took() -> None:
    """Nobody before: no guess. One before: the same, less the time gone by."""
    told = Told()
    told.begin()
    told.tell("state", machine="hv1", state="config")
    began = told.at
    told.at += 599
    told.tell("state", machine="hv1", state="ready")
    assert told.at - began == 600
    records = {
        "hv1": Record(State.READY, 1, since=told.at),
        "hv2": Record(State.CONFIG, 1, since=told.at),
    }
    one, two = told.now(records, later=60).machines
    assert one.left is None
    assert two.left == pytest.approx(540)
    assert told.now(records, later=9000).machines[1].left == 0
    other = {"hv2": Record(State.KERNEL, 0, since=told.at)}
    assert told.now(other).machines[1].left is None


def test_a_late_machine_says_what_to_do() -> None:
    """The limit counts down and then below nothing."""
    told = Told()
    told.begin()
    record = Record(State.SCRIPT, since=told.at, last_seen=Seen.INSTALL_SCRIPT, last_text="took it")
    waits = told.now({"hv1": record}, later=100).machines[0]
    assert (waits.standing, waits.limit, waits.advice) == (Standing.ON_TIME, 20, "")
    assert (waits.seen, waits.next) == ("took it", "the kernel being fetched")
    late = told.now({"hv1": record}, later=150).machines[0]
    assert (late.standing, late.limit) == (Standing.LATE, -30)
    assert "iPXE's error" in late.advice
    stopped = told.now({"hv1": record}, later=150, running=False).machines[0]
    assert (stopped.limit, stopped.advice) == (None, ""), "nobody watches: nothing is late"


def test_a_failed_machine_stays_at_its_place() -> None:
    """The track shows where it failed."""
    told = Told()
    told.begin()
    told.tell("state", machine="hv1", state="image")
    told.tell("state", machine="hv1", state="failed")
    record = Record(State.FAILED, 1, since=told.at, reason="the disk is full")
    seen = told.now({"hv1": record}).machines[0]
    assert (TRACK[seen.place], seen.standing) == ("image", Standing.STOPPED)
    assert "the disk is full" in seen.advice
    assert not told.now({"hv1": record}).armed


def test_a_machine_that_waits_says_for_what() -> None:
    """The boot service's reason, till it is decided otherwise."""
    told = Told()
    told.begin()
    told.tell("decision", machine="hv2", action="hold", reason="the first machine is not ready")
    assert told.now().machines[1].hold == "the first machine is not ready"
    told.tell("decision", machine="hv2", action="install", reason="armed")
    assert told.now().machines[1].hold == ""


def test_safe_is_true_only_at_the_end_of_that_run() -> None:
    """A later run has to prove it anew."""
    told = Told()
    told.begin()
    told.tell("safe-to-unplug", because=["names: yes"])
    assert not told.now().safe
    told.tell("run-ended", outcome="done")
    done = told.now(running=False)
    assert (done.safe, done.because) == (True, ("names: yes",))
    told.tell("run-started")
    told.tell("run-ended", outcome="done")
    assert not told.now(running=False).safe


def test_every_state_has_words_and_a_place() -> None:
    """None is forgotten when one is added."""
    for state in State:
        told = Told()
        told.begin()
        seen = told.now({"hv1": Record(state, since=told.at)}).machines[0]
        assert 0 <= seen.place < len(TRACK)


_KINDS = ("run-started", "run-ended", "step-started", "step-failed", "step-done", "finding")
_OTHERS = ("state", "evidence", "decision", "http", "overdue", "vm", "identified", "safe-to-unplug")
_VALUES = st.one_of(st.none(), st.text(max_size=8), st.integers(-5, 200), st.lists(st.text()))
_DATA = st.dictionaries(
    st.sampled_from(("state", "percent", "file", "outcome", "action", "reason", "now", "because")),
    _VALUES,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from((*_KINDS, *_OTHERS)),
            st.sampled_from((None, "hv1", "hv2", "other")),
            st.sampled_from((None, "s1", "s4", "s9")),
            _DATA,
        ),
        max_size=30,
    )
)
def test_no_event_breaks_the_page(events: list[tuple[str, str | None, str | None, Any]]) -> None:
    """A journal of another version may hold anything."""
    history = History()
    for number, (kind, name, step, data) in enumerate(events, start=1):
        history.feed(Event(number, float(number), kind, "t", step, name, data))
    for running in (True, False):
        seen = progress(
            plan(machine(1)), history, {}, 1e9, running=running, titles=TITLES, sizes={}
        )
        assert seen.headline
        assert seen.last == len(events)
