"""HTTP as a client: downloads that can be continued, and the probe of a self-signed server.

Only http and https. A line that fails, in whatever way, is an `OSError` with a sentence; any
status is an answer. Nothing is retried here: the caller knows what a retry costs.
"""

from __future__ import annotations

import hashlib
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

_SCHEMES = ("http", "https")
_USER_AGENT = "bridgehead"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and headers of an answer. `url` is where redirections led."""

    status: int
    headers: Message
    url: str
    body: http.client.HTTPResponse

    def read(self, size: int) -> bytes:
        """Give what has come of the body, up to `size` octets; b"" at its end.

        Raises OSError if the line fails or is silent for the time-out.
        """
        try:
            return self.body.read1(size)
        except http.client.HTTPException as error:
            raise ConnectionError(f"the server broke off: {error!r}") from error


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but from https never to plain http, and never to another scheme."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in _SCHEMES or (before == "https" and after == "http"):
            raise ConnectionError(f"{req.full_url} leads to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_web_address(url: str) -> bool:
    """Say whether it is a URL that `HttpClient` opens."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.hostname)


class HttpClient:
    """Opens URLs. `timeout` is the longest silence on the line, in seconds."""

    def __init__(self, *, timeout: float = 30.0) -> None:
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_SafeRedirects)

    @contextmanager
    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Answer]:
        """GET a URL. Raises OSError if no answer comes, ValueError for another scheme."""
        if not is_web_address(url):
            raise ValueError(f"{url!r} is not an http or https URL")
        sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}
        request = urllib.request.Request(url, headers=sent)  # noqa: S310 - the scheme is checked
        with self._open(request) as response:
            yield Answer(response.status or 0, response.headers, response.url, response)

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            return self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as answer:
            return answer
        except urllib.error.URLError as error:
            cause = error.reason
            if isinstance(cause, OSError):
                raise cause from error
            raise ConnectionError(str(cause)) from error
        except http.client.HTTPException as error:
            raise ConnectionError(f"the server does not speak HTTP: {error!r}") from error


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a TLS server said. `fingerprint` is the SHA-256 of its certificate, in hex."""

    status: int
    body: bytes
    fingerprint: str


def probe_https(
    address: str, path: str, *, port: int = 443, timeout: float = 5.0, limit: int = 4096
) -> ProbeAnswer:
    """GET from a server whose certificate nobody vouches for, and say which certificate it was.

    No secret may travel this way. At most `limit` octets of the body are read. Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # a fresh cluster signs for itself
    line = http.client.HTTPSConnection(address, port, timeout=timeout, context=context)
    try:
        line.connect()
        certificate = line.sock.getpeercert(binary_form=True) or b""
        line.request("GET", path, headers={"User-Agent": _USER_AGENT})
        response = line.getresponse()
        body = response.read(limit)
        return ProbeAnswer(response.status, body, hashlib.sha256(certificate).hexdigest())
    except http.client.HTTPException as error:
        raise ConnectionError(f"the server does not speak HTTP: {error!r}") from error
    finally:
        line.close()
