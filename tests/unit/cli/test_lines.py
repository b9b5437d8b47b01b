"""Lines for logs, pipes and programs: each at once, nothing twice, and no reader needed."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from appliance.cli.lines import JsonPrinter, LinePrinter
from appliance.store.journal import Event

Make = Callable[..., Event]


@pytest.fixture
def make() -> Make:
    """Make events that count up, so many seconds after midnight."""
    numbers = count(1)

    def event(
        kind: str, after: float = 0, text: str = "", machine: str | None = None, **data: Any
    ) -> Event:
        return Event(next(numbers), after, kind, text, "s4", machine, data)

    return event


def test_json_is_one_event_a_line(make: Make) -> None:
    """Each parses on its own, line ends in texts included."""
    out = io.StringIO()
    printer = JsonPrinter(out)
    printer.feed(make("finding", 0, "two\nlines"))
    printer.feed(make("evidence", 1, machine="hv1", seen="firmware-dhcp"))
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["kind"], first["text"]) == ("finding", "two\nlines")
    assert second["data"] == {"seen": "firmware-dhcp"}


@pytest.mark.parametrize("printer", [JsonPrinter, LinePrinter])
def test_each_line_is_out_at_once_and_a_reader_may_leave(
    make: Make, printer: type[JsonPrinter | LinePrinter]
) -> None:
    """A pipe that nobody reads any more does not end an installation."""
    reading, writing = os.pipe()
    out = os.fdopen(writing, "w")
    made = printer(out)
    made.feed(make("finding", 0, "first"))
    assert b"first" in os.read(reading, 4096)
    os.close(reading)
    for _ in range(3):
        made.feed(make("finding", 0, "second"))
    with pytest.raises(BrokenPipeError):
        out.close()


def test_plain_lines_say_what_matters_and_repeat_nothing(make: Make) -> None:
    """The noise of the boot services and repeated decisions stay out."""
    out = io.StringIO()
    listen = LinePrinter(out).feed
    listen(make("step-started", 0, "install the machines"))
    for kind in ("dhcp", "tftp", "http", "dns", "ntp", "syslog", "hook", "progress"):
        listen(make(kind, 1, f"noise of {kind}", "hv1"))
    for after in (2, 3):
        listen(make("decision", after, "hold", "hv2", action="hold", reason="it waits"))
    listen(make("evidence", 4, "asked for\n an address", "hv1"))
    listen(make("state", 5, "hv1 is firmware", "hv1", state="firmware"))
    lines = out.getvalue().splitlines()
    assert [line[9:] for line in lines] == [
        "step-started s4 install the machines",
        "decision     hv2: hold",
        "evidence     hv1: asked for an address",
        "state        hv1 is firmware",
    ]


def test_the_last_line_names_the_report(make: Make) -> None:
    """It is what the field engineer leaves with."""
    out = io.StringIO()
    printer = LinePrinter(out)
    printer.feed(make("step-done", 0, "write the report", evidence={"report": "/r/report.html"}))
    printer.feed(make("step-done", 1, "another", evidence={"other": 1}))
    printer.feed(make("run-ended", 2, "the run is done"))
    assert out.getvalue().endswith("run-ended    the run is done; its report: /r/report.html\n")
