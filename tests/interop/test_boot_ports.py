"""All services on their real ports in a network namespace, asked by foreign clients in another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.unit.boot.running_loop import reachable

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"
LOADER = os.urandom(50_000)
PATIENCE = 40


def ip(*argv: str) -> None:
    """Run iproute2."""
    subprocess.run(["ip", *argv], check=True, capture_output=True, timeout=PATIENCE)


@dataclass
class Site:
    """The serving process, and the namespace of the client."""

    server: subprocess.Popen[str]
    client: str
    folder: Path

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a foreign client beside the site."""
        client = shutil.which(argv[0], path=f"{BIN}:/usr/sbin:{os.environ['PATH']}")
        assert client, f"{argv[0]} is missing: .ci/set-up brings it"
        return subprocess.run(
            ["ip", "netns", "exec", self.client, client, *argv[1:]],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=self.folder,
        )

    def events(self) -> str:
        """End the services and give what they told."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.close()
        told = self.server.stdout.read()
        self.server.wait(PATIENCE)
        return told


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two namespaces, a cable between them, and the services in one."""
    reachable(tmp_path)
    (tmp_path / "loader").write_bytes(LOADER)
    tag = uuid4().hex[:8]
    serving, asking = f"bh-s-{tag}", f"bh-c-{tag}"
    ip("netns", "add", serving)
    ip("netns", "add", asking)
    peer = ("type", "veth", "peer", "name", "nic0", "netns", asking)
    ip("-n", serving, "link", "add", "prov0", *peer)
    ip("-n", asking, "link", "set", "nic0", "address", "52:54:00:00:00:01")
    for namespace, name, address in ((serving, "prov0", "1"), (asking, "nic0", "11")):
        ip("-n", namespace, "link", "set", "lo", "up")
        ip("-n", namespace, "address", "add", f"10.77.0.{address}/24", "dev", name)
        ip("-n", namespace, "link", "set", name, "up")
    server = subprocess.Popen(
        ["ip", "netns", "exec", serving, sys.executable,
         str(ROOT / "tests/interop/serve_site.py"), "prov0", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield Site(server, asking, tmp_path)
    finally:
        server.kill()
        server.wait()
        for stream in (server.stdin, server.stdout):
            if stream is not None:
                stream.close()
        ip("netns", "delete", asking)
        ip("netns", "delete", serving)


@pytest.mark.root
def test_ntpdate_takes_the_time(site: Site) -> None:
    """A foreign client believes the laptop, whatever its own clock stands on."""
    asked = site.run("ntpdate", "-q", "10.77.0.1")
    assert asked.returncode == 0, asked.stdout + asked.stderr


@pytest.mark.root
def test_chrony_takes_the_time(site: Site) -> None:
    """So does chrony."""
    asks = "server 10.77.0.1 iburst maxsamples 1"
    # As root: the package, which is not installed, would have made a user of its own.
    chrony = site.run("chronyd", "-u", "root", "-Q", "-t", "20", "-U", asks)
    assert "System clock wrong by" in chrony.stdout + chrony.stderr


@pytest.mark.root
def test_every_service_answers_on_its_own_port(site: Site) -> None:
    """TFTP, DNS both ways, HTTP and syslog; and what they saw is told under the machine's name."""
    got = site.folder / "got"
    fetched = site.run("atftp", "-g", "-r", "snponly.efi", "-l", str(got), "10.77.0.1", "69")
    assert fetched.returncode == 0, fetched.stderr
    assert got.read_bytes() == LOADER
    for way in ("+notcp", "+tcp"):
        found = site.run("dig", "+short", way, "@10.77.0.1", "hv1.alpha.lan")
        assert found.stdout == "10.77.0.11\n"
    assert "REFUSED" in site.run("dig", "@10.77.0.1", "registry.example").stdout
    assert site.run("curl", "-sS", "http://10.77.0.1/healthz").stdout == "ok\n"
    assert site.run("curl", "-sS", "http://10.77.0.1/m/525400000001.ipxe").stdout == "#!ipxe\n"
    site.run("logger", "-d", "-n", "10.77.0.1", "-P", "514", "hello from the installer")

    told = site.events()
    assert "evidence hv1 it took all of snponly.efi by TFTP" in told
    assert "evidence hv1 it was given its install script" in told
    assert "registry.example" in told
    assert "syslog hv1" in told
