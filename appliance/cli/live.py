"""What a terminal shows of a run: a table that is redrawn while machines are watched.

The model takes events and the view draws it at a given time; only the screen at the end of this
module knows a thread and a terminal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from appliance.cli.lines import LinePrinter
from appliance.machines.state import EXPECTATIONS, REPEATS, STATE_WORDS, State
from appliance.site.plan import MachinePlan, Plan
from appliance.store.journal import Event
from appliance.tools import words
from appliance.tools.clock import Clock

SILENCE = 60.0
"""Seconds without a packet after which it is said that nothing is heard."""

_WATCHING_STEP = "s4"
_WIDE = 125
_MEDIUM = 95
_SHOWN_FINDINGS = 3
_HEARD = frozenset({"evidence", "decision", "dhcp", "tftp", "http", "dns", "ntp", "syslog", "hook"})
_MAY_HOLD = frozenset(
    {
        State.EXPECTED,
        State.FIRMWARE,
        State.BOOTLOADER,
        State.WAITING,
        State.DISCOVERING,
        State.DISCOVERED,
    }
)
_SETTLED = frozenset({State.READY, State.FAILED, State.HELD})

_STYLES: dict[State, str] = {
    State.EXPECTED: "dim",
    State.FIRMWARE: "cyan",
    State.BOOTLOADER: "cyan",
    State.WAITING: "yellow",
    State.DISCOVERING: "cyan",
    State.DISCOVERED: "yellow",
    State.SCRIPT: "cyan",
    State.KERNEL: "blue",
    State.ROOTFS: "blue",
    State.CONFIG: "magenta",
    State.STARTED: "magenta",
    State.IMAGE: "yellow",
    State.OWN_DISK: "yellow",
    State.INSTALLED: "green",
    State.REBOOTED: "green",
    State.READY: "bold green",
    State.FAILED: "bold red",
    State.HELD: "bold red",
}


@dataclass(slots=True)
class MachineRow:
    """What the table says of one machine. Times are Unix seconds; `hold` is why it must wait."""

    name: str
    mac: str
    address: str
    not_armed: str
    state: State = State.EXPECTED
    since: float = 0.0
    seen: str = ""
    seen_at: float | None = None
    done: int = 0
    size: int = 0
    hold: str = ""
    advice: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing more is waited for."""
        return self.state in _SETTLED or bool(self.not_armed)

    def left(self, now: float) -> float | None:
        """Give the seconds left for what is expected next; negative once it is overdue."""
        expectation = EXPECTATIONS.get(self.state)
        if expectation is None or self.hold or self.settled:
            return None
        repeats = self.seen_at if self.state in REPEATS else None
        return expectation.within - (now - max(self.since, repeats or 0.0))


class LiveModel:
    """All that the screen shows, fed by events."""

    def __init__(self, plan: Plan, started: float) -> None:
        self.site = plan.site_id
        self.rows = {machine.name: _row(machine, started) for machine in plan.machines}
        self.findings: list[str] = []
        self.strangers: dict[str, float] = {}
        self.what_strangers_are: dict[str, str] = {}
        self.interface = ""
        self.link: bool | None = None
        self.step: str | None = None
        self.title = ""
        self.heard_at = started

    def feed(self, event: Event) -> None:
        """Take one event."""
        if event.kind in _HEARD:
            self.heard_at = max(self.heard_at, event.at)
        if event.kind == "run-started":
            self.interface = str(event.data.get("interface", ""))
        elif event.kind == "step-started":
            self.step, self.title = event.step, event.text
            self._start_waiting(event.at)
        elif event.kind in ("step-done", "step-failed", "step-skipped", "run-ended"):
            self.step = None
        elif event.kind == "finding" and words.printable(event.text) not in self.findings:
            self.findings.append(words.printable(event.text))
        row = self.rows.get(event.machine or "")
        if event.kind == "identified":
            self.strangers.pop(words.printable(str(event.data.get("mac", ""))), None)
        if row is not None:
            _feed_row(row, event)
        elif event.kind == "discovered" or (
            event.kind == "decision" and event.data.get("action") == "discover"
        ):
            self._hear_stranger(event)

    def _hear_stranger(self, event: Event) -> None:
        mac = words.printable(str(event.data.get("mac", "?")))
        parts = [str(event.data.get(key, "")) for key in ("vendor", "product", "serial")]
        what = words.printable(" ".join(each for each in parts if each))
        self.strangers[mac] = event.at
        if what:
            self.what_strangers_are[mac] = what

    def _start_waiting(self, at: float) -> None:
        """Count what is waited for from the step that waits for it, not from the run's start."""
        if self.step == _WATCHING_STEP:
            self.heard_at = max(self.heard_at, at)
            for row in self.rows.values():
                row.since = max(row.since, at)

    def silent(self, now: float) -> float | None:
        """Give how long nothing was heard, if that is long and machines are yet to be seen.

        While one is installing, minutes without a packet are nothing to worry about.
        """
        waiting = [row.state for row in self.rows.values() if not row.settled]
        unseen = self.step == _WATCHING_STEP and set(waiting) == {State.EXPECTED}
        silence = now - self.heard_at
        return silence if unseen and silence >= SILENCE else None


def _row(machine: MachinePlan, started: float) -> MachineRow:
    mac = str(machine.macs[0]) if machine.macs else ""
    return MachineRow(
        machine.name, mac, str(machine.address), machine.not_armed or "", since=started
    )


def _feed_row(row: MachineRow, event: Event) -> None:
    data = event.data
    if event.kind in ("evidence", "power"):
        row.seen, row.seen_at, row.advice = words.printable(event.text), event.at, ""
    elif event.kind == "state":
        with suppress(ValueError):
            row.state = State(str(data.get("state")))
        row.since, row.done, row.size, row.advice = event.at, 0, 0, ""
        row.hold = row.hold if row.state in _MAY_HOLD else ""
    elif event.kind == "decision":
        reason = words.printable(str(data.get("reason", "")))
        shows_itself = data.get("action") == "discover"
        row.hold = reason if data.get("action") == "hold" or shows_itself else ""
        row.not_armed = "" if shows_itself else row.not_armed
    elif event.kind == "identified":
        row.mac = words.printable(str(data.get("mac", "")))
        if data.get("disk"):
            row.not_armed = row.hold = ""
    elif event.kind == "progress":
        row.done, row.size = _number(data.get("done")), _number(data.get("size"))
        name = words.printable(str(data.get("name", "a file")))
        row.seen, row.seen_at = f"takes {name}", event.at
    elif event.kind == "overdue":
        row.advice = str(data.get("advice", event.text))


def _number(value: object) -> int:
    """Boot's own events carry texts, main's carry numbers."""
    text = str(value)
    return int(text) if text.isdecimal() else 0


def view(
    model: LiveModel, now: float, *, width: int | None = None, height: int | None = None
) -> Group:
    """Draw the model at Unix time `now`, for a terminal of that width and height if they are known.

    Texts of machines are never read as markup, and never reach the terminal as control codes.
    """
    return Group(_table(model, now, width, height), *_lines(model, now))


def _table(model: LiveModel, now: float, width: int | None, height: int | None) -> Table:
    columns = width or _WIDE
    ready = sum(row.state is State.READY for row in model.rows.values())
    title = Text(f"{model.site}: {ready} of {len(model.rows)} machines ready", style="bold")
    table = Table(
        title=title, title_justify="left", expand=True, pad_edge=False, box=box.SIMPLE_HEAD
    )
    table.add_column("machine", no_wrap=True)
    if columns >= _WIDE:
        table.add_column("MAC", no_wrap=True)
        table.add_column("address", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("last seen" if columns >= _MEDIUM else "last seen, next expected", ratio=1)
    table.add_column("ago", justify="right", no_wrap=True)
    if columns >= _MEDIUM:
        table.add_column("next expected", ratio=1)
    table.add_column("left", justify="right", no_wrap=True)
    rows = _chosen(tuple(model.rows.values()), now, height)
    for row in rows:
        table.add_row(*_cells(row, now, columns))
    hidden = len(model.rows) - len(rows)
    if hidden:
        table.caption = Text(f"{hidden} more machines are not shown: the terminal is too low")
    return table


def _chosen(rows: tuple[MachineRow, ...], now: float, height: int | None) -> tuple[MachineRow, ...]:
    """Give all rows in their order; where there is no room, those that need attention first."""
    room = len(rows) if height is None else max(3, (height - 10) // 2)
    if room >= len(rows):
        return rows
    return tuple(sorted(rows, key=lambda row: _attention(row, now))[:room])


def _attention(row: MachineRow, now: float) -> int:
    left = row.left(now)
    if row.state in (State.FAILED, State.HELD) or (left is not None and left < 0):
        return 0
    return 2 if row.settled else 1


def _cells(row: MachineRow, now: float, columns: int) -> list[Text | Group]:
    cells: list[Text | Group] = [Text(row.name, style="bold")]
    if columns >= _WIDE:
        cells += [Text(row.mac), Text(row.address)]
    if columns >= _MEDIUM:
        return [*cells, _state(row), _seen(row), _ago(row, now), _next(row), _left(row, now)]
    following = _next(row)
    both = Group(_seen(row), following) if following else Group(_seen(row))
    return [*cells, _state(row), both, _ago(row, now), _left(row, now)]


def _state(row: MachineRow) -> Text | Group:
    if row.not_armed:
        return Text("not installed", style="dim")
    said, style = STATE_WORDS[row.state], _STYLES[row.state]
    if row.hold and row.state is not State.HELD:
        return Text("waits", style="yellow")
    if row.size and row.done and not row.settled:
        percent = Text(f"{said} {min(100, 100 * row.done // row.size)} %", style=style)
        return Group(percent, ProgressBar(total=row.size, completed=row.done, width=16))
    return Text(said, style=style)


def _seen(row: MachineRow) -> Text:
    return Text("nothing yet", style="dim") if row.seen_at is None else Text(row.seen)


def _ago(row: MachineRow, now: float) -> Text:
    if row.seen_at is None:
        return Text("")
    ago = now - row.seen_at
    return Text("now" if ago < 5 else _span(ago), style="dim")


def _next(row: MachineRow) -> Text:
    if row.not_armed or row.hold:
        return Text(row.not_armed or row.hold, style="dim" if row.not_armed else "yellow")
    if row.settled:
        return Text("")
    return Text(EXPECTATIONS[row.state].next)


def _left(row: MachineRow, now: float) -> Text:
    left = row.left(now)
    if left is None:
        return Text("")
    if left < 0:
        return Text(f"{_span(-left)} late", style="bold red")
    return Text(_span(left))


def _span(seconds: float) -> str:
    """Say a span as clocks do, so that the column stays narrow: `4:05`, `1:02:00`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _lines(model: LiveModel, now: float) -> Iterator[Text]:
    if model.link is False:
        yield Text(f"no link on {model.interface}: see the cable and the switch", style="bold red")
    elif (silence := model.silent(now)) is not None:
        link = "link up, " if model.link else ""
        text = f"{link}nothing heard for {words.duration(int(silence))}"
        hint = "are the machines on, in this switch, and set to boot from the network?"
        yield Text(f"{text}: {hint}", style="bold yellow")
    for row in model.rows.values():
        if row.advice and not row.settled:
            yield Text(f"{row.name}: {row.advice}", style="yellow")
    for mac, at in model.strangers.items():
        ago = words.duration(max(0.0, now - at))
        what = model.what_strangers_are.get(mac)
        who = f"{mac}, {what}," if what else mac
        yield Text(
            f"{who} is not of this site ({ago} ago): see 'provision approve'", style="yellow"
        )
    for text in model.findings[-_SHOWN_FINDINGS:]:
        yield Text(f"found: {text}")


class Screen:
    """The table while machines are watched; plain lines before and after.

    Questions are asked before the watch begins, so the table never draws over them.
    """

    def __init__(self, plan: Plan, console: Console, now: Callable[[], float]) -> None:
        self._model = LiveModel(plan, now())
        self._console = console
        self._now = now
        self._lock = threading.Lock()
        self._lines = LinePrinter(console.file)
        self._live: Live | None = None

    def feed(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            self._model.feed(event)
            watching = self._model.step == _WATCHING_STEP
        if watching and self._live is None:
            self._start()
        elif not watching:
            self.close()
            self._lines.feed(event)

    def close(self) -> None:
        """Leave the last picture on the terminal."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def _start(self) -> None:
        self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=4)
        self._live.start()

    def _picture(self) -> Group:
        with self._lock:
            self._model.link = _carrier(self._model.interface)
            return view(
                self._model, self._now(), width=self._console.width, height=self._console.height
            )


def _carrier(interface: str) -> bool | None:
    """Say whether the interface has link; None if it cannot be told."""
    if not interface or "/" in interface:
        return None
    try:
        return Path("/sys/class/net", interface, "carrier").read_text().strip() == "1"
    except OSError:  # it is down, or was unplugged
        return False if Path("/sys/class/net").is_dir() else None


@contextmanager
def live_listener(
    plan: Plan, out: IO[str], clock: Clock | None = None
) -> Iterator[Callable[[Event], None]]:
    """Give a listener that draws the table on a terminal, or prints lines elsewhere."""
    if not out.isatty():
        yield LinePrinter(out).feed
        return
    screen = Screen(plan, Console(file=out), (clock or Clock.of_this_machine()).utc)
    try:
        yield screen.feed
    finally:
        screen.close()
