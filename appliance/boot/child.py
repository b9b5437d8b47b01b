"""The boot process: `… -m appliance.boot.child STATE_DIR CONTROL_FD NAME=FD…`, or `--at SOCKET`.

Started by main with open sockets and no secret in its arguments; as a unit of systemd, it fetches
the sockets from main, which listens at the path given. It gives up its rights, then
serves until main says stop or is gone: nothing on the network is answered by an orphan. It ends
by the closed channel and not by PR_SET_PDEATHSIG, which fires when the *thread* that started it
ends (prctl(2)).
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from appliance.boot.boot_store import BootStore
from appliance.boot.channel import Channel
from appliance.boot.control import (
    Configure,
    Inject,
    Machines,
    Order,
    Ready,
    Release,
    Released,
    Repeat,
    Stop,
    ToMain,
)
from appliance.boot.dhcp_server import DhcpService
from appliance.boot.dns_server import DnsService
from appliance.boot.http_app import make_app
from appliance.boot.http_server import BootHttpServer
from appliance.boot.lease_store import LeaseStore, laptop_boot
from appliance.boot.loop import Loop
from appliance.boot.neighbours import neighbour
from appliance.boot.ntp_server import NtpService
from appliance.boot.passing import fetch
from appliance.boot.privileges import boot_account, drop
from appliance.boot.stage1 import Stage1
from appliance.boot.state import BootState
from appliance.boot.syslog_server import SyslogService
from appliance.boot.tftp_server import TftpService
from appliance.boot.zone import CurrentZone
from appliance.errors import WireError
from appliance.tools.clock import Clock
from appliance.tools.host_clock import synchronised

DATABASE = "boot.db"
_FLUSH_SECONDS = 0.5
_DAWDLER_SECONDS = 5.0
_END_SECONDS = 2.0
_FETCH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Arguments:
    """What main starts this process with."""

    state_dir: Path
    control: int
    sockets: Mapping[str, int]


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read the arguments. Raises ValueError if they are not as main writes them."""
    state_dir, control, *named = argv
    pairs = (each.partition("=") for each in named)
    return Arguments(Path(state_dir), int(control), {name: int(fd) for name, _, fd in pairs})


def fetch_arguments(meeting: Path) -> Arguments:
    """Fetch the same from main at a socket, and send what is said from now on there, too.

    Raises OSError if nobody listens, WireError if it is not main that speaks.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_FETCH_SECONDS)
    connection.connect(str(meeting))
    passed = fetch(connection)
    os.dup2(passed.last_words, sys.stderr.fileno())
    os.close(passed.last_words)
    return Arguments(passed.state_dir, connection.detach(), passed.sockets)


class Child:
    """All services on their sockets, and the channel to main."""

    def __init__(
        self, channel: Channel, sockets: dict[str, socket.socket], state_dir: Path, clock: Clock
    ) -> None:
        self._channel = channel
        self._sockets = sockets
        self._clock = clock
        self._state = BootState(
            store=BootStore(state_dir / DATABASE),
            clock=clock,
            emit=self._emit,
            new_token=_new_token,
            neighbour=lambda address: neighbour(address, self._state.network.interface),
        )
        self._stage1 = Stage1(self._state, new_token=_new_token)
        self._state_dir = state_dir
        self._loop = Loop(monotonic=clock.monotonic, on_error=self._on_error)
        self._http: BootHttpServer | None = None
        self._dhcp: DhcpService | None = None
        self._closable: dict[str, DnsService | NtpService] = {}
        self._running = False

    def run(self) -> None:
        """Serve until main says stop or is gone."""
        Thread(target=self._obey, name="main", daemon=True).start()
        self._loop.run()
        self._state.flush()
        if self._http is not None:
            self._http.stop()
        self._channel.close()

    def _obey(self) -> None:
        try:
            for message in self._channel.receive():
                match message:
                    case Repeat(after):
                        self._state.repeat(after)
                    case Configure(network, files):
                        self._state.configure(network, files)
                        self._loop.call_soon(self._start_services)
                    case Machines(machines):
                        self._state.set_machines(machines)
                        # The lease book is the loop's: it must not change under a packet.
                        self._loop.call_soon(self._reserve)
                    case Inject(evidence):
                        self._state.inject(evidence)
                    case Order():
                        self._stage1.order(message)
                    case Release(sockets):
                        self._loop.call_soon(lambda names=sockets: self._release(names))  # type: ignore[misc]
                    case Stop():
                        break
        except WireError as error:
            print(f"main's message: {error}", file=sys.stderr)  # noqa: T201 - main shows it
        finally:
            self._loop.stop()
            # Should a service hang, the process ends all the same.
            Thread(target=_end_hard, daemon=True).start()

    def _start_services(self) -> None:
        if self._running:
            return
        self._running = True
        try:
            self._start_each()
        except Exception:  # noqa: BLE001 - whatever it is, main shows it and decides
            traceback.print_exc()
            os._exit(1)
        self._loop.every(_FLUSH_SECONDS, self._state.flush)
        self._emit(Ready(tuple(sorted(self._sockets))))

    def _start_each(self) -> None:
        sockets, loop, state, clock = self._sockets, self._loop, self._state, self._clock
        if "dhcp" in sockets:
            self._dhcp = DhcpService(
                sockets=sockets,
                network=state.network,
                memory=state,
                store=LeaseStore(self._state_dir / DATABASE, boot=laptop_boot()),
                clock=clock,
                machines=state.machines(),
                turns=self._stage1,
            )
            self._dhcp.register(loop)
            self._reserve()
        if "tftp" in sockets:
            TftpService(sockets["tftp"], loop=loop, state=state, clock=clock)
        for prefix in ("", "services_"):
            self._start_names_and_time(prefix)
        if "syslog" in sockets:
            SyslogService(sockets["syslog"], loop=loop, state=state, clock=clock)
        if "http" in sockets:
            self._start_http(sockets["http"])

    def _start_names_and_time(self, prefix: str) -> None:
        sockets, loop, state, clock = self._sockets, self._loop, self._state, self._clock
        udp, tcp, ntp = (f"{prefix}{name}" for name in ("dns_udp", "dns_tcp", "ntp"))
        if udp in sockets or tcp in sockets:
            names = DnsService(
                sockets.get(udp),
                sockets.get(tcp),
                loop=loop,
                state=state,
                clock=clock,
                zone=CurrentZone(lambda: state.network),
            )
            self._closable |= dict.fromkeys((udp, tcp), names)
        if ntp in sockets:
            self._closable[ntp] = NtpService(
                sockets[ntp], loop=loop, state=state, clock=clock, synchronised=synchronised
            )

    def _release(self, names: tuple[str, ...]) -> None:
        for name in names:
            if (service := self._closable.pop(name, None)) is not None:
                service.close()
            if (opened := self._sockets.pop(name, None)) is not None:
                opened.close()
        self._emit(Released(names))

    def _reserve(self) -> None:
        if self._dhcp is not None:
            self._dhcp.set_machines(self._state.machines())

    def _start_http(self, listening: socket.socket) -> None:
        port = listening.getsockname()[1]
        self._http = BootHttpServer(
            listening,
            make_app(self._state, self._stage1, port=port),
            monotonic=self._clock.monotonic,
            log=lambda text: self._state.say("http", text),
        )
        self._http.start_threads()
        self._loop.every(_DAWDLER_SECONDS, self._end_dawdlers)

    def _end_dawdlers(self) -> None:
        if self._http is not None and (count := self._http.end_dawdlers()):
            self._state.say("finding", f"{count} clients did not finish their HTTP request in time")

    def _emit(self, message: ToMain) -> None:
        self._channel.send(message)

    def _on_error(self, error: BaseException) -> None:
        traceback.print_exception(error)
        self._state.say("finding", f"a boot service met an error: {type(error).__name__}")


def _new_token() -> str:
    return secrets.token_urlsafe(24)


def _end_hard() -> None:
    Flag().wait(_END_SECONDS)
    os._exit(0)


def main(argv: Sequence[str]) -> int:
    """Run the boot process to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fetched = argv[:1] == ["--at"]
    arguments = fetch_arguments(Path(argv[1])) if fetched else parse_arguments(argv)
    sockets = {name: socket.socket(fileno=fd) for name, fd in arguments.sockets.items()}
    control = socket.socket(fileno=arguments.control)
    for each in (control, *sockets.values()):
        each.set_inheritable(False)
    drop(boot_account())
    Child(Channel(control), sockets, arguments.state_dir, Clock.of_this_machine()).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
