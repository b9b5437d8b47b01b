"""One machine's page: where it stands, what it is, its log, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from flask import Blueprint, Response

from appliance.errors import BridgeheadError, InputError
from appliance.web.actions import Actions
from appliance.web.arrivals import boxes, one_machine
from appliance.web.deps import Deps
from appliance.web.showing import back, blocked, field, form, show
from appliance.web.watching import Watching

_EVERY = 5
"""Seconds: a log grows by events that no other page is told of, so this page asks for itself."""


def routes(deps: Deps) -> Blueprint:
    """Give the page."""
    part = Blueprint("pages_machine", __name__)
    watching = Watching(deps)
    pages = _Pages(Actions(deps, watching), watching)
    for path, view, methods in (
        ("/machines/<which>", pages.machine, ["GET"]),
        ("/machines/<which>/reinstall", pages.reinstall, ["POST"]),
        ("/machines/<which>/identify", pages.identify, ["POST"]),
    ):
        part.add_url_rule(path, view.__name__, view, methods=methods)
    return part


class _Pages:
    """The routes."""

    def __init__(self, actions: Actions, watching: Watching) -> None:
        self._actions = actions
        self._watching = watching

    def machine(self, which: str, error: BridgeheadError | None = None) -> Response:
        try:
            seen = self._watching.seen()
            one = one_machine(seen.look, which)
            known = boxes(seen.look)
        except BridgeheadError as broken:
            return blocked("machines", "Machines", broken)
        view = next((each for each in seen.progress.machines if each.name == one.name), None)
        return show(
            "machine",
            error,
            key="machines",
            live=True,
            after=None,
            refresh=_EVERY,
            seen=seen,
            one=one,
            view=view,
            boxes=known,
            asked=form() if error else {},
        )

    def reinstall(self, which: str) -> Response:
        """Have its disk written anew, where its name was typed."""
        erase = field("erase")
        return self._act(which, "reinstall", lambda: self._actions.reinstall(which, erase), "erase")

    def identify(self, which: str) -> Response:
        """Say which box it is."""
        box, sure = field("which"), field("sure") == "yes"
        return self._act(which, "identify", lambda: self._actions.identify(box, which, sure=sure))

    def _act(self, which: str, word: str, work: Callable[[], str], asked: str = "") -> Response:
        """Do what a form says. What is wrong with the form at large stands at its field `asked`."""
        try:
            work()
        except BridgeheadError as error:
            if isinstance(error, InputError):
                error.where = error.where or asked
            return self.machine(which, error)
        return back(f"/machines/{quote(which, safe='')}", word)
