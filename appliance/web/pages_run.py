"""The pages Files, Machines, Run and Done. They read forms, call `actions`, and show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request

from appliance.errors import BridgeheadError, InputError
from appliance.flow.choosing import Wish
from appliance.tools.words import duration, moment, size
from appliance.web.actions import Actions, taken
from appliance.web.api import download, run_answer, support_file
from appliance.web.arrivals import arrivals, one_machine
from appliance.web.boot_keys import BOOT_KEYS
from appliance.web.deps import Deps
from appliance.web.history import Outcome
from appliance.web.laptop import clock_text
from appliance.web.progress import TRACK
from appliance.web.refusals import status_of
from appliance.web.runs import Phase
from appliance.web.watching import Watching

REFRESH = 10
"""Seconds after which a browser without JavaScript loads the page anew."""

SAID = {
    "fetch": "The files are on their way. You may go on to the next page meanwhile.",
    "approve": "It is known now. A run that goes on installs it by itself.",
    "identify": "It is known by that name now.",
    "blink": "It shows itself for a minute, as soon as it asks the run for its orders.",
    "start": "The run begins. It goes on when this page is closed.",
    "pause": "The run ends its step cleanly. Continue whenever you like.",
}
"""What is said after a form was taken; only the word travels in the address."""

_KINDS = {
    Outcome.TODO: "idle",
    Outcome.RUNNING: "info",
    Outcome.DONE: "good",
    Outcome.SKIPPED: "good",
    Outcome.FAILED: "bad",
    Outcome.INTERRUPTED: "warn",
    Outcome.KILLED: "warn",
}
_OUTCOMES = {
    Outcome.TODO: "to do",
    Outcome.RUNNING: "now",
    Outcome.SKIPPED: "was done",
    Outcome.INTERRUPTED: "paused",
    Outcome.KILLED: "broken off",
}
_FIELDS = {"--name": "name", "--disk": "disk", "--role": "role", "--erase": "erase"}
"""What the command calls an option is a field here."""


def routes(deps: Deps) -> Blueprint:
    """Give the four pages."""
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
        ("/machines/<which>", pages.machine, ["GET"]),
        ("/run", pages.run, ["GET"]),
        ("/run/start", pages.start, ["POST"]),
        ("/run/pause", pages.pause, ["POST"]),
        ("/run/support", pages.support, ["POST"]),
        ("/done", pages.done, ["GET"]),
        ("/done/kubeconfig", pages.kubeconfig, ["POST"]),
        ("/done/report", pages.report, ["POST"]),
        ("/done/sheet", pages.sheet, ["GET"]),
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
            return _blocked("artifacts", "Files", broken)
        live, plan = stock.fetching is not None, self._watching.look().plan
        bare = plan.cluster is None and not plan.vms
        return _page("artifacts", error, live=live, stock=stock, folder=folder, bare=bare)

    def fetch(self) -> Response:
        folder = _field("folder") if _field("from") == "folder" else ""
        try:
            if _field("from") == "folder" and not folder:
                raise InputError(
                    "which folder?", where="folder", fix="give its whole path, such as /media/usb"
                )
            self._actions.fetch(folder)
        except BridgeheadError as error:
            return self.artifacts(error, folder)
        return _back("/artifacts", "fetch")

    # ---------------------------------------------------------------- 3 Machines

    def machines(self, error: BridgeheadError | None = None) -> Response:
        try:
            seen = self._watching.seen()
            found = arrivals(seen.look)
        except BridgeheadError as broken:
            return _blocked("machines", "Machines", broken)
        return _page(
            "machines",
            error,
            live=True,
            seen=seen,
            progress=seen.progress,
            arrivals=found,
            keys=BOOT_KEYS,
            asked=_form() if error else {},
        )

    def approve(self) -> Response:
        disk = _field("disk") or _field("other_disk")
        wish = Wish(_field("name") or _field("new_name"), disk, _field("role"), _field("erase"))
        return self._act("approve", lambda: self._actions.approve(_field("which"), wish))

    def identify(self) -> Response:
        which, name, sure = _field("which"), _field("name"), _field("sure") == "yes"
        return self._act("identify", lambda: self._actions.identify(which, name, sure=sure))

    def blink(self) -> Response:
        return self._act("blink", lambda: self._actions.blink(_field("which")))

    def _act(self, word: str, work: Callable[[], str]) -> Response:
        try:
            work()
        except BridgeheadError as error:
            return self.machines(error)
        return _back("/machines", word)

    def machine(self, which: str) -> Response:
        try:
            seen = self._watching.seen()
            one = one_machine(seen.look, which)
        except BridgeheadError as broken:
            return _blocked("machines", "Machines", broken)
        view = next((each for each in seen.progress.machines if each.name == one.name), None)
        return _page(
            "machine", None, key="machines", live=True, seen=seen, one=one, view=view, track=TRACK
        )

    # ---------------------------------------------------------------- 6 Run

    def run(self, error: BridgeheadError | None = None) -> Response:
        try:
            shown = run_answer(self._actions, self._watching)
        except BridgeheadError as broken:
            return _blocked("run", "Run", broken)
        return _page(
            "run",
            error,
            live=True,
            run=shown,
            progress=shown.progress,
            action=_action(shown.phase, shown.progress.outcome),
            clock=self._clock(),
            lose=_field("lose") if error else "",
        )

    def _clock(self) -> str:
        now = self._deps.clock.utc()
        return clock_text(now, datetime.fromtimestamp(now, UTC).astimezone().tzinfo)

    def start(self) -> Response:
        try:
            self._actions.again(_field("lose"))
        except BridgeheadError as error:
            return self.run(error)
        return _back("/run", "start")

    def pause(self) -> Response:
        try:
            self._actions.pause()
        except BridgeheadError as error:
            return self.run(error)
        return _back("/run", "pause")

    def support(self) -> Response:
        try:
            return support_file(self._actions)
        except BridgeheadError as error:
            return self.run(error)

    # ---------------------------------------------------------------- 7 Done

    def done(self, error: BridgeheadError | None = None) -> Response:
        try:
            leaving = self._actions.leaving()
        except BridgeheadError as broken:
            return _blocked("done", "Done", broken)
        return _page("done", error, live=not leaving.safe, leaving=leaving)

    def kubeconfig(self) -> Response:
        try:
            secret = self._actions.kubeconfig()
        except BridgeheadError as error:
            return self.done(error)
        return download(secret.reveal().encode(), "kubeconfig.yaml", "application/yaml")

    def report(self) -> Response:
        return self._sent(lambda: taken(self._actions.report(), keep=False), "report.html")

    def sheet(self) -> Response:
        return self._sent(lambda: taken(self._actions.sheet()), "hand-over.html")

    def _sent(self, make: Callable[[], bytes], name: str) -> Response:
        try:
            return download(make(), name, "text/html")
        except BridgeheadError as error:
            return self.done(error)


def _action(phase: Phase, outcome: Outcome) -> str:
    """Name the one thing to do next; empty while there is nothing but to wait."""
    if phase is not Phase.IDLE:
        return ""
    return {
        Outcome.TODO: "Start",
        Outcome.FAILED: "Try this step again",
        Outcome.DONE: "Run once more",
    }.get(outcome, "Continue")


def _page(
    template: str, error: BridgeheadError | None, *, key: str = "", live: bool, **values: Any
) -> Response:
    where = "" if error is None else _FIELDS.get(error.where, error.where)
    text = render_template(
        f"web/{template}.html.j2",
        page=key or template,
        refresh=REFRESH if live and error is None else 0,
        stream="/api/stream" if live and error is None else "",
        error=error,
        wrong={where: [error]} if error is not None else {},
        said=SAID.get(request.args.get("said", ""), ""),
        duration=duration,
        moment=moment,
        size=size,
        kinds=_KINDS,
        outcomes=_OUTCOMES,
        track=values.pop("track", TRACK),
        **values,
    )
    return make_response(text, 200 if error is None else int(status_of(error)))


def _blocked(key: str, title: str, error: BridgeheadError) -> Response:
    """Show a page that cannot be shown yet: the site file is missing or wrong."""
    text = render_template("web/blocked.html.j2", page=key, title=title, error=error)
    return make_response(text, int(status_of(error)))


def _back(path: str, said: str) -> Response:
    """What was posted is not posted again by a reload."""
    return make_response(redirect(f"{path}?said={said}", 303))


def _field(name: str) -> str:
    return request.form.get(name, "").strip()[:4096]


def _form() -> dict[str, str]:
    return {key: value.strip() for key, value in request.form.items()}
