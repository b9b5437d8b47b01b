"""The boot process itself, started as main starts it; and its end when main is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.boot.channel import Channel
from appliance.boot.child import Arguments, parse_arguments
from appliance.boot.control import (
    Configure,
    Event,
    Machines,
    Order,
    Ready,
    RecordChanged,
    Reported,
    Stop,
)
from appliance.boot.model import OrderKind
from appliance.boot.privileges import boot_account, own_folder
from appliance.machines.state import State
from tests.unit.boot.boot_world import HV1, HV2, HV2_ADDRESS, NETWORK, armed, held
from tests.unit.boot.running_loop import PATIENCE, reachable, tcp, udp, until


def test_the_arguments_name_sockets_and_nothing_else() -> None:
    """A state folder, the channel, and name=descriptor."""
    assert parse_arguments(["/s", "3", "http=4", "tftp=5"]) == Arguments(
        Path("/s"), 3, {"http": 4, "tftp": 5}
    )
    with pytest.raises(ValueError, match="not enough values"):
        parse_arguments(["/s"])


@dataclass
class Running:
    """A boot process with main's end of its channel."""

    process: subprocess.Popen[bytes]
    channel: Channel
    http: socket.socket


@pytest.fixture
def boot(tmp_path: Path) -> Iterator[Running]:
    """Start the process with HTTP and syslog."""
    reachable(tmp_path)
    folder = tmp_path / "boot"
    own_folder(folder, boot_account())
    ours, theirs = socket.socketpair()
    http, syslog = tcp(), udp()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "appliance.boot.child",
            str(folder),
            str(theirs.fileno()),
            f"http={http.fileno()}",
            f"syslog={syslog.fileno()}",
        ],
        pass_fds=(theirs.fileno(), http.fileno(), syslog.fileno()),
        stderr=subprocess.PIPE,
    )
    theirs.close()
    channel = Channel(ours)
    yield Running(process, channel, http)
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    channel.close()
    http.close()
    syslog.close()


def get(boot: Running, path: str, address: str = "127.0.0.11", body: bytes | None = None) -> bytes:
    """Make a request from an address; a POST where there is a body."""
    port = boot.http.getsockname()[1]
    method = "GET" if body is None else "POST"
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", port), PATIENCE, (address, 0)) as stream:
        stream.sendall(f"{method} {path} HTTP/1.0\r\n{length}\r\n".encode() + (body or b""))
        with stream.makefile("rb") as reply:
            return reply.read()


def test_it_serves_and_tells_and_stops(boot: Running) -> None:
    """Configured, it is ready; what it serves is told; Stop ends it with 0."""
    boot.channel.send(Configure(NETWORK, ()))
    boot.channel.send(Machines((armed(), held())))
    told = boot.channel.receive()
    assert next(told) == Ready(("http", "syslog"))

    assert b"/config.yaml" in get(boot, f"/m/{HV1.bare}.ipxe")
    record = next(each for each in told if isinstance(each, RecordChanged))
    assert record.record.state is State.SCRIPT

    boot.channel.send(Stop())
    assert boot.process.wait(PATIENCE) == 0


def test_it_ends_when_main_is_gone(boot: Running) -> None:
    """The channel closes, by whatever end main met; nothing is answered after that."""
    boot.channel.send(Configure(NETWORK, ()))
    assert next(boot.channel.receive()) == Ready(("http", "syslog"))
    boot.channel.close()

    assert boot.process.wait(PATIENCE) == 0


def test_an_interrupt_is_mains_affair(boot: Running) -> None:
    """Ctrl-C reaches the whole terminal; main decides when the services end."""
    boot.channel.send(Configure(NETWORK, ()))
    told = boot.channel.receive()
    assert next(told) == Ready(("http", "syslog"))
    os.kill(boot.process.pid, signal.SIGINT)

    assert get(boot, "/healthz").endswith(b"ok\n")
    assert boot.process.poll() is None


@pytest.mark.root
def test_it_runs_without_rights_and_its_arguments_hold_no_secret(boot: Running) -> None:
    """As nobody, and nobody else reads its state folder."""
    boot.channel.send(Configure(NETWORK, ()))
    boot.channel.send(Machines((armed(config="hunter2"),)))
    assert next(boot.channel.receive()) == Ready(("http", "syslog"))
    proc = Path("/proc", str(boot.process.pid))
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())

    assert "0" not in status["Uid"].split("\t")
    assert status["CapEff"] == f"{0:016x}"
    assert status["NoNewPrivs"] == "1"
    assert b"hunter2" not in (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()


def test_garbage_on_the_channel_ends_it_with_a_word(boot: Running) -> None:
    """It is not main that speaks: nothing of it is obeyed."""
    boot.channel._sock.sendall(b"garbage\n")
    boot.process.wait(PATIENCE)
    assert boot.process.stderr is not None
    assert b"control message cannot be read" in boot.process.stderr.read()


def test_what_it_saw_before_a_kill_is_known_after_it(boot: Running, tmp_path: Path) -> None:
    """Evidence is on disk before it is told."""
    boot.channel.send(Configure(NETWORK, ()))
    boot.channel.send(Machines((armed(), held())))
    told = boot.channel.receive()
    assert next(told) == Ready(("http", "syslog"))
    get(boot, f"/m/{HV1.bare}.ipxe")
    assert any(isinstance(each, Event) and each.event.kind == "evidence" for each in told)
    boot.process.kill()
    boot.process.wait()

    assert b"install-script" in b"".join(
        path.read_bytes() for path in (tmp_path / "boot").iterdir()
    )


def test_a_machine_shows_itself_and_is_ordered(boot: Running) -> None:
    """Token, report and orders through the process; what it reports reaches main, once."""
    boot.channel.send(Configure(NETWORK, ()))
    boot.channel.send(Machines((armed(), held())))
    told = boot.channel.receive()
    assert next(told) == Ready(("http", "syslog"))
    token = get(boot, f"/d/{HV2.bare}", "127.0.0.12").split()[-1].decode()
    report = f"/d/{token}/report"
    assert get(boot, report, "127.0.0.12", b'{"vendor":"ACME"}').endswith(b"\r\ntaken\n")
    reported = next(each for each in told if isinstance(each, Reported))
    assert reported == Reported(HV2, HV2_ADDRESS, "hv2", '{"vendor":"ACME"}')
    assert b" 403 " in get(boot, report, "127.0.0.11", b"{}").splitlines()[0]

    boot.channel.send(Order(HV2, OrderKind.BLINK, 30))
    until(lambda: b'"blink"' in get(boot, f"/d/{token}/orders", "127.0.0.12"))
    assert b'"wait"' in get(boot, f"/d/{token}/orders", "127.0.0.12")
