"""The wizard's own listener: cheroot on 32 threads, apart from what machines boot from."""

from __future__ import annotations

import errno
import io
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter
from flask import Flask

from appliance import advice
from appliance.boot.http_server import BootHttpServer, LimitedConnection
from appliance.errors import PortInUseError, PreflightError
from appliance.tools import interface
from appliance.tools.clock import Clock
from appliance.web.app import MAX_BODY
from appliance.web.deps import Listen, Log
from appliance.web.live import ENDING
from appliance.web.tls import Certificate

THREADS = 32
PER_CLIENT = 24
"""Connections of one address served at once: whoever holds more leaves threads to others."""
TEND_SECONDS = 5.0

_PLAIN_WORDS = b"This is the wizard's protected door: write https:// before the address.\n"


def names_of_laptop(host: str) -> tuple[str, ...]:
    """Give the names and addresses by which browsers elsewhere may call a wizard on `host`."""
    own = socket.gethostname().lower()
    names = {own, f"{own.partition('.')[0]}.local"}
    if host not in {"0.0.0.0", "::"}:  # noqa: S104 - asked for, not bound
        return (host, *sorted(names))
    addresses = []
    for each in interface.names():
        with suppress(PreflightError):  # unplugged meanwhile
            addresses += [str(address.ip) for address in interface.look(each).addresses]
    return (*sorted(addresses), *sorted(names))


def open_socket(listen: Listen) -> socket.socket:
    """Open the listening socket. Raises PortInUseError or PreflightError."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((listen.host, listen.port))
        opened.listen()
    except OSError as error:
        opened.close()
        raise _refused(listen, error) from error
    return opened


@contextmanager
def serving(
    listening: socket.socket, app: Flask, certificate: Certificate | None, clock: Clock, log: Log
) -> Iterator[None]:
    """Serve the app on threads of its own until the block ends. With a certificate, by TLS only."""
    server = WebServer(listening, app, certificate, clock, log)
    ended = app.extensions[ENDING] = Event()
    server.start_threads()
    Thread(target=_tend, args=(server, ended), name="web-tend", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        server.stop()


class _Request(HTTPRequest):
    """A request whose refusal by cheroot itself is logged: too large, or no HTTP."""

    def simple_response(self, status: str, msg: str = "") -> None:
        self.server.error_log(f"refused {self.conn.remote_addr}: {status}")
        super().simple_response(status, msg)


class PlainConnection(LimitedConnection):
    """Counted and timed."""

    RequestHandlerClass = _Request


class WebServer(BootHttpServer):
    """The boot listener's server with its limits, for pages, and with TLS."""

    ConnectionClass = PlainConnection
    # Somewhat more than the app takes: who sends a little too much reads our own words.
    max_request_body_size = 2 * MAX_BODY

    def __init__(
        self,
        listening: socket.socket,
        app: Flask,
        certificate: Certificate | None,
        clock: Clock,
        log: Log,
    ) -> None:
        super().__init__(
            listening,
            app,
            monotonic=clock.monotonic,
            log=log,
            threads=THREADS,
            per_client=PER_CLIENT,
        )
        if certificate is not None:
            self.ssl_adapter = _Tls(certificate)
            self.ConnectionClass = TlsConnection


class _Tls(Adapter):
    """TLS whose handshake is not done where connections are taken: one that dawdles stops none."""

    def __init__(self, certificate: Certificate) -> None:
        super().__init__(certificate.file, certificate.key)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(certificate.file, certificate.key)

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[socket.socket, dict[str, str]]:
        wrapped = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return wrapped, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(
        self, sock: socket.socket, mode: str = "r", bufsize: int = io.DEFAULT_BUFFER_SIZE
    ) -> Any:
        return MakeFile(sock, mode, bufsize)


class _Handshake(HTTPConnection):
    """A connection that shakes hands on the worker's thread, within the request's time."""

    greeted = False

    def communicate(self) -> bool:
        if not self.greeted:
            self.greeted = True
            try:
                self.socket.do_handshake()
            except ssl.SSLError as error:
                if error.reason == "HTTP_REQUEST":
                    self._say_https()
                return False
            except OSError:
                return False
        return bool(super().communicate())  # type: ignore[no-untyped-call]  # cheroot

    def _say_https(self) -> None:
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(_PLAIN_WORDS)}\r\nConnection: close\r\n\r\n"
        )
        with suppress(OSError):  # beside the TLS layer, which was never entered
            socket.socket.sendall(self.socket, head.encode() + _PLAIN_WORDS)


class TlsConnection(PlainConnection, _Handshake):
    """Counted and timed, handshake included."""


def _tend(server: WebServer, ended: Event) -> None:
    while not ended.wait(TEND_SECONDS):
        server.end_dawdlers()


def _refused(listen: Listen, error: OSError) -> PreflightError:
    where = f"{listen.host}:{listen.port}"
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            "another program listens where the wizard would",
            where=where,
            why="perhaps the wizard runs already",
            fix=f"open {listen.url()}, or {advice.other_port()}",
        )
    return PreflightError(
        "the wizard cannot listen there",
        where=where,
        why=error.strerror or str(error),
        fix=advice.own_address(),
    )
