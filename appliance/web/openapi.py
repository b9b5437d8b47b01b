"""The API's own description (OpenAPI 3.1), made from the types that the calls take and give."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from appliance.web.models import Call, ErrorAnswer

VERSION = "3.1.0"
_REFERENCE = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_YAML = "application/yaml"
_TEXTS: tuple[Any, ...] = (str, bytes)

REFUSALS: dict[int, str] = {
    400: "It was not asked in a way that can be read",
    401: "Nobody is signed in",
    403: "It may not be asked from there",
    404: "There is no such call",
    405: "This path is not asked that way",
    409: "It does not fit how things stand",
    413: "It is too large",
    415: "The body is no JSON",
    422: "What was said is wrong; nothing was touched",
    500: "A fault of the wizard",
}


def document(calls: Iterable[Call], *, version: str) -> dict[str, Any]:
    """Give the document of these calls."""
    calls = tuple(calls)
    adapters = {key: TypeAdapter(kind) for key, kind in _types(calls).items()}
    schemas, definitions = TypeAdapter.json_schemas(
        [(key, key[1], adapter) for key, adapter in adapters.items()], ref_template=_REFERENCE
    )
    found: dict[_Key, Any] = {key: schemas[key, key[1]] for key in adapters}
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method] = _operation(call, found)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Bridgehead",
            "version": version,
            "description": "Everything that the pages of the wizard do.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                # The names of appliance.web.sessions: in the clear, and by TLS.
                "session": {"type": "apiKey", "in": "cookie", "name": "bridgehead"},
                "tls": {"type": "apiKey", "in": "cookie", "name": "__Host-bridgehead"},
            },
        },
        "security": [{"session": []}, {"tls": []}],
    }


_Key = tuple[str, Any]


def _types(calls: Iterable[Call]) -> dict[_Key, Any]:
    found: dict[_Key, Any] = {("error", "serialization"): ErrorAnswer}
    for call in calls:
        if call.gives not in _TEXTS:
            found[call.name, "serialization"] = call.gives
        if call.takes is not None:
            found[call.name, "validation"] = call.takes
    return found


def _operation(call: Call, schemas: dict[_Key, Any]) -> dict[str, Any]:
    good = schemas[call.name, "serialization"] if call.gives not in _TEXTS else {"type": "string"}
    if call.kind == _YAML:
        good = {}  # a schema is of what a document holds, and a site file may hold anything
    error = {"application/json": {"schema": schemas["error", "serialization"]}}
    answers: dict[str, Any] = {
        str(code): {"description": text, "content": error} for code, text in REFUSALS.items()
    }
    answers["200"] = {"description": "Good", "content": {call.kind: {"schema": good}}}
    if call.kind == "text/event-stream":
        answers["503"] = {
            "description": "All streams are taken: ask /api/run every few seconds",
            "headers": {"Retry-After": {"schema": {"type": "integer"}}},
            "content": error,
        }
    if call.door:
        answers["429"] = {
            "description": "Too many attempts from there",
            "headers": {"Retry-After": {"schema": {"type": "integer"}}},
            "content": error,
        }
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "responses": dict(sorted(answers.items())),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(call.path)
    ]
    if call.kind == "text/event-stream":
        number = {"type": "string", "pattern": r"^[0-9]{1,15}$"}
        parameters += [
            {"name": "after", "in": "query", "required": False, "schema": number},
            {"name": "Last-Event-ID", "in": "header", "required": False, "schema": number},
        ]
    if parameters:
        operation["parameters"] = parameters
    if call.door:
        operation["security"] = []
    if call.takes is not None:
        body = {"schema": schemas[call.name, "validation"]}
        needed = bool(body["schema"].get("required")) or "$ref" in body["schema"]
        operation["requestBody"] = {
            "required": needed and any(f.is_required() for f in call.takes.model_fields.values()),
            "content": {"application/json": body},
        }
    return operation


def statuses() -> frozenset[int]:
    """Give every status that a call may answer with."""
    return frozenset({200, 429, 503, *REFUSALS})
