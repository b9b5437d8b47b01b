"""The TFTP service on loopback: whole files, one port or many, limits, and everything hostile."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from appliance.boot.model import STAGE1_KERNEL, STAGE1_UKI
from appliance.boot.tftp_server import MAX_PER_CLIENT, MAX_TRANSFERS, TftpService
from appliance.machines.state import Seen
from appliance.wire import tftp
from tests.unit.boot.boot_world import NETWORK, World
from tests.unit.boot.running_loop import CLOCK, running, udp, until

CONTENT = os.urandom(100_000)
RRQ = struct.pack("!H", 1)
HV1_IP = "127.0.0.11"


def request(name: str | bytes, mode: str = "octet", **options: int | str) -> bytes:
    """Write a read request by hand."""
    raw = name if isinstance(name, bytes) else name.encode()
    fields = [raw, mode.encode()]
    for key, value in options.items():
        fields += [key.encode(), str(value).encode()]
    return RRQ + b"".join(field + b"\0" for field in fields)


class Service:
    """A running service and where it listens."""

    def __init__(self, world: World, listening: socket.socket, services: list[TftpService]) -> None:
        self.world = world
        self.address = listening.getsockname()
        self._services = services

    @property
    def transfers(self) -> int:
        """How many transfers run."""
        return self._services[0].transfers

    def ask(self, raw: bytes, sock: socket.socket) -> tuple[tftp.Message, tuple[str, int]]:
        """Send a datagram and read the answer."""
        sock.sendto(raw, self.address)
        reply, peer = sock.recvfrom(70_000)
        return tftp.decode(reply), peer

    def error(self, raw: bytes) -> int:
        """Send a datagram that is refused; give the error's code."""
        with udp(HV1_IP) as sock:
            message, _ = self.ask(raw, sock)
        assert isinstance(message, tftp.Error), message
        return message.code

    def fetch(self, raw: bytes, *, stop_after: int | None = None) -> bytes:
        """Fetch as a client that acknowledges every block (or OACK); window 1."""
        got: dict[int, bytes] = {}
        last = 0
        with udp(HV1_IP) as sock:
            message, peer = self.ask(raw, sock)
            size = 512
            if isinstance(message, tftp.OptionAck):
                size = int(message.options.get("blksize", "512"))
                sock.sendto(tftp.encode(tftp.Ack(0)), peer)
                message = tftp.decode(sock.recvfrom(70_000)[0])
            while isinstance(message, tftp.Data):
                last += (message.block - last) & 0xFFFF  # numbers start over; a repetition is 0 on
                got[last] = message.payload
                sock.sendto(tftp.encode(tftp.Ack(message.block)), peer)
                if len(message.payload) < size or len(got) == stop_after:
                    break
                message = tftp.decode(sock.recvfrom(70_000)[0])
        return b"".join(got[number] for number in sorted(got))

    def still_serves(self) -> None:
        """It answers a decent client as before."""
        assert self.fetch(request("snponly.efi", blksize=1400)) == CONTENT


@pytest.fixture(params=[False, True], ids=["own port", "single port"])
def service(world: World, request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service with one boot loader in it, in both modes."""
    world.serve("snponly.efi", CONTENT, Seen.BOOTLOADER_SENT)
    world.serve("big.iso", b"x", Seen.IMAGE_SENT)
    world.state.configure(replace(NETWORK, tftp_single_port=request.param), world.files)
    listening = udp()
    made: list[TftpService] = []
    with running(
        lambda loop: made.append(TftpService(listening, loop=loop, state=world.state, clock=CLOCK))
    ):
        yield Service(world, listening, made)
    made[0].close()
    listening.close()


@pytest.mark.parametrize("name", ["snponly.efi", "/snponly.efi", "ipxe/snponly.efi"])
def test_a_boot_loader_comes_whole(service: Service, name: str) -> None:
    """Without options, by any name that firmware makes of it; and it is evidence."""
    assert service.fetch(request(name)) == CONTENT
    until(lambda: service.world.seen() == [Seen.BOOTLOADER_SENT])
    until(lambda: service.transfers == 0)


def test_the_reply_comes_from_the_port_of_choice(service: Service) -> None:
    """Another port by RFC 1350, or the same for networks that would drop it."""
    single = service.world.state.network.tftp_single_port
    with udp(HV1_IP) as sock:
        _, peer = service.ask(request("snponly.efi"), sock)

    assert (peer == service.address) == single


def test_blocks_fit_the_mtu_and_windows_are_clamped(service: Service) -> None:
    """A fragmented block is lost as a whole; a huge window would flood a switch."""
    with udp(HV1_IP) as sock:
        message, _ = service.ask(
            request("snponly.efi", blksize=65464, windowsize=64, tsize=0), sock
        )

    assert isinstance(message, tftp.OptionAck)
    assert dict(message.options) == {
        "blksize": "1468",
        "windowsize": "16",
        "tsize": str(len(CONTENT)),
    }


def test_a_size_probe_is_normal(service: Service) -> None:
    """EDK2 asks for tsize and aborts with error 8: no failure, no evidence (pin/tftp#125)."""
    with udp(HV1_IP) as sock:
        message, peer = service.ask(request("snponly.efi", tsize=0), sock)
        assert isinstance(message, tftp.OptionAck)
        sock.sendto(tftp.encode(tftp.Error(8, "User aborted the transfer")), peer)
        until(lambda: service.transfers == 0)

    assert service.world.seen() == []
    assert "as UEFI does" in service.world.events("tftp")[0].text


def test_autoexec_is_served_from_memory(service: Service) -> None:
    """A missing autoexec.ipxe looks like a failure (tinkerbell/tinkerbell#424)."""
    for name in ("autoexec.ipxe", "/ipxe/autoexec.ipxe"):
        assert service.fetch(request(name)).startswith(b"#!ipxe\n")


def test_a_repeated_request_begins_no_second_transfer(service: Service) -> None:
    """The client's request was answered, but the answer was lost."""
    with udp(HV1_IP) as sock:
        service.ask(request("snponly.efi", tsize=0), sock)
        for _ in range(5):
            sock.sendto(request("snponly.efi", tsize=0), service.address)
        service.still_serves()

        until(lambda: service.transfers == 1)


def test_one_client_has_so_many_transfers(service: Service) -> None:
    """The one too many is refused; another client is still served."""
    socks = [udp("127.0.0.12") for _ in range(MAX_PER_CLIENT + 1)]
    answers = [service.ask(request("snponly.efi", tsize=0), sock)[0] for sock in socks]

    assert all(isinstance(each, tftp.OptionAck) for each in answers[:-1])
    assert isinstance(answers[-1], tftp.Error)
    service.still_serves()
    for sock in socks:
        sock.close()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x00\x02snponly.efi\x00octet\x00", 2),
        (request("snponly.efi", mode="netascii"), 4),
        (request("snponly.efi", mode="mail"), 4),
        (request("nothing"), 1),
        (request("big.iso"), 1),
        (request("../../etc/passwd"), 1),
        (request("/etc/passwd"), 1),
        (request("ipxe/../boot.db"), 1),
        (request("."), 1),
        (request(""), 4),
        (request("b\xc3\xbcro.efi"), 1),
        (request(b"\xff\xfe\x80"), 1),
        (b"\x00\x04\x00\x01", 5),
        (b"\x00\x03\x00\x01data", 5),
        (b"", 4),
        (b"\x00", 4),
        (b"\x00\x04\x00", 4),
        (b"\x00\x01", 4),
        (b"\x00\x01snponly.efi", 4),
        (b"\x00\x09snponly.efi\x00octet\x00", 4),
        (b"\xff" * 1400, 4),
    ],
)
def test_what_is_refused_has_its_code_and_does_no_harm(
    service: Service, raw: bytes, code: int
) -> None:
    """Uploads, other modes, names that are no names, and garbage; it serves on."""
    assert service.error(raw) == code
    service.still_serves()


@pytest.mark.parametrize(
    "options",
    [
        b"blksize\x00abc\x00",
        b"blksize\x000\x00",
        b"blksize\x00-5\x00",
        b"blksize\x0065536\x00",
        b"blksize\x00999999999999999999999\x00",
        b"windowsize\x000\x00",
        b"timeout\x00x\x00",
        b"tsize\x00\x00",
        b"\x00\x00",
        b"multicast\x00\x00",
        b"blksize\x00\xc2\xb2\x00",
        b"blksize\x001024",
    ],
)
def test_odd_options_are_left_out_and_the_file_still_comes(
    service: Service, options: bytes
) -> None:
    """As if never asked for; or the request as a whole is refused. Then it serves on."""
    with udp(HV1_IP) as sock:
        message, _ = service.ask(request("snponly.efi") + options, sock)

    if isinstance(message, tftp.Data):
        assert message.payload == CONTENT[:512]
    elif isinstance(message, tftp.OptionAck):
        assert "blksize" not in message.options or int(message.options["blksize"]) <= 1468
    else:
        assert isinstance(message, tftp.Error)
    service.still_serves()


def test_option_names_are_case_blind(service: Service) -> None:
    """`BLKSIZE` is `blksize`."""
    with udp(HV1_IP) as sock:
        message, _ = service.ask(request("snponly.efi", BLKSIZE=1024), sock)

    assert isinstance(message, tftp.OptionAck)
    assert dict(message.options) == {"blksize": "1024"}


def test_a_strangers_packets_change_nothing(service: Service) -> None:
    """Neither an ACK that would advance nor an ERROR that would end the transfer (RFC 1350, 4)."""
    with udp(HV1_IP) as sock, udp("127.0.0.99") as stranger:
        message, peer = service.ask(request("snponly.efi", blksize=1024), sock)
        assert isinstance(message, tftp.OptionAck)
        for raw in (tftp.encode(tftp.Ack(0)), b"garbage"):
            stranger.sendto(raw, peer)
            answer = tftp.decode(stranger.recvfrom(2048)[0])
            assert isinstance(answer, tftp.Error)
        stranger.sendto(tftp.encode(tftp.Error(0, "die")), peer)

        sock.sendto(tftp.encode(tftp.Ack(0)), peer)
        first = tftp.decode(sock.recvfrom(2048)[0])
        assert first == tftp.Data(1, CONTENT[:1024])


def test_garbage_from_the_client_itself_changes_nothing(service: Service) -> None:
    """A three-octet ACK ended tftpy's server."""
    with udp(HV1_IP) as sock:
        _, peer = service.ask(request("snponly.efi", blksize=1024), sock)
        for raw in (b"\x00\x04\x00", b"", b"\x00\x03\x00\x01", tftp.encode(tftp.Ack(999))):
            sock.sendto(raw, peer)
        if peer == service.address:  # on the shared port garbage is answered
            for _ in range(2):
                assert isinstance(tftp.decode(sock.recvfrom(2048)[0]), tftp.Error)
        sock.sendto(tftp.encode(tftp.Ack(0)), peer)

        assert tftp.decode(sock.recvfrom(2048)[0]) == tftp.Data(1, CONTENT[:1024])
    service.still_serves()


def test_half_open_transfers_without_end_do_not_stop_it(service: Service) -> None:
    """A thousand requests that never go on: the limits hold, and a decent client is served."""
    socks = [udp(f"127.0.1.{number % 200 + 1}") for number in range(300)]
    replies = [service.ask(request("snponly.efi", tsize=0), sock) for sock in socks]
    begun = [isinstance(message, tftp.OptionAck) for message, _ in replies]

    assert begun.count(True) == service.transfers == MAX_TRANSFERS
    for sock, (_, peer) in list(zip(socks, replies, strict=True))[:20]:  # some make room
        sock.sendto(tftp.encode(tftp.Error(0, "bye")), peer)
    until(lambda: service.transfers < MAX_TRANSFERS)
    service.still_serves()
    for sock in socks:
        sock.close()


def test_a_transfer_that_is_broken_off_is_told_and_proves_nothing(service: Service) -> None:
    """The client's own error ends it."""
    with udp(HV1_IP) as sock:
        message, peer = service.ask(request("snponly.efi"), sock)
        assert isinstance(message, tftp.Data)
        sock.sendto(tftp.encode(tftp.Error(3, "disk full")), peer)
        until(lambda: service.transfers == 0)

    assert service.world.seen() == []
    assert "disk full" in service.world.events("tftp")[-1].text


def test_a_damaged_file_is_refused_and_found(service: Service) -> None:
    """What is no longer what was verified is not sent."""
    (service.world.folder / "snponly.efi").write_bytes(b"other")

    assert service.error(request("snponly.efi")) == 1
    assert "no longer the file" in service.world.events("finding")[0].text


@pytest.mark.parametrize(
    ("size", "raw"),
    [
        (25_000_000, request(STAGE1_UKI, blksize=1468, tsize=0)),
        (34_000_000, request(STAGE1_UKI)),
    ],
    ids=["as UEFI asks", "without options"],
)
def test_stage1_comes_whole(service: Service, size: int, raw: bytes) -> None:
    """25 MB as UEFI firmware asks; and in more blocks of 512 than there are block numbers."""
    single = service.world.state.network.tftp_single_port
    content = os.urandom(1000) * (size // 1000)
    service.world.serve(STAGE1_UKI, content)
    network = replace(NETWORK, tftp_single_port=single)
    service.world.state.configure(network, service.world.files)
    assert service.fetch(raw) == content
    until(lambda: service.world.seen() == [Seen.STAGE1_SENT])


def test_the_other_files_of_stage1_go_by_http_alone(service: Service) -> None:
    """iPXE fetches kernel and initrd, and it can do better than TFTP."""
    service.world.serve(STAGE1_KERNEL, b"k")
    assert service.error(request(STAGE1_KERNEL)) == tftp.ErrorCode.FILE_NOT_FOUND
