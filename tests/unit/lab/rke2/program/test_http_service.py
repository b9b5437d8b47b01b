"""The HTTPS service, asked over real TLS on a loopback port; and the client, against it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.lab.rke2.program import http_service
from appliance.lab.rke2.program.client import Client, RequestError
from appliance.lab.rke2.program.http_service import Request, Response, Service
from appliance.lab.rke2.program.log import Log
from tests.unit.lab.rke2.program.authority import Authorities, authorities

__all__ = ["authorities"]


def echo(request: Request) -> Response:
    """Answer with what was understood."""
    if request.path == "/stream":
        return Response(stream=iter([b"one\n", b"two\n"]))
    if request.path == "/broken":
        raise RuntimeError("broken")
    return http_service.as_json(
        {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": request.body.decode(),
            "name": request.caller.name,
            "groups": request.caller.groups,
        }
    )


@dataclass
class Running:
    """A service that runs."""

    made: Authorities
    port: int

    def client(self, *, known: bool = False) -> Client:
        """A client, with a certificate or without."""
        own = (self.made.node.certificate, self.made.node.key) if known else None
        return Client("127.0.0.1", self.port, self.made.ca, own)


@pytest.fixture
def running(authorities: Authorities) -> Iterator[Running]:
    """A service on a free port."""
    client_ca = authorities.client.certificate.read_bytes()
    service = Service(("127.0.0.1", 0), authorities.serving, client_ca, echo, Log())
    service.start()
    yield Running(authorities, service.port)
    service.stop()


def test_a_request_is_understood(running: Running) -> None:
    """Path unquoted, query read, body whole, on one connection after another request."""
    link = running.client()
    link.get("/first")
    answer = link.post("/a%20b?watch=true&empty=", b"words").json()
    link.close()

    assert answer["method"] == "POST"
    assert answer["path"] == "/a b"
    assert answer["query"] == {"watch": "true", "empty": ""}
    assert answer["body"] == "words"


def test_a_client_is_known_by_its_certificate(running: Running) -> None:
    """Its name and groups; nobody without one."""
    known, unknown = running.client(known=True), running.client()
    named, nameless = known.get("/").json(), unknown.get("/").json()
    known.close()
    unknown.close()

    assert (named["name"], named["groups"]) == ("system:node:w1", ["system:nodes"])
    assert (nameless["name"], nameless["groups"]) == ("", [])


def test_a_certificate_of_another_authority_is_no_good(running: Running, tmp_path: Path) -> None:
    """The handshake ends it."""
    other = Authorities.make(tmp_path / "other")
    own = (other.node.certificate, other.node.key)
    link = Client("127.0.0.1", running.port, running.made.ca, own)
    with pytest.raises(RequestError):
        link.get("/")


def test_a_stream_comes_in_pieces(running: Running) -> None:
    """Chunked, to its end."""
    link = running.client()
    assert link.get("/stream").body == b"one\ntwo\n"
    link.close()


def test_one_that_says_nothing_stops_nobody(running: Running) -> None:
    """A connection without a handshake stays alone in its thread."""
    with socket.create_connection(("127.0.0.1", running.port)):
        link = running.client()
        assert link.get("/").status == 200
        link.close()


def test_plain_words_are_no_handshake(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """They are logged, and the next is served."""
    with socket.create_connection(("127.0.0.1", running.port)) as link:
        link.sendall(b"GET / HTTP/1.0\r\n\r\n")
        link.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            link.recv(100)  # an alert, or nothing
    good = running.client()
    assert good.get("/").status == 200
    good.close()
    assert "TLS handshake error" in capsys.readouterr().err


@pytest.mark.parametrize("length", ["-1", "nine", str(1 << 40)])
def test_a_body_of_impossible_length_is_refused(running: Running, length: str) -> None:
    """Nothing is read of it."""
    context = ssl.create_default_context(cadata=running.made.ca.decode())
    link = http.client.HTTPSConnection("127.0.0.1", running.port, context=context, timeout=10)
    link.putrequest("POST", "/")
    link.putheader("Content-Length", length)
    link.endheaders()
    assert link.getresponse().status == 413
    link.close()


def test_a_handler_that_breaks_breaks_no_more(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its connection ends; the fault is logged."""
    link = running.client()
    with pytest.raises(RequestError):
        link.get("/broken")
    assert link.get("/").status == 200
    link.close()
    assert "RuntimeError" in capsys.readouterr().err


def test_a_taken_port_is_an_error(running: Running) -> None:
    """At once, not later."""
    client_ca = running.made.client.certificate.read_bytes()
    with pytest.raises(OSError, match="in use"):
        Service(("127.0.0.1", running.port), running.made.serving, client_ca, echo, Log())


def test_text_and_documents() -> None:
    """The two forms of short answers."""
    assert http_service.as_text("ok").body == b"ok"
    assert json.loads(http_service.as_json({"a": 1}, 201).body) == {"a": 1}
