"""A registry of few lines, strict where clients go wrong: digests, lengths, order of uploads."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Store:
    """What was pushed, and each request's method and path."""

    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    upload_host: str = ""
    refuse: int = 0

    def methods(self) -> list[str]:
        """Give the methods that change something, in their order."""
        return [each.split()[0] for each in self.asked if each.split()[0] in ("POST", "PUT")]


@contextmanager
def little_registry() -> Iterator[tuple[str, Store]]:
    """Run one on the loopback; give its `host:port` and what it holds."""
    store = Store()

    class Handler(_Handler):
        kept = store

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def nobody() -> str:
    """Give a `host:port` where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    kept: Store

    def do_GET(self) -> None:
        self._read(with_body=True)

    def do_HEAD(self) -> None:
        self._read(with_body=False)

    def do_POST(self) -> None:
        self._note()
        if self.kept.refuse:
            self._say(self.kept.refuse, {}, b"the disk is full")
            return
        where = urlsplit(self.path).path
        self._say(202, {"Location": f"{self.kept.upload_host}{where}an-upload?_state=x"})

    def do_PUT(self) -> None:
        self._note()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        repository, kind, rest = self._parts()
        if kind == "blobs":
            (named,) = parse_qs(urlsplit(self.path).query)["digest"]
            assert rest == "uploads/an-upload"
            if named != digest:
                self._say(400, {}, b"DIGEST_INVALID")
                return
            self.kept.blobs[repository, digest] = body
        else:
            if not self._is_whole(repository, json.loads(body)):
                self._say(404, {}, b"MANIFEST_BLOB_UNKNOWN")
                return
            media = self.headers["Content-Type"]
            for reference in (rest, digest):
                self.kept.manifests[repository, reference] = (media, body)
        self._say(201, {"Docker-Content-Digest": digest})

    def _is_whole(self, repository: str, document: dict[str, Any]) -> bool:
        below = [document["config"], *document["layers"]] if "config" in document else []
        listed = document.get("manifests", [])
        return all((repository, each["digest"]) in self.kept.blobs for each in below) and all(
            (repository, each["digest"]) in self.kept.manifests for each in listed
        )

    def _read(self, *, with_body: bool) -> None:
        self._note()
        if self.path == "/v2/":
            self._say(200, {}, b"{}", with_body=with_body)
            return
        repository, kind, reference = self._parts()
        found = (
            ("application/octet-stream", self.kept.blobs.get((repository, reference)))
            if kind == "blobs"
            else self.kept.manifests.get((repository, reference), ("", None))
        )
        if found[1] is None:
            self._say(404, {}, b"NOT_FOUND", with_body=with_body)
            return
        digest = f"sha256:{hashlib.sha256(found[1]).hexdigest()}"
        headers = {"Content-Type": found[0], "Docker-Content-Digest": digest}
        self._say(200, headers, found[1], with_body=with_body)

    def _parts(self) -> tuple[str, str, str]:
        path = urlsplit(self.path).path.removeprefix("/v2/")
        kind = "blobs" if "/blobs/" in path else "manifests"
        repository, _, rest = path.partition(f"/{kind}/")
        return repository, kind, rest

    def _note(self) -> None:
        self.kept.asked.append(f"{self.command} {self.path}")

    def _say(
        self, status: int, headers: dict[str, str], body: bytes = b"", *, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nobody reads it."""
