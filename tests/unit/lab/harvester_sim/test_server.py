"""The sockets."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.server import certified, listen, listen_here, serve


def told(request: Request) -> Answer:
    """Tell what was asked, or stream three lines."""
    if request.path == "/watch":
        return Answer(200, lines=iter([{"n": 1}, {}, {"n": 2}]))
    asked = [request.method, request.path, dict(request.query), len(request.body)]
    return Answer(200, {"asked": asked, "type": request.headers.get("content-type", "")})


@pytest.fixture
def port() -> Iterator[int]:
    """A plain server on loopback."""
    server = listen(("127.0.0.1", 0), told, None)
    thread = serve(server)
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    """Ask on a connection that stays open."""
    chunked = not isinstance(body, bytes | None)
    connection.request(method, path, body, {"Content-Type": "a/b"}, encode_chunked=chunked)
    return json.loads(connection.getresponse().read() or b"null")


def test_requests_follow_each_other_on_one_connection(port: int) -> None:
    """With a query, with a body, with a body in chunks, as Go sends what it does not know long."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    assert ask(connection, "GET", "/a?x=1&y=")["asked"] == ["GET", "/a", {"x": "1", "y": ""}, 0]
    assert ask(connection, "PUT", "/b", b"12345") == {"asked": ["PUT", "/b", {}, 5], "type": "a/b"}
    assert ask(connection, "POST", "/c", iter([b"12", b"345"]))["asked"] == ["POST", "/c", {}, 5]
    assert ask(connection, "HEAD", "/d") is None
    connection.close()


def test_lines_come_one_by_one_as_chunks(port: int) -> None:
    """A watch; nothing to tell is nothing told."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/watch")
    answer = connection.getresponse()
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.read() == b'{"n": 1}\n{"n": 2}\n'
    connection.close()


@pytest.mark.parametrize(
    "head", ["Content-Length: x", "Content-Length: 99999999999", "Transfer-Encoding: chunked"]
)
def test_a_body_that_cannot_be_read_is_refused(port: int, head: str) -> None:
    """400, and the next connection is served."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\nzz\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 400")


def test_tls_at_the_door_has_a_certificate_that_stays(tmp_path: Path) -> None:
    """It names the VIP, is its own authority, and its key is for its owner alone."""
    context, pem = certified(tmp_path, ("127.0.0.1", "localhost"))
    assert certified(tmp_path, ("other",))[1] == pem
    assert (tmp_path / "tls.key").stat().st_mode & 0o777 == 0o600
    server = listen(("127.0.0.1", 0), told, context)
    thread = serve(server)
    with socket.create_connection(("127.0.0.1", int(server.server_address[1])), timeout=10):
        trusting = ssl.create_default_context(cadata=pem)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", int(server.server_address[1]), timeout=10, context=trusting
        )
        # A client that says nothing holds nobody up.
        assert ask(connection, "GET", "/a")["asked"][1] == "/a"
        connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_unix_socket_s_path_may_be_long(tmp_path: Path) -> None:
    """Longer than the 107 octets that an address holds (unix(7))."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    server = listen_here(folder / "c.sock", told)
    assert (folder / "c.sock").is_socket()
    server.server_close()
    listen_here(folder / "c.sock", told).server_close()
