"""HTTPS to one server that is known by its certificate, not by a name.

A fresh hypervisor signs for itself: the SHA-256 of the certificate it showed at first contact is
what it is known by from then on. It is compared before anything is sent. Where a cluster's own
authority is known (a kubeconfig carries it), the server is judged by that instead.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.values import Secret

_USER_AGENT = "bridgehead"
_LIMIT = 32 << 20


class CertificateChangedError(ConnectionError):
    """The server showed another certificate than the one it is known by. Nothing was sent."""

    def __init__(self, known: str, found: str) -> None:
        super().__init__(f"it shows the certificate {found}, not {known} as at first contact")
        self.known = known
        self.found = found


@dataclass(frozen=True, slots=True)
class Pin:
    """The SHA-256 of the server's certificate, in hex."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Certificates in PEM, one of which vouches for the server, which is called `server_name`."""

    pem: str
    server_name: str


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Who we are: a certificate in PEM and its key."""

    pem: str
    key: Secret


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `body` is cut at 32 MiB."""

    status: int
    body: bytes


class PinnedHttps:
    """Asks one server. Each request is a connection of its own: few are made, minutes apart."""

    def __init__(
        self,
        address: str,
        trust: Pin | Authority,
        *,
        port: int = 443,
        timeout: float = 30.0,
        client: ClientCertificate | None = None,
    ) -> None:
        self.address = address
        self._trust = trust
        self._port = port
        self._timeout = timeout
        self._context = _context(trust)
        if client is not None:
            _load(self._context, client)

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Ask; any status is an answer. Raises OSError (CertificateChangedError among them)."""
        sent = {"User-Agent": _USER_AGENT, "Connection": "close", **(headers or {})}
        with self._connected() as line:
            try:
                line.request(method, path, body=body, headers=sent)
                answer = line.getresponse()
                return Reply(answer.status, answer.read(_LIMIT))
            except http.client.HTTPException as error:
                raise ConnectionError(f"the server does not speak HTTP: {error!r}") from error

    @contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        name = self._trust.server_name if isinstance(self._trust, Authority) else self.address
        bare = socket.create_connection((self.address, self._port), self._timeout)
        try:
            with self._context.wrap_socket(bare, server_hostname=name) as secured:
                if isinstance(self._trust, Pin):
                    _compare(self._trust.fingerprint, secured)
                line = http.client.HTTPConnection(self.address, self._port)
                line.sock = secured
                yield line
        finally:
            bare.close()


def shown_certificate(
    address: str,
    *,
    port: int = 443,
    timeout: float = 10.0,
    context: ssl.SSLContext | None = None,
) -> bytes:
    """Give the certificate that a server shows, in DER, judging nothing. Raises OSError.

    `context` is that of the conversations to come, where they put up with older servers.
    """
    with (
        socket.create_connection((address, port), timeout) as bare,
        (context or _context(Pin(""))).wrap_socket(bare, server_hostname=address) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def fingerprint_of(der: bytes) -> str:
    """Give a certificate's SHA-256 in hex."""
    return hashlib.sha256(der).hexdigest()


def _compare(known: str, line: ssl.SSLSocket) -> None:
    found = fingerprint_of(line.getpeercert(binary_form=True) or b"")
    if found != known:
        raise CertificateChangedError(known, found)


def _context(trust: Pin | Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if isinstance(trust, Authority):
        context.load_verify_locations(cadata=trust.pem)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it may vouch for itself alone
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # judged by its fingerprint, before anything is sent
    return context


def _load(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """Hand over the key without writing it to a disk: OpenSSL takes it from a file only."""
    descriptor = os.memfd_create("client certificate")
    try:
        os.write(descriptor, f"{client.pem.strip()}\n{client.key.reveal().strip()}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
