"""The list that our documents are held to."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import InputError
from appliance.values import Secret
from appliance.vms.cloud_init_fields import check_network_data, check_user_data


def test_every_fault_is_named_in_one_go() -> None:
    """With the machine and the field; cloud-init would pass over each in silence."""
    document: dict[str, Any] = {
        "hostname": "server1",
        "write_file": [{"path": "/etc/motd"}],
        "ntp": {"servers": ["pool.ntp.example"], "enabled": "yes"},
        "ssh_keys": {"rsa_private": Secret("-----BEGIN secret")},
    }
    with pytest.raises(InputError) as raised:
        check_user_data(document, "server1")
    assert "user data of server1" in raised.value.what
    for field in ("write_file", "ntp.servers[]", "ntp.enabled", "ssh_keys.rsa_private"):
        assert field in raised.value.why
    assert "hostname" not in raised.value.why
    assert "BEGIN" not in str(raised.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hostname", "Server1"),
        ("hostname", "server1.alpha"),
        ("hostname", "-server"),
        ("hostname", "a" * 64),
        ("fqdn", "a..b"),
        ("fqdn", ".".join(["a" * 60] * 5)),
        ("disable_root", "true"),
        ("disable_root", 1),
        ("users", [{"name": "two\nlines"}]),
        ("users", [{"gecos": "a\nb"}]),
        ("users", [{"gecos": ""}]),
        ("users", ["bridgehead"]),
        ("users", {"name": "bridgehead"}),
        ("write_files", [{"path": "etc/hosts"}]),
        ("write_files", [{"permissions": "644"}]),
        ("write_files", [{"permissions": 0o644}]),
        ("write_files", [{"content": "a\0b"}]),
        ("growpart", {"mode": "on"}),
        ("ssh_keys", {"ed25519_private": "-----BEGIN as plain text"}),
    ],
)
def test_user_data_that_cloud_init_would_misread(field: str, value: Any) -> None:
    """Each is refused before a machine is made."""
    with pytest.raises(InputError, match=field):
        check_user_data({field: value}, "server1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("addresses", ["10.0.0.300/24"]),
        ("addresses", "10.0.0.3/24"),
        ("routes", [{"to": "default", "via": "10.0.0.1"}]),
        ("routes", [{"to": "0.0.0.0/0", "via": "10.0.0.0/24"}]),
        ("match", {"macaddress": "02:00:00:00:00:0A"}),
        ("match", {"macaddress": 41135085296}),
        ("match", {"name": "ens*"}),
        ("mtu", 500),
        ("mtu", True),
        ("gateway4", "10.0.0.1"),
        ("nameservers", {"addresses": ["ns1"]}),
    ],
)
def test_network_data_that_cloud_init_would_misread(field: str, value: Any) -> None:
    """Each is refused before a machine is made."""
    document = {"version": 2, "ethernets": {"lan0": {field: value}}}
    with pytest.raises(InputError, match="network data of server1"):
        check_network_data(document, "server1")


def test_another_version_is_refused() -> None:
    """Version 1 has other keys."""
    with pytest.raises(InputError, match="version"):
        check_network_data({"version": 1}, "server1")
