"""A site as the pages see it now: its plan, what its journal comes to, who holds it.

The journal may hold a hundred thousand events: each is folded once, however many pages are open.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.artifacts.depot import Depot
from appliance.errors import ArtifactError, InputError
from appliance.flow.context import Context
from appliance.flow.looking import Look, look_at
from appliance.flow.roll import record_from_json
from appliance.flow.run import STEPS
from appliance.machines.state import Record
from appliance.web.deps import Deps
from appliance.web.history import History
from appliance.web.progress import Progress, progress
from appliance.web.runs import Now, Phase, Runs

FRESH_SECONDS = 0.8
"""So long is a look good for all who ask: thirty browsers ask at once when something happens."""

TITLES = tuple((step.name, step.title) for step in STEPS)


@dataclass(frozen=True, slots=True)
class Seen:
    """A site at one moment."""

    look: Look
    now: Now
    progress: Progress

    @property
    def going(self) -> bool:
        """Whether a run goes on, or begins."""
        return self.now.phase in (Phase.RUNNING, Phase.STARTING)


class Watching:
    """Looks at the wizard's site. Safe for many threads."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._lock = threading.Lock()
        self._history = History()
        self._of: tuple[str, int] = ("", 0)
        self._began: float | None = None
        self._last: tuple[float, Seen] | None = None

    @property
    def runs(self) -> Runs:
        """The laptop's runs."""
        runs: Runs = self._deps.runs
        return runs

    def look(self) -> Look:
        """Read the site file and work out its plan. Raises InputError where there is none yet."""
        file = self._deps.site_file
        if file is None or not file.exists():
            raise InputError(
                "there is no site file yet",
                where=str(file or ""),
                fix="fill in the first page, Site",
            )
        return look_at(file, self._deps.paths)

    def seen(self, *, fresh: bool = False) -> Seen:
        """Give the site as it is, or was a moment ago unless it is to be `fresh`.

        Raises InputError where its file is missing or wrong.
        """
        with self._lock:
            now = self._deps.clock.monotonic()
            if self._last is None or fresh or now - self._last[0] > FRESH_SECONDS:
                self._last = (now, self._look_again())
            return self._last[1]

    def forget(self) -> None:
        """Look anew when next asked: something was just changed from here."""
        with self._lock:
            self._last = None

    def _look_again(self) -> Seen:
        look = self.look()
        now = self.runs.now(look.plan.site_id)
        records = self._follow(look)
        shown = progress(
            look.plan,
            self._history,
            records,
            self._deps.clock.utc(),
            running=now.phase is Phase.RUNNING,
            titles=TITLES,
            sizes=_sizes(self._deps),
        )
        return Seen(look, now, shown)

    def _follow(self, look: Look) -> dict[str, Record]:
        """Take what the journal has that was not folded yet; give the machines' records."""
        of = identity(look)
        if of != self._of:  # another site, or another laptop's state was brought in
            self._history, self._of = History(), of
        if not of[1]:
            return {}
        with stored(look) as context:
            # A site that was wiped and begun anew may have the very same inode.
            began = context.journal.began()
            if began != self._began:
                self._history, self._began = History(), began
            for event in context.journal.events(after=self._history.last):
                self._history.feed(event)
            return {
                each.name: record_from_json(dict(each.record))
                for each in context.proven.all()
                if each.record
            }


@contextmanager
def stored(look: Look) -> Iterator[Context]:
    """Open the site's state to look at it; a site that was never run stays so."""
    if not has_state(look):
        with look.reading() as context:
            yield context
        return
    with look.writing() as context:
        yield context


def has_state(look: Look) -> bool:
    """Whether anything of the site is kept yet."""
    return look.paths.site(look.plan.site_id).database.exists()


def identity(look: Look) -> tuple[str, int]:
    """Name the site and its file of state; the number is 0 where nothing is kept yet."""
    database: Path = look.paths.site(look.plan.site_id).database
    try:
        return look.plan.site_id, os.stat(database).st_ino  # noqa: PTH116 - its number is enough
    except OSError:
        return look.plan.site_id, 0


def _sizes(deps: Deps) -> dict[str, int]:
    try:
        return {each.name: each.size for each in Depot(deps.paths.depot).files()}
    except ArtifactError:
        return {}  # the page of the files says so
