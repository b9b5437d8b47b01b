"""The loop, with a bridge and cards that are played; it runs whole in the rehearsal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from appliance.discover.stage1 import dhcp, disks, orders, report, supervisor
from appliance.discover.stage1.bridge import (
    Bridge,
    NoAnswerError,
    NoRoomError,
    OverError,
    RefusedError,
)
from appliance.discover.stage1.screen import Screen, View
from tests.unit.discover.stage1 import machine_tree


def test_kernel_arguments() -> None:
    """The last of several counts; one that only begins alike is another."""
    line = "quiet bridgehead=http://a bridgehead=http://b xbridgehead=c console=ttyS0,115200n8\n"
    assert supervisor.argument("bridgehead", line) == "http://b"
    assert supervisor.argument("console", line) == "ttyS0,115200n8"
    assert supervisor.argument("BOOTIF", line) == ""


class Shown(Screen):
    """Keeps what was shown."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.views: list[View] = []
        self.said: list[str] = []

    def say(self, line: str) -> None:
        """Keep it."""
        self.said.append(line)

    def show(self, view: View) -> None:
        """Keep it."""
        self.views.append(view)

    def states(self) -> list[str]:
        """Give the states in their order, each once in a row."""
        states = [view.state for view in self.views]
        return [s for n, s in enumerate(states) if n == 0 or states[n - 1] != s]


class Played(Bridge):
    """Answers from a list: orders are given, exceptions raised."""

    def __init__(self, *answers: Any) -> None:
        """Answer these in their order, and then that the token is over."""
        super().__init__("http://10.77.0.1", "ens2", "10.77.0.50")
        self.answers = list(answers)
        self.reports: list[bytes] = []

    def token(self, mac: str) -> str:
        """Give a token, unless a refusal comes first."""
        assert mac == "52:54:00:12:34:56"
        if self.answers and isinstance(self.answers[0], RefusedError):
            raise self.answers.pop(0)
        return "t"

    def report(self, token: str, body: bytes) -> None:
        """Keep it."""
        assert token == "t"
        self.reports.append(body)

    def orders(self, token: str) -> dict[str, Any]:
        """Answer the next."""
        assert token == "t"
        answer = self.answers.pop(0) if self.answers else OverError("over")
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> supervisor.Session:
    """Give a session on the recorded machine, which never waits."""
    monkeypatch.setattr(supervisor, "BETWEEN_ORDERS", 0.0)
    monkeypatch.setattr(supervisor, "AFTER_REFUSAL", 0.0)
    root = str(machine_tree.write(tmp_path))
    made = supervisor.Session(Shown(), Cards(root), root)
    made._facts = report.gather(root)
    made._disks = disks.settled(root)
    return made


class Cards(supervisor.Cards):
    """Cards that nobody touches."""

    def tend(self) -> None:
        """Do nothing."""


def _talk(session: supervisor.Session, *answers: Any) -> tuple[list[str], Played]:
    bridge = Played(*answers)
    session._talk(bridge, "52:54:00:12:34:56")
    assert isinstance(session._screen, Shown)
    return session._screen.states(), bridge


def test_it_reports_once_and_waits(session: supervisor.Session) -> None:
    """As long as nothing changes one report is enough; name, state and reason are shown."""
    wait = {"order": "wait", "name": "hv1", "state": "held", "reason": "its disk holds data"}
    states, bridge = _talk(session, wait, wait, wait)
    assert states == ["held"]
    assert len(bridge.reports) == 1
    view = session._screen.views[-1]  # type: ignore[attr-defined]
    assert (view.name, view.reason) == ("hv1", "its disk holds data")


def test_what_changed_is_reported_again(
    session: supervisor.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A neighbour that is heard is new; only its waiting time is left out here."""
    monkeypatch.setattr(supervisor, "BETWEEN_REPORTS", 0.0)
    bridge = Played()
    session._report(bridge, "t")
    session._cards.neighbours["ens2"] = {
        "chassis": "c",
        "port": "p",
        "system": "",
        "description": "",
    }
    session._refresh()
    session._report(bridge, "t")
    session._report(bridge, "t")
    assert len(bridge.reports) == 2
    assert b'"port":"p"' in bridge.reports[1]


def test_changes_are_not_sent_more_often_than_agreed(session: supervisor.Session) -> None:
    """A link that flaps does not flood the bridge."""
    bridge = Played()
    session._report(bridge, "t")
    session._facts["serial"] = "another"
    session._report(bridge, "t")
    assert len(bridge.reports) == 1


def test_a_report_that_is_refused_keeps_no_order_away(
    session: supervisor.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine may be known without it; it is not sent again with every question."""
    sent: list[bytes] = []

    def refuse(_self: Played, _token: str, body: bytes) -> None:
        sent.append(body)
        raise RefusedError("it is no MAC address")

    monkeypatch.setattr(Played, "report", refuse)
    states, _ = _talk(session, {"state": "held"}, {"state": "armed"})
    assert states == ["held", "armed"]
    assert len(sent) == 1
    assert isinstance(session._screen, Shown)
    assert session._screen.said == ["the bridge did not take its report: it is no MAC address"]


def test_refusals_and_silence_are_shown_and_lived_with(
    session: supervisor.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ends the talk while there is an address."""
    monkeypatch.setattr(dhcp, "lease", lambda _card: dhcp.Lease("ens2", "10.77.0.50", ()))
    states, _ = _talk(session, NoAnswerError("timed out"), {"order": "wait", "state": "held"})
    assert states == ["the bridge does not answer", "held"]


def test_without_an_address_the_bridge_is_looked_for_again(session: supervisor.Session) -> None:
    """The lease is gone: the talk ends, though more answers would come."""
    _, bridge = _talk(session, NoAnswerError("timed out"), {"order": "wait"})
    assert bridge.answers == [{"order": "wait"}]


def test_a_token_that_is_refused(session: supervisor.Session) -> None:
    """Shown with the bridge's reason; nothing is reported."""
    states, bridge = _talk(session, RefusedError("leased to another"))
    assert states == ["the bridge does not take this machine"]
    assert bridge.reports == []


@pytest.mark.parametrize(
    ("order", "program"), [("own-disk", "reboot"), ("reboot", "reboot"), ("poweroff", "poweroff")]
)
def test_orders_that_end_it(
    session: supervisor.Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    order: str,
    program: str,
) -> None:
    """Own disk is a restart: the next network boot is answered with it."""
    noted = tmp_path / "noted"
    path = tmp_path / "programs" / program
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\necho {program} >{noted}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    _talk(session, {"order": order})
    assert noted.read_text() == f"{program}\n"


def test_an_installer_that_does_not_fit_is_said_and_not_tried_again(
    session: supervisor.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bridge, in the report; it then orders to wait."""
    tried: list[orders.Install] = []

    def start(install: orders.Install, *_rest: Any) -> None:
        tried.append(install)
        raise NoRoomError("its installer has 900 MiB, and its memory has room for 300 MiB of it")

    monkeypatch.setattr(orders, "start_installer", start)
    monkeypatch.setattr(supervisor, "BETWEEN_REPORTS", 0.0)
    install = {"order": "install", "kernel": "http://b/k", "initrd": "http://b/i", "arguments": "a"}
    states, bridge = _talk(session, install, install, {"order": "wait", "state": "held"})
    assert len(tried) == 1
    assert states == ["", "cannot be installed", "", "cannot be installed", "held"]
    assert [b"has room for 300 MiB" in each for each in bridge.reports] == [False, True]


def test_an_unknown_order_does_nothing(session: supervisor.Session) -> None:
    """A newer bridge may know more; its state is shown all the same."""
    states, _ = _talk(session, {"order": "dance", "state": "strange"}, {})
    assert states[0] == "strange"


def test_the_boot_cards_lease_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel line names it; else in the order of names."""
    cards = supervisor.Cards(str(machine_tree.write(tmp_path)))
    cards._listeners = dict.fromkeys(("ens3", "ens2"))  # type: ignore[assignment]
    monkeypatch.setattr(dhcp, "lease", lambda card: dhcp.Lease(card, "10.77.0.50", ()))
    assert [lease.card for lease in cards.leases("")] == ["ens2", "ens3"]
    assert [lease.card for lease in cards.leases("52:54:00:12:34:57")] == ["ens3", "ens2"]


@pytest.mark.parametrize("busy", [False, True])
def test_it_waits_for_udev_but_not_for_ever(
    session: supervisor.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, busy: bool
) -> None:
    """Until udev has been done for a while; with a disk that hangs, until the limit."""
    monkeypatch.setattr(supervisor, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "SETTLE_SECONDS", 0.5)
    if busy:
        machine_tree.put(tmp_path, "run/udev/queue", "")
    session._settle()
    assert isinstance(session._screen, Shown)
    assert session._screen.states() == ["starting"]
