"""The protocol with the bridge: HTTP from one card's own address, each answer with a time limit."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .files import clean

_SECONDS = 5.0
_DOWNLOAD_SECONDS = 30.0
_MOST = 1 << 16
_CHUNK = 1 << 20
_SO_BINDTODEVICE = 25
_OK = 200
_OVER = (404, 410)


class NoAnswerError(Exception):
    """Nothing at that address speaks as a bridge does, at the moment."""


class RefusedError(Exception):
    """The bridge said no, in its own words."""


class OverError(RefusedError):
    """The token is over: another one is to be asked for."""


class Bridge:
    """One bridge, reached through one card from one address."""

    def __init__(self, base: str, card: str, address: str) -> None:
        self.base, self.card, self._address = base.rstrip("/"), card, address

    def healthy(self) -> bool:
        """Whether a bridge answers here."""
        try:
            return self._ask("GET", f"{self.base}/healthz").strip() == b"ok"
        except (NoAnswerError, RefusedError):
            return False

    def token(self, mac: str) -> str:
        """Give the boot token of this machine. Raises RefusedError, NoAnswerError."""
        said = self._ask("GET", f"{self.base}/d/{mac.replace(':', '')}").decode("ascii", "replace")
        token = said.strip()
        if not token.isascii() or not token.replace("-", "").replace("_", "").isalnum():
            raise NoAnswerError("what answers gives no token")
        return token

    def report(self, token: str, body: bytes) -> None:
        """Send the report. Raises OverError, RefusedError, NoAnswerError."""
        self._ask("POST", f"{self.base}/d/{token}/report", body)

    def orders(self, token: str) -> dict[str, Any]:
        """Ask what is to be done. Raises OverError, RefusedError, NoAnswerError."""
        try:
            said = json.loads(self._ask("GET", f"{self.base}/d/{token}/orders"))
        except ValueError:
            raise NoAnswerError("what answers gives no orders") from None
        if not isinstance(said, dict):
            raise NoAnswerError("what answers gives no orders")
        return said

    def download(self, url: str, path: str, progress: Callable[[int, int], None]) -> None:
        """Fetch a file; `progress` is told the octets so far and in all. Raises as `report`."""
        connection = self._connect(url, _DOWNLOAD_SECONDS)
        try:
            connection.request("GET", _path(url))
            answer = connection.getresponse()
            _judge(answer.status, answer)
            size = int(answer.headers.get("Content-Length") or 0)
            so_far = 0
            with open(path, "wb") as opened:
                while chunk := answer.read(_CHUNK):
                    opened.write(chunk)
                    so_far += len(chunk)
                    progress(so_far, size)
            if size and so_far != size:
                raise NoAnswerError(f"{url} ended after {so_far} of {size} octets")
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise NoAnswerError(_why(error)) from None
        finally:
            connection.close()

    def _ask(self, method: str, url: str, body: bytes | None = None) -> bytes:
        connection = self._connect(url, _SECONDS)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, _path(url), body, headers)
            answer = connection.getresponse()
            _judge(answer.status, answer)
            return answer.read(_MOST)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(_why(error)) from None
        finally:
            connection.close()

    def _connect(self, url: str, seconds: float) -> http.client.HTTPConnection:
        """Connect from this card and its address: the bridge gives a token to no other."""
        try:
            place = urlsplit(url)
            host, port = place.hostname, place.port or 80
        except ValueError:
            host, port = None, 0
        if not host or not url.startswith("http://"):
            raise NoAnswerError(f"{clean(url)} is no address of a bridge")
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
        try:
            connection.sock = self._socket(host, port, seconds)
        except OSError as error:
            raise NoAnswerError(_why(error)) from None
        return connection

    def _socket(self, host: str, port: int, seconds: float) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            opened.settimeout(seconds)
            if self.card:
                opened.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, self.card.encode())
            if self._address:
                opened.bind((self._address, 0))
            opened.connect((host, port))
        except OSError:
            opened.close()
            raise
        return opened


def _path(url: str) -> str:
    place = urlsplit(url)
    return f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"


def _judge(status: int, answer: http.client.HTTPResponse) -> None:
    if status == _OK:
        return
    reason = clean(answer.read(_MOST).decode("utf-8", "replace")) or f"HTTP {status}"
    raise (OverError if status in _OVER else RefusedError)(reason)


def _why(error: Exception) -> str:
    return clean(f"{error}") or type(error).__name__
