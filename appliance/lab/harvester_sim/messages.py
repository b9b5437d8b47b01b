"""One HTTP request and its answer, as the parts of the stand-in pass them to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.lab.harvester_sim import protobuf
from appliance.lab.harvester_sim.refusals import bad_request, unsupported_media

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` has no query and no prefix, `headers` are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Give the body as JSON, which it is or stands for. Raises RefusedError."""
        kind = self.headers.get("content-type", "application/json").partition(";")[0].strip()
        if kind == protobuf.CONTENT_TYPE:
            return protobuf.decode(self.body)
        if not (kind.endswith("json") or kind in ("", "application/x-www-form-urlencoded")):
            raise unsupported_media(kind)
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            raise bad_request(f"the body is no JSON: {error}") from error

    def object(self) -> Json:
        """Give the body, which must be a JSON object. Raises RefusedError."""
        found = self.json()
        if not isinstance(found, dict):
            raise bad_request("the body is no JSON object")
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: JSON or text, or JSON lines that come as things happen."""

    status: int
    body: Any = None
    content_type: str = "application/json"
    lines: Iterator[Json] | None = None

    def raw(self) -> bytes:
        """Give the body in octets."""
        if isinstance(self.body, str):
            return self.body.encode()
        return b"" if self.body is None else json.dumps(self.body).encode()
