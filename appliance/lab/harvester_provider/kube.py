"""The Kubernetes API as the provider needs it: objects made, read, replaced and removed by path."""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Json = dict[str, Any]
_TIMEOUT = 120  # seconds an answer may take; the lab's hypervisor is an emulated machine


class ApiError(Exception):
    """The API refused, or did not answer. `status` is 0 where it did not."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API is and how to enter. `certificate` and `key` are PEM files in one text each."""

    server: str
    authority: str | None
    insecure: bool
    token: str | None
    certificate: str | None
    key: str | None


def access(kubeconfig: str) -> Access:
    """Read what a kubeconfig's current context says. Raises ApiError when it says too little."""
    try:
        document = YAML(typ="safe", pure=True).load(kubeconfig)
        context = _named(document["contexts"], document["current-context"])["context"]
        cluster = _named(document["clusters"], context["cluster"])["cluster"]
        user = _named(document["users"], context["user"])["user"] or {}
        return Access(
            server=str(cluster["server"]),
            authority=_material(cluster, "certificate-authority"),
            insecure=bool(cluster.get("insecure-skip-tls-verify")),
            token=user.get("token"),
            certificate=_material(user, "client-certificate"),
            key=_material(user, "client-key"),
        )
    except (YAMLError, KeyError, TypeError, StopIteration, OSError, binascii.Error) as error:
        raise ApiError(0, f"invalid configuration: {type(error).__name__} {error}") from error


def kubeconfig_text(argument: str | None) -> str:
    """Find the kubeconfig: Base64 of it, a path, or the file that KUBECONFIG names."""
    if argument:
        with contextlib.suppress(ValueError):
            return base64.b64decode(argument, validate=True).decode()
    path = argument or os.environ.get("KUBECONFIG", "")
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise ApiError(
            0,
            "invalid configuration: no configuration has been provided, try setting KUBECONFIG"
            f" environment variable ({error.strerror}: {path or 'no path'})",
        ) from error


class Cluster:
    """One API. A connection a call, so that any thread may call."""

    def __init__(self, entry: Access) -> None:
        self._entry = entry
        self._parts = urlsplit(entry.server)
        self._context = _tls(entry) if self._parts.scheme == "https" else None

    def get(self, path: str) -> Json | None:
        """Read an object; None where there is none. Raises ApiError."""
        try:
            return self._call("GET", path, None)
        except ApiError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def post(self, path: str, body: Json) -> Json:
        """Make an object. Raises ApiError."""
        return self._call("POST", path, body)

    def put(self, path: str, body: Json | None) -> Json:
        """Replace an object, or call a subresource. Raises ApiError."""
        return self._call("PUT", path, body)

    def delete(self, path: str, *, foreground: bool = False) -> None:
        """Remove an object; one that is not there is as good as removed. Raises ApiError."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}
        try:
            self._call("DELETE", path, body if foreground else None)
        except ApiError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise

    def _call(self, method: str, path: str, body: Json | None) -> Json:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._entry.token:
            headers["Authorization"] = f"Bearer {self._entry.token}"
        text = None if body is None else json.dumps(body)
        try:
            with contextlib.closing(self._connection()) as connection:
                connection.request(method, self._parts.path.rstrip("/") + path, text, headers)
                answer = connection.getresponse()
                return _understood(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, f"{method} {self._entry.server}{path}: {error}") from error

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=self._context)


def _understood(status: int, content: bytes) -> Json:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        found = {"message": content[:200].decode(errors="replace")}
    if status >= http.HTTPStatus.BAD_REQUEST:
        raise ApiError(status, str(found.get("message") or f"the server answered {status}"))
    return dict(found)


def _named(entries: list[Json], name: str) -> Json:
    return next(each for each in entries if each["name"] == name)


def _material(section: Json, key: str) -> str | None:
    if encoded := section.get(f"{key}-data"):
        return base64.b64decode(encoded).decode()
    if path := section.get(key):
        return Path(path).read_text(encoding="utf-8")
    return None


def _tls(entry: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=entry.authority)
    if entry.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if entry.certificate and entry.key:
        with _file(entry.certificate + "\n" + entry.key) as path:
            context.load_cert_chain(path)
    return context


@contextlib.contextmanager
def _file(text: str) -> Iterator[str]:
    """Give the text as a file only this user can read: OpenSSL takes keys from files alone."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        yield opened.name
