"""The report tells all that the journal holds, needs nothing from outside, and runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta, timezone
from html.parser import HTMLParser
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.handover.report import Artifact, ReportInput, gather, render, with_facts
from appliance.machines.state import State
from appliance.site.plan import VmKind, VmPlan
from appliance.store.database import open_database
from appliance.store.journal import Journal
from appliance.values import Mac
from tests.plans import machine, plan

START = 1_795_000_000.0
HOSTILE = "<script>alert(1)</script><img src=http://203.0.113.9/x onerror=alert(2)>\"'`}}{{7*7}}"
PLAN = plan(machine(1), machine(2), machine(3, not_armed="its disk is not named"))
GOOD = (
    ("firmware", "firmware-dhcp", 1),
    ("config", "config-sent", 30),
    ("image", "image-sent", 100),
    ("installed", "hook-succeeded", 200),
    ("ready", "system-answers", 400),
)
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: its elements, its words, and whether they close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.style = ""
        self.unclosed: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """See that it closes what was opened last."""
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note the words."""
        if self.unclosed and self.unclosed[-1] == "style":
            self.style += data
        else:
            self.words += data

    def tags(self) -> set[str]:
        """Give the kinds of elements."""
        return {tag for tag, _ in self.elements}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal whose clock stands still at the start."""
    connection = open_database(tmp_path / "main.db")
    yield Journal(connection, clock=lambda: START)
    connection.close()


def tell_good_run(journal: Journal, text: str = "seen") -> None:
    """Write what a run leaves that installs hv1 and hv2."""
    run = journal.begin_run("0.1.0", "enp3s0")
    real = {"firmware": "real", "installer": "stand-in: a small Linux"}
    journal.add_event("run-started", "begun", run=run, data={"real": real})
    journal.begin_step(run, "s4", "inputs")
    journal.add_event("step-started", "install the machines", run=run, step="s4")
    for name, delay in (("hv1", 0), ("hv2", 50)):
        was = "expected"
        for state, seen, after in GOOD:
            at = START + delay + after
            journal.add_event("evidence", text, run=run, machine=name, data={"seen": seen}, at=at)
            data = {"state": state, "was": was}
            journal.add_event("state", f"{name} is {state}", machine=name, data=data, at=at)
            was = state
    journal.end_step(run, "s4", "done", {"ready": ["hv1", "hv2"]})


def collected(journal: Journal, **changes: object) -> ReportInput:
    """Collect at ten minutes after the start."""
    return replace(gather(journal, PLAN, now=START + 600), **changes)  # type: ignore[arg-type]


def test_every_machine_is_on_the_page_with_its_legs(journal: Journal) -> None:
    """Also the one that is not installed, with the reason."""
    tell_good_run(journal)
    report = collected(journal)
    one, two, three = report.machines
    assert [leg.state for leg in one.legs] == ["firmware", "config", "image", "installed", "ready"]
    assert [leg.seconds for leg in two.legs[:4]] == [29, 70, 100, 200]
    assert (one.state, one.installers, len(one.seen)) == (State.READY, 1, 5)
    assert three.state == "not installed: its disk is not named"
    page = Page(render(report))
    for each in PLAN.machines:
        assert each.name in page.words
        assert str(each.address) in page.words
        assert str(each.macs[0]) in page.words
    assert "1 min 10 s" in page.words
    assert "2 of 3 machines ready" in page.words
    assert sum(tag == "rect" for tag, _ in page.elements) == 10


def test_what_switched_a_machine_is_in_its_history(journal: Journal) -> None:
    """Whether it was the run or a person."""
    journal.add_event("power", "hv1 is switched on: hv1 is off", machine="hv1", at=START)
    told = "hv1 was switched off, as it was told"
    journal.add_event("power-told", told, machine="hv1", at=START + 1)
    one, *_ = collected(journal).machines
    assert [each.kind for each in one.seen] == ["power", "power-told"]
    assert told in Page(render(collected(journal))).words


def test_the_page_needs_nothing_from_outside(journal: Journal) -> None:
    """It opens on a machine without any network, and years later."""
    tell_good_run(journal)
    html = render(collected(journal))
    page = Page(html)
    assert page.unclosed == []
    assert not page.tags() & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not re.findall(r"https?://|@import|url\(|src=|href=", html)
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("kind", ["finding", "overdue", "step-failed", "evidence"])
def test_hostile_words_stay_words(journal: Journal, kind: str) -> None:
    """What a machine on the wire says is shown as it was said, and does nothing."""
    tell_good_run(journal, HOSTILE)
    data = dict.fromkeys(("next", "advice", "code", "what", "where", "why", "fix", "seen"), HOSTILE)
    journal.add_event(kind, HOSTILE, machine="hv1", data=data)
    report = collected(
        journal,
        artifacts=(Artifact(HOSTILE, HOSTILE, 1),),
        actions=(HOSTILE,),
        site=HOSTILE,
        interface=HOSTILE,
        legs=((HOSTILE, HOSTILE),),
    )
    page = Page(render(report))
    assert not page.tags() & {"script", "img"}
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert HOSTILE in page.words


def test_what_a_machine_reported_is_shown_as_text(journal: Journal) -> None:
    """It says of itself what it likes: nothing of it is run."""
    gathered = gather(journal, PLAN, now=START)
    report = with_facts(gathered, {"hv1": (("model", HOSTILE),)})
    page = Page(render(report))
    assert [each.facts for each in report.machines] == [(("model", HOSTILE),), (), ()]
    assert "What it is" in page.words
    assert HOSTILE in page.words
    assert {"script", "img"} & {name for name, _ in page.elements} == set()
    assert page.unclosed == []


def test_a_killed_run_lasted_until_its_last_word(tmp_path: Path) -> None:
    """The night between two runs counts as work of neither."""
    times = iter([100.0, 150.0, 90_000.0, 90_010.0])
    connection = open_database(tmp_path / "main.db")
    journal = Journal(connection, clock=lambda: next(times))
    first = journal.begin_run("0.1.0", "eth0")
    journal.add_event("finding", "last word", run=first)
    second = journal.begin_run("0.1.0", "eth0")
    journal.end_run(second, "done")
    report = gather(journal, PLAN, now=95_000.0)
    connection.close()
    assert [(span.start, span.end) for span in report.spans] == [(100, 150), (90_000, 90_010)]
    assert [run.outcome for run in report.runs] == ["killed", "done"]
    assert report.outcome == "done"


def test_a_failure_is_told_with_its_way_out(journal: Journal) -> None:
    """Code, place, reason and next action are on top of the page."""
    run = journal.begin_run("0.1.0", "eth0")
    journal.begin_step(run, "s2", "")
    data = {"code": "BH300", "what": "damaged", "where": "the iso", "why": "cut", "fix": "fetch it"}
    journal.add_event("step-failed", "…", run=run, step="s2", data=data)
    journal.end_step(run, "s2", "failed", data)
    journal.end_run(run, "failed")
    page = Page(render(collected(journal)))
    assert "BH300: damaged" in page.words
    assert "Do: fetch it" in page.words
    assert "failed: 0 of 3 machines ready" in page.words
    assert page.words.index("What went wrong") < page.words.index("Machines")


def test_findings_are_told_once_with_their_count(journal: Journal) -> None:
    """Forty questions for one name are one finding."""
    for _ in range(40):
        journal.add_event("finding", "asked for registry.example.org", machine="hv1")
    journal.add_event("finding", "asked for registry.example.org", machine="hv2")
    found = collected(journal).findings
    assert [(each.machine, each.count) for each in found] == [("hv1", 40), ("hv2", 1)]
    assert "40 times" in Page(render(collected(journal))).words


def test_what_stood_in_is_said_on_top(journal: Journal) -> None:
    """A rehearsal's report is never taken for that of a site."""
    tell_good_run(journal)
    rehearsed = Page(render(collected(journal)))
    assert "Parts of this were a rehearsal" in rehearsed.words
    assert "stand-in: a small Linux" in rehearsed.words
    real = Page(render(collected(journal, legs=(("firmware", "real"),))))
    assert "rehearsal" not in real.words


def test_actions_are_counted_only_if_somebody_counted(journal: Journal) -> None:
    """No count is not a count of none."""
    tell_good_run(journal)
    assert "by hand" not in Page(render(collected(journal))).words
    nothing = Page(render(collected(journal, actions=())))
    assert "Actions by hand" in nothing.words
    two = Page(render(collected(journal, actions=("plugged in", "pressed the button"))))
    assert "pressed the button" in two.words


def test_files_are_listed_with_their_whole_checksums(journal: Journal) -> None:
    """So that they can be compared by hand."""
    digest = "sha512:" + "0123456789abcdef" * 8
    page = Page(render(collected(journal, artifacts=(Artifact("a.iso", digest, 6_200_000_000),))))
    assert digest in page.words
    assert "6.2 GB" in page.words


def test_times_are_shown_in_the_sites_zone(journal: Journal) -> None:
    """Stored in UTC, shown local, and said which."""
    tell_good_run(journal)
    zone = timezone(timedelta(hours=5, minutes=30), "IST")
    words = Page(render(gather(journal, PLAN, now=START + 600, zone=zone))).words
    assert "All times in IST" in words
    assert "2026-11-18 16:36:40" in words


def test_a_site_that_never_ran_has_a_report_too(journal: Journal) -> None:
    """It says so, and draws no axis."""
    page = Page(render(collected(journal)))
    assert "never run" in page.words
    assert "svg" not in page.tags()


def test_the_outcome_can_be_told_by_who_knows_better(journal: Journal) -> None:
    """The step that writes the report belongs to a run that goes on still."""
    tell_good_run(journal)
    assert gather(journal, PLAN, now=START).outcome == "running"
    assert gather(journal, PLAN, now=START, outcome="done").outcome == "done"


def test_virtual_machines_are_listed_with_when_they_joined(tmp_path: Path) -> None:
    """Name, purpose, address, and the times: created, first answered, joined."""
    server = VmPlan(
        name="server1",
        kind=VmKind.SERVER,
        network="main",
        mac=Mac("020000000001"),
        address=IPv4Address("10.20.0.21"),
        cpus=2,
        memory=4 << 30,
        disk=40 << 30,
        image="ubuntu",
    )
    windows = replace(server, name="old-erp", kind=VmKind.PLAIN, address=None, image=None, iso="w")
    site = replace(PLAN, vms=(server, windows))
    connection = open_database(tmp_path / "main.db")
    try:
        journal = Journal(connection, lambda: START)
        for kind, now, at in (
            ("vm", "created", 10),
            ("vm", "answers", 60),
            ("vm", "ready", 70),
            ("node", "joined", 90),
            ("vm", "answers", 500),
        ):
            journal.add_event(kind, now, machine="server1", data={"now": now}, at=START + at)
        report = gather(journal, site, now=START + 600)
    finally:
        connection.close()
    first, second = report.vms
    assert (first.state, first.created, first.answered) == ("answers", START + 10, START + 60)
    assert first.joined == START + 90
    assert (second.state, second.address, second.created) == ("planned", "its own", None)
    words = Page(render(report)).words
    assert "server1" in words
    assert "10.20.0.21" in words
    assert "old-erp" in words
