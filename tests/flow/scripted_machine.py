"""A machine in a namespace that speaks as firmware, iPXE, stage-1, installer, installed system.

It sends what captured firmware sends, follows the script it is given, and does with the
configuration what Harvester's installer does with it, in seconds instead of minutes. Its disk is a
variable. What it cannot be is real firmware: the rehearsals in tests/lab have that.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import secrets
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ruamel.yaml import YAML

from appliance.discover.report import Disk, Nic, Report
from appliance.discover.report import encode as encode_report
from appliance.errors import WireError
from appliance.lab.harvester_sim.accounts import Accounts
from appliance.lab.harvester_sim.messages import Request
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.rancher import Rancher
from appliance.site.artifact_names import STAGE1_KERNEL, STAGE1_UKI
from appliance.values import Mac
from appliance.wire import pcap, tftp
from appliance.wire.dhcp4 import (
    BROADCAST,
    BROADCAST_FLAG,
    CLIENT_PORT,
    SERVER_PORT,
    UNSPECIFIED,
    MessageType,
    Op,
    Packet,
    decode,
    encode,
)
from appliance.wire.dhcp4_options import OptionCode, Options

INTERFACE = "eth0"
PATIENCE = 60.0
"""Seconds a machine goes on asking before it is stuck; real ones go on for minutes."""
_PAUSE = 0.2
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 3
_EVERYONE = Mac("ffffffffffff")
_ASKS = bytes((1, 3, 6, 12, 15, 28, 42, 43, 54, 60, 66, 67))
_IPXE_FEATURES = bytes.fromhex("13010124010115010117010121 0101".replace(" ", ""))


class Firmware(StrEnum):
    """What the machine starts from; each says its architecture otherwise."""

    UEFI = "PXEClient:Arch:00007:UNDI:003000"
    UEFI_HTTP = "HTTPClient:Arch:00016:UNDI:003001"
    BIOS = "PXEClient:Arch:00000:UNDI:002001"

    @property
    def architecture(self) -> bytes:
        """Option 93."""
        return int(self.split(":")[2]).to_bytes(2, "big")


class Point(StrEnum):
    """The points of a boot at which a test may step in. Each is reached *before* the act."""

    FIRMWARE = "firmware"
    BOOTLOADER = "bootloader"
    IPXE = "ipxe"
    SCRIPT = "script"
    STAGE1 = "stage1"
    REPORTED = "reported"
    ORDERS = "orders"
    KERNEL = "kernel"
    ROOTFS = "rootfs"
    CONFIG = "config"
    STARTED = "started"
    IMAGE = "image"
    IMAGE_HALF = "image-half"
    SUCCEEDED = "succeeded"
    REBOOT = "reboot"
    UP = "up"


class PowerCut(Exception):  # noqa: N818 - what happens to it, not an error
    """The power is gone, and comes back at once."""


class _Restart(Exception):  # noqa: N818
    """The machine restarts by itself."""


class Stuck(Exception):  # noqa: N818
    """The machine stands with a text on its screen, until somebody switches it off."""


class _Off(Exception):  # noqa: N818
    """Somebody switched it off."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What DHCP gave."""

    address: IPv4Interface
    server: IPv4Address
    boot_file: str


def report_of(mac: Mac, **changes: Any) -> Report:
    """Give the report of a machine with one card and one blank disk, fit for Harvester."""
    name = mac.bare[-2:]
    disk = Disk(
        "vda",
        500 << 30,
        by_id=(f"/dev/disk/by-id/virtio-{name}",),
        by_path=("/dev/disk/by-path/pci-0000:00:05.0",),
        model="",
        serial=name,
        bus="virtio",
    )
    made = Report(
        vendor="Rehearsal",
        product="Scripted",
        serial=f"SN-{name}",
        threads=32,
        cores=16,
        sockets=1,
        memory=128 << 30,
        firmware="uefi",
        secure_boot=False,
        disks=(disk,),
        nics=(Nic("eth0", mac, driver="virtio_net", link=True, speed=10_000),),
    )
    return replace(made, **changes)


class ScriptedMachine:
    """One machine in the namespace `namespace`, on its interface `eth0`.

    `certificate` is a PEM file with key and certificate, for the installed system.
    `at` holds what a test does at a point; it runs on the machine's own thread and may raise
    PowerCut. `disk` is the configuration that was installed, None for a blank disk. `report` is
    what stage-1 finds out of it, `blinks` how often it was told to blink.
    """

    def __init__(
        self,
        namespace: str,
        mac: Mac,
        certificate: Path,
        *,
        firmware: Firmware = Firmware.UEFI,
    ) -> None:
        self.namespace = namespace
        self.mac = mac
        self.firmware = firmware
        self._certificate = certificate
        self.at: dict[Point, Callable[[], None]] = {}
        self.reached: list[Point] = []
        self.screens: list[str] = []
        self.partitioned = 0
        self.disk: dict[str, Any] | None = None
        self.hooks_lost = False
        self.install_fails = False
        self.report = report_of(mac)
        self.blinks = 0
        self.vip_answered: bool | None = None
        self.config_urls: list[str] = []
        self.fault: BaseException | None = None
        self._off = threading.Event()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    # ---------------------------------------------------------------- what the test does

    def power_on(self) -> None:
        """Press the button."""
        self._off.clear()
        self._thread = threading.Thread(target=self._live, name=self.namespace, daemon=True)
        self._thread.start()

    def power_off(self) -> None:
        """Hold the button down. Safe to repeat."""
        self._off.set()
        if self._thread is not None:
            self._thread.join(timeout=20)
            self._thread = None

    def power_cycle(self) -> None:
        """Off and on again."""
        self.power_off()
        self.power_on()

    def wait_for(self, point: Point, *, count: int = 1, seconds: float = PATIENCE) -> None:
        """Wait until the machine reached a point so many times."""
        with self._changed:
            there = self._changed.wait_for(
                lambda: self.reached.count(point) >= count or self.fault is not None, seconds
            )
        if self.fault is not None:
            raise self.fault
        assert there, f"{self.mac} did not come to {point}: {self.reached}, {self.screens[-3:]}"

    def wait_for_screen(self, words: str, *, seconds: float = PATIENCE) -> str:
        """Wait until a text is on the screen; give it."""
        with self._changed:
            self._changed.wait_for(
                lambda: any(words in each for each in self.screens) or self.fault is not None,
                seconds,
            )
        if self.fault is not None:
            raise self.fault
        found = [each for each in self.screens if words in each]
        assert found, f"{self.mac} does not show {words!r} but {self.screens[-3:]}"
        return found[-1]

    # ---------------------------------------------------------------- power on to power off

    def _live(self) -> None:
        try:
            enter(self.namespace)
            while True:
                try:
                    self._boot()
                except PowerCut:
                    self._show("the power is cut")
                except _Restart:
                    self._show("it restarts")
                finally:
                    self._flush()
        except _Off:
            pass
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it again
            self.fault = error
            with self._changed:
                self._changed.notify_all()

    def _boot(self) -> None:
        try:
            script = self._network_boot()
            if script is None:
                self._own_disk()
            elif script.startswith("http://"):
                self._linux(self._stage1(script))
            else:
                self._install(script)
        except Stuck as stuck:
            self._show(str(stuck))
            self._sleep(3600)

    def _network_boot(self) -> str | None:
        """Give the install script, or the bridge's URL for stage-1; None when sent to its disk."""
        self._reach(Point.FIRMWARE)
        self._flush()
        lease = self._dhcp(
            {
                OptionCode.VENDOR_CLASS: self.firmware.encode(),
                OptionCode.CLIENT_ARCHITECTURE: self.firmware.architecture,
                OptionCode.CLIENT_NETWORK_INTERFACE: b"\x01\x03\x10",
                OptionCode.MACHINE_ID: b"\0" + self.mac.to_bytes() + bytes(9) + b"\1",
            },
            boots=True,
        )
        self._reach(Point.BOOTLOADER)
        self._set(lease.address)
        if self.firmware is Firmware.UEFI_HTTP:
            self._get(lease.boot_file)
        else:
            self._tftp(lease.server, lease.boot_file)
        if lease.boot_file.endswith(STAGE1_UKI):
            return f"http://{lease.server}"
        return self._ipxe()

    def _ipxe(self) -> str | None:
        self._reach(Point.IPXE)
        self._flush()
        lease = self._dhcp(
            {
                OptionCode.VENDOR_CLASS: self.firmware.encode(),
                OptionCode.CLIENT_ARCHITECTURE: self.firmware.architecture,
                OptionCode.CLIENT_NETWORK_INTERFACE: b"\x01\x03\x10",
                OptionCode.MACHINE_ID: b"\0" + self.mac.to_bytes() + bytes(9) + b"\1",
                OptionCode.USER_CLASS: b"iPXE",
                OptionCode.IPXE: _IPXE_FEATURES,
            },
            boots=True,
        )
        self._set(lease.address)
        url = lease.boot_file
        while True:
            self._reach(Point.SCRIPT)
            status, body = self._ask("GET", url)
            if status == 404:
                self._show(f"404: {body.decode()}")
                return None
            script = body.decode()
            assert script.startswith("#!ipxe\n"), script
            self._show("\n".join(_echoed(script)))
            kernels = _words(script, "kernel")
            if kernels and kernels[0].endswith(STAGE1_KERNEL):
                return self._stage1_by_ipxe(script)
            if kernels:
                return script
            chained = _words(script, "chain")
            if not chained:
                assert _words(script, "exit") or "\nexit" in script, script
                return None
            url = chained[-1]
            self._sleep(0.5)

    def _stage1_by_ipxe(self, script: str) -> str:
        (initrd,) = _words(script, "initrd")[:1]
        kernel = _words(script, "kernel")[0]
        assert self._get(kernel)
        assert self._get(initrd)
        words = " ".join(line for line in script.splitlines() if "bridgehead=" in line).split()
        (base,) = {each.partition("=")[2] for each in words if each.startswith("bridgehead=")}
        return base

    def _stage1(self, base: str) -> tuple[str, str, str]:
        """Report and wait for orders; give the kernel, initrd and line that are to be started."""
        self._reach(Point.STAGE1)
        self._flush()
        lease = self._dhcp({OptionCode.VENDOR_CLASS: b"bridgehead-stage1"}, boots=False)
        self._set(lease.address)
        while True:
            token = self._get(f"{base}/d/{self.mac.bare}").decode().strip()
            status, body = self._ask("POST", f"{base}/d/{token}/report", encode_report(self.report))
            self._show(f"report: {status} {body.decode().strip()}")
            if status == 200:
                self._reach(Point.REPORTED)
            order = self._orders(f"{base}/d/{token}/orders")
            if order is not None:
                return order["kernel"], order["initrd"], order["arguments"]

    def _orders(self, url: str) -> dict[str, str] | None:
        """Obey until there is something to start; None when the token is over."""
        while True:
            status, body = self._ask("GET", url)
            if status != 200:
                self._show(f"orders: {status} {body.decode().strip()}")
                self._sleep(_PAUSE)
                return None
            order = json.loads(body)
            self._reach(Point.ORDERS)
            match order["order"]:
                case "wait":
                    self._show(f"{order['name']}: {order['state']}: {order['reason']}")
                case "install":
                    return dict(order)
                case "blink":
                    self.blinks += 1
                case "own-disk" | "reboot":
                    raise _Restart
                case _:
                    raise Stuck(f"ordered: {order}")
            self._sleep(_PAUSE)

    def _install(self, script: str) -> None:
        (kernel,) = _words(script, "kernel")[:1]
        (initrd,) = _words(script, "initrd")[:1]
        self._linux((kernel, initrd, " ".join(_words(script, "imgargs")[1:])))

    def _linux(self, files: tuple[str, str, str]) -> None:
        """Start the installer's kernel."""
        kernel, initrd, line = files
        arguments = dict(each.partition("=")[::2] for each in line.split() if "=" in each)
        self._reach(Point.KERNEL)
        assert self._get(kernel)
        assert self._get(initrd)
        self._reach(Point.ROOTFS)
        self._flush()
        lease = self._dhcp({OptionCode.HOST_NAME: b"rancher"}, boots=False)
        self._set(lease.address)
        assert self._get(arguments["root"].removeprefix("live:"))
        self._reach(Point.CONFIG)
        self.config_urls.append(arguments["harvester.install.config_url"])
        config = _parsed(self._get(self.config_urls[-1]))
        self._installer(config)

    def _installer(self, config: dict[str, Any]) -> None:
        install = config["install"]
        if install["mode"] == "join":
            self.vip_answered = _answers_ping(urlsplit(config["server_url"]).hostname or "")
        self._reach(Point.STARTED)
        self._hook(install, "STARTED")
        self.partitioned += 1
        self.disk = None
        self._reach(Point.IMAGE)
        if self.install_fails:
            self._hook(install, "FAILED")
            raise Stuck("the installation failed")
        status, _ = self._ask("HEAD", install["iso_url"])
        assert status == 200
        self._get(install["iso_url"], halfway=lambda: self._reach(Point.IMAGE_HALF))
        self.disk = config
        self._reach(Point.SUCCEEDED)
        self._hook(install, "SUCCEEDED")
        self._reach(Point.REBOOT)

    def _hook(self, install: dict[str, Any], event: str) -> None:
        """Report once, as Harvester does: a report that nobody takes is lost."""
        (hook,) = (each for each in install["webhooks"] if each["event"] == event)
        if self.hooks_lost:
            return
        headers = {name: values[0] for name, values in hook["headers"].items()}
        try:
            status, body = _request(hook["method"], hook["url"], hook["payload"], headers)
        except (OSError, http.client.HTTPException) as error:
            self._show(f"hook {event} was lost: {error}")
            return
        self._show(f"hook {event}: {status} {body.decode().strip()}")

    def _own_disk(self) -> None:
        if self.disk is None:
            self._show("no bootable device")
            self._sleep(1)
            return
        install = self.disk["install"]
        interface = install["management_interface"]
        self._flush()
        self._set(IPv4Interface(f"{interface['ip']}/{interface['subnet_mask']}"))
        if install["mode"] == "create":
            self._set(IPv4Interface(f"{install['vip']}/32"))
        with _answering(self._certificate, self.mac.to_bytes().hex()):
            self._reach(Point.UP)
            self._sleep(3600)

    # ---------------------------------------------------------------- the wire

    def _dhcp(self, own: dict[int, bytes], *, boots: bool) -> Lease:
        end = time.monotonic() + PATIENCE
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as line:
            line.bind((INTERFACE, _ETH_P_ALL))
            while time.monotonic() < end:
                xid = int.from_bytes(secrets.token_bytes(4), "big")
                self._send(line, MessageType.DISCOVER, xid, own)
                offers = list(self._answers(line, xid, MessageType.OFFER, boots=boots))
                leases = [each for each in offers if each.yiaddr != UNSPECIFIED]
                files = [each for each in offers if _file(each)]
                if not leases or (boots and not files):
                    continue
                asked: dict[int, bytes] = {
                    OptionCode.REQUESTED_ADDRESS: leases[0].yiaddr.packed,
                    OptionCode.SERVER_ID: leases[0].options[OptionCode.SERVER_ID],
                }
                self._send(line, MessageType.REQUEST, xid, {**own, **asked})
                acks = list(self._answers(line, xid, MessageType.ACK, boots=False))
                if acks:
                    return _lease(acks[0], files[0] if files else acks[0])
        raise Stuck("no DHCP answer")

    def _send(
        self, line: socket.socket, message: MessageType, xid: int, options: dict[int, bytes]
    ) -> None:
        self._check()
        packet = Packet(
            op=Op.REQUEST,
            xid=xid,
            chaddr=self.mac.to_bytes().ljust(16, b"\0"),
            flags=BROADCAST_FLAG,
            options=Options(
                {
                    OptionCode.MESSAGE_TYPE: bytes((message,)),
                    OptionCode.PARAMETER_REQUEST_LIST: _ASKS,
                    OptionCode.MAX_MESSAGE_SIZE: (1472).to_bytes(2, "big"),
                    **options,
                }
            ),
        )
        datagram = pcap.UdpDatagram(
            UNSPECIFIED, CLIENT_PORT, BROADCAST, SERVER_PORT, encode(packet), self.mac, _EVERYONE
        )
        line.send(pcap.udp_frame(datagram))

    def _answers(
        self, line: socket.socket, xid: int, wanted: MessageType, *, boots: bool
    ) -> Iterator[Packet]:
        """Give what servers answer within a second; firmware waits for one with a boot file."""
        end = time.monotonic() + 1.0
        while (left := end - time.monotonic()) > 0:
            self._check()
            if not select.select([line], [], [], min(left, 0.1))[0]:
                continue
            with contextlib.suppress(WireError):
                datagram = pcap.udp_of(pcap.Frame(0, line.recv(4096)))
                if datagram is None or (datagram.sport, datagram.dport) != (67, 68):
                    continue
                packet = decode(datagram.payload)
                if packet.xid == xid and packet.message_type is wanted:
                    yield packet
                    if packet.yiaddr != UNSPECIFIED and (_file(packet) or not boots):
                        return

    def _tftp(self, server: IPv4Address, name: str) -> bytes:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self._check()
            with contextlib.suppress(TimeoutError):
                return self._tftp_once(server, name)
        raise Stuck(f"TFTP of {name} timed out")

    def _tftp_once(self, server: IPv4Address, name: str) -> bytes:
        taken, expected = bytearray(), 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(2)
            asked = tftp.ReadRequest(name, "octet", {"blksize": "1428", "windowsize": "4"})
            line.sendto(tftp.encode(asked), (str(server), 69))
            while True:
                raw, peer = line.recvfrom(2048)
                message = tftp.decode(raw)
                match message:
                    case tftp.OptionAck():
                        line.sendto(tftp.encode(tftp.Ack(0)), peer)
                    case tftp.Data(block, payload) if block == expected % 65536:
                        taken += payload
                        last = len(payload) < 1428
                        if last or expected % 4 == 0:
                            line.sendto(tftp.encode(tftp.Ack(block)), peer)
                        expected += 1
                        if last:
                            return bytes(taken)
                    case tftp.Error(_, words):
                        raise Stuck(f"TFTP of {name}: {words}")

    def _get(self, url: str, *, halfway: Callable[[], None] | None = None) -> bytes:
        end = time.monotonic() + PATIENCE
        while True:
            status, body = self._ask("GET", url, halfway=halfway)
            if status == 200:
                return body
            self._show(f"GET {urlsplit(url).path[:3]}: {status} {body.decode().strip()}")
            if time.monotonic() > end:
                raise Stuck(self.screens[-1])
            self._sleep(_PAUSE)

    def _ask(
        self,
        method: str,
        url: str,
        sent: bytes | None = None,
        *,
        halfway: Callable[[], None] | None = None,
    ) -> tuple[int, bytes]:
        """Ask until a server answers that can, each time from the beginning."""
        end = time.monotonic() + PATIENCE
        while True:
            self._check()
            try:
                status, body = _request(method, url, sent, halfway=halfway)
            except (OSError, http.client.HTTPException) as error:
                status, body = 599, str(error).encode()
            if status < 500:
                return status, body
            if time.monotonic() > end:
                raise Stuck(f"{method} of {url.rpartition('/')[2]}: {body.decode().strip()}")
            self._sleep(_PAUSE)

    # ---------------------------------------------------------------- parts

    def _reach(self, point: Point) -> None:
        self._check()
        with self._changed:
            self.reached.append(point)
            self._changed.notify_all()
        if point in self.at:
            self.at[point]()

    def _show(self, text: str) -> None:
        with self._changed:
            self.screens.append(text)
            self._changed.notify_all()

    def _check(self) -> None:
        if self._off.is_set():
            raise _Off

    def _sleep(self, seconds: float) -> None:
        if self._off.wait(seconds):
            raise _Off

    def _flush(self) -> None:
        self._ip("address", "flush", "dev", INTERFACE)

    def _set(self, address: IPv4Interface) -> None:
        self._ip("address", "replace", str(address), "dev", INTERFACE)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", "-n", self.namespace, *words], check=False, capture_output=True)


def enter(namespace: str) -> None:
    """Move this thread into a network namespace: its sockets, and its children's, are there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/run/netns/{namespace}").open() as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _file(packet: Packet) -> str:
    return packet.options.text(OptionCode.BOOT_FILE_NAME) or packet.file.decode()


def _lease(ack: Packet, named: Packet) -> Lease:
    mask = ack.options.address(OptionCode.SUBNET_MASK)
    next_server = named.siaddr if named.siaddr != UNSPECIFIED else None
    server = next_server or named.options.address(OptionCode.SERVER_ID) or UNSPECIFIED
    return Lease(IPv4Interface(f"{ack.yiaddr}/{mask}"), server, _file(named))


def _echoed(script: str) -> list[str]:
    return [line.removeprefix("echo ") for line in script.splitlines() if line.startswith("echo ")]


def _words(script: str, command: str) -> list[str]:
    """Give what follows a command, up to its `||`, without options."""
    for line in script.splitlines():
        words = line.split(" || ")[0].split()
        if words[:1] == [command]:
            return [word for word in words[1:] if not word.startswith("--")]
    return []


def _parsed(raw: bytes) -> dict[str, Any]:
    config: dict[str, Any] = YAML(typ="safe").load(raw.decode())
    return config


def _request(
    method: str,
    url: str,
    body: str | bytes | None = None,
    headers: dict[str, str] | None = None,
    *,
    halfway: Callable[[], None] | None = None,
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    assert parts.scheme == "http"
    line = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=3)
    try:
        line.connect()
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        line.request(method, parts.path, body=body, headers=headers or {})
        answer = line.getresponse()
        taken = bytearray()
        if halfway is not None and method == "GET":
            taken += answer.read((answer.length or 0) // 2)
            halfway()
        taken += answer.read()
        return answer.status, bytes(taken)
    finally:
        line.close()


# -------------------------------------------------------------------- the installed system


class _Installed(BaseHTTPRequestHandler):
    """`/ping`, and the login and kubeconfig of the Rancher in it."""

    accounts: Accounts
    rancher: Rancher

    def do_GET(self) -> None:
        body = b"pong" if self.path == "/ping" else b"?"
        self._send(200 if self.path == "/ping" else 404, body)

    def do_POST(self) -> None:
        split = urlsplit(self.path)
        request = Request(
            "POST",
            split.path,
            dict(parse_qsl(split.query)),
            {key.lower(): value for key, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        answer = self.rancher.public(request)
        if answer is None and self.accounts.knows(request.headers.get("authorization", "")):
            answer = self.rancher.answer(request)
        if answer is None:
            self._send(404, b"404 page not found")
        else:
            self._send(answer.status, answer.raw())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Keep quiet."""


@contextlib.contextmanager
def _answering(certificate: Path, name: str) -> Iterator[None]:
    """Answer on port 443 as an installed hypervisor does; accounts outlive a restart."""
    store = ObjectStore(certificate.with_name(f"rancher-{name}.db"))
    accounts = Accounts(store)
    pem = certificate.read_text()[certificate.read_text().index("-----BEGIN CERT") :]
    handler = type(
        "Handler",
        (_Installed,),
        {"accounts": accounts, "rancher": Rancher(accounts, lambda: pem, "")},
    )
    with contextlib.closing(store), ThreadingHTTPServer(("", 443), handler) as server:
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()


def _answers_ping(host: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    line = http.client.HTTPSConnection(host, 443, timeout=3, context=context)
    try:
        line.request("GET", "/ping")
        return line.getresponse().read() == b"pong"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
