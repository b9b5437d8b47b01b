"""cheroot on a socket that is already listening, with limits, and files sent by the kernel.

cheroot is a library class that we start and stop ourselves (libraries facts, B3.4). What is added:
it takes an open socket, sends a FileBody by sendfile, ends a client that dawdles over its request
(cheroot's own time limit starts anew with every octet), and says nothing of its version.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any

from cheroot.connections import ConnectionManager
from cheroot.server import HTTPConnection
from cheroot.wsgi import Gateway_10, Server

from appliance.boot.file_body import FileBody

THREADS = 64
"""A rack of 40 machines that all fetch at once, and some to spare."""

PER_CLIENT = 16
"""Connections of one address that are served at once: one machine cannot hold every thread."""

IDLE_SECONDS = 15
REQUEST_SECONDS = 20.0
STALL_SECONDS = 120.0
"""An installer that writes to a slow disk stops reading for a while; a dead one never reads."""

MAX_HEADER = 16 * 1024
MAX_BODY = 320 * 1024
"""A machine's report (256 KiB); one that is somewhat longer is refused with our own words."""

Log = Callable[[str], None]


class SendfileGateway(Gateway_10):
    """WSGI; a FileBody goes from the file to the socket without entering this process."""

    def respond(self) -> None:
        """Answer one request."""
        if getattr(self.req.rfile, "remaining", 0) < 0:
            # cheroot takes it, and would read to the connection's end, however far that is.
            self.req.close_connection = True
            self.req.simple_response("400 Bad Request", "Content-Length is negative\n")
            return
        if not _has_body(self.req):
            self.req.conn.request_is_read()
        response = self.req.server.wsgi_app(self.env, self.start_response)
        try:
            if isinstance(response, FileBody):
                self.req.ensure_headers_sent()
                self.req.conn.request_is_read()
                self.req.conn.wfile.flush()
                response.send_to(self.req.conn.socket, stall_seconds=STALL_SECONDS)
            else:
                for chunk in filter(None, response):
                    self.write(chunk)
        except OSError:
            # The client is gone or stalled: the body's close tells how far it came. What was
            # promised by Content-Length cannot be kept, so the connection must not be used again.
            self.req.close_connection = True
            self.req.sent_headers = True
        finally:
            self.req.ensure_headers_sent()
            if hasattr(response, "close"):
                response.close()


class LimitedConnection(HTTPConnection):
    """A connection whose request must be complete within REQUEST_SECONDS."""

    reading_since: float | None = None
    counted: bool = False

    def communicate(self) -> bool:
        """Serve one request; False when the connection is to be closed."""
        server: BootHttpServer = self.server
        if not server.admit(self):
            return False
        try:
            return bool(super().communicate())  # type: ignore[no-untyped-call]  # cheroot
        finally:
            server.dismiss(self)

    def request_is_read(self) -> None:
        """The request is complete, with its body if it has one: the clock for it stops."""
        self.reading_since = None


class BootHttpServer(Server):
    """Serves a WSGI app on a listening socket. `start_threads`, then `stop`."""

    ConnectionClass = LimitedConnection
    max_request_header_size = MAX_HEADER
    max_request_body_size = MAX_BODY
    keep_alive_conn_limit = 256

    def __init__(
        self,
        listening: socket.socket,
        app: Any,
        *,
        monotonic: Callable[[], float],
        log: Log,
        threads: int = THREADS,
        per_client: int = PER_CLIENT,
    ) -> None:
        address = listening.getsockname()[:2]
        super().__init__(
            address,
            app,
            numthreads=threads,
            max=threads,
            server_name="bridgehead",
            timeout=IDLE_SECONDS,
            request_queue_size=256,
            accepted_queue_size=512,
            shutdown_timeout=1,
        )
        self.gateway = SendfileGateway
        self.software = "bridgehead"
        self._listening = listening
        self._monotonic = monotonic
        self._log = log
        self._lock = Lock()
        self._active: set[LimitedConnection] = set()
        self._share = per_client
        self._per_client: Counter[str] = Counter()

    def prepare(self) -> None:
        """Take the listening socket in place of binding one."""
        self._interrupt = None
        self.socket = self._listening
        self.socket.settimeout(1)
        # Accepted sockets inherit it. Headers and body are two writes: with Nagle's algorithm and
        # the client's delayed ACK each small answer took 43 ms (measured).
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.listen(self.request_queue_size)
        self._connections = ConnectionManager(self)
        self.requests.start()
        self.ready = True
        self._start_time = self._monotonic()

    def start_threads(self) -> None:
        """Serve on threads of our own; returns once connections are accepted."""
        self.prepare()
        Thread(target=self.serve, name="http", daemon=True).start()

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - cheroot's signature
        """Give cheroot's complaints to the log, without what a client sent."""
        self._log(f"HTTP server: {msg.splitlines()[0][:200] if msg else 'an error'}")

    def put_conn(self, conn: HTTPConnection) -> None:
        """Keep a connection for its next request, unless the server ended meanwhile."""
        try:
            super().put_conn(conn)
        except ValueError:  # cheroot 11 may close its selector between its look and its use
            conn.close()

    def admit(self, connection: LimitedConnection) -> bool:
        """Begin to serve a connection, unless its address already has its share."""
        client = connection.remote_addr or ""
        with self._lock:
            if self._per_client[client] >= self._share:
                return False
            self._per_client[client] += 1
            connection.reading_since = self._monotonic()
            self._active.add(connection)
        return True

    def dismiss(self, connection: LimitedConnection) -> None:
        """A request is over."""
        client = connection.remote_addr or ""
        with self._lock:
            self._active.discard(connection)
            self._per_client[client] -= 1
            if not self._per_client[client]:
                del self._per_client[client]

    def end_dawdlers(self) -> int:
        """Shut down connections whose request is not complete in time; call this every few seconds.

        Gives how many there were.
        """
        limit = self._monotonic() - REQUEST_SECONDS
        with self._lock:
            late = [
                each
                for each in self._active
                if each.reading_since is not None and each.reading_since < limit
            ]
        for connection in late:
            _shut_down(connection.socket)
        return len(late)


def _has_body(req: Any) -> bool:
    return bool(req.chunked_read or getattr(req.rfile, "remaining", 0))


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
