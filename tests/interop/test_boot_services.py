"""The boot services as one process, asked by foreign clients: tftpy, atftp, dig and curl."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from appliance.boot.control import Event
from appliance.boot.model import (
    STAGE1_UKI,
    TOKEN_MARK,
    BootMachine,
    BootNetwork,
    Documents,
    ServedFile,
)
from appliance.boot.process import BootProcess
from appliance.machines.state import Seen
from appliance.tools.clock import Clock
from appliance.values import Mac, Secret
from tests.interop.lossy_relay import lossy
from tests.unit.boot.running_loop import reachable, until

PATIENCE = 60
LOADER = os.urandom(90_007)
UKI = os.urandom(1000) * 34_000
IMAGE_SIZE = 1 << 30
HV1 = Mac("525400000001")
HV1_IP = "127.0.0.11"
NETWORK = BootNetwork(
    interface="lo",
    cidr=IPv4Network("127.0.0.0/24"),
    bridge=IPv4Address("127.0.0.1"),
    gateway=IPv4Address("127.0.0.1"),
    dns=(IPv4Address("127.0.0.1"),),
    ntp=(),
    pool_first=IPv4Address("127.0.0.100"),
    pool_last=IPv4Address("127.0.0.200"),
    zone="alpha.lan",
    hosts=(
        ("single", IPv4Address("127.0.0.12")),
        *((f"host{n}", IPv4Address("127.0.0.11")) for n in range(80)),
    ),
)
MACHINE = BootMachine(
    "hv1",
    "hv1",
    (HV1,),
    IPv4Address(HV1_IP),
    documents=Documents(
        Secret(f"#!ipxe\nkernel x url=/c/{TOKEN_MARK}/config.yaml\n"), Secret("secret: yes\n")
    ),
)


def program(name: str) -> str:
    """Give a foreign program."""
    found = shutil.which(name)
    assert found, f"{name} is missing: .ci/set-up installs it"
    return found


def run(*argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a foreign client to its end."""
    return subprocess.run(
        [program(argv[0]), *argv[1:]],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=cwd,
    )


@dataclass
class Services:
    """The running services, their ports, and all that they told."""

    process: BootProcess
    folder: Path
    ports: dict[str, int]
    told: list[Event]

    def url(self, path: str) -> str:
        """Give an address of the HTTP service."""
        return f"http://127.0.0.1:{self.ports['http']}{path}"

    def seen(self) -> list[Seen]:
        """Give hv1's evidence so far."""
        self.told += [each for each in self.process.events(0.3) if isinstance(each, Event)]
        return [each.event.seen for each in self.told if each.event.seen is not None]


@pytest.fixture(params=[False, True], ids=["own port", "single port"])
def services(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Services]:
    """All services but DHCP, on free ports of loopback."""
    reachable(tmp_path)
    (tmp_path / "loader").write_bytes(LOADER)
    (tmp_path / "uki").write_bytes(UKI)
    with (tmp_path / "image").open("wb") as stream:
        stream.truncate(IMAGE_SIZE)
    files = (
        ServedFile("snponly.efi", str(tmp_path / "loader"), len(LOADER), "sha256:" + "a" * 64,
                   Seen.BOOTLOADER_SENT),
        ServedFile("image.iso", str(tmp_path / "image"), IMAGE_SIZE, "sha256:" + "b" * 64,
                   Seen.IMAGE_SENT),
        ServedFile(STAGE1_UKI, str(tmp_path / "uki"), len(UKI), "sha256:" + "c" * 64),
    )  # fmt: skip
    sockets: dict[str, socket.socket] = {}
    for name in ("tftp", "dns_udp", "ntp", "syslog", "dns_tcp", "http"):
        stream_kind = name in ("dns_tcp", "http")
        kind = socket.SOCK_STREAM if stream_kind else socket.SOCK_DGRAM
        sockets[name] = socket.socket(socket.AF_INET, kind)
        sockets[name].bind(("127.0.0.1", 0))
        if stream_kind:
            sockets[name].listen()
    process = BootProcess(clock=Clock.of_this_machine())
    process.set_machines((MACHINE,))
    network = replace(NETWORK, tftp_single_port=request.param)
    process.start(sockets, tmp_path / "boot", network, files)
    ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
    yield Services(process, tmp_path, ports, [])
    process.stop()
    for sock in sockets.values():
        sock.close()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--option", "blksize 1428"],
        ["--option", "blksize 1428", "--option", "tsize 0"],
        ["--option", "blksize 1468", "--option", "windowsize 4"],
        ["--option", "blksize 512", "--option", "windowsize 16"],
        ["--option", "blksize 65464"],
    ],
    ids=" ".join,
)
def test_atftp_fetches_the_boot_loader(services: Services, options: list[str]) -> None:
    """With and without options, windows too."""
    got = services.folder / "got"
    done = run(
        "atftp", *options, "-g", "-r", "snponly.efi", "-l", str(got),
        "127.0.0.1", str(services.ports["tftp"]),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert got.read_bytes() == LOADER


def test_tftpy_fetches_the_boot_loader(services: Services) -> None:
    """An independent reading of the protocol."""
    import tftpy

    got = services.folder / "got"
    client = tftpy.TftpClient("127.0.0.1", services.ports["tftp"], {"blksize": 1024, "tsize": 0})
    client.download("ipxe/snponly.efi", str(got), timeout=5)

    assert got.read_bytes() == LOADER


@pytest.mark.parametrize("options", [{"blksize": 1468, "tsize": 0}, {"blksize": 512}])
def test_tftpy_fetches_stage1(services: Services, options: dict[str, int]) -> None:
    """34 MB: more blocks of 512 than there are numbers for them."""
    import tftpy

    got = services.folder / "got"
    client = tftpy.TftpClient("127.0.0.1", services.ports["tftp"], options)
    client.download(STAGE1_UKI, str(got), timeout=5)

    assert got.read_bytes() == UKI


def test_atftp_fetches_stage1_in_windows(services: Services) -> None:
    """As OVMF asks, and in windows as large as there are."""
    for window in (4, 16):
        got = services.folder / f"got{window}"
        done = run(
            "atftp", "--option", "blksize 1468", "--option", f"windowsize {window}",
            "-g", "-r", STAGE1_UKI, "-l", str(got), "127.0.0.1", str(services.ports["tftp"]),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert got.read_bytes() == UKI


def test_a_lossy_link_only_costs_time(services: Services) -> None:
    """One packet of ten is lost, in both directions; the file is whole."""
    import tftpy

    got = services.folder / "got"
    with lossy(("127.0.0.1", services.ports["tftp"])) as relay:
        client = tftpy.TftpClient("127.0.0.1", relay.port, {"blksize": 1428})
        # tftpy counts its retries over the whole transfer.
        client.download("snponly.efi", str(got), timeout=1, retries=100)
        dropped = relay.dropped

    assert dropped > 3
    assert got.read_bytes() == LOADER


def test_a_lossy_link_with_windows(services: Services) -> None:
    """Windows are sent again from the first missing block (RFC 7440, 4)."""
    got = services.folder / "got"
    with lossy(("127.0.0.1", services.ports["tftp"])) as relay:
        done = run(
            "atftp", "--option", "blksize 1428", "--option", "windowsize 8",
            "--option", "timeout 1", "-g", "-r", "snponly.efi", "-l", str(got),
            "127.0.0.1", str(relay.port),
        )  # fmt: skip
        dropped = relay.dropped

    assert done.returncode == 0, done.stderr
    assert dropped > 0
    assert got.read_bytes() == LOADER


def test_atftp_cannot_write(services: Services) -> None:
    """tftpy's own server truncated the file."""
    upload = services.folder / "upload"
    upload.write_bytes(b"evil")
    done = run(
        "atftp", "-p", "-r", "snponly.efi", "-l", str(upload),
        "127.0.0.1", str(services.ports["tftp"]),
    )  # fmt: skip

    assert done.returncode != 0
    assert (services.folder / "loader").read_bytes() == LOADER


def dig(services: Services, *argv: str) -> str:
    """Ask with dig over UDP, or over TCP where it says so."""
    port = services.ports["dns_tcp" if "+tcp" in argv else "dns_udp"]
    return run("dig", "-p", str(port), "@127.0.0.1", "+tries=1", *argv).stdout


@pytest.mark.parametrize("way", ["+notcp", "+tcp"])
def test_dig_reads_the_zone(services: Services, way: str) -> None:
    """Forward, reverse, what is not there, and what is not ours."""
    assert dig(services, way, "+short", "host7.alpha.lan") == "127.0.0.11\n"
    assert dig(services, way, "+short", "-x", "127.0.0.12") == "single.alpha.lan.\n"
    assert "status: NXDOMAIN" in dig(services, way, "nothing.alpha.lan")
    assert "status: REFUSED" in dig(services, way, "example.org")
    assert "flags: qr aa" in dig(services, way, "SOA", "alpha.lan")


def test_dig_comes_again_by_tcp_when_udp_is_too_small(services: Services) -> None:
    """80 PTR records do not fit; TC is set, and over TCP all of them come."""
    cut = dig(services, "+notcp", "+ignore", "+noedns", "-x", "127.0.0.11")
    whole = dig(services, "+tcp", "-x", "127.0.0.11")

    assert re.search(r"flags: [a-z ]*\btc\b", cut)
    assert whole.count("\tPTR\t") == 80


def curl(*argv: str, address: str = HV1_IP) -> str:
    """Ask with curl from an address."""
    done = run("curl", "-sS", "--interface", address, *argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_installs_a_machine(services: Services) -> None:
    """Script, configuration, hooks and image, as iPXE and the installer ask for them."""
    script = curl(services.url(f"/m/{HV1.bare}.ipxe"))
    found = re.search(r"/c/([^/]+)/config\.yaml", script)
    assert found is not None
    token = found.group(1)
    assert curl(services.url(f"/c/{token}/config.yaml")) == "secret: yes\n"
    assert curl("-X", "POST", "-d", "x", services.url(f"/hook/{token}/STARTED")) == "taken\n"
    head = curl("-I", "-fL", services.url("/a/image.iso"))
    assert f"Content-Length: {IMAGE_SIZE}\n" in head
    size = curl("-fL", "-o", os.devnull, "-w", "%{size_download}", services.url("/a/image.iso"))
    assert size == str(IMAGE_SIZE)
    assert curl("-X", "POST", "-d", "", services.url(f"/hook/{token}/SUCCEEDED")) == "taken\n"
    assert "boots its own disk" in curl(services.url(f"/m/{HV1.bare}.ipxe"))

    wanted = [
        Seen.INSTALL_SCRIPT,
        Seen.CONFIG_SENT,
        Seen.HOOK_STARTED,
        Seen.IMAGE_ASKED,
        Seen.IMAGE_SENT,
        Seen.HOOK_SUCCEEDED,
        Seen.OWN_DISK_SCRIPT,
    ]
    until(lambda: set(wanted) <= set(services.seen()))
    seen = services.seen()
    assert [each for each in dict.fromkeys(seen) if each in wanted] == wanted


def test_curl_asks_for_parts_and_for_what_it_has(services: Services) -> None:
    """Range with 206, If-None-Match with 304, HEAD with the same headers as GET."""
    url = services.url("/a/image.iso")
    code = ["-o", os.devnull, "-w", "%{http_code} %{size_download}"]
    head = curl("-I", url)
    etag = re.search(r'ETag: ("[^"]+")', head)
    assert etag is not None

    assert curl("-r", "0-127", *code, url) == "206 128"
    assert curl("-r", f"{IMAGE_SIZE - 5}-", *code, url) == "206 5"
    assert curl("-H", f"If-None-Match: {etag.group(1)}", *code, url) == "304 0"
    assert curl("-r", f"{IMAGE_SIZE}-", *code, url).startswith("416 ")
    assert curl("--http1.0", "-r", "0-0", *code, url) == "206 1"


def test_four_large_files_at_once_fill_no_memory(services: Services) -> None:
    """Four machines fetch a gibibyte each: resident memory hardly grows."""
    pid = services.process.pid
    assert pid is not None
    status = Path("/proc", str(pid), "status")

    def resident(which: str) -> int:
        found = re.search(rf"{which}:\s+(\d+) kB", status.read_text())
        assert found is not None
        return int(found.group(1))

    before = resident("VmRSS")
    clients = [
        subprocess.Popen([program("curl"), "-sS", "-o", os.devnull, services.url("/a/image.iso")])
        for _ in range(4)
    ]
    assert [client.wait(PATIENCE) for client in clients] == [0, 0, 0, 0]

    assert resident("VmHWM") - before < 24 * 1024
    assert resident("VmHWM") < 100 * 1024
