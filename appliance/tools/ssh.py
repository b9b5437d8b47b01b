"""SSH as a client, through paramiko. A secret goes only to a host that proved who it is.

A host whose key is known gets a password, or is asked by key; one whose key nobody knows may be
anybody, and gets only a password that is public anyway, or a signature by a key, which gives
nothing away.
"""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import paramiko

from appliance.errors import StepError
from appliance.values import Secret

PORT = 22


@dataclass(frozen=True, slots=True)
class KnownHost:
    """The host must show one of these keys (`SHA256:…`); it then gets the password."""

    fingerprints: frozenset[str]
    password: Secret


@dataclass(frozen=True, slots=True)
class KeyHost:
    """The host must show one of these keys (`SHA256:…`); `key` is ours, in OpenSSH's form."""

    fingerprints: frozenset[str]
    key: Secret


@dataclass(frozen=True, slots=True)
class UnknownHost:
    """Any host key is accepted and told. `public_password` is one that manuals print.

    `key` is a private key in OpenSSH's form; it is tried first, and never leaves this machine.
    """

    public_password: str
    key: Secret | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What a command said, cut at the limit, and the fingerprint of the host it ran on."""

    status: int
    out: bytes
    cut: bool
    fingerprint: str


def run_remote(  # noqa: PLR0913 - a call over the network has that many sides
    address: str,
    user: str,
    host: KnownHost | KeyHost | UnknownHost,
    command: str,
    *,
    port: int = PORT,
    connect_timeout: float = 10.0,
    seconds: float = 60.0,
    limit: int = 1 << 20,
) -> Output:
    """Run a command and read at most `limit` octets of what it says.

    Raises StepError: no connection, another host key, login refused, or not done in `seconds`.
    No secret may be in `command`: every user of the host can read it.
    """
    end = time.monotonic() + seconds
    try:
        with _connected(address, port, connect_timeout) as transport:
            fingerprint = _fingerprint(transport)
            _log_in(transport, user, host, address, fingerprint)
            channel = transport.open_session(timeout=connect_timeout)
            channel.exec_command(command)
            out, cut = _read(channel, limit, end)
            status = -1 if cut else channel.recv_exit_status()
            return Output(status, out, cut, fingerprint)
    except paramiko.AuthenticationException as error:
        raise _failed(address, "the login is refused", "is it the installer's live system?") from (
            error
        )
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise _failed(address, str(error) or type(error).__name__, "is the machine up?") from error


@contextmanager
def _connected(address: str, port: int, timeout: float) -> Iterator[paramiko.Transport]:
    line = socket.create_connection((address, port), timeout)
    try:
        transport = paramiko.Transport(line)
        transport.banner_timeout = timeout
        transport.auth_timeout = timeout
        try:
            transport.start_client(timeout=timeout)
            yield transport
        finally:
            transport.close()
    finally:
        line.close()


def known_fingerprints(known_hosts: str, address: str) -> frozenset[str]:
    """Give the fingerprints that lines of known_hosts (sshd(8)) hold for an address. Pure."""
    rows = [line.split() for line in known_hosts.splitlines() if not line.startswith("#")]
    return frozenset(
        _sha256(base64.b64decode(row[2]))
        for row in rows
        if len(row) >= 3 and address in row[0].split(",")
    )


def _fingerprint(transport: paramiko.Transport) -> str:
    """Give a host key's fingerprint in OpenSSH's form."""
    return _sha256(transport.get_remote_server_key().asbytes())


def _sha256(key: bytes) -> str:
    digest = hashlib.sha256(key).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _log_in(
    transport: paramiko.Transport,
    user: str,
    host: KnownHost | KeyHost | UnknownHost,
    address: str,
    fingerprint: str,
) -> None:
    if isinstance(host, KeyHost):
        _prove(host.fingerprints, fingerprint, address)
        own = paramiko.Ed25519Key.from_private_key(io.StringIO(host.key.reveal()))
        transport.auth_publickey(user, own)
        return
    if isinstance(host, UnknownHost) and host.key is not None:
        key = paramiko.Ed25519Key.from_private_key(io.StringIO(host.key.reveal()))
        with suppress(paramiko.AuthenticationException):
            transport.auth_publickey(user, key)
            return
    transport.auth_password(user, _password(host, fingerprint, address))


def _password(host: KnownHost | UnknownHost, fingerprint: str, address: str) -> str:
    if isinstance(host, UnknownHost):
        return host.public_password
    _prove(host.fingerprints, fingerprint, address)
    return host.password.reveal()


def _prove(known: frozenset[str], fingerprint: str, address: str) -> None:
    if fingerprint not in known:
        raise _failed(
            address,
            f"it shows the host key {fingerprint}, which is not the one known",
            "is another machine at this address? No password was sent",
        )


def _read(channel: paramiko.Channel, limit: int, end: float) -> tuple[bytes, bool]:
    """Read to the end, the limit or the time; say whether there was more."""
    out = bytearray()
    while True:
        rest = end - time.monotonic()
        if rest <= 0:
            raise TimeoutError("the command did not end in time")
        channel.settimeout(rest)
        try:
            block = channel.recv(min(65536, limit + 1 - len(out)))
        except TimeoutError as error:
            raise TimeoutError("the command did not end in time") from error
        if not block:
            return bytes(out), False
        out += block
        if len(out) > limit:
            return bytes(out[:limit]), True


def _failed(address: str, why: str, fix: str) -> StepError:
    return StepError(f"no SSH session with {address}", where=address, why=why, fix=fix)
