"""What the terminal says of a run: the right words at the right time, none of a stranger's."""

from __future__ import annotations

import io
import os
import pty
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from appliance.cli import live as module
from appliance.cli.lines import LinePrinter
from appliance.cli.live import (
    LiveModel,
    live_listener,
    view,
)
from appliance.machines.state import EXPECTATIONS, STATE_WORDS, State
from appliance.store.journal import Event
from appliance.tools.clock import Clock
from tests.plans import machine, plan

START = 1_795_000_000.0
PLAN = plan(machine(1), machine(2), machine(3, not_armed="its disk is not named"))
ESCAPE = "\x1b[2J[bold]gone[/bold]\x1b]0;x\x07"
Make = Callable[..., Event]


@pytest.fixture
def make() -> Make:
    """Make events that count up, so many seconds after the start."""
    numbers = count(1)

    def event(
        kind: str, after: float = 0, text: str = "", machine: str | None = None, **data: Any
    ) -> Event:
        return Event(next(numbers), START + after, kind, text, "s4", machine, data)

    return event


def model(*events: Event) -> LiveModel:
    """Give a model that took these events."""
    made = LiveModel(PLAN, START)
    for each in events:
        made.feed(each)
    return made


def shown(made: LiveModel, after: float, width: int = 200, height: int | None = None) -> str:
    """Give what stands on a terminal so many seconds after the start."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False).print(
        view(made, START + after, width=width, height=height)
    )
    return out.getvalue()


def line_of(text: str, name: str) -> str:
    """Give a machine's line."""
    return next(line for line in text.splitlines() if line.strip().startswith(name))


def test_every_state_has_its_words() -> None:
    """A new state is not shown as nothing."""
    assert set(module._STYLES) == set(State)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_every_machine_is_shown_at_any_width(make: Make, width: int) -> None:
    """With its state; MAC and address where there is room. No line is wider than the terminal."""
    text = shown(model(make("step-started")), 10, width)
    for each in PLAN.machines:
        assert each.name in text
        assert (str(each.macs[0]) in text) == (width == 200)
    assert "not seen yet" in text
    assert "not installed" in text
    assert max(map(len, text.splitlines())) <= width


def test_what_was_seen_is_said_with_its_age_and_what_comes_next(make: Make) -> None:
    """And how long that may still take."""
    made = model(
        make("evidence", 10, "asked for an address", "hv1"),
        make("state", 10, machine="hv1", state="firmware", was="expected"),
    )
    line = line_of(shown(made, 75), "hv1")
    assert "firmware booting" in line
    assert "asked for an address" in line
    assert "1:05" in line
    assert EXPECTATIONS[State.FIRMWARE].next in line
    assert line.rstrip().endswith("1:55")
    assert line_of(shown(made, 200), "hv1").rstrip().endswith("0:10 late")


def test_what_its_bmc_did_is_said_too(make: Make) -> None:
    """It is the last that is known until the machine asks for something."""
    made = model(make("power", 5, "hv1 is switched on: hv1 is off", "hv1", act="on"))
    assert "hv1 is switched on" in line_of(shown(made, 7), "hv1")


def test_waiting_for_power_counts_from_the_step_that_waits(make: Make) -> None:
    """Twenty minutes of checking files are not the machine's fault."""
    made = model(make("step-started", 1200))
    limit = int(EXPECTATIONS[State.EXPECTED].within)
    assert made.rows["hv1"].left(START + 1200) == limit
    assert line_of(shown(made, 1200), "hv1").rstrip().endswith(f"{limit // 60}:00")


def test_the_image_has_a_progress(make: Make) -> None:
    """From boot's texts or from numbers; the next state clears it."""
    made = model(
        make("state", 1, machine="hv1", state="image"),
        make("progress", 2, machine="hv1", done="500", size=2000, name="a.iso"),
    )
    assert "writing image 25 %" in shown(made, 3)
    assert "takes a.iso" in shown(made, 3)
    made.feed(make("progress", 3, machine="hv1", done="nonsense", size=None))
    assert "%" not in shown(made, 3)
    made.feed(make("progress", 3, machine="hv1", done=3000, size=2000))
    assert "100 %" in shown(made, 3)
    made.feed(make("state", 4, machine="hv1", state="installed"))
    assert "%" not in shown(made, 5)


def test_a_machine_on_hold_says_why_and_is_not_late(make: Make) -> None:
    """A join node waits for the first one however long that takes."""
    made = model(
        make("state", 1, machine="hv2", state="firmware"),
        make("decision", 1, machine="hv2", action="hold", reason="it waits for hv1"),
    )
    line = line_of(shown(made, 5000), "hv2")
    assert "waits" in line
    assert "it waits for hv1" in line
    assert "late" not in line
    made.feed(make("decision", 2, machine="hv2", action="install", reason="it is armed"))
    assert "it waits for hv1" not in shown(made, 3)


def test_advice_stands_below_until_the_machine_moves(make: Make) -> None:
    """What to do about what is overdue."""
    made = model(make("overdue", 1, machine="hv1", next="x", advice="press the button"))
    assert "hv1: press the button" in shown(made, 2)
    made.feed(make("evidence", 3, "asked", "hv1"))
    assert "press the button" not in shown(made, 4)


def test_silence_is_said_after_a_minute(make: Make) -> None:
    """While nobody was seen, and not before; an installer may well be silent for minutes."""
    made = model(make("run-started", interface="eth7"), make("step-started", 100))
    made.link = True
    assert "nothing heard" not in shown(made, 159)
    assert "link up, nothing heard for 1 min 10 s" in shown(made, 170)
    made.link = False
    assert "no link on eth7" in shown(made, 170)
    made.link = True
    made.feed(make("dhcp", 175))
    assert "nothing heard" not in shown(made, 180)
    made.feed(make("state", 176, machine="hv1", state="image"))
    assert "nothing heard" not in shown(made, 900)


def test_nothing_is_missed_when_all_are_ready(make: Make) -> None:
    """The one that is not to be installed is not waited for."""
    made = model(make("step-started"), *(make("state", 1, machine=n, state="ready") for n in PLAN2))
    assert "nothing heard" not in shown(made, 5000)
    assert "2 of 3 machines ready" in shown(made, 5000)


PLAN2 = ("hv1", "hv2")


def test_strangers_and_findings_are_listed(make: Make) -> None:
    """A machine that nobody named, and what else was found, once each."""
    made = model(
        make("decision", 1, action="discover", mac="52:54:00:99:99:99", reason="not of this site"),
        *(make("finding", 2, "another DHCP server answers") for _ in range(3)),
    )
    text = shown(made, 5)
    assert "52:54:00:99:99:99 is not of this site" in text
    assert text.count("another DHCP server answers") == 1


def test_a_machine_that_shows_itself_is_awaited_and_says_why(make: Make) -> None:
    """It is no stranger once it is known which one it is, and armed once it has its disk."""
    mac = "52:54:00:99:99:99"
    why = "2 disks match 'ssd'"
    made = model(make("discovered", 1, "it reported", mac=mac, vendor="Dell", serial="7XK"))
    assert f"{mac}, Dell 7XK, is not of this site" in shown(made, 2)
    made.feed(make("identified", 3, machine="hv3", mac=mac, disk=""))
    made.feed(make("state", 3, machine="hv3", state="discovered"))
    made.feed(make("decision", 3, machine="hv3", action="discover", reason=why))
    text = shown(made, 4)
    assert "not of this site" not in text
    assert mac in line_of(text, "hv3")
    assert "2 disks match" in line_of(text, "hv3")
    assert "not installed" not in line_of(text, "hv3")
    made.feed(make("identified", 5, machine="hv3", mac=mac, disk="/dev/disk/by-id/A"))
    assert "discovered" in line_of(shown(made, 6), "hv3")


def test_where_there_is_no_room_trouble_comes_first(make: Make) -> None:
    """And it is said that machines are missing."""
    many = plan(*(machine(number) for number in range(1, 10)))
    made = LiveModel(many, START)
    made.feed(make("state", machine="hv9", state="failed"))
    text = shown(made, 1, height=16)
    assert text.index("hv9") < text.index("hv1")
    assert "6 more machines are not shown" in text


@pytest.mark.parametrize(
    "kind", ["evidence", "power", "finding", "overdue", "decision", "progress"]
)
def test_no_machine_writes_on_the_terminal(make: Make, kind: str) -> None:
    """Neither escape sequences nor markup in what a machine said is obeyed."""
    data = {"advice": "x", "action": "hold", "reason": ESCAPE, "name": ESCAPE, "done": 1, "size": 2}
    event = make(kind, 1, ESCAPE, "hv1", **data)
    text = shown(model(make("step-started"), event), 2)
    assert "\x1b" not in text
    assert "\x07" not in text
    out = io.StringIO()
    LinePrinter(out).feed(event)
    assert "\x1b" not in out.getvalue()
    if kind in ("evidence", "power", "finding"):
        assert "[bold]gone[/bold]" in text


def test_on_a_terminal_the_table_is_drawn_while_machines_are_watched(make: Make) -> None:
    """Lines before and after, so that questions are not drawn over; the last picture stays."""
    leader, follower = pty.openpty()
    pieces: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(leader, pieces))
    reader.start()
    with os.fdopen(follower, "w") as out:
        assert out.isatty()
        with live_listener(PLAN, out, Clock(lambda: START + 60, lambda: 0.0)) as listen:
            listen(Event(1, START, "step-started", "check files", "s2"))
            listen(make("step-started", 0, "install the machines"))
            listen(make("state", 1, "hv1 is ready", "hv1", state="ready"))
            listen(make("step-done", 2, "install the machines"))
    reader.join()
    os.close(leader)
    text = b"".join(pieces).decode()
    order = ["s2 check files", "1 of 3 machines ready", "step-done    s4 install the machines"]
    assert [text.rindex(part) for part in order] == sorted(text.index(part) for part in order)


def _read_all(leader: int, pieces: list[bytes]) -> None:
    """Read what is written on a terminal until its last writer is gone."""
    with suppress(OSError):
        while piece := os.read(leader, 4096):
            pieces.append(piece)


@pytest.mark.parametrize("name", ["", "../../etc", "no-such-interface-0"])
def test_link_of_what_is_no_interface(name: str) -> None:
    """Unknown, or none; never an error."""
    assert not module._carrier(name)


def test_the_operators_page_explains_every_word_of_the_table() -> None:
    """What the table says can be looked up."""
    page = (Path(__file__).parents[3] / "docs" / "operator.md").read_text()
    said = list(STATE_WORDS.values())
    assert [
        words for words in (*said, "waits", "not installed") if f"| {words} |" not in page
    ] == []
