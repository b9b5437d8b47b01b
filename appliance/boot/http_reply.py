"""The plain answers of the boot HTTP app: a text, or a refusal with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Address

from flask import Response, request

from appliance.boot.script import screen_text

_TEXT = "text/plain; charset=utf-8"


def client_address() -> IPv4Address:
    """Give the address that the request came from."""
    return IPv4Address(request.remote_addr or "0.0.0.0")  # noqa: S104 - no bind: an unknown peer


def plain(body: str, status: int = 200) -> Response:
    """Answer with a text that nobody on the way may keep.

    A cached script, token or configuration would outlive the boot it is for.
    """
    return _unkept(body, status, _TEXT)


def document(body: Mapping[str, object]) -> Response:
    """Answer with a JSON object that nobody on the way may keep."""
    return _unkept(json.dumps(body), 200, "application/json")


def refuse(status: int, reason: str) -> Response:
    """Answer with a reason, in the body and in `X-Reason`."""
    response = plain(f"{reason}\n", status)
    response.headers["X-Reason"] = screen_text(reason)
    return response


def _unkept(body: str, status: int, content_type: str) -> Response:
    response = Response(body.encode(), status=status, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response
