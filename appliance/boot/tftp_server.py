"""The read-only TFTP service: wire.tftp_transfer decides, this file owns sockets and files.

Names are looked up in a table, never joined to a path. Each transfer has its own port (RFC 1350, 4)
or, by choice, they share port 69, for networks whose middle boxes drop replies from another port
(linuxserver/docker-netbootxyz#17, tinkerbell/tinkerbell#489).
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.boot.loop import Loop
from appliance.boot.model import STAGE1_UKI, ServedFile
from appliance.boot.script import autoexec_script, screen_text
from appliance.boot.served import FileUnreadableError, Watched, find_file, open_served
from appliance.boot.state import BootState
from appliance.boot.throttle import Throttle
from appliance.errors import WireError
from appliance.machines.state import Seen
from appliance.tools.clock import Clock
from appliance.wire import tftp
from appliance.wire.tftp_transfer import (
    Command,
    Outcome,
    SendBlock,
    SendMessage,
    Transfer,
)

MAX_TRANSFERS = 256
MAX_PER_CLIENT = 8
MAX_WINDOW = 16
HEADERS = 32
"""IP, UDP and TFTP headers: what a block must leave free of the MTU."""

_TICK_SECONDS = 0.1
_BATCH = 128
_LARGEST_REQUEST = 2048
_RANDOM_PORT = 0

Peer = tuple[str, int]


@dataclass(slots=True)
class Session:
    """One transfer with its client, its file or text, and its own socket if it has one."""

    peer: Peer
    name: str
    transfer: Transfer
    sock: socket.socket
    own_port: bool
    descriptor: int | None
    text: bytes
    watched: Watched | None

    def part(self, offset: int, length: int) -> bytes:
        """Read a part of what is sent."""
        if self.descriptor is None:
            return self.text[offset : offset + length]
        return os.pread(self.descriptor, length, offset)

    def close(self) -> None:
        """Free the file and the port."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
        if self.own_port:
            self.sock.close()


class TftpService:
    """Answers on one socket that is bound to port 69 (or another). Runs on the loop's thread."""

    def __init__(
        self, listening: socket.socket, *, loop: Loop, state: BootState, clock: Clock
    ) -> None:
        self._listening = listening
        self._loop = loop
        self._state = state
        self._clock = clock
        self._sessions: dict[Peer, Session] = {}
        self._per_client: Counter[str] = Counter()
        self._throttle = Throttle(clock.monotonic)
        listening.setblocking(False)
        loop.watch(listening, self.on_readable)
        loop.every(_TICK_SECONDS, self._tick)

    @property
    def transfers(self) -> int:
        """How many transfers run."""
        return len(self._sessions)

    def on_readable(self) -> None:
        """Take what waits on the shared port."""
        for _ in range(_BATCH):
            try:
                raw, peer = self._listening.recvfrom(_LARGEST_REQUEST)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of an earlier reply
            self._receive(raw, peer)

    def close(self) -> None:
        """End every transfer."""
        for session in list(self._sessions.values()):
            self._forget(session)
        self._loop.forget(self._listening)

    # ---------------------------------------------------------------- the shared port

    def _receive(self, raw: bytes, peer: Peer) -> None:
        try:
            message = tftp.decode(raw)
        except WireError as error:
            self._say(peer, f"cannot be read: {error.what}")
            self._refuse(peer, tftp.ErrorCode.ILLEGAL_OPERATION, "not a TFTP request")
            return
        session = self._sessions.get(peer)
        if isinstance(message, tftp.ReadRequest):
            self._read_request(message, peer, session)
        elif isinstance(message, tftp.WriteRequest):
            self._say(peer, f"wanted to write {screen_text(message.filename)!r}")
            self._refuse(peer, tftp.ErrorCode.ACCESS_VIOLATION, "this server is read-only")
        elif session is not None and not session.own_port:
            self._do(session, session.transfer.receive(message, self._clock.monotonic()))
        elif not isinstance(message, tftp.Error):  # an error is never answered by one
            self._refuse(peer, tftp.ErrorCode.UNKNOWN_TRANSFER, "no such transfer")

    def _read_request(self, request: tftp.ReadRequest, peer: Peer, running: Session | None) -> None:
        if running is not None:
            if running.transfer.acknowledged == 0 and running.name == request.filename:
                return  # its own repetition: the transfer itself sends again
            self._forget(running)
        if request.mode != "octet":
            self._say(peer, f"wanted mode {screen_text(request.mode)!r}")
            self._refuse(peer, tftp.ErrorCode.ILLEGAL_OPERATION, "only octet mode is served")
            return
        if len(self._sessions) >= MAX_TRANSFERS or self._per_client[peer[0]] >= MAX_PER_CLIENT:
            self._say(peer, "has too many transfers open")
            self._refuse(peer, tftp.ErrorCode.NOT_DEFINED, "too many transfers")
            return
        try:
            self._open(request, peer)
        except FileUnreadableError as error:
            self._state.say("finding", str(error))
            self._refuse(peer, tftp.ErrorCode.FILE_NOT_FOUND, "the file cannot be read")
        except (WireError, OSError) as error:
            self._say(peer, f"transfer could not begin: {type(error).__name__}")
            self._refuse(peer, tftp.ErrorCode.NOT_DEFINED, "the transfer cannot begin")

    def _open(self, request: tftp.ReadRequest, peer: Peer) -> None:
        bare = request.filename.lstrip("/")
        if bare.removeprefix("ipxe/") == "autoexec.ipxe":
            text = autoexec_script(self._state.network.bridge).encode()
            self._begin(request, peer, size=len(text), text=text)
            return
        file = find_file(self._state, bare, "ipxe")
        if file is None or not _by_tftp(file):
            shown = screen_text(request.filename)
            self._say(peer, f"asked for {shown!r}, which TFTP does not serve")
            self._refuse(peer, tftp.ErrorCode.FILE_NOT_FOUND, f"no file {shown}")
            return
        descriptor = open_served(file)
        try:
            watched = Watched(self._state, file, IPv4Address(peer[0]), "tftp")
            self._begin(request, peer, size=file.size, descriptor=descriptor, watched=watched)
        except BaseException:
            os.close(descriptor)
            raise

    def _begin(
        self,
        request: tftp.ReadRequest,
        peer: Peer,
        *,
        size: int,
        text: bytes = b"",
        descriptor: int | None = None,
        watched: Watched | None = None,
    ) -> None:
        network = self._state.network
        agreed, oack = tftp.negotiate(
            request, size=size, max_block=network.mtu - HEADERS, max_window=MAX_WINDOW
        )
        own_port = not network.tftp_single_port
        session = Session(
            peer=peer,
            name=request.filename,
            transfer=Transfer(agreed, size, oack),
            sock=self._own_socket() if own_port else self._listening,
            own_port=own_port,
            descriptor=descriptor,
            text=text,
            watched=watched,
        )
        self._sessions[peer] = session
        self._per_client[peer[0]] += 1
        if own_port:
            self._loop.watch(session.sock, lambda: self._on_session(session))
        self._do(session, session.transfer.start(self._clock.monotonic()))

    def _own_socket(self) -> socket.socket:
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            device = self._listening.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
            if device.strip(b"\0"):
                own.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
            own.bind((self._listening.getsockname()[0], _RANDOM_PORT))
        except OSError:
            own.close()
            raise
        return own

    # ---------------------------------------------------------------- one transfer

    def _on_session(self, session: Session) -> None:
        # One datagram a call: a client with a window sends one ACK and waits, so that a second
        # read would nearly always find nothing.
        try:
            raw, peer = session.sock.recvfrom(_LARGEST_REQUEST)
        except OSError:
            return
        if peer != session.peer:
            # RFC 1350, 4: a stranger is told, and changes nothing.
            self._send(session.sock, peer, _UNKNOWN_TRANSFER)
            return
        try:
            message = tftp.decode(raw)
        except WireError:
            return  # the transfer's own timer sends again
        self._do(session, session.transfer.receive(message, self._clock.monotonic()))

    def _do(self, session: Session, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, SendBlock):
                payload = session.part(command.offset, command.length)
                self._send(session.sock, session.peer, tftp.encode_data(command.block, payload))
            elif isinstance(command, SendMessage):
                self._send(session.sock, session.peer, tftp.encode(command.message))
            else:
                self._finish(session, command.outcome, command.detail)

    def _finish(self, session: Session, outcome: Outcome, detail: str) -> None:
        self._forget(session)
        shown = screen_text(session.name)
        if outcome is Outcome.COMPLETE and session.watched is not None:
            session.watched.ended(session.watched.file.size)
        elif outcome is Outcome.PROBED:
            self._say(session.peer, f"asked for the size of {shown!r} first, as UEFI does")
        elif outcome is Outcome.COMPLETE:
            self._say(session.peer, f"took {shown!r}")
        else:
            self._say(session.peer, f"{shown!r} {outcome.value}: {screen_text(detail)}")

    def _forget(self, session: Session) -> None:
        if self._sessions.get(session.peer) is not session:
            return
        del self._sessions[session.peer]
        self._per_client[session.peer[0]] -= 1
        if not self._per_client[session.peer[0]]:
            del self._per_client[session.peer[0]]
        if session.own_port:
            self._loop.forget(session.sock)
        session.close()

    def _tick(self) -> None:
        now = self._clock.monotonic()
        for session in list(self._sessions.values()):
            deadline = session.transfer.deadline
            if deadline is not None and deadline <= now:
                self._do(session, session.transfer.tick(now))

    # ---------------------------------------------------------------- out

    def _refuse(self, peer: Peer, code: tftp.ErrorCode, text: str) -> None:
        self._send(self._listening, peer, tftp.encode(tftp.Error(code, text[:200])))

    def _send(self, sock: socket.socket, peer: Peer, raw: bytes) -> None:
        try:
            sock.sendto(raw, peer)
        except OSError:
            # A full buffer or an unreachable client is a lost packet; the timer sends again.
            return

    def _say(self, peer: Peer, text: str) -> None:
        if not self._throttle.allows(peer[0]):
            return
        address = IPv4Address(peer[0])
        owner = self._state.owner_of(address)
        self._state.say(
            "tftp",
            f"{owner.name if owner else address} {text}",
            machine=owner.name if owner else None,
            data=(("address", str(address)),),
        )


_UNKNOWN_TRANSFER = tftp.encode(
    tftp.Error(tftp.ErrorCode.UNKNOWN_TRANSFER, "this port serves another client")
)


def _by_tftp(file: ServedFile) -> bool:
    """Only boot files go by TFTP; all else goes by HTTP."""
    return file.proves is Seen.BOOTLOADER_SENT or file.name == STAGE1_UKI
