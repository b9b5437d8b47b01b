"""The page Done: may the laptop go, what to take along, and what stays on it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from appliance.errors import BridgeheadError, InputError
from appliance.values import Secret
from appliance.web.actions import Actions, taken
from appliance.web.api import SEALED, download
from appliance.web.deps import Deps
from appliance.web.showing import as_typed, back, blocked, field, form, show
from appliance.web.watching import Watching


def routes(deps: Deps) -> Blueprint:
    """Give the page."""
    part = Blueprint("pages_done", __name__)
    pages = _Pages(Actions(deps, Watching(deps)))
    for path, view, methods in (
        ("/done", pages.done, ["GET"]),
        ("/done/kubeconfig", pages.kubeconfig, ["POST"]),
        ("/done/report", pages.report, ["POST"]),
        ("/done/sheet", pages.sheet, ["GET"]),
        ("/done/export", pages.export, ["POST"]),
        ("/done/wipe", pages.wipe, ["POST"]),
    ):
        part.add_url_rule(path, view.__name__, view, methods=methods)
    return part


class _Pages:
    """The routes."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions

    def done(self, error: BridgeheadError | None = None) -> Response:
        try:
            leaving = self._actions.leaving()
        except BridgeheadError as broken:
            return blocked("done", "Done", broken)
        live = not leaving.safe
        return show("done", error, live=live, leaving=leaving, asked=form() if error else {})

    def kubeconfig(self) -> Response:
        return self._sent(
            lambda: self._actions.kubeconfig().reveal().encode(),
            "kubeconfig.yaml",
            "application/yaml",
        )

    def report(self) -> Response:
        return self._sent(lambda: taken(self._actions.report(), keep=False), "report.html")

    def sheet(self) -> Response:
        return self._sent(lambda: taken(self._actions.sheet()), "hand-over.html")

    def export(self) -> Response:
        """The whole state, sealed, to take along."""
        return self._sent(self._sealed, "state.sealed", SEALED)

    def _sealed(self) -> bytes:
        passphrase = as_typed("passphrase")
        if passphrase != as_typed("again"):
            raise InputError(
                "the two are not the same", where="again", fix="type the passphrase once more"
            )
        try:
            return self._actions.export(Secret(passphrase))
        except InputError as error:
            error.where = error.where or "passphrase"
            raise

    def wipe(self) -> Response:
        """Remove what this laptop keeps of the site, where its name was typed."""
        unfinished, files = field("unfinished") == "yes", field("files") == "yes"
        try:
            self._actions.wipe(field("name"), unfinished=unfinished, files=files)
        except BridgeheadError as error:
            return self.done(error)
        return back("/done", "wiped")

    def _sent(self, make: Callable[[], bytes], name: str, kind: str = "text/html") -> Response:
        try:
            return download(make(), name, kind)
        except BridgeheadError as error:
            return self.done(error)
