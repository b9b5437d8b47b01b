"""A real SSH server on loopback (paramiko's), for tests of what logs in."""

from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import paramiko


@dataclass(slots=True)
class Sshd:
    """The server's port, its key and fingerprint, and what it was offered and asked."""

    port: int
    fingerprint: str
    passwords: list[str] = field(default_factory=list)
    public_key: str = ""
    host_key: str = ""
    commands: list[str] = field(default_factory=list)


class _Session(paramiko.ServerInterface):
    def __init__(self, sshd: Sshd, password: str) -> None:
        self._sshd, self._password = sshd, password
        self.asked = threading.Event()
        self.command = ""

    def check_auth_password(self, username: str, password: str) -> int:
        """Take one user with one password."""
        self._sshd.passwords.append(password)
        good = username == "rancher" and password == self._password
        return paramiko.common.AUTH_SUCCESSFUL if good else paramiko.common.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Take one user with one key."""
        good = username == "rancher" and key.get_base64() in self._sshd.public_key.split()
        return paramiko.common.AUTH_SUCCESSFUL if good else paramiko.common.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        """Passwords and keys."""
        del username
        return "password,publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions only."""
        del chanid
        return (
            paramiko.common.OPEN_SUCCEEDED
            if kind == "session"
            else paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        )

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Note the command; it is run by the serving thread."""
        del channel
        self.command = command.decode()
        self._sshd.commands.append(self.command)
        self.asked.set()
        return True


@contextmanager
def serving(password: str, *, rewrite: tuple[str, str] = ("", "")) -> Iterator[Sshd]:
    """Serve until the block ends. Commands run in a shell, after `rewrite` of one text in them."""
    key = paramiko.ECDSAKey.generate()
    digest = hashlib.sha256(key.asbytes()).digest()
    listener = socket.create_server(("127.0.0.1", 0))
    sshd = Sshd(
        listener.getsockname()[1],
        f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}",
        host_key=f"{key.get_name()} {key.get_base64()}",
    )

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError, EOFError, paramiko.SSHException):
                _serve_one(line, key, _Session(sshd, password), rewrite)
            line.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield sshd
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _serve_one(
    line: socket.socket, key: paramiko.PKey, session: _Session, rewrite: tuple[str, str]
) -> None:
    transport = paramiko.Transport(line)
    transport.add_server_key(key)
    try:
        transport.start_server(server=session)
        channel = transport.accept(10)
        if channel is None or not session.asked.wait(10):
            return
        command = session.command.replace(*rewrite) if rewrite[0] else session.command
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, check=False, timeout=20
        )
        channel.sendall(done.stdout)
        channel.send_exit_status(done.returncode)
        channel.close()
        transport.join(5)
    finally:
        transport.close()
