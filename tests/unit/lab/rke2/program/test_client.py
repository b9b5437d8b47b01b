"""The pinned client against a supervisor's port: what it refuses, and in which words."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.lab.rke2.program.client import Client, RequestError, basic, fetch_ca
from appliance.lab.rke2.program.http_service import Request, Response, Service, as_text
from appliance.lab.rke2.program.log import Log
from tests.unit.lab.rke2.program.authority import Authorities

Start = Callable[[Authorities], int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start services that give their CA and refuse all else."""
    services = []

    def begin(made: Authorities) -> int:
        def answer(request: Request) -> Response:
            if request.path == "/cacerts":
                return Response(200, made.ca, "text/plain")
            return as_text('{"message": "not authorized"}', 401)

        client_ca = made.client.certificate.read_bytes()
        service = Service(("127.0.0.1", 0), made.serving, client_ca, answer, Log())
        services.append(service)
        service.start()
        return service.port

    yield begin
    for each in services:
        each.stop()


def test_the_ca_is_fetched_and_proven(start: Start, tmp_path: Path) -> None:
    """Unverified at first, and then with itself."""
    made = Authorities.make(tmp_path)
    assert fetch_ca("127.0.0.1", start(made)) == made.ca


def test_a_name_that_is_not_in_the_certificate(start: Start, tmp_path: Path) -> None:
    """The names that are in it are told, as Go does."""
    made = Authorities.make(tmp_path, names=("cluster.test", "10.0.0.1"))
    with pytest.raises(RequestError) as refused:
        fetch_ca("127.0.0.1", start(made))
    assert str(refused.value).startswith("CA cert validation failed")
    assert "certificate is valid for cluster.test, 10.0.0.1, not 127.0.0.1" in str(refused.value)


def test_a_clock_that_is_behind(start: Start, tmp_path: Path) -> None:
    """The cluster's CA is of tomorrow, as this machine has it."""
    made = Authorities.make(tmp_path, days=1)
    with pytest.raises(RequestError, match=r"not yet valid: current time .* is before"):
        fetch_ca("127.0.0.1", start(made))


def test_a_clock_that_is_far_ahead(start: Start, tmp_path: Path) -> None:
    """The CA's ten years are over."""
    made = Authorities.make(tmp_path, days=-3700)
    with pytest.raises(RequestError, match=r"expired or is not yet valid: .* is after"):
        fetch_ca("127.0.0.1", start(made))


def test_another_authority_is_not_believed(start: Start, tmp_path: Path) -> None:
    """The pinned CA did not sign this server's certificate."""
    port, other = start(Authorities.make(tmp_path / "a")), Authorities.make(tmp_path / "b")
    with pytest.raises(RequestError, match="signed by unknown authority"):
        Client("127.0.0.1", port, other.ca).get("/cacerts")


def test_a_refusal_has_status_and_reason(start: Start, tmp_path: Path) -> None:
    """What upstream logs: URL, status, and what was said with it."""
    made = Authorities.make(tmp_path)
    link = Client("127.0.0.1", start(made), made.ca)
    with pytest.raises(
        RequestError, match="/v1-rke2/config: 401 Unauthorized: not authorized"
    ) as got:
        link.get("/v1-rke2/config", basic("node", "wrong"))
    link.close()
    assert got.value.status == 401


def test_nobody_there() -> None:
    """The port is closed, or the name is not known."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(RequestError, match=r"failed to get CA certs: .*connection refused"):
            fetch_ca("127.0.0.1", port)
    with pytest.raises(RequestError, match=r"lookup none\.invalid: no such host"):
        fetch_ca("none.invalid", 9345, 5)


def test_one_that_never_answers() -> None:
    """The limit ends it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(RequestError, match="timeout"),
    ):
        fetch_ca("127.0.0.1", silent.getsockname()[1], 0.3)


def test_a_connection_that_was_closed_meanwhile_is_opened_again(tmp_path: Path) -> None:
    """A server that started anew between two requests is no error."""
    made = Authorities.make(tmp_path)
    client_ca = made.client.certificate.read_bytes()
    service = Service(
        ("127.0.0.1", 0),
        made.serving,
        client_ca,
        lambda _: Response(200, b"ok", headers={"Connection": "close"}),
        Log(),
    )
    service.start()
    link = Client("127.0.0.1", service.port, made.ca)
    assert [link.get("/").body, link.get("/").body] == [b"ok", b"ok"]
    link.close()
    service.stop()
