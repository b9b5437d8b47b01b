"""Files by name over HTTP: GET, HEAD and one range, from a list; nothing else is there.

The laptop's server needs Flask and cheroot; this one needs Python alone, starts in a moment on a
small machine, and answers the same paths, so that only the host of a URL changes.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

from appliance.boot.file_body import FileBody
from appliance.staging.config import StagedFile

MAX_CONNECTIONS = 64
PER_CLIENT = 16
STALL_SECONDS = 30.0
_PREFIX = "/a/"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
Log = Callable[[str], None]


def part_of(size: int, asked: str | None) -> tuple[int, int] | None:
    """Give offset and length of what a Range header asks for; None if that lies outside. Pure.

    Several ranges, or another unit, mean the whole file (RFC 9110, 14.2).
    """
    found = _RANGE.fullmatch(asked or "")
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        length = min(int(found[2]), size)
        return (size - length, length) if length else None
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return 0, size  # not a range at all
    return (first, last - first + 1) if first < size else None


class FileServer(ThreadingHTTPServer):
    """Serves files of `folder` on a listening socket; `serve_forever` runs it."""

    daemon_threads = True

    def __init__(
        self, listening: socket.socket, folder: Path, files: Mapping[str, StagedFile], log: Log
    ) -> None:
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.folder = folder
        self.files = files
        self.log = log
        self._lock = threading.Lock()
        self._clients: Counter[str] = Counter()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - socketserver's
        """Take a connection unless there are too many, in all or of this client."""
        client = client_address[0]
        with self._lock:
            if self._clients.total() >= MAX_CONNECTIONS or self._clients[client] >= PER_CLIENT:
                return False
            self._clients[client] += 1
        return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and count it out at its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._clients[client_address[0]] -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's
        """A client that is gone is no error of ours."""
        self.log(f"a transfer to {client_address[0]} broke off")


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "bridgehead"
    sys_version = ""
    timeout = STALL_SECONDS
    disable_nagle_algorithm = True
    server: FileServer
    error_content_type: ClassVar[str] = "text/plain; charset=utf-8"  # type: ignore[misc]
    error_message_format: ClassVar[str] = "%(message)s\n"  # type: ignore[misc]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Requests that went well are nobody's news."""

    def _answer(self, *, with_body: bool) -> None:
        path = re.sub("/{2,}", "/", unquote(self.path.partition("?")[0]))
        if path == "/healthz":
            self._text(HTTPStatus.OK, "ok\n", with_body=with_body)
            return
        file = self.server.files.get(path.removeprefix(_PREFIX)) if path[:3] == _PREFIX else None
        if file is None:
            self._text(HTTPStatus.NOT_FOUND, "there is no such file here\n", with_body=with_body)
            return
        try:
            descriptor = _open(self.server.folder / file.name, file.size)
        except OSError as error:
            self.server.log(f"{file.name} cannot be served: {error}")
            self._text(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                f"{file.name} cannot be served\n",
                with_body=with_body,
            )
            return
        self._file(file, descriptor, with_body=with_body)

    def _file(self, file: StagedFile, descriptor: int, *, with_body: bool) -> None:
        part = part_of(file.size, self._range(file))
        offset, length = part or (0, 0)
        body = FileBody(
            descriptor, offset=offset, length=length, on_progress=_nothing, on_close=_nothing
        )
        try:
            if f'"{file.sha256}"' in self.headers.get("If-None-Match", ""):
                self._head(HTTPStatus.NOT_MODIFIED, file, {})
                return
            if part is None:
                outside = {"Content-Range": f"bytes */{file.size}", "Content-Length": "0"}
                self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, file, outside)
                return
            headers = {"Content-Length": str(length), "Content-Type": "application/octet-stream"}
            if length < file.size:
                headers["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{file.size}"
            status = HTTPStatus.OK if length == file.size else HTTPStatus.PARTIAL_CONTENT
            self._head(status, file, headers)
            if with_body:
                body.send_to(self.connection, stall_seconds=STALL_SECONDS)
        finally:
            body.close()

    def _range(self, file: StagedFile) -> str | None:
        unchanged = self.headers.get("If-Range") in (None, f'"{file.sha256}"')
        return self.headers.get("Range") if unchanged else None

    def _head(self, status: HTTPStatus, file: StagedFile, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{file.sha256}"')
        self.end_headers()

    def _text(self, status: HTTPStatus, text: str, *, with_body: bool) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", self.error_content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _open(path: Path, size: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size == size:
        return descriptor
    os.close(descriptor)
    raise OSError(f"it has {status.st_size} octets instead of {size}")


def _nothing(_: int) -> None:
    """Transfers are nobody's news here."""
