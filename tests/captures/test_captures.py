"""Captured boots of real firmware are decoded into golden texts, and written back unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.values import Mac
from appliance.wire import dhcp4, pcap, pxe, tftp
from appliance.wire.dhcp4_options import (
    IpxeOption,
    OptionCode,
    Options,
    ipxe_features,
    ipxe_version,
    printable,
    user_classes,
)

HERE = Path(__file__).parent
CAPTURES = sorted(HERE.glob("*.pcap"))
DHCP_PORTS = {dhcp4.SERVER_PORT, dhcp4.CLIENT_PORT, dhcp4.PXE_PORT}
ADDRESSES = {1, 3, 6, 28, 50, 54}
SECONDS = {51, 58, 59}


def datagrams(path: Path) -> Iterator[tuple[int, pcap.UdpDatagram]]:
    """Give each datagram with its time in nanoseconds."""
    for frame in pcap.read(path.read_bytes()):
        datagram = pcap.udp_of(frame)
        if datagram is not None:
            yield frame.at, datagram


def is_dhcp(datagram: pcap.UdpDatagram) -> bool:
    """Tell DHCP from TFTP by its ports."""
    return bool({datagram.sport, datagram.dport} & DHCP_PORTS)


def describe(at: int, datagram: pcap.UdpDatagram) -> Iterator[str]:
    """Write one datagram as lines."""
    time = datetime.fromtimestamp(at // 10**9, UTC).strftime("%H:%M:%S")
    ends = f"{datagram.src}:{datagram.sport} > {datagram.dst}:{datagram.dport}"
    yield f"{time}.{at % 10**9 // 1000:06} {ends}"
    if is_dhcp(datagram):
        yield from describe_dhcp(dhcp4.decode(datagram.payload))
    else:
        yield f"  {tftp.decode(datagram.payload)}"


def describe_dhcp(packet: dhcp4.Packet) -> Iterator[str]:
    """Write one DHCP message as lines."""
    kind = packet.message_type.name if packet.message_type else "no message type"
    yield f"  {packet.op.name} {kind} xid={packet.xid:08x} secs={packet.secs} {packet.mac}"
    yield f"    flags={packet.flags:04x} ciaddr={packet.ciaddr} yiaddr={packet.yiaddr}"
    yield f"    siaddr={packet.siaddr} giaddr={packet.giaddr}"
    yield f"    sname={packet.sname!r} file={packet.file!r}"
    for code in packet.options:
        yield f"    {describe_option(packet.options, code)}"


def describe_option(options: Options, code: int) -> str:
    """Write one option with its name and its typed value."""
    named = code in OptionCode.__members__.values()
    name = f"{code} {OptionCode(code).name if named else 'unnamed'}:"
    raw = options[code]
    if code in ADDRESSES:
        return f"{name} {', '.join(map(str, options.addresses(code) or ()))}"
    if code in SECONDS:
        return f"{name} {options.uint32(code)} s"
    if code == OptionCode.MAX_MESSAGE_SIZE:
        return f"{name} {options.uint16(code)}"
    if code == OptionCode.CLIENT_ARCHITECTURE:
        archs = (pxe.Architecture(value).name for value in pxe.parse_architectures(raw))
        return f"{name} {', '.join(archs)}"
    if code == OptionCode.MACHINE_ID:
        return f"{name} {pxe.parse_machine_id(raw)}"
    if code == OptionCode.USER_CLASS:
        return f"{name} {', '.join(user_classes(raw))}"
    if code == OptionCode.IPXE:
        features = " ".join(sorted(feature.name for feature in ipxe_features(raw)))
        return f"{name} version {ipxe_version(raw)} {features}"
    if code == OptionCode.PARAMETER_REQUEST_LIST:
        return f"{name} {' '.join(map(str, raw))}"
    if printable(raw.rstrip(b"\0")) == raw.rstrip(b"\0").decode("latin-1") != "":
        return f"{name} {options.text(code)!r}"
    return f"{name} {raw.hex(' ')}"


def test_there_are_captures() -> None:
    """The tests below are not empty."""
    assert {path.stem for path in CAPTURES} >= {"bios-ipxe-rom", "ovmf-http", "ovmf-pxe"}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_capture_decodes_to_its_golden_text(path: Path, pytestconfig: pytest.Config) -> None:
    """The text beside the capture is what the decoders make of it."""
    golden = path.with_suffix(".txt")
    lines = [line for at, datagram in datagrams(path) for line in describe(at, datagram)]
    text = "\n".join(lines) + "\n"
    if pytestconfig.getoption("--update-goldens"):
        golden.write_text(text)

    assert text == golden.read_text()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_captured_messages_survive_writing_and_reading(path: Path) -> None:
    """Decode, encode, decode gives the same message; TFTP even the same octets."""
    for _, datagram in datagrams(path):
        if is_dhcp(datagram):
            packet = dhcp4.decode(datagram.payload)
            assert dhcp4.decode(dhcp4.encode(packet)) == packet
        else:
            assert tftp.encode(tftp.decode(datagram.payload)) == datagram.payload


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_frames_survive_writing_and_reading(path: Path) -> None:
    """The capture file itself, and each frame built anew from its datagram."""
    frames = pcap.read(path.read_bytes())

    assert pcap.read(pcap.write(frames)) == frames
    for at, datagram in datagrams(path):
        assert pcap.udp_of(pcap.Frame(at, pcap.udp_frame(datagram))) == datagram


def dhcp_of(stem: str) -> list[dhcp4.Packet]:
    """The DHCP messages of a capture."""
    found = (d for _, d in datagrams(HERE / f"{stem}.pcap") if is_dhcp(d))
    return [dhcp4.decode(datagram.payload) for datagram in found]


def test_the_http_firmware_took_the_offer_that_echoed_its_class() -> None:
    """Row 5: an OFFER with option 60 `HTTPClient` and a URL leads to a REQUEST."""
    http = [p for p in dhcp_of("ovmf-http") if p.options.get(93) == b"\x00\x10"]
    offers = [
        p
        for p in dhcp_of("ovmf-http")
        if p.xid == http[0].xid and p.message_type is dhcp4.MessageType.OFFER
    ]

    assert [p.message_type for p in http] == [
        dhcp4.MessageType.DISCOVER,
        dhcp4.MessageType.REQUEST,
    ]
    assert all(p.options.text(60) == "HTTPClient" for p in offers)
    assert all((p.options.text(67) or "").startswith("http://") for p in offers)
    assert pxe.boots_over_http(pxe.parse_architectures(http[0].options[93])[0])


def test_edk2_probes_the_size_before_it_loads() -> None:
    """Row 7: RRQ with tsize, abort by error 8, then RRQ without tsize."""
    messages = [
        tftp.decode(datagram.payload)
        for _, datagram in datagrams(HERE / "ovmf-pxe.pcap")
        if not is_dhcp(datagram)
    ]
    first, _, abort, second = messages[:4]

    assert isinstance(first, tftp.ReadRequest)
    assert first.options == {"tsize": "0", "blksize": "1468", "windowsize": "4"}
    assert abort == tftp.Error(tftp.ErrorCode.OPTION_REFUSED, "User aborted the transfer")
    assert isinstance(second, tftp.ReadRequest)
    assert second.options == {"blksize": "1468", "windowsize": "4"}


def test_firmware_and_ipxe_share_the_hardware_address_alone() -> None:
    """Row 21: on one machine the client ids differ, so a lease is keyed by the MAC."""
    requests = [p for p in dhcp_of("ovmf-pxe") if p.op is dhcp4.Op.REQUEST]

    assert {p.mac for p in requests} == {Mac.parse("52:54:00:aa:01:02")}
    assert len({p.options.get(OptionCode.CLIENT_ID) for p in requests}) > 1


def test_the_boot_rom_is_ipxe_and_wants_a_unicast_answer() -> None:
    """User class and option 175 at once; the broadcast flag is clear, so ARP cannot reach it."""
    discover, *_ = dhcp_of("bios-ipxe-rom")
    offer = dhcp4.reply_to(
        discover,
        dhcp4.MessageType.OFFER,
        options=Options(),
        yiaddr=dhcp4.BROADCAST - 1,
    )

    assert user_classes(discover.options[OptionCode.USER_CLASS]) == ("iPXE",)
    assert IpxeOption.HTTP in ipxe_features(discover.options[OptionCode.IPXE])
    assert dhcp4.deliver_to(offer, discover).via is dhcp4.Delivery.HARDWARE
