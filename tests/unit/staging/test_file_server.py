"""Files by name: whole, in part, not again, and nothing that is not listed."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.staging.config import StagedFile
from appliance.staging.file_server import PER_CLIENT, FileServer, part_of

CONTENT = bytes(range(256)) * 40
PATIENCE = 10.0


@dataclass
class Served:
    """A running server."""

    port: int
    file: StagedFile
    folder: Path
    said: list[str] = field(default_factory=list)

    def ask(
        self, path: str, *, method: str = "GET", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Ask once."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(method, path, headers=sent)
        answer = line.getresponse()
        body = answer.read()
        line.close()
        return answer.status, answer.headers, body


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A file, a file that is not listed, and a listed one that is a link."""
    (tmp_path / "whole.bin").write_bytes(CONTENT)
    (tmp_path / "private").write_text("not listed")
    (tmp_path / "link").symlink_to(tmp_path / "private")
    file = StagedFile("whole.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    link = StagedFile("link", 10, "ab" * 32)
    listening = socket.create_server(("127.0.0.1", 0))
    given_to = Served(listening.getsockname()[1], file, tmp_path)
    files = {each.name: each for each in (file, link)}
    server = FileServer(listening, tmp_path, files, given_to.said.append)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield given_to
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_given_whole(served: Served) -> None:
    """With length and digest; HEAD gives the same without a body."""
    status, headers, body = served.ask("/a/whole.bin")
    assert (status, body) == (200, CONTENT)
    assert headers["ETag"] == f'"{served.file.sha256}"'
    status, head, nothing = served.ask("/a/whole.bin", method="HEAD")
    assert (status, nothing) == (200, b"")
    assert head["Content-Length"] == headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=10-19", slice(10, 20)),
        ("bytes=10000-", slice(10000, None)),
        ("bytes=-5", slice(-5, None)),
    ],
)
def test_a_part_is_given(served: Served, asked: str, part: slice) -> None:
    """A download that broke off is continued."""
    status, headers, body = served.ask("/a/whole.bin", Range=asked)
    assert (status, body) == (206, CONTENT[part])
    assert headers["Content-Range"].endswith(f"/{len(CONTENT)}")


def test_a_part_of_a_file_that_changed_is_the_whole(served: Served) -> None:
    """If-Range names another digest."""
    assert served.ask("/a/whole.bin", Range="bytes=1-2", If_Range='"other"')[0] == 200
    same = f'"{served.file.sha256}"'
    assert served.ask("/a/whole.bin", Range="bytes=1-2", If_Range=same)[0] == 206


def test_a_range_outside_is_refused_and_a_known_file_not_sent(served: Served) -> None:
    """416 with the size; 304 for its digest."""
    status, headers, _ = served.ask("/a/whole.bin", Range="bytes=99999-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    status, _, body = served.ask("/a/whole.bin", If_None_Match=f'"{served.file.sha256}"')
    assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/", "/a/", "/a/private", "/a/../private", "/a/%2e%2e/private", "/whole.bin", "/a//x"]
)
def test_nothing_else_is_there(served: Served, path: str) -> None:
    """Names are looked up in a list: there are no paths to walk."""
    assert served.ask(path)[0] == 404


def test_slashes_are_forgiven_and_health_is_told(served: Served) -> None:
    """As the laptop's server does."""
    assert served.ask("//a//whole.bin")[0] == 200
    assert served.ask("/healthz")[2] == b"ok\n"


def test_a_link_or_a_changed_file_is_not_served(served: Served) -> None:
    """The journal says which."""
    assert served.ask("/a/link")[0] == 500
    (served.folder / "whole.bin").write_bytes(b"short")
    assert served.ask("/a/whole.bin")[0] == 500
    assert any("5 octets instead of" in each for each in served.said)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(served: Served, method: str) -> None:
    """Only GET and HEAD are spoken."""
    assert served.ask("/a/whole.bin", method=method)[0] == 501


def test_one_client_cannot_take_all_connections(served: Served) -> None:
    """The one too many is closed at once; a free place is used again."""
    lines = [
        socket.create_connection(("127.0.0.1", served.port), PATIENCE) for _ in range(PER_CLIENT)
    ]
    for line in lines:  # each is served before the next test of the limit
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(100)
    with socket.create_connection(("127.0.0.1", served.port), PATIENCE) as extra:
        assert extra.recv(1) == b""
    for line in lines:
        line.close()


sizes = st.integers(1, 50)


@given(sizes, st.text("bytes=-,0123456789", max_size=20))
def test_any_range_is_a_part_of_the_file(size: int, asked: str) -> None:
    """Garbage is the whole file, and no part reaches outside."""
    for text in (asked, f"bytes={asked}"):
        part = part_of(size, text)
        if part is not None:
            offset, length = part
            assert 0 <= offset < size
            assert 1 <= length <= size - offset
