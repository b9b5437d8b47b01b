"""A mirror on loopback, in three kinds: working, empty, broken in a way each test chooses."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from appliance.site.plan import Plan
from tests import plans


@dataclass(slots=True)
class Mirror:
    """What the mirror holds and how it behaves. The lists are used up, one entry a request."""

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    cut_after: list[int | None] = field(default_factory=list)
    etag: str | None = '"one"'
    ranges: bool = True
    if_range: bool = True
    length: bool = True
    stall: threading.Event | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    mirror: Mirror

    def do_GET(self) -> None:
        """Answer as the mirror was told to."""
        mirror = self.mirror
        mirror.asked.append((self.path, self.headers.get("Range")))
        status = mirror.statuses.pop(0) if mirror.statuses else 200
        body = mirror.files.get(self.path.lstrip("/"))
        if status != 200 or body is None:
            self.send_response(status if status != 200 else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._send(body, self._start(body))

    def _start(self, body: bytes) -> int | None:
        mirror, asked = self.mirror, re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or not mirror.ranges:
            return None
        if mirror.if_range and self.headers.get("If-Range") != mirror.etag:
            return None
        return min(int(asked[1]), len(body) + 1)

    def _send(self, body: bytes, start: int | None) -> None:
        mirror = self.mirror
        cut = mirror.cut_after.pop(0) if mirror.cut_after else None
        if start is not None and start > len(body):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200 if start is None else 206)
        part = body[start or 0 :]
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if mirror.length:
            self.send_header("Content-Length", str(len(part)))
        if mirror.etag is not None:
            self.send_header("ETag", mirror.etag)
        self.end_headers()
        self.wfile.write(part if cut is None else part[:cut])
        self.wfile.flush()
        if mirror.stall is not None:
            mirror.stall.wait(30)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Stay silent."""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    """Serve a mirror on a free port of loopback."""
    held = Mirror()
    handler = type("Handler", (_Handler,), {"mirror": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield held
    if held.stall is not None:
        held.stall.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def plan() -> Plan:
    """Give a plan of one machine."""
    return plans.plan()
