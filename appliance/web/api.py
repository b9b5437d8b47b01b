"""The calls of the live half, each what its page does: JSON both ways, errors with their codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app, request
from pydantic import TypeAdapter, ValidationError
from werkzeug.exceptions import BadRequest

from appliance.errors import InputError
from appliance.flow.choosing import Wish
from appliance.tools.power import on_battery
from appliance.values import Secret
from appliance.web.actions import Actions, taken
from appliance.web.arrivals import arrivals, one_machine
from appliance.web.boot_keys import BOOT_KEYS, BootKey
from appliance.web.deps import Deps
from appliance.web.door_models import DOOR_CALLS
from appliance.web.models import (
    CALLS,
    ApproveAsked,
    Asked,
    DoneAnswer,
    ExportAsked,
    FetchAsked,
    IdentifyAsked,
    Nothing,
    ReinstallAsked,
    RunAnswer,
    StartAsked,
    WhichAsked,
    WipeAsked,
)
from appliance.web.openapi import document
from appliance.web.power_models import POWER_CALLS
from appliance.web.site_models import SITE_CALLS
from appliance.web.stock import fault
from appliance.web.watching import Watching

A = TypeVar("A", bound=Asked)

ALL_CALLS = (*DOOR_CALLS, *CALLS, *POWER_CALLS, *SITE_CALLS)
"""Every call of the wizard."""

SEALED = "application/octet-stream"
"""The media type of a sealed state."""


def routes(deps: Deps) -> Blueprint:
    """Give the calls below `/api/`."""
    part = Blueprint("api", __name__, url_prefix="/api")
    watching = Watching(deps)
    calls = _Calls(Actions(deps, watching), watching)
    views: dict[str, Callable[..., Response]] = {
        name: getattr(calls, name) for name in dir(calls) if not name.startswith("_")
    }
    for call in CALLS:
        if call.name in views:
            path = call.path.removeprefix("/api").replace("{", "<").replace("}", ">")
            part.add_url_rule(path, call.name, views[call.name], methods=[call.method.upper()])
    return part


class _Calls:
    """One method for each call, named as it."""

    def __init__(self, actions: Actions, watching: Watching) -> None:
        self._actions = actions
        self._watching = watching

    def run(self) -> Response:
        return answer(RunAnswer, run_answer(self._actions, self._watching))

    def start(self) -> Response:
        return _done(self._actions.again(body(StartAsked).lose))

    def pause(self) -> Response:
        body(Nothing)
        return _done(self._actions.pause())

    def cancel(self) -> Response:
        body(Nothing)
        return _done(self._actions.cancel())

    def artifacts(self) -> Response:
        return answer(None, self._actions.stock())

    def fetch(self) -> Response:
        return _done(self._actions.fetch(body(FetchAsked).folder))

    def machines(self) -> Response:
        return answer(None, arrivals(self._watching.look()))

    def keys(self) -> Response:
        return answer(tuple[BootKey, ...], BOOT_KEYS)

    def machine(self, which: str) -> Response:
        return answer(None, one_machine(self._watching.look(), which))

    def approve(self) -> Response:
        said = body(ApproveAsked)
        wish = Wish(said.name, said.disk, said.role, said.erase)
        return _done(self._actions.approve(said.which, wish))

    def identify(self) -> Response:
        said = body(IdentifyAsked)
        return _done(self._actions.identify(said.which, said.name, sure=said.sure))

    def reinstall(self) -> Response:
        said = body(ReinstallAsked)
        return _done(self._actions.reinstall(said.name, said.erase))

    def blink(self) -> Response:
        return _done(self._actions.blink(body(WhichAsked).which))

    def done(self) -> Response:
        return answer(None, self._actions.leaving())

    def openapi(self) -> Response:
        return Response(
            json.dumps(document(ALL_CALLS, version=version("bridgehead"))),
            mimetype="application/json",
        )

    def kubeconfig(self) -> Response:
        body(Nothing)
        secret = self._actions.kubeconfig()
        return download(secret.reveal().encode(), "kubeconfig.yaml", "application/yaml")

    def support(self) -> Response:
        body(Nothing)
        return support_file(self._actions)

    def export(self) -> Response:
        sealed = self._actions.export(Secret(body(ExportAsked).passphrase))
        return download(sealed, "state.sealed", SEALED)

    def wipe(self) -> Response:
        said = body(WipeAsked)
        return _done(self._actions.wipe(said.name, unfinished=said.unfinished, files=said.files))

    def report(self) -> Response:
        body(Nothing)
        return download(taken(self._actions.report(), keep=False), "report.html", "text/html")

    def sheet(self) -> Response:
        return download(taken(self._actions.sheet()), "hand-over.html", "text/html")


def run_answer(actions: Actions, watching: Watching) -> RunAnswer:
    """Give the run as the page and the call show it."""
    seen = watching.seen()
    refused = watching.runs.refusal(seen.look.plan.site_id)
    cancelled = actions.cancelled(seen.look)
    return RunAnswer(
        phase=seen.now.phase,
        holder=seen.now.text,
        headline=seen.progress.headline_of(cancelled=cancelled),
        on_battery=on_battery(),
        lost=actions.lost(seen.look),
        reviewed=actions.reviewed(seen.look),
        cancelled=cancelled,
        refused=None if refused is None else fault(refused),
        progress=seen.progress,
    )


def answer(kind: Any, value: object) -> Response:
    """Give a value as JSON, as its type says."""
    adapter = TypeAdapter(kind or type(value))
    return Response(adapter.dump_json(value), mimetype="application/json")


def body(kind: type[A]) -> A:
    """Read the body of a call. Raises InputError naming the key that is wrong."""
    raw: object = {}
    if request.content_length or request.headers.get("Transfer-Encoding"):
        try:
            raw = request.get_json()
        except RecursionError:  # a hundred thousand brackets, say
            raise BadRequest("the body is nested too deeply") from None
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InputError(
            "the call's body is not as it should be",
            where=".".join(str(each) for each in first["loc"]) or "body",
            why=first["msg"],
            fix="see /api/openapi.json",
        ) from None


def download(content: bytes, name: str, kind: str) -> Response:
    """Give a file to keep. Never a page: it would be shown under this server's own name."""
    sent: Response = current_app.response_class(content, mimetype=kind)
    sent.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return sent


def support_file(actions: Actions) -> Response:
    """Give the support file; its name holds the code that is read out over the telephone."""
    path, code = actions.support()
    name = path.name.replace(".tar.gz", f"-{code}.tar.gz")
    sent = download(taken(path), name, "application/gzip")
    sent.headers["X-Short-Code"] = code
    return sent


def _done(text: str) -> Response:
    return answer(None, DoneAnswer(text))
