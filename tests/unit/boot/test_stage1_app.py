"""The routes of stage-1: what is served, what is refused, and that nothing stops the server."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from werkzeug.test import TestResponse

from appliance.boot import http_server
from appliance.boot.control import Order
from appliance.boot.discoveries import MAX_MACS, REPORT_SECONDS, Visit
from appliance.boot.http_app import make_app
from appliance.boot.http_server import BootHttpServer
from appliance.boot.model import CARD_MARK, TOKEN_MARK, OrderKind
from appliance.boot.stage1_app import LOGGED_REFUSALS
from appliance.discover.report import MAX_REPORT, Nic, Report, decode, encode
from appliance.machines.state import Seen
from appliance.values import Mac, Secret
from tests.unit.boot.boot_world import HV1, HV1_ADDRESS, HV2, World, armed, held
from tests.unit.boot.running_loop import PATIENCE, tcp, until

STRANGER = Mac("5254000000ff")
POOL = IPv4Address("127.0.0.150")
RAW = encode(Report(vendor="ACME", clock=1.0, nics=(Nic("eth0", STRANGER),)))


class Http:
    """Requests to the app from an address of choice."""

    def __init__(self, world: World) -> None:
        self.client = make_app(world.state, world.stage1).test_client()
        world.state.leased(STRANGER, POOL)

    def __call__(
        self, path: str, method: str = "GET", address: IPv4Address = POOL, **rest: Any
    ) -> TestResponse:
        """Make a request."""
        overrides = {"REMOTE_ADDR": str(address)}
        return self.client.open(path, method=method, environ_overrides=overrides, **rest)

    def token(self, mac: Mac = STRANGER, address: IPv4Address = POOL) -> str:
        """Fetch a token."""
        answer = self(f"/d/{mac.bare}", address=address)
        assert answer.status_code == 200, answer.text
        assert answer.text == f"{answer.text.strip()}\n"
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.text.strip()

    def report(self, token: str, raw: bytes, **rest: Any) -> TestResponse:
        """Send a report."""
        return self(f"/d/{token}/report", "POST", data=raw, **rest)

    def orders(self, token: str, address: IPv4Address = POOL) -> dict[str, Any]:
        """Ask for orders."""
        answer = self(f"/d/{token}/orders", address=address)
        assert answer.status_code == 200, answer.text
        assert answer.content_type == "application/json"
        found: dict[str, Any] = answer.get_json()
        return found


@pytest.fixture
def http(world: World) -> Http:
    """The app of the world, and a stranger with a lease."""
    return Http(world)


def refused(answer: TestResponse, status: int, words: str) -> None:
    """It says no, with one line of reason."""
    assert answer.status_code == status
    assert words in answer.text
    assert answer.text.count("\n") == 1
    assert words in answer.headers["X-Reason"]


def test_from_a_lease_to_orders(world: World, http: Http) -> None:
    """The whole protocol of a machine that nobody knows."""
    token = http.token()
    assert http.report(token, RAW).text == "taken\n"
    assert http.orders(token) == {
        "order": "wait",
        "name": "",
        "state": "unknown",
        "reason": "not of this site: it waits to be approved",
    }
    (reported,) = world.reports()
    assert (reported.mac, reported.address, reported.machine) == (STRANGER, POOL, None)
    assert reported.report.encode() == RAW


def test_an_armed_machine_gets_addresses_and_the_kernel_line(world: World, http: Http) -> None:
    """All that kexec needs; secrets are for nobody on the way to keep."""
    documents = armed().documents
    assert documents is not None
    line = f"ip=dhcp BOOTIF=01-{CARD_MARK} u=http://127.0.0.1/c/{TOKEN_MARK}/config.yaml"
    documents = replace(documents, kernel="vmlinuz", initrd="initrd", arguments=Secret(line))
    world.state.set_machines((replace(armed(), documents=documents), held()))
    orders = http.orders(http.token(HV1, HV1_ADDRESS), HV1_ADDRESS)
    url = orders["arguments"].rpartition("u=http://127.0.0.1")[2]
    assert orders == {
        "order": "install",
        "name": "",
        "state": "",
        "reason": "it is armed and not installed",
        "kernel": "http://127.0.0.1/a/vmlinuz",
        "initrd": "http://127.0.0.1/a/initrd",
        "arguments": f"ip=dhcp BOOTIF=01-52-54-00-00-00-01 u=http://127.0.0.1{url}",
    }
    assert http(url, address=HV1_ADDRESS).text.startswith("token: ")


def test_an_order_of_main_comes_out(world: World, http: Http) -> None:
    """Once."""
    token = http.token()
    world.stage1.order(Order(STRANGER, OrderKind.BLINK, 30))
    assert http.orders(token)["order"] == "blink"
    assert http.orders(token)["order"] == "wait"


@pytest.mark.parametrize("kind", list(OrderKind))
def test_every_kind_of_order_has_its_word(world: World, http: Http, kind: OrderKind) -> None:
    """As stage-1 knows them."""
    assert kind.value in {"own-disk", "poweroff", "reboot", "blink"}
    token = http.token()
    world.stage1.order(Order(STRANGER, kind, 7))
    orders = http.orders(token)
    assert (orders["order"], orders["seconds"]) == (kind.value, 7)


# ---------------------------------------------------------------------- refusals


def test_a_token_is_for_the_leased_address(world: World, http: Http) -> None:
    """Another gets none for this card, and this one none for another card."""
    refused(http(f"/d/{STRANGER.bare}", address=HV1_ADDRESS), 403, "not the address leased")
    refused(http(f"/d/{HV1.bare}"), 403, "not the address leased")
    refused(http("/d/no-mac"), 404, "not a MAC address")
    refused(http("/d/ffffffffffff"), 404, "multicast")
    assert http(f"/d/{STRANGER.bare}", "HEAD").status_code == 405
    assert len(world.events("finding")) == 2


def test_a_stolen_token_is_worth_nothing(world: World, http: Http) -> None:
    """From another address it neither reports nor hears orders."""
    token = http.token()
    refused(http.report(token, RAW, address=HV1_ADDRESS), 403, "not of the machine at 127.0.0.11")
    refused(http(f"/d/{token}/orders", address=HV1_ADDRESS), 403, "not of the machine")
    assert world.reports() == []
    assert world.events("finding")[0].machine == "hv1"


def test_an_unknown_token_leads_back_to_a_new_one(world: World, http: Http) -> None:
    """After a restart of these services that is the usual case, and no finding."""
    for path, method in (("/d/guess/orders", "GET"), ("/d/guess/report", "POST")):
        refused(http(path, method, data=b"{}"), 404, "no stage-1 of this site")
    assert world.events("finding") == []


def test_an_old_token_is_gone_when_its_machine_boots_again(world: World, http: Http) -> None:
    """410, and a new one is there."""
    token = http.token()
    world.stage1._visits.boots(STRANGER, firmware=True)
    refused(http(f"/d/{token}/orders"), 410, "booted again")
    assert http.orders(http.token())["order"] == "wait"


def test_an_install_token_is_no_discovery_token(http: Http) -> None:
    """Nor the other way round."""
    script = http(f"/m/{HV1.bare}.ipxe", address=HV1_ADDRESS).text
    install = script.split("/c/")[1].split("/")[0]
    refused(http(f"/d/{install}/orders", address=HV1_ADDRESS), 404, "no stage-1")
    token = http.token(HV1, HV1_ADDRESS)
    refused(http(f"/c/{token}/config.yaml", address=HV1_ADDRESS), 404, "no boot of this site")
    refused(http(f"/hook/{token}/succeeded", "POST", address=HV1_ADDRESS), 404, "no boot")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xfe", "no JSON"),
        (b"not json", "no JSON"),
        (b"[" * MAX_REPORT, "no JSON"),
        (b'{"a":' * (MAX_REPORT // 6), "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"memory": -1}', "report.memory"),
        (b'{"disks": [{}]}', "report.disks[0].name"),
        (b'{"nics": [' + b"{}," * 100 + b"{}]}", "report.nics"),
        (b'{"clock": NaN}', "NaN is no number"),
        (b'{"memory": 1' + b"0" * 100_000 + b"}", "report"),
    ],
)
def test_what_is_no_report_is_refused_with_its_place(
    world: World, http: Http, raw: bytes, words: str
) -> None:
    """400, nothing goes to main, and the machine may try again."""
    token = http.token()
    answer = http.report(token, raw)
    refused(answer, 400, words)
    assert world.reports() == []
    world.time.pass_time(REPORT_SECONDS)
    assert http.report(token, RAW).text == "taken\n"


def test_a_huge_report_is_refused_before_it_is_read(world: World, http: Http) -> None:
    """The largest is taken; one octet more is not; without a length none is."""
    token = http.token()
    largest = RAW[:-1] + b" " * (MAX_REPORT - len(RAW)) + b"}"
    assert http.report(token, largest).text == "taken\n"
    refused(http.report(token, largest + b" "), 413, f"at most {MAX_REPORT} octets")
    refused(http(f"/d/{token}/report", "POST"), 411, "Content-Length")
    chunked = http.report(token, RAW, headers={"Transfer-Encoding": "chunked"})
    refused(chunked, 411, "Content-Length")
    assert len(world.reports()) == 1


def test_a_repeated_report_is_taken_without_effect(world: World, http: Http) -> None:
    """And reports in a row are not read at all."""
    token = http.token()
    assert http.report(token, RAW).text == "taken\n"
    refused(http.report(token, RAW), 429, "one report in 5 s")
    world.time.pass_time(REPORT_SECONDS)
    assert http.report(token, RAW).text == "taken before\n"
    assert len(world.reports()) == 1


def test_a_lie_stays_a_lie_of_its_own_card(world: World, http: Http) -> None:
    """It says it is hv1, with hv1's card and a bell for the terminal: it is the stranger's word."""
    lie = json.dumps({"vendor": "hv1\u0007\n\u001b[2J", "nics": [{"name": "e", "mac": str(HV1)}]})
    assert http.report(http.token(), lie.encode()).status_code == 200
    (reported,) = world.reports()
    assert (reported.mac, reported.machine) == (STRANGER, None)
    assert decode(reported.report.encode()).vendor.isprintable()
    assert world.seen("hv1") == []
    assert all(event.text.isprintable() for event in world.events("http"))


def test_refusals_do_not_fill_the_log(world: World, http: Http) -> None:
    """Stage-1 asks every few seconds; one address has a few lines a minute."""
    for _ in range(50):
        http(f"/d/{HV1.bare}")
        http("/d/guess/orders")
        http.report("guess", b"")
    assert len(world.events("finding")) + len(world.events("http")) == LOGGED_REFUSALS


def test_600_machines_call(world: World, http: Http) -> None:
    """512 are taken, the others are told to come again; a machine of the site has room."""
    statuses = []
    for number in range(600):
        mac, address = Mac(f"5255{number:08x}"), IPv4Address("127.1.0.0") + number
        world.state.leased(mac, address)
        statuses.append(http(f"/d/{mac.bare}", address=address).status_code)
    assert statuses == [200] * MAX_MACS + [503] * (600 - MAX_MACS)
    world.state.leased(HV2, IPv4Address("127.0.0.160"))
    token = http.token(HV2, IPv4Address("127.0.0.160"))
    assert http.orders(token, IPv4Address("127.0.0.160"))["name"] == "hv2"
    assert world.seen("hv2") == [Seen.DISCOVERED]


# ---------------------------------------------------------------------- on a real server


class Running:
    """A server on a free port, whose clock is in hand."""

    def __init__(self, world: World) -> None:
        self.world = world
        listening = tcp()
        self.port: int = listening.getsockname()[1]
        self.server = BootHttpServer(
            listening,
            make_app(world.state, world.stage1, port=self.port),
            monotonic=world.time.clock().monotonic,
            log=lambda _: None,
            threads=8,
        )
        self.server.start_threads()
        world.state.leased(STRANGER, POOL)
        self.token = self.ask(f"GET /d/{STRANGER.bare} HTTP/1.0\r\n\r\n".encode()).split()[-1]

    def connect(self) -> socket.socket:
        """Open a connection from the stranger's address."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE, (str(POOL), 0))

    def ask(self, raw: bytes, *, shut: bool = False) -> bytes:
        """Send octets as they are and give all that comes back."""
        with self.connect() as stream, contextlib.suppress(ConnectionError):
            stream.sendall(raw)
            if shut:
                stream.shutdown(socket.SHUT_WR)
            with stream.makefile("rb") as reply:
                return reply.read()
        return b""

    def post(self, body: bytes, length: object, more: str = "") -> bytes:
        """Report with a Content-Length of choice."""
        head = f"POST /d/{self.token.decode()}/report HTTP/1.0\r\nContent-Length: {length}\r\n"
        return self.ask(f"{head}{more}\r\n".encode() + body, shut=True)

    def healthy(self) -> bool:
        """It serves on, and still takes a good report."""
        self.world.time.pass_time(REPORT_SECONDS)
        before = self.post(RAW, len(RAW))
        return before.endswith((b"taken\n", b"taken before\n"))


@pytest.fixture
def running(world: World) -> Iterator[Running]:
    """The server, stopped at the end."""
    running = Running(world)
    yield running
    running.server.stop()
    until(lambda: running.server.socket is None)


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (len(RAW) + 1000, b"400"),
        (len(RAW) - 1, b"400"),
        (0, b"400"),
        (-1, b"400"),
        ("many", b"400"),
        (MAX_REPORT + 1, b"413"),
        (10**12, b"413"),
    ],
)
def test_a_report_that_lies_about_its_size(running: Running, length: object, status: bytes) -> None:
    """Shorter or longer than it says: refused, and the next one is served."""
    reply = running.post(RAW, length)
    assert reply.split()[1:2] == [status]
    assert running.world.reports() == []
    assert running.healthy()


def test_a_body_that_drips_in_is_ended(running: Running) -> None:
    """The clock of a request counts its body, too: 256 KiB an octet at a time held a thread."""
    with running.connect() as slow:
        head = f"POST /d/{running.token.decode()}/report HTTP/1.1\r\nHost: x\r\n"
        slow.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        visit = running.world.stage1._visits.of_token(running.token.decode())
        assert isinstance(visit, Visit)
        until(lambda: visit.read_at > 0)  # its headers are read, and its body is waited for
        running.world.time.pass_time(http_server.REQUEST_SECONDS + 1)
        slow.sendall(b" ")
        until(lambda: running.server.end_dawdlers() >= 1)
        slow.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionError):
            while slow.recv(4096):
                pass
    assert running.healthy()


def test_a_refused_body_is_no_next_request(running: Running) -> None:
    """What follows a refusal on the same connection is a request of its own, not the body."""
    body = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"POST /d/guess/report HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    last = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    replies = running.ask(head.encode() + body + last)
    assert replies.count(b"HTTP/1.1 ") == 2
    assert b"ok\n" not in replies
    assert running.healthy()


def test_a_restart_of_the_services_is_survived(running: Running) -> None:
    """404 to the old token, a new one, and the same report is news again."""
    world = running.world
    assert running.post(RAW, len(RAW)).endswith(b"taken\n")
    world.start((armed(), held()))
    world.state.leased(STRANGER, POOL)
    http = Http(world)
    refused(http.report(running.token.decode(), RAW), 404, "no stage-1")
    assert http.report(http.token(), RAW).text == "taken\n"
    assert len(world.reports()) == 2
