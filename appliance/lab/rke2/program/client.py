"""HTTPS to a supervisor: the CA pinned, errors in the words that Go's client has for them."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_NOT_YET_VALID, _EXPIRED, _HOST_MISMATCH, _ADDRESS_MISMATCH = 9, 10, 62, 64  # openssl/x509_vfy.h


class RequestError(Exception):
    """A request failed; `status` is the answer's, 0 if none came."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Read the body. Raises RequestError if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RequestError(f"invalid answer: {error}", self.status) from error


def basic(user: str, secret: str) -> dict[str, str]:
    """Give the header that a token's user and secret make."""
    word = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {word}"}


class Client:
    """Requests to one address, on one connection that is kept open between them.

    Without `ca` nothing is verified: only the CA itself is asked for so. `certificate` is the
    client's own. Not for several threads at once.
    """

    def __init__(
        self,
        host: str,
        port: int,
        ca: bytes | None = None,
        certificate: tuple[Path, Path] | None = None,
        limit: float = 10.0,
    ) -> None:
        self.host, self.port = host, port
        self._ca, self._certificate, self._limit = ca, certificate, limit
        self._link: http.client.HTTPSConnection | None = None

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """GET. Raises RequestError for anything but success."""
        return self.request("GET", path, b"", headers)

    def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> Answer:
        """POST bytes, or anything else as JSON. Raises RequestError for anything but success."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, headers)

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request; once more if the kept connection had been closed meanwhile."""
        kept = self._link is not None
        try:
            return self._exchange(method, path, body, headers or {})
        except RequestError as error:
            if not kept or error.status:
                raise
        return self._exchange(method, path, body, headers or {})

    def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        url = f"https://{self.host}:{self.port}{path}"
        try:
            if self._link is None:
                self._link = http.client.HTTPSConnection(
                    self.host, self.port, timeout=self._limit, context=self._context()
                )
            self._link.request(method, path, body or None, headers)
            answer = self._link.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            verb = method.capitalize()
            raise RequestError(f'{verb} "{url}": {self._words(error)}') from error
        if not 200 <= answer.status < 300:
            raise RequestError(_refusal(url, answer.status, answer.reason, data), answer.status)
        return Answer(answer.status, data)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._ca is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(cadata=self._ca.decode("ascii"))
        if self._certificate:
            context.load_cert_chain(*map(str, self._certificate))
        return context

    def _words(self, error: BaseException) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "tls: failed to verify certificate: x509: " + self._certificate_words(error)
        dialled = f"dial tcp {self.host}:{self.port}"
        if isinstance(error, socket.gaierror):
            return f"dial tcp: lookup {self.host}: no such host"
        if isinstance(error, ConnectionRefusedError):
            return f"{dialled}: connect: connection refused"
        if isinstance(error, TimeoutError):
            return f"{dialled}: i/o timeout"
        if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
            return f"{dialled}: connect: {error.strerror.lower()}"
        return str(error) or type(error).__name__

    def _certificate_words(self, error: ssl.SSLCertVerificationError) -> str:
        if error.verify_code in {_NOT_YET_VALID, _EXPIRED}:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            side = "before" if error.verify_code == _NOT_YET_VALID else "after"
            kind = "begin" if error.verify_code == _NOT_YET_VALID else "end"
            return (
                f"certificate has expired or is not yet valid: current time {now} is {side} "
                f"the {kind} of its validity"
            )
        if error.verify_code in {_HOST_MISMATCH, _ADDRESS_MISMATCH}:
            return f"certificate is valid for {', '.join(self._names())}, not {self.host}"
        return "certificate signed by unknown authority"

    def _names(self) -> list[str]:
        from .certificates import names_of

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with (
                socket.create_connection((self.host, self.port), self._limit) as plain,
                context.wrap_socket(plain) as link,
            ):
                return names_of(link.getpeercert(binary_form=True) or b"") or ["no name"]
        except OSError:
            return ["other names"]


def _refusal(url: str, status: int, reason: str, body: bytes) -> str:
    said = body.decode("utf-8", "replace").strip()
    with contextlib.suppress(ValueError, KeyError, TypeError):
        said = str(json.loads(said)["message"])
    standard = http.client.responses.get(status, reason)
    return f"{url}: {status} {standard}" + ("" if said in {"", standard} else f": {said}")


def fetch_ca(host: str, port: int, limit: float = 10.0) -> bytes:
    """Get a server's CA, and prove that the server's own certificate is signed by it.

    Raises RequestError: nothing answers, or the certificate is not valid for this name or time.
    """
    insecure = Client(host, port, limit=limit)
    try:
        ca = insecure.get("/cacerts").body
    except RequestError as error:
        raise RequestError(f"failed to get CA certs: {error}", error.status) from error
    finally:
        insecure.close()
    verified = Client(host, port, ca, limit=limit)
    try:
        verified.get("/cacerts")
    except (RequestError, ValueError, ssl.SSLError) as error:
        raise RequestError(f"CA cert validation failed: {error}") from error
    finally:
        verified.close()
    return ca
