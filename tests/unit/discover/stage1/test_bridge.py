"""The protocol, against a small server on the loopback."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.discover.stage1.bridge import (
    Bridge,
    NoAnswerError,
    NoRoomError,
    OverError,
    RefusedError,
)

ANSWERS: dict[str, tuple[int, bytes]] = {
    "/healthz": (200, b"ok\n"),
    "/d/525400123456": (200, b"Tok-en_1\n"),
    "/d/525400123457": (403, b"this address was leased to another\n"),
    "/d/525400123458": (200, b"<html>a hotel's login page</html>"),
    "/d/t/orders": (200, b'{"order": "wait"}'),
    "/d/over/orders": (410, b"this token is over\n"),
    "/d/odd/orders": (200, b"[]"),
    "/d/html/orders": (200, b"<html>"),
    "/d/t/report": (200, b"taken\n"),
    "/d/big/report": (413, b"too large\n"),
    "/a/vmlinuz?v=1": (200, b"kernel" * 1000),
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from the table, and remembers what was posted."""

    posted: list[bytes] = []  # noqa: RUF012 - the class of one test's server

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer from the table."""
        if self.path == "/a/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            return
        code, body = ANSWERS.get(self.path, (404, b"no such thing\n"))
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Say the size."""
        code, body = ANSWERS.get(self.path, (404, b""))
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def do_POST(self) -> None:
        """Take the body."""
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()


@pytest.fixture
def base() -> Iterator[str]:
    """Give the URL of a server on the loopback."""
    Handler.posted = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bridge(base: str) -> Bridge:
    """Give the client, bound to the loopback's address and no card."""
    return Bridge(base, "", "127.0.0.1")


def test_the_whole_way(bridge: Bridge) -> None:
    """Healthy, a token, a report, orders."""
    assert bridge.healthy()
    assert bridge.token("52:54:00:12:34:56") == "Tok-en_1"
    bridge.report("t", b'{"vendor": "ACME"}')
    assert Handler.posted == [b'{"vendor": "ACME"}']
    assert bridge.orders("t") == {"order": "wait"}


def test_a_refusal_has_the_bridges_words(bridge: Bridge) -> None:
    """403 and 413 are refusals, 404 and 410 say that the token is over."""
    with pytest.raises(RefusedError, match="leased to another"):
        bridge.token("52:54:00:12:34:57")
    with pytest.raises(RefusedError, match="too large") as refused:
        bridge.report("big", b"{}")
    assert not isinstance(refused.value, OverError)
    for token in ("over", "unknown"):
        with pytest.raises(OverError):
            bridge.orders(token)


def test_something_else_answers(bridge: Bridge) -> None:
    """A page that is neither a token nor orders is no bridge's."""
    with pytest.raises(NoAnswerError, match="no token"):
        bridge.token("52:54:00:12:34:58")
    for token in ("odd", "html"):
        with pytest.raises(NoAnswerError, match="no orders"):
            bridge.orders(token)


@pytest.mark.parametrize("base", ["http://127.0.0.1:1", "https://127.0.0.1", "x", "http://[", ""])
def test_nobody_answers(base: str) -> None:
    """A closed port, and what is no address at all."""
    bridge = Bridge(base, "", "127.0.0.1")
    assert not bridge.healthy()
    with pytest.raises(NoAnswerError):
        bridge.orders("t")


def test_a_download(bridge: Bridge, base: str, tmp_path: Path) -> None:
    """The file is whole, and its progress was told."""
    told: list[tuple[int, int]] = []
    bridge.download(f"{base}/a/vmlinuz?v=1", str(tmp_path / "k"), lambda *at: told.append(at))
    assert (tmp_path / "k").read_bytes() == b"kernel" * 1000
    assert told[-1] == (6000, 6000)


def test_a_download_that_is_cut_or_missing(bridge: Bridge, base: str, tmp_path: Path) -> None:
    """Half a kernel is never started."""
    with pytest.raises(NoAnswerError):
        bridge.download(f"{base}/a/cut", str(tmp_path / "k"), lambda *_: None)
    with pytest.raises(OverError, match="no such thing"):
        bridge.download(f"{base}/a/none", str(tmp_path / "k"), lambda *_: None)


def test_the_size_before_the_file(bridge: Bridge, base: str) -> None:
    """Nothing is fetched for it."""
    assert bridge.size(f"{base}/a/vmlinuz?v=1") == 6000
    with pytest.raises(OverError, match="HTTP 404"):
        bridge.size(f"{base}/a/none")


def test_a_file_that_cannot_be_kept(bridge: Bridge, base: str) -> None:
    """It is this machine that is full, not the bridge that is silent."""
    with pytest.raises(NoRoomError, match="No space left on device"):
        bridge.download(f"{base}/a/vmlinuz?v=1", "/dev/full", lambda *_: None)
