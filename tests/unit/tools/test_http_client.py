"""The HTTP client against real servers on loopback."""

from __future__ import annotations

import gc
import hashlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.tools.http_client import HttpClient, probe_https


class Handler(BaseHTTPRequestHandler):
    """A small server with a few manners."""

    def do_GET(self) -> None:
        """Answer by path."""
        status, headers = 200, {"Content-Length": "4"}
        if self.path == "/moved":
            status, headers = 302, {"Location": "/ping", "Content-Length": "0"}
        elif self.path == "/elsewhere":
            status, headers = 302, {"Location": "ftp://127.0.0.1:1/x", "Content-Length": "0"}
        elif self.path == "/no":
            status, headers = 404, {"Content-Length": "0"}
        elif self.path == "/noise":
            self.wfile.write(b"\0\1\2 not HTTP\r\n\r\n")
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if status == 200:
            self.wfile.write(b"pong")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Stay silent."""


@contextmanager
def serving(server: HTTPServer) -> Iterator[int]:
    """Serve until the block ends; give the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url() -> Iterator[str]:
    """Give the URL of a plain server."""
    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


def self_signed(folder: Path) -> tuple[ssl.SSLContext, str]:
    """Make a certificate that nobody vouches for; give the server's context and its SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dynamic")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    der = certificate.public_bytes(serialization.Encoding.DER)
    return context, hashlib.sha256(der).hexdigest()


def test_an_answer_is_read_as_it_comes(url: str) -> None:
    """Status, headers and body; redirections are followed on the same ground."""
    with HttpClient(timeout=5).get(f"{url}/moved") as answer:
        assert (answer.status, answer.url) == (200, f"{url}/ping")
        assert answer.headers["Content-Length"] == "4"
        assert answer.read(100) == b"pong"
        assert answer.read(100) == b""


def test_any_status_is_an_answer(url: str) -> None:
    """404 is no exception."""
    with HttpClient(timeout=5).get(f"{url}/no") as answer:
        assert answer.status == 404


def test_a_redirection_to_another_scheme_is_an_oserror(url: str) -> None:
    """Only http and https are spoken."""
    wanted = pytest.raises(OSError, match="not followed")
    with wanted, HttpClient(timeout=5).get(f"{url}/elsewhere"):
        pass


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_noise_is_an_oserror(url: str) -> None:
    """A server that does not speak HTTP. urllib leaves its socket to the garbage collector."""
    with pytest.raises(OSError, match="not speak HTTP"), HttpClient(timeout=5).get(f"{url}/noise"):
        pass
    gc.collect()


def test_nobody_there_is_an_oserror() -> None:
    """A closed port."""
    with pytest.raises(ConnectionRefusedError), HttpClient(timeout=5).get("http://127.0.0.1:1/x"):
        pass


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "/etc/passwd"])
def test_other_schemes_are_refused(url: str) -> None:
    """No file of this laptop can be fetched by a URL."""
    with pytest.raises(ValueError, match="not an http"), HttpClient().get(url):
        pass


def test_the_probe_tells_the_certificate(tmp_path: Path) -> None:
    """Self-signed is accepted, and named by its SHA-256."""
    context, fingerprint = self_signed(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        answer = probe_https("127.0.0.1", "/ping", port=port)
    assert (answer.status, answer.body, answer.fingerprint) == (200, b"pong", fingerprint)


def test_the_probe_of_a_plain_server_is_an_oserror(url: str) -> None:
    """A server without TLS is not ready."""
    with pytest.raises(OSError, match="SSL"):
        probe_https("127.0.0.1", "/ping", port=int(url.rsplit(":", 1)[1]))
