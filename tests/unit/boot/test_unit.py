"""The unit's process comes to main for its sockets; nobody else gets them; its end is told.

Systemd itself is a small stand-in here, which starts the real boot process as systemd does: not as
a child of main. Real systemd starts the real unit in tests/interop/test_bridge.py.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.boot.channel import Channel
from appliance.boot.control import Configure, Ready, Stop
from appliance.boot.privileges import boot_account, own_folder
from appliance.boot.unit import BootUnit, UnitProcess, unit_of
from appliance.errors import StepError
from tests.unit.boot.boot_world import NETWORK
from tests.unit.boot.running_loop import PATIENCE, reachable, tcp

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "playbooks" / "roles" / "bridge" / "files"
UNIT = FILES / "bridgehead-boot@.service"

REFUSED = """
import os, socket, sys
os.setuid(4711)
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
except PermissionError:
    sys.exit(0)
sys.exit("it was let in")
"""


@dataclass
class LittleSystemd:
    """Starts one unit: this command, as that user."""

    command: list[str]
    before: list[str] = field(default_factory=list)
    refusal: str = ""
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def restart(self, unit: str) -> str:
        """Start it, and whoever is to come before it."""
        del unit
        if self.refusal:
            return self.refusal
        if self.before:
            assert subprocess.run(self.before, check=False).returncode == 0
        account = boot_account()
        as_user = {"user": account.uid, "group": account.gid, "extra_groups": []}
        self.started.append(
            subprocess.Popen(self.command, cwd=ROOT, **(as_user if os.geteuid() == 0 else {}))  # type: ignore[call-overload]
        )
        return ""

    def show(self, unit: str) -> Mapping[str, str]:
        """Tell of the process as systemd does: no MainPID once it is reaped."""
        del unit
        process = self.started[-1]
        code = process.poll()
        if code is None:
            return {"MainPID": str(process.pid), "ExecMainCode": "0", "ExecMainStatus": "0"}
        how = {"ExecMainCode": "2" if code < 0 else "1", "ExecMainStatus": str(abs(code))}
        return {"MainPID": "0", **how}

    def forget(self, unit: str) -> None:
        """Note it."""
        self.forgotten.append(unit)


@dataclass
class World:
    """A unit of the site alpha, its state folder, and a pipe for its last words."""

    folder: Path
    systemd: LittleSystemd
    read: int
    write: int

    @property
    def unit(self) -> BootUnit:
        """Give the unit."""
        return BootUnit("alpha", self.systemd, boot_account(), self.folder / "run")

    @property
    def state(self) -> Path:
        """Give the folder for boot.db."""
        return self.folder / "boot"

    def words(self) -> str:
        """Give what the process wrote, once it is gone."""
        os.set_blocking(self.read, False)
        try:
            return os.read(self.read, 65536).decode()
        except BlockingIOError:
            return ""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A unit that starts the real boot process."""
    reachable(tmp_path)
    own_folder(tmp_path / "boot", boot_account())
    meeting = str(tmp_path / "run" / "alpha.sock")
    child = [sys.executable, "-P", "-m", "appliance.boot.child", "--at", meeting]
    read, write = os.pipe()
    made = World(tmp_path, LittleSystemd(child), read, write)
    yield made
    for each in made.systemd.started:
        each.kill()
        each.wait()
    os.close(read)
    os.close(write)


def ready(control: socket.socket) -> tuple[Channel, Ready]:
    """Configure the boot process and wait until its services answer."""
    channel = Channel(control)
    channel.send(Configure(NETWORK, ()))
    return channel, next(each for each in channel.receive() if isinstance(each, Ready))


def test_the_process_comes_and_serves_on_the_passed_socket(world: World) -> None:
    """The meeting place is closed again; the end is as systemd tells it."""
    with tcp() as http:
        process, control = world.unit.start({"http": http.fileno()}, world.state, world.write)
        channel, came = ready(control)
        with socket.create_connection(http.getsockname(), PATIENCE) as stream:
            stream.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            stream.settimeout(PATIENCE)
            with stream.makefile("rb") as reply:
                healthy = reply.read().endswith(b"ok\n")
        running = process.poll() is None
        channel.send(Stop())
        code = process.wait(PATIENCE)
        channel.close()

    assert came.services == ("http",)
    assert healthy
    assert running
    assert (code, process.poll()) == (0, 0)
    assert process.pid == world.systemd.started[0].pid
    assert list((world.folder / "run").iterdir()) == []
    assert (world.state / "boot.db").exists()
    assert world.systemd.forgotten == ["bridgehead-boot@alpha.service"]
    process.kill()


def test_a_killed_process_is_told_as_killed(world: World) -> None:
    """By minus its signal, as of a child."""
    with tcp() as http:
        process, control = world.unit.start({"http": http.fileno()}, world.state, world.write)
        channel, _ = ready(control)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0)
        process.kill()
        code = process.wait(PATIENCE)
        channel.close()

    assert code == process.returncode == -signal.SIGKILL


def test_its_last_words_reach_main(world: World) -> None:
    """Also those of a process that cannot start its services."""
    left, right = socket.socketpair()
    with left, right:
        process, control = world.unit.start({"http": left.fileno()}, world.state, world.write)
        channel = Channel(control)
        channel.send(Configure(NETWORK, ()))
        code = process.wait(PATIENCE)
        channel.close()

    assert code == 1
    assert "Error" in world.words()


def test_whoever_else_comes_is_sent_away(world: World) -> None:
    """Even of the right user: only the unit's own process gets the sockets."""
    world.systemd.before = [
        sys.executable,
        "-c",
        "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])",
        str(world.unit.meeting),
    ]
    with tcp() as http:
        process, control = world.unit.start({"http": http.fileno()}, world.state, world.write)
        channel, came = ready(control)
        channel.send(Stop())
        process.wait(PATIENCE)
        channel.close()

    assert came.services == ("http",)


@pytest.mark.root
def test_another_user_is_not_let_in(world: World) -> None:
    """The socket is the boot account's alone."""
    world.systemd.before = [sys.executable, "-c", REFUSED, str(world.unit.meeting)]
    with tcp() as http:
        process, control = world.unit.start({"http": http.fileno()}, world.state, world.write)
        Channel(control).close()

    assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("command", "refusal", "why"),
    [
        (["true"], "", "ended before it came"),
        ([], "Unit bridgehead-boot@.service not found.", "not found"),
    ],
)
def test_a_unit_that_does_not_start_is_an_error(
    world: World, command: list[str], refusal: str, why: str
) -> None:
    """It says what systemd said and where more of it is; no sandbox, no boot services."""
    world.systemd.command, world.systemd.refusal = command, refusal
    with tcp() as http, pytest.raises(StepError, match=why) as caught:
        world.unit.start({"http": http.fileno()}, world.state, world.write)

    assert "journalctl -u bridgehead-boot@alpha.service" in caught.value.fix


def test_a_process_that_is_gone_is_not_mixed_up(world: World) -> None:
    """Its number may be another's by then: it is never signalled by number."""
    ended = subprocess.Popen(["true"])
    world.systemd.started.append(ended)
    process = UnitProcess(ended.pid, "some.service", world.systemd)
    ended.wait()
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)

    assert process.poll() == 0
    process.kill()


def test_a_clone_has_no_unit() -> None:
    """It runs another code than the unit does."""
    assert unit_of(Path("/var/lib/bridgehead/alpha/boot")) is None


def test_the_unit_is_heavily_sandboxed() -> None:
    """By systemd's own measure: below 3.0 of 10."""
    told = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = re.search(r"Overall exposure level for .*: (\d+\.\d)", told)

    assert found, told
    assert float(found.group(1)) < 3.0


def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    """Nothing is misspelt, which systemd would only pass over; the programs are not here."""
    for each in FILES.glob("*.service"):
        text = re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", each.read_text(), flags=re.MULTILINE)
        (tmp_path / each.name.replace("@", "@alpha")).write_text(text)
    copies = [str(each) for each in sorted(tmp_path.iterdir())]
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *copies],
        check=False,
        capture_output=True,
        text=True,
    )

    assert copies
    assert (told.returncode, told.stderr) == (0, "")


def test_the_unit_is_what_main_expects() -> None:
    """Its program, its meeting place and its folders are those of this module and of Paths."""
    text = UNIT.read_text()

    assert "ExecStart=/opt/bridgehead/bin/python -P -m appliance.boot.child --at " in text
    assert "--at /run/bridgehead/boot/%i.sock\n" in text
    assert "BindPaths=/var/lib/bridgehead/%i/boot\n" in text
    assert "BindReadOnlyPaths=-/var/lib/bridgehead/depot\n" in text
