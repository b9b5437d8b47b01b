"""Single values: each read from text by its key's type, each refusal with what to write."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from appliance.site import scalars
from appliance.site.plan import AddressRange, DiskPlan, ExpectedFirmware, OwnDisk, Role
from appliance.values import Mac

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUaUlV0bpkTpqB1l0hLxUQEFlq0Uw0mA1o2vpbLkzXz me@x"
GIB = 2**30

KINDS = {
    name: TypeAdapter[Any](getattr(scalars, name))
    for name in (
        *("Label", "Domain", "Address", "Network4", "Range", "MacAddress", "SystemUuid", "Serial"),
        *("Flag", "Size", "Disk", "DiskPath", "Harvester", "Rke2", "K3s", "IpxeName", "Console"),
        *(
            "SshKey",
            "MachineRole",
            "Firmware",
            "OwnDiskWay",
            "RoleOfNetwork",
            "Vlan",
            "Mtu",
            "Cpus",
        ),
        *("Servers", "Agents"),
    )
}


def refusal(kind: str, value: object) -> tuple[str, str]:
    """Give what is wrong and its fix."""
    with pytest.raises(ValidationError) as caught:
        KINDS[kind].validate_python(value, strict=True)
    (error,) = caught.value.errors()
    assert error["type"] == scalars.WRONG
    return str(error["ctx"]["what"]), str(error["ctx"]["fix"])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("Label", "rack1-hv2", "rack1-hv2"),
        ("Domain", "alpha.internal.", "alpha.internal"),
        ("Address", "10.20.0.10", IPv4Address("10.20.0.10")),
        ("Network4", "10.20.0.0/24", IPv4Network("10.20.0.0/24")),
        (
            "Range",
            "10.0.0.1 to 10.0.0.9",
            AddressRange(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.9")),
        ),
        (
            "Range",
            "10.0.0.1-10.0.0.9",
            AddressRange(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.9")),
        ),
        ("MacAddress", "52:54:00:12:34:56", Mac("525400123456")),
        ("MacAddress", "525400123456", Mac("525400123456")),
        ("Serial", "0012", "0012"),
        ("Flag", "true", True),
        ("Flag", "False", False),
        ("Size", "64G", 64 * GIB),
        ("Disk", "/dev/disk/by-id/x", DiskPlan("/dev/disk/by-id/x", None)),
        ("DiskPath", "/dev/disk/by-id/x", "/dev/disk/by-id/x"),
        ("Harvester", "1.8.2", "v1.8.2"),
        ("Rke2", "v1.36.3+rke2r1", "v1.36.3+rke2r1"),
        ("K3s", "v1.36.3+k3s1", "v1.36.3+k3s1"),
        ("IpxeName", "ipxe.efi", "ipxe.efi"),
        ("Console", "ttyS0,115200n8", "ttyS0,115200n8"),
        ("SshKey", PUBLIC_KEY, PUBLIC_KEY),
        ("MachineRole", "join", Role.JOIN),
        ("Firmware", "uefi-http", ExpectedFirmware.UEFI_HTTP),
        ("OwnDiskWay", "404", OwnDisk.NOT_FOUND),
        ("RoleOfNetwork", "vm", scalars.NetworkRole.VM),
        ("Vlan", "21", 21),
        ("Mtu", "9000", 9000),
        ("Agents", "0", 0),
    ],
)
def test_what_is_read(kind: str, text: str, value: object) -> None:
    """The text of the file becomes the typed value, which is taken as it is the next time."""
    read = KINDS[kind].validate_python(text, strict=True)
    assert read == value
    assert KINDS[kind].validate_python(read, strict=True) == value


@pytest.mark.parametrize(
    ("kind", "text", "what", "fix"),
    [
        ("Label", "HV_1", "'HV_1' is no RFC 1123 label", "lower-case"),
        ("Label", "-a", "no RFC 1123 label", "lower-case"),
        ("Label", "a" * 64, "no RFC 1123 label", "at most 63"),
        ("Domain", "alpha..internal", "no domain name", "alpha.internal"),
        ("Domain", "site.local", "multicast DNS", ".internal"),
        ("Address", "10.20.0.256", "no IPv4 address", "10.20.0.10"),
        ("Address", "fe80::1", "no IPv4 address", "10.20.0.10"),
        ("Network4", "10.20.0.0", "says no prefix length", "10.20.0.0/24"),
        ("Network4", "10.20.0.1/24", "an address in a subnet", "write 10.20.0.0/24"),
        ("Network4", "10.20/24", "no IPv4 subnet", "10.20.0.0/24"),
        ("Range", "10.0.0.9 to 10.0.0.1", "ends before it begins", "write 10.0.0.1 to 10.0.0.9"),
        ("Range", "10.0.0.1", "no range", "first and the last"),
        ("MacAddress", "52:54:00:12:34", "is not a MAC address", "label"),
        ("MacAddress", "01:00:5e:00:00:01", "multicast", "label"),
        ("SystemUuid", "1-2-3", "no UUID", "dmidecode"),
        ("Serial", "", "no serial number", "label"),
        ("Flag", "yes", "neither true nor false", "true or false"),
        ("Size", "64", "not a size", "64G"),
        ("Size", -1, "one value belongs here", "64G"),
        ("Disk", "/dev/sda", "another disk at the next boot", "by-id"),
        ("Disk", "big", "no term", "/dev/disk/by-id/"),
        ("DiskPath", "size > 1G", "another disk", "by-id"),
        ("Harvester", "1.8", "no full version", "write v1.8.2"),
        ("Harvester", "v1.6.0", "not known: 1.7, 1.8 and 1.9 are", "nearest known is v1.7.3"),
        ("Rke2", "v1.36.3", "no RKE2 version", "v1.36.3+rke2r1"),
        ("IpxeName", "../x.efi", "no iPXE file name", "ipxe.efi"),
        ("Console", "tty1 init=/bin/sh", "no console", "tty1"),
        ("SshKey", "-----BEGIN OPENSSH PRIVATE KEY-----", "private key", "ssh-ed25519"),
        ("SshKey", "ssh-ed25519 AAAA", "no OpenSSH public key", "ssh-ed25519"),
        ("SshKey", f"{PUBLIC_KEY}\nsecond", "no OpenSSH public key", "one line"),
        ("MachineRole", "creat", "not known here", "did you mean create?"),
        ("Firmware", "legacy", "not known here", "bios, uefi, uefi-http"),
        ("Vlan", "4095", "out of range", "2 to 4094"),
        ("Mtu", "9001", "out of range", "576 to 9000"),
        ("Mtu", "1e3", "no whole number", "576 to 9000"),
        ("Mtu", True, "one value belongs here", "576 to 9000"),
        ("Address", ["10.0.0.1"], "one value belongs here", "10.20.0.10"),
    ],
)
def test_what_is_refused(kind: str, text: object, what: str, fix: str) -> None:
    """The refusal says what was read and what to write instead."""
    said, advice = refusal(kind, text)
    assert what in said
    assert fix in advice


@given(kind=st.sampled_from(sorted(KINDS)), text=st.text(max_size=40))
def test_garbage_is_read_or_refused(kind: str, text: str) -> None:
    """Nothing but the one error comes out of garbage."""
    types = []
    try:
        KINDS[kind].validate_python(text, strict=True)
    except ValidationError as error:
        types = [each["type"] for each in error.errors()]
    assert types in ([], [scalars.WRONG])


def test_the_nearest_word() -> None:
    """A slip of the keyboard leads to the word; a wholly different word to none."""
    assert scalars.nearest("gatway", ["gateway", "bridge"]) == "gateway"
    assert scalars.nearest("xyz", ["gateway", "bridge"]) is None
