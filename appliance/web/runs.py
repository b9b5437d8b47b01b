"""Runs as the wizard starts, finds and stops them: each a process of its own.

Closing the wizard ends no run. What goes on is asked of the site's lock, whoever started it; the
history is the site's journal. Here is only what neither of them knows: a run that is just
beginning, and the words with which one was refused before it began.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance import advice
from appliance.errors import BusyError, InputError, PreflightError
from appliance.paths import Paths
from appliance.store.lock import FILES_HELD, SITE_HELD, Holder, holder_of
from appliance.tools.detached import Detached
from appliance.web.sticks import refuse_no_folder

PROVISION = (sys.executable, "-m", "appliance.cli")
"""This very appliance's command line, as it is run now."""

WITHDRAWN = "withdrawn"
"""Stands where the digest of a confirmed site file stands: what was confirmed is taken back."""

RUN = "provision run"
"""How a run calls itself at the lock."""


class Phase(StrEnum):
    """What happens with a site right now."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Now:
    """What goes on: nothing, a run that begins, a run, or another command that holds the site."""

    phase: Phase
    holder: Holder | None = None

    @property
    def text(self) -> str:
        """Who holds the site, in words; empty where nobody does."""
        if self.holder is None:
            return "a run is starting" if self.phase is Phase.STARTING else ""
        return self.holder.text


class Runs:
    """Starts and stops runs of one laptop. Safe for many threads.

    `interface`, or what it gives at each start, leads to the machines; empty: the only fitting one.
    """

    def __init__(
        self,
        paths: Paths,
        interface: str | Callable[[], str] = "",
        *,
        program: Sequence[str] = PROVISION,
    ) -> None:
        self._paths = paths
        self._interface = interface
        self._program = tuple(program)
        self._lock = threading.Lock()

    def start(
        self,
        site_file: Path,
        site_id: str,
        *,
        until: str = "",
        may_lose: Iterable[str] = (),
        reviewed: str = "",
    ) -> int:
        """Start or continue a run; give its process id.

        `reviewed`: the SHA-256 of the file that was looked through; another one is not run. It
        answers what the pages before asked, and no more: that the clock is right, and which
        virtual machines may be lost. Where Terraform would destroy another one the run ends.
        Raises BusyError while anybody holds the site, StepError if it cannot be started.
        """
        options = ["--json", "--clock-is-right", *self._state()]
        options += [f"--may-lose={name}" for name in may_lose]
        options += ["--reviewed", reviewed] if reviewed else []
        said = self._interface
        interface = said if isinstance(said, str) else said()
        options += ["--interface", interface] if interface else []
        options += ["--to", until] if until else []
        with self._lock:
            self._refuse_busy(site_id)
            return self._run(site_id).start(
                [*self._program, "run", str(site_file.absolute()), *options]
            )

    def start_fetch(self, site_file: Path, site_id: str, folder: str = "") -> int:
        """Fetch the site's files, or import them from a folder; give the process id.

        Raises InputError for a folder that is none, BusyError while files are fetched already.
        """
        options = ["--json", *self._state()]
        if folder:
            refuse_no_folder(folder)
            options += ["--from", folder]
        with self._lock:
            return self._fetch(site_id).start(
                [*self._program, "fetch", str(site_file.absolute()), *options]
            )

    def confirm(self, site_id: str, digest: str) -> None:
        """Keep which site file was confirmed, by its digest, before a run of it was started."""
        with suppress(OSError):  # it is asked once more then
            (self._paths.site(site_id).folder / "web-confirmed").write_text(digest)

    def confirmed(self, site_id: str) -> str:
        """Give the digest of the site file that was confirmed last; empty where none was."""
        try:
            return (self._paths.site(site_id).folder / "web-confirmed").read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def withdraw(self, site_id: str) -> None:
        """Take back what was confirmed. Raises PreflightError where that cannot be kept."""
        file = self._paths.site(site_id).folder / "web-confirmed"
        try:
            file.write_text(WITHDRAWN)
        except OSError as error:
            raise PreflightError(
                "it cannot be noted that the run is cancelled", where=str(file), why=str(error)
            ) from error

    def now(self, site_id: str) -> Now:
        """Say what goes on with a site."""
        holder = holder_of(self._paths.site(site_id).lock)
        if holder is not None:
            return Now(Phase.RUNNING if holder.who == RUN else Phase.BUSY, holder)
        return Now(Phase.IDLE if self._run(site_id).pid() is None else Phase.STARTING)

    def stop(self, site_id: str) -> None:
        """Ask the run to stop, as Ctrl-C does: it ends its step cleanly, and can go on later.

        Raises InputError where no run goes on: nothing else is ever stopped from here.
        """
        with self._lock:
            now = self.now(site_id)
            if now.phase is Phase.STARTING:
                self._interrupt(self._run(site_id).pid(), lambda: True)
                return
            if now.phase is not Phase.RUNNING or now.holder is None:
                raise InputError("no run goes on", why=now.text, fix="reload the page")
            lock, was = self._paths.site(site_id).lock, now.holder
            self._interrupt(was.pid, lambda: holder_of(lock) == was)

    @staticmethod
    def _interrupt(pid: int | None, still: Any) -> None:
        if pid is None:
            return
        with suppress(ProcessLookupError):
            # The number may be another's by the time that a signal is sent; this handle is not.
            handle = os.pidfd_open(pid)
            try:
                if still():
                    signal.pidfd_send_signal(handle, signal.SIGINT)
            except PermissionError as error:
                raise PreflightError(
                    "the run is another user's",
                    where=f"process {pid}",
                    fix=advice.wizard_as_root(),
                ) from error
            finally:
                os.close(handle)

    def refusal(self, site_id: str) -> Mapping[str, Any] | None:
        """Give the error that ended the last run started here, None if it ended otherwise.

        A run that is refused at once has no journal: this is all that is known of it.
        """
        return None if self.now(site_id).phase is not Phase.IDLE else _error(self._run(site_id))

    def fetching(self, site_id: str) -> bool:
        """Whether files are fetched or imported now, by what was started from here."""
        return self._fetch(site_id).pid() is not None

    def fetched(self, site_id: str) -> tuple[dict[str, Any], ...]:
        """Give what the last fetch said."""
        return self._fetch(site_id).said()

    def fetch_seconds(self, site_id: str, now: float) -> float:
        """Say for how long the fetch goes on at Unix time `now`."""
        began = self._fetch(site_id).began()
        return 0.0 if began is None else max(0.0, now - began)

    def fetch_error(self, site_id: str) -> Mapping[str, Any] | None:
        """Give the error that ended the last fetch, None if it ended otherwise."""
        return None if self.fetching(site_id) else _error(self._fetch(site_id))

    @contextmanager
    def quiet(self, site_id: str) -> Iterator[None]:
        """Start nothing from here while the block runs.

        Raises BusyError where something goes on: a run, one that begins, a fetch.
        """
        with self._lock:
            self._refuse_busy(site_id)
            holder = holder_of(self._paths.site(site_id).files_lock)
            if holder is not None or self.fetching(site_id):
                why = holder.text if holder is not None else "a fetch begins"
                raise BusyError(FILES_HELD, why=why, fix="wait until it is done")
            yield

    def _refuse_busy(self, site_id: str) -> None:
        now = self.now(site_id)
        if now.phase is not Phase.IDLE:
            raise BusyError(SITE_HELD, why=now.text, fix="wait for it, or pause it first")

    def _state(self) -> list[str]:
        return ["--state", str(self._paths.root)]

    def _run(self, site_id: str) -> Detached:
        return Detached(self._paths.site(site_id).folder / "web-run.jsonl")

    def _fetch(self, site_id: str) -> Detached:
        return Detached(self._paths.site(site_id).folder / "web-fetch.jsonl")


def _error(job: Detached) -> Mapping[str, Any] | None:
    last = (job.said() or ({},))[-1]
    if last.get("kind") == "error":
        return last
    if "kind" in last or "text" not in last:  # an event, or nothing at all
        return None
    # It ended with a line that is no event: a traceback's last, or the system's own word.
    return {"code": "BH000", "what": last["text"], "where": str(job.log), "why": "", "fix": ""}
