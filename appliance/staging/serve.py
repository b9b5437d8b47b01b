"""The staging machine's own services: `python3 -m appliance.staging.serve --config FILE`.

Names, time and files on one address, without rights beyond the low ports: systemd starts it with
CAP_NET_BIND_SERVICE alone and is told when all of it answers.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread

from appliance.boot.dns_server import DnsService
from appliance.boot.loop import Loop
from appliance.boot.ntp_server import NtpService
from appliance.errors import BridgeheadError
from appliance.staging.config import ServeConfig, read
from appliance.staging.file_server import FileServer
from appliance.tools.clock import Clock
from appliance.wire import dns

_IP_FREEBIND = 15
"""linux/in.h. At boot the address may come after this service; it may be bound to all the same."""
_BACKLOG = 128


class JournalWitness:
    """Writes what the services say to the journal, by way of standard output."""

    def say(
        self,
        kind: str,
        text: str,
        *,
        machine: str | None = None,
        data: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Write one line."""
        del machine, data
        print(f"{kind}: {text}", flush=True)  # noqa: T201 - systemd keeps it

    def owner_of(self, address: IPv4Address) -> None:
        """Clients are not known by name here."""
        del address


@dataclass(frozen=True, slots=True)
class Listening:
    """The open sockets."""

    dns_udp: socket.socket
    dns_tcp: socket.socket
    ntp: socket.socket
    http: socket.socket


def listen(config: ServeConfig) -> Listening:
    """Open all sockets. Raises OSError naming the port that cannot be had."""
    address, ports = config.address, config.ports
    with ExitStack() as opened:
        listening = Listening(
            dns_udp=opened.enter_context(_open(address, ports.dns, socket.SOCK_DGRAM)),
            dns_tcp=opened.enter_context(_open(address, ports.dns, socket.SOCK_STREAM)),
            ntp=opened.enter_context(_open(address, ports.ntp, socket.SOCK_DGRAM)),
            http=opened.enter_context(_open(address, ports.http, socket.SOCK_STREAM)),
        )
        opened.pop_all()
    return listening


def zone_of(config: ServeConfig) -> dns.Zone:
    """Give the zone that is answered: the site's names, and this machine as its server."""
    return dns.Zone(
        origin=config.zone,
        hosts=dns.grouped(config.hosts),
        reverse=config.networks,
        server_name=config.name,
        address=config.address,
    )


class Server:
    """All services of the staging machine. `run` serves until `stop`, from any thread."""

    def __init__(self, config: ServeConfig, sockets: Listening, clock: Clock) -> None:
        zone, witness = zone_of(config), JournalWitness()
        self._loop = Loop(monotonic=clock.monotonic, on_error=_show)
        DnsService(
            sockets.dns_udp,
            sockets.dns_tcp,
            loop=self._loop,
            state=witness,
            clock=clock,
            zone=lambda: zone,
        )
        # One steady time for the site: its own clock, announced as such (stratum 10).
        NtpService(
            sockets.ntp, loop=self._loop, state=witness, clock=clock, synchronised=lambda: False
        )
        self._files = FileServer(
            sockets.http,
            Path(config.folder),
            {each.name: each for each in config.files},
            lambda text: witness.say("http", text),
        )

    def run(self) -> None:
        """Serve."""
        Thread(target=self._files.serve_forever, name="http", daemon=True).start()
        tell_systemd("READY=1")
        self._loop.run()
        self._files.shutdown()

    def stop(self) -> None:
        """Have `run` return."""
        self._loop.stop()


def tell_systemd(words: str) -> None:
    """Tell the service manager, if one listens (sd_notify(3))."""
    where = os.environ.get("NOTIFY_SOCKET")
    if not where:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(words.encode(), f"\0{where[1:]}" if where.startswith("@") else where)


def main(argv: Sequence[str]) -> int:
    """Serve until systemd says stop. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="appliance.staging.serve")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    path = parser.parse_args(argv).config
    try:
        config = ServeConfig.from_json(read(path))
        server = Server(config, listen(config), Clock.of_this_machine())
    except (BridgeheadError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - systemd keeps it
        return 1
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: server.stop())
    server.run()
    return 0


def _open(address: IPv4Address, port: int, kind: socket.SocketKind) -> socket.socket:
    opened = socket.socket(socket.AF_INET, kind)
    try:
        opened.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        if kind is socket.SOCK_STREAM:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((str(address), port))
        if kind is socket.SOCK_STREAM:
            opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        protocol = "tcp" if kind is socket.SOCK_STREAM else "udp"
        raise OSError(
            error.errno, f"{address} port {port}/{protocol}: {error.strerror or error}"
        ) from error
    return opened


def _show(error: BaseException) -> None:
    traceback.print_exception(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
