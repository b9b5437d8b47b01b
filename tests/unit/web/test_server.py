"""The listener on loopback: plain and by TLS, its limits, and clients that do not behave."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from flask import Response

from appliance.boot import http_server
from appliance.errors import PortInUseError, PreflightError
from appliance.tools.clock import Clock
from appliance.web.deps import Listen
from appliance.web.server import (
    PER_CLIENT,
    THREADS,
    TlsConnection,
    WebServer,
    _Tls,
    names_of_laptop,
    open_socket,
    serving,
)
from appliance.web.tls import Certificate, own_certificate
from tests.unit.web.wizard_world import PASSWORD, World

PATIENCE = 20.0
CLOCK = Clock.of_this_machine()


@contextmanager
def running(world: World, certificate: Certificate | None = None) -> Iterator[int]:
    """Serve a wizard on a free port; give the port."""
    opened = open_socket(Listen("127.0.0.1", 0))
    port: int = opened.getsockname()[1]
    with serving(opened, world.app, certificate, CLOCK, world.log.append):
        yield port


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a wizard with a password."""
    return World(tmp_path).with_password()


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """Give a certificate for loopback."""
    return own_certificate(
        tmp_path / "web.crt", tmp_path / "web.key", ("127.0.0.1", "localhost"), CLOCK.utc()
    )


def trusting(certificate: Certificate) -> ssl.SSLContext:
    """Give a client's context that trusts this certificate alone."""
    return ssl.create_default_context(cafile=str(certificate.file))


def ask(client: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    """Ask for a page."""
    client.request("GET", path)
    answer = client.getresponse()
    return answer.status, answer.read()


def test_pages_are_served_over_one_connection(world: World) -> None:
    """And the server does not boast of its version."""
    with running(world) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        assert ask(client, "/login")[0] == 200
        assert ask(client, "/static/style.css")[0] == 200
        client.request("GET", "/")
        answer = client.getresponse()
        answer.read()
        client.close()

    assert answer.status == 303
    assert answer.headers["Server"] == "bridgehead"


def test_tls_shows_the_printed_certificate(world: World, certificate: Certificate) -> None:
    """A client that trusts it alone is content, and the app knows that it is protected."""
    with running(world, certificate) as port:
        context = trusting(certificate)
        client = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
        assert ask(client, "/api/session")[0] == 200
        shown = client.sock.getpeercert(binary_form=True)
        client.close()

    assert shown == ssl.PEM_cert_to_DER_cert(certificate.file.read_text())


def test_old_tls_is_refused(certificate: Certificate) -> None:
    """1.2 is the least."""
    assert _Tls(certificate).context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_plain_http_at_the_protected_door_is_told_where_to_go(
    world: World, certificate: Certificate
) -> None:
    """In words, not by a broken connection."""
    with running(world, certificate) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        status, words = ask(client, "/")
        client.close()

    assert status == 400
    assert b"https://" in words


def test_a_client_that_never_shakes_hands_stops_nobody(
    world: World, certificate: Certificate
) -> None:
    """Cheroot's own adapter shakes hands where connections are taken: one dawdler stops all."""
    with running(world, certificate) as port:
        silent = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(4)]
        half = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(4)]
        for each in half:
            each.sendall(b"\x16\x03\x01")
        client = http.client.HTTPSConnection(
            "localhost", port, timeout=PATIENCE, context=trusting(certificate)
        )
        assert ask(client, "/login")[0] == 200
        client.close()
        for each in (*silent, *half):
            each.close()


def test_garbage_ends_its_own_connection_alone(world: World, certificate: Certificate) -> None:
    """Neither a fault nor a trace in the log."""
    with running(world, certificate) as port:
        for garbage in (
            b"\x00" * 64,
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\xff\xff" + b"x" * 99,
        ):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw:
                raw.sendall(garbage)
                with suppress(OSError):
                    while raw.recv(4096):
                        pass
        client = http.client.HTTPSConnection(
            "localhost", port, timeout=PATIENCE, context=trusting(certificate)
        )
        assert ask(client, "/login")[0] == 200
        client.close()

    assert not any("Traceback" in line for line in world.log)


def test_what_is_too_large_is_refused_and_logged(world: World) -> None:
    """By our own words while it is a little too large; before a body is read."""
    answers = []
    with running(world) as port:
        for size in ((1 << 20) + 1, 1 << 40):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            client.putrequest("POST", "/login")
            client.putheader("Content-Length", str(size))
            client.endheaders()
            if size < 1 << 21:
                client.send(b"x" * size)
            answers.append(client.getresponse().status)
            client.close()
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        client.putrequest("GET", "/login")
        client.putheader("Cookie", "x" * 20_000)
        client.endheaders()
        answers.append(client.getresponse().status)
        client.close()

    assert answers == [413, 413, 413]
    assert len([line for line in world.log if "refused" in line]) == 3


@pytest.mark.parametrize(
    "line",
    [
        "GET /static/../../app.py HTTP/1.1",
        "GET /static/%2e%2e/app.py HTTP/1.1",
        "GET //login HTTP/1.1",
    ],
)
def test_path_tricks_find_nothing(world: World, line: str) -> None:
    """As sent on the wire, which no client has tidied."""
    with running(world) as port, socket.create_connection(("127.0.0.1", port), PATIENCE) as raw:
        raw.sendall(f"{line}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while received := raw.recv(65536):
            answer += received

    status = int(answer.split()[1])
    assert status in {303, 400, 404}
    assert b"make_app" not in answer


def test_pages_are_there_while_streams_are_open(world: World) -> None:
    """A stream holds a thread; one address may hold no more than its share."""
    held, done = Event(), Event()

    def stream() -> Response:
        def ticks() -> Iterator[str]:
            yield ": here\n\n"
            held.set()
            done.wait(PATIENCE)

        return Response(ticks(), mimetype="text/event-stream")

    world.app.add_url_rule("/stream", "stream", stream)
    cookie = world.operator().get_cookie("bridgehead", "127.0.0.1")
    assert cookie is not None
    with running(world) as port:
        open_streams = []
        for _ in range(8):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            client.request("GET", "/stream", headers={"Cookie": f"bridgehead={cookie.value}"})
            answer = client.getresponse()
            assert answer.readline() == b": here\n"
            open_streams.append(client)
        page = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        assert ask(page, "/login")[0] == 200
        page.close()
        done.set()
        for client in open_streams:
            client.close()

    assert held.is_set()
    assert PER_CLIENT < THREADS


def test_signing_in_over_the_wire(world: World) -> None:
    """The cookie that was given is taken."""
    with running(world) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        client.request(
            "POST",
            "/login",
            f"password={PASSWORD.replace(' ', '+')}",
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = client.getresponse()
        answer.read()
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        client.request("GET", "/password", headers={"Cookie": cookie})
        assert client.getresponse().status == 200
        client.close()

    assert answer.status == 303


def test_dawdlers_are_ended(
    world: World, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that stops within its handshake."""
    monkeypatch.setattr(http_server, "REQUEST_SECONDS", -1.0)
    opened = open_socket(Listen("127.0.0.1", 0))
    server = WebServer(opened, world.app, certificate, CLOCK, world.log.append)
    assert server.ConnectionClass is TlsConnection
    server.start_threads()
    with socket.create_connection(opened.getsockname(), PATIENCE) as raw:
        raw.sendall(b"\x16\x03\x01")
        ended = Event()

        def tend() -> None:
            while not ended.wait(0.05):
                server.end_dawdlers()

        thread = Thread(target=tend)
        thread.start()
        assert raw.recv(1) == b""
        ended.set()
        thread.join()
    server.stop()


def test_a_port_that_is_taken_is_said(world: World) -> None:
    """Perhaps the wizard runs already: the address is in the words."""
    with running(world) as port, pytest.raises(PortInUseError) as refused:
        open_socket(Listen("127.0.0.1", port))

    assert f"http://127.0.0.1:{port}/" in refused.value.fix


def test_an_address_of_another_laptop_is_said() -> None:
    """192.0.2.0/24 is for documentation (RFC 5737): no laptop has it."""
    with pytest.raises(PreflightError) as refused:
        open_socket(Listen("192.0.2.77", 0))

    assert refused.value.where == "192.0.2.77:0"


def test_the_laptops_names() -> None:
    """The one address that was asked for, or all that it has; never `0.0.0.0`."""
    own = socket.gethostname().lower()

    assert names_of_laptop("192.0.2.7")[0] == "192.0.2.7"
    assert own in names_of_laptop("192.0.2.7")
    assert "0.0.0.0" not in names_of_laptop("0.0.0.0")
    assert f"{own.partition('.')[0]}.local" in names_of_laptop("0.0.0.0")
