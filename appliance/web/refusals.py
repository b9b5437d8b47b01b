"""Every "no" of the wizard: a page for people, JSON with the same code and words for programs."""

from __future__ import annotations

import traceback
from http import HTTPStatus

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from appliance.errors import (
    AccessError,
    BridgeheadError,
    InputError,
    SiteFileError,
)
from appliance.web.deps import Log

_OF_HTTP = {
    404: ("there is no such page", "go back to the first page"),
    405: ("this cannot be done that way", "go back and use the page's own buttons"),
    413: ("what was sent is too large", "a site file has at most 1 MiB"),
}


def is_api() -> bool:
    """Whether a program asks: its path is below /api/."""
    return request.path.startswith("/api/")


def status_of(error: BridgeheadError) -> HTTPStatus:
    """Give the HTTP status of an error: what was sent, who sent it, or how things stand."""
    if isinstance(error, InputError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    if isinstance(error, AccessError):
        return HTTPStatus.FORBIDDEN
    return HTTPStatus.CONFLICT


def refuse(error: BridgeheadError, status: int | None = None) -> Response:
    """Answer with an error, as the one who asks can read it."""
    code = status or int(status_of(error))
    if is_api():
        return make_response(jsonify(body_of(error)), code)
    return make_response(render_template("web/refused.html.j2", error=error, status=code), code)


def body_of(error: BridgeheadError) -> dict[str, object]:
    """Give the JSON of an error, with each problem where it is a site file's."""
    body: dict[str, object] = dict(error.as_dict())
    if isinstance(error, SiteFileError):
        body["problems"] = [
            {"key": each.key, "line": each.line, "what": each.what, "fix": each.fix}
            for each in error.problems
        ]
    return body


def install(app: Flask, log: Log) -> None:
    """Have every error of the app answered and, where it is ours, logged."""

    def known(error: BridgeheadError) -> Response:
        return refuse(error)

    def of_http(error: HTTPException) -> Response:
        code = error.code or 500
        what, fix = _OF_HTTP.get(code, ((error.description or error.name).lower().rstrip("."), ""))
        return refuse(InputError(what, where=request.path, fix=fix), code)

    def unknown(error: Exception) -> Response:
        log(f"web: {request.method} {request.path}: {''.join(traceback.format_exception(error))}")
        return refuse(
            BridgeheadError(
                "this page failed; it is a fault of the wizard",
                where=request.path,
                why=type(error).__name__,
                fix="try again; a run that goes on is not touched by it",
            ),
            500,
        )

    app.register_error_handler(BridgeheadError, known)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, unknown)
