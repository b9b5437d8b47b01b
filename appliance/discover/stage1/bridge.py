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


class NoRoomError(Exception):
    """This machine cannot hold what it is to fetch."""


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

    def size(self, url: str) -> int:
        """Give the octets of a file; 0 if the bridge does not say. Raises as `report`."""
        connection = self._connect(url, _SECONDS)
        try:
            return _length(_answer(connection, "HEAD", url))
        finally:
            connection.close()

    def download(self, url: str, path: str, progress: Callable[[int, int], None]) -> None:
        """Fetch a file; `progress` is told the octets so far and in all.

        Raises as `report`, and NoRoomError where it cannot be written here.
        """
        connection = self._connect(url, _DOWNLOAD_SECONDS)
        try:
            answer = _answer(connection, "GET", url)
            size, so_far = _length(answer), 0
            with open(path, "wb") as opened:
                while chunk := _chunk(answer):
                    opened.write(chunk)
                    so_far += len(chunk)
                    progress(so_far, size)
        except OSError as error:
            raise NoRoomError(_why(error)) from None
        finally:
            connection.close()
        if size and so_far != size:
            raise NoAnswerError(f"{url} ended after {so_far} of {size} octets")

    def _ask(self, method: str, url: str, body: bytes | None = None) -> bytes:
        connection = self._connect(url, _SECONDS)
        try:
            return _chunk(_answer(connection, method, url, body), _MOST)
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


def _answer(
    connection: http.client.HTTPConnection, method: str, url: str, body: bytes | None = None
) -> http.client.HTTPResponse:
    """Ask, and give a good answer. Raises OverError, RefusedError, NoAnswerError."""
    headers = {} if body is None else {"Content-Type": "application/json"}
    try:
        connection.request(method, _path(url), body, headers)
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(_why(error)) from None
    if answer.status == _OK:
        return answer
    reason = clean(_chunk(answer, _MOST).decode("utf-8", "replace")) or f"HTTP {answer.status}"
    raise (OverError if answer.status in _OVER else RefusedError)(reason)


def _chunk(answer: http.client.HTTPResponse, most: int = _CHUNK) -> bytes:
    try:
        return answer.read(most)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoAnswerError(_why(error)) from None


def _length(answer: http.client.HTTPResponse) -> int:
    said = answer.headers.get("Content-Length") or ""
    return int(said) if said.isascii() and said.isdigit() else 0


def _why(error: Exception) -> str:
    return clean(f"{error}") or type(error).__name__
