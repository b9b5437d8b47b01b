"""The pages Files, Machines and Run. They read forms, call `actions`, and show."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from appliance.errors import BridgeheadError, InputError
from appliance.flow.choosing import Wish
from appliance.web.actions import Actions
from appliance.web.api import run_answer, support_file
from appliance.web.arrivals import arrivals
from appliance.web.boot_keys import BOOT_KEYS
from appliance.web.deps import Deps
from appliance.web.history import Outcome
from appliance.web.laptop import clock_now
from appliance.web.runs import Phase
from appliance.web.showing import back, blocked, field, form, show
from appliance.web.watching import Watching

_FETCH_REFRESH = 2
"""Seconds between two looks at a fetch."""


def routes(deps: Deps) -> Blueprint:
    """Give the three pages."""
    part = Blueprint("pages_run", __name__)
    watching = Watching(deps)
    pages = _Pages(deps, Actions(deps, watching), watching)
    for path, view, methods in (
        ("/artifacts", pages.artifacts, ["GET"]),
        ("/artifacts/fetch", pages.fetch, ["POST"]),
        ("/machines", pages.machines, ["GET"]),
        ("/machines/approve", pages.approve, ["POST"]),
        ("/machines/identify", pages.identify, ["POST"]),
        ("/machines/blink", pages.blink, ["POST"]),
        ("/run", pages.run, ["GET"]),
        ("/run/start", pages.start, ["POST"]),
        ("/run/pause", pages.pause, ["POST"]),
        ("/run/cancel", pages.cancel, ["POST"]),
        ("/run/support", pages.support, ["POST"]),
    ):
        part.add_url_rule(path, view.__name__, view, methods=methods)
    return part


class _Pages:
    """The routes."""

    def __init__(self, deps: Deps, actions: Actions, watching: Watching) -> None:
        self._deps = deps
        self._actions = actions
        self._watching = watching

    # ---------------------------------------------------------------- 2 Files

    def artifacts(self, error: BridgeheadError | None = None, folder: str = "") -> Response:
        try:
            stock = self._actions.stock()
        except BridgeheadError as broken:
            return blocked("artifacts", "Files", broken)
        live, plan = stock.fetching is not None, self._watching.look().plan
        bare = plan.cluster is None and not plan.vms
        return show(
            "artifacts",
            error,
            live=live,
            after=None,  # the journal tells of runs, not of a fetch
            refresh=_FETCH_REFRESH,
            stock=stock,
            folder=folder,
            bare=bare,
        )

    def fetch(self) -> Response:
        folder = field("folder") if field("from") == "folder" else ""
        try:
            if field("from") == "folder" and not folder:
                raise InputError(
                    "which folder?", where="folder", fix="give its whole path, such as /media/usb"
                )
            self._actions.fetch(folder)
        except BridgeheadError as error:
            return self.artifacts(error, folder)
        return back("/artifacts", "fetch")

    # ---------------------------------------------------------------- 3 Machines

    def machines(self, error: BridgeheadError | None = None) -> Response:
        try:
            seen = self._watching.seen()
            found = arrivals(seen.look)
        except BridgeheadError as broken:
            return blocked("machines", "Machines", broken)
        return show(
            "machines",
            error,
            live=True,
            after=seen.progress.last,
            seen=seen,
            progress=seen.progress,
            arrivals=found,
            keys=BOOT_KEYS,
            asked=form() if error else {},
        )

    def approve(self) -> Response:
        disk = field("disk") or field("other_disk")
        wish = Wish(field("name") or field("new_name"), disk, field("role"), field("erase"))
        return self._act(
            "/machines", "approve", lambda: self._actions.approve(field("which"), wish)
        )

    def identify(self) -> Response:
        which, name, sure = field("which"), field("name"), field("sure") == "yes"
        return self._act(
            "/machines", "identify", lambda: self._actions.identify(which, name, sure=sure)
        )

    def blink(self) -> Response:
        return self._act("/machines", "blink", lambda: self._actions.blink(field("which")))

    # ---------------------------------------------------------------- 6 Run

    def run(self, error: BridgeheadError | None = None) -> Response:
        try:
            shown = run_answer(self._actions, self._watching)
        except BridgeheadError as broken:
            return blocked("run", "Run", broken)
        return show(
            "run",
            error,
            live=True,
            after=shown.progress.last,
            run=shown,
            progress=shown.progress,
            action=_action(shown.phase, shown.progress.outcome),
            clock=clock_now(self._deps.clock.utc()),
            lose=field("lose") if error else "",
        )

    def start(self) -> Response:
        return self._act("/run", "start", lambda: self._actions.again(field("lose")))

    def pause(self) -> Response:
        return self._act("/run", "pause", self._actions.pause)

    def cancel(self) -> Response:
        return self._act("/run", "cancel", self._actions.cancel)

    def _act(self, path: str, word: str, work: Callable[[], str]) -> Response:
        """Do it and go back to its page, or show the page with why not."""
        try:
            work()
        except BridgeheadError as error:
            return self.run(error) if path == "/run" else self.machines(error)
        return back(path, word)

    def support(self) -> Response:
        try:
            return support_file(self._actions)
        except BridgeheadError as error:
            return self.run(error)


def _action(phase: Phase, outcome: Outcome) -> str:
    """Name the one thing to do next; empty while there is nothing but to wait."""
    if phase is not Phase.IDLE:
        return ""
    return {
        Outcome.TODO: "Start",
        Outcome.FAILED: "Try this step again",
        Outcome.DONE: "Run once more",
    }.get(outcome, "Continue")
