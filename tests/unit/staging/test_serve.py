"""The staging machine's services as a process of their own, asked by foreign clients."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest

from appliance.staging import serve
from appliance.staging.config import Ports, ServeConfig, StagedFile
from appliance.wire import ntp

PATIENCE = 10.0
CONTENT = b"an artifact"
_ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    """Give a port that is free for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port


def config_in(folder: Path) -> ServeConfig:
    """Give a configuration on free ports."""
    (folder / "artifact").write_bytes(CONTENT)
    return ServeConfig(
        zone="alpha.site",
        name="staging",
        address=IPv4Address("127.0.0.1"),
        hosts=(
            *(("cluster", IPv4Address(f"127.0.0.{last}")) for last in (21, 22, 23)),
            ("server1", IPv4Address("127.0.0.21")),
            ("staging", IPv4Address("127.0.0.1")),
        ),
        networks=(IPv4Network("127.0.0.0/24"),),
        folder=str(folder),
        files=(StagedFile("artifact", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),),
        ports=Ports(dns=free_port(), ntp=free_port(), http=free_port()),
    )


@dataclass
class Running:
    """The process and what it was told."""

    config: ServeConfig
    process: subprocess.Popen[str]

    def lines(self, *words: str) -> str:
        """Run a foreign client."""
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """The services, started as systemd does, and ready."""
    config = config_in(tmp_path)
    (tmp_path / "staging.json").write_text(json.dumps(config.as_json()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        where = f"\0bridgehead-test-{os.getpid()}-{config.ports.dns}"
        notices.bind(where)
        notices.settimeout(PATIENCE)
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "appliance.staging.serve",
                "--config",
                tmp_path / "staging.json",
            ],
            cwd=_ROOT,
            env={"NOTIFY_SOCKET": f"@{where[1:]}", "PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert notices.recv(100) == b"READY=1"
            yield Running(config, process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
            process.communicate()


def needs(program: str) -> None:
    """Skip where a foreign client is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def test_names_are_answered_to_dig(running: Running) -> None:
    """Forward, reverse, and every server of the cluster; by UDP and TCP."""
    needs("dig")
    at = ("dig", "@127.0.0.1", "-p", str(running.config.ports.dns), "+short")
    assert running.lines(*at, "server1.alpha.site").split() == ["127.0.0.21"]
    assert running.lines(*at, "-x", "127.0.0.21").split() == ["server1.alpha.site."]
    found = running.lines(*at, "+tcp", "cluster.alpha.site").split()
    assert sorted(found) == ["127.0.0.21", "127.0.0.22", "127.0.0.23"]
    assert running.lines(*at, "NS", "alpha.site").split() == ["staging.alpha.site."]


def test_a_name_of_the_internet_is_refused_and_logged(running: Running) -> None:
    """Nothing is forwarded; the journal says who asked."""
    query = dns.message.make_query("registry.example", "A")
    reply = dns.query.udp(query, "127.0.0.1", PATIENCE, running.config.ports.dns)
    assert reply.rcode() == dns.rcode.REFUSED
    assert running.process.stdout is not None
    assert "registry.example" in running.process.stdout.readline()


def test_time_is_given(running: Running) -> None:
    """As a local clock of stratum 10."""
    asked = ntp.encode(ntp.NtpPacket(0, 4, ntp.Mode.CLIENT, 0, 0, 0, 0, 0, b"", 0, 0, 0, 7))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(asked, ("127.0.0.1", running.config.ports.ntp))
        given = ntp.decode(client.recv(100))
    assert (given.stratum, given.leap, given.originate) == (10, 0, 7)
    assert given.reference_id == b"LOCL"


def test_files_are_given_to_curl(running: Running, tmp_path: Path) -> None:
    """Whole, and continued."""
    needs("curl")
    url = f"http://127.0.0.1:{running.config.ports.http}/a/artifact"
    target = tmp_path / "got"
    target.write_bytes(CONTENT[:4])
    assert running.lines("curl", "-sS", "-f", "-C", "-", "-o", str(target), url) == ""
    assert target.read_bytes() == CONTENT
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        assert answer.read() == CONTENT


def test_an_address_that_is_not_there_yet_can_be_listened_on(tmp_path: Path) -> None:
    """At boot the network may come later."""
    ports = Ports(dns=free_port(), ntp=free_port(), http=free_port())
    config = replace(config_in(tmp_path), address=IPv4Address("192.0.2.55"), ports=ports)
    opened = serve.listen(config)
    assert opened.ntp.getsockname() == ("192.0.2.55", ports.ntp)
    for each in (opened.dns_udp, opened.dns_tcp, opened.ntp, opened.http):
        each.close()


def test_what_keeps_it_from_starting_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that is taken, a configuration that is not there."""
    config = config_in(tmp_path)
    (tmp_path / "staging.json").write_text(json.dumps(config.as_json()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", config.ports.ntp))
        assert serve.main(["--config", str(tmp_path / "staging.json")]) == 1
    assert f"127.0.0.1 port {config.ports.ntp}/udp" in capsys.readouterr().err
    assert serve.main(["--config", str(tmp_path / "missing")]) == 1
    assert "cannot be read" in capsys.readouterr().err
