"""The stand-in installer's judgement of a configuration."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from appliance.lab.payload.standin.config import from_kernel_line, merge, parse_version, read

V1_7 = (1, 7)
V1_8 = (1, 8)

CREATE: dict[str, Any] = {
    "scheme_version": 1,
    "token": "a token",
    "os": {
        "hostname": "hv1",
        "password": "$6$salt$hash",
        "dns_nameservers": ["10.20.0.1"],
        "sshd": {"sftp": True},
    },
    "install": {
        "mode": "create",
        "automatic": True,
        "device": "/dev/disk/by-id/virtio-hv1",
        "iso_url": "http://10.20.0.1/a/harvester-v1.8.2-amd64.iso",
        "management_interface": {
            "interfaces": [{"hwAddr": "52:54:00:12:34:56"}],
            "method": "static",
            "ip": "10.20.0.11",
            "subnet_mask": "255.255.255.0",
            "gateway": "10.20.0.1",
            "bond_options": {"mode": "active-backup", "miimon": "100"},
        },
        "vip": "10.20.0.10",
        "vip_mode": "static",
        "webhooks": [{"event": "STARTED", "method": "POST", "url": "http://10.20.0.1/hook"}],
    },
    "system_settings": {"ui-source": "bundled"},
}


def _changed(path: str, value: object) -> dict[str, Any]:
    """Give the good configuration with one place changed; None takes it away."""
    config = copy.deepcopy(CREATE)
    *parents, last = path.split("/")
    place: Any = config
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return config


def _join() -> dict[str, Any]:
    config = copy.deepcopy(CREATE)
    config["server_url"] = "https://10.20.0.10:443"
    config["install"]["mode"] = "join"
    for name in ("vip", "vip_mode"):
        del config["install"][name]
    del config["system_settings"]
    return config


@pytest.mark.parametrize("config", [CREATE, _join()], ids=["create", "join"])
def test_a_good_configuration_has_no_problem(config: dict[str, Any]) -> None:
    """What the documents ask for is enough."""
    canonical, problems = read(config, V1_8)
    assert problems == []
    assert canonical == config


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("scheme_version", None, "scheme_version is required"),
        ("token", None, "token is required"),
        ("token", "tökén", "token is required"),
        ("install/device", None, "install.device is required"),
        ("install/device", "sda", "install.device is required"),
        ("install/iso_url", None, "install.iso_url is required"),
        ("install/automatic", False, "install.automatic must be true"),
        ("install/mode", "upgrade", "install.mode must be"),
        ("install/vip", None, "install.vip is required"),
        ("install/vip_mode", "dhcp", "install.vip_hw_addr is required"),
        ("install/role", "king", "install.role must be"),
        ("install/persistent_partition_size", "150GB", "must be such as 150Gi"),
        ("install/vipp", "x", "install.vipp is not a key"),
        ("install/management_interface/ip", None, "ip is required for method static"),
        ("install/management_interface/subnet_mask", None, "subnet_mask is required"),
        ("install/management_interface/subnet_mask", "10.1.2.3", "is not a netmask"),
        ("install/management_interface/gateway", None, "gateway is required"),
        ("install/management_interface/method", "magic", "must be dhcp or static"),
        ("install/management_interface/interfaces", [], "interfaces is required"),
        ("install/management_interface/interfaces/0/hwAddr", "52:54", "not a MAC address"),
        ("install/management_interface/mtu", 9001, "mtu must be"),
        ("install/management_interface/vlan_id", 4095, "vlan_id must be"),
        ("install/management_interface/bond_options/mode", "fast", "bond_options.mode"),
        ("install/management_interface/bond_options/miimon", 100, "quote it"),
        ("install/webhooks/0/event", "DONE", "webhooks[0].event must be"),
        ("install/webhooks/0/url", "tftp://x/", "webhooks[0].url is required"),
        ("install/webhooks/0/headers", {"A": "b"}, "headers must map"),
        ("install/wipe_disks_list", {"a": 1}, "must be a list"),
        ("os/dns_nameservers", None, "os.dns_nameservers is required"),
        ("os/password", None, "os.password or os.ssh_authorized_keys is required"),
        ("os/hostname", "HV1", "os.hostname must be"),
        ("os/user", "root", "os.user is not a key"),
        ("system_settings/ui-sauce", "x", "system_settings.ui-sauce is not a setting"),
        ("system_settings/upgrade-checker-enabled", False, "quote it"),
        ("system_settings/containerd-registry", "not json", "must be JSON"),
        ("server_url", "https://10.20.0.10:443", "server_url must be empty"),
        ("runtime_version", "v1", "runtime_version is not a key"),
    ],
)
def test_what_is_wrong_is_named(path: str, value: object, says: str) -> None:
    """One wrong place gives one problem, which names it."""
    _, problems = read(_changed(path, value), V1_8)
    assert len(problems) == 1
    assert says in problems[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"server_url": ""}, "server_url is required"),
        ({"server_url": "https://10.20.0.10:6443"}, "server_url is required"),
        ({"server_url": "https://10.20.0.10/v1"}, "server_url is required"),
        ({"system_settings": {"ui-source": "auto"}}, "system_settings is only for mode create"),
    ],
)
def test_a_joining_node_needs_its_server_and_nothing_of_the_first(
    change: dict[str, Any], says: str
) -> None:
    """The rules of mode join."""
    _, problems = read(_join() | change, V1_8)
    assert len(problems) == 1
    assert says in problems[0]


@pytest.mark.parametrize(
    ("path", "value", "too_old", "since"),
    [
        ("os/sshd/disable_password_auth", True, (1, 7), (1, 8)),
        ("sans", ["hv.example"], (1, 5), (1, 6)),
        ("install/skipchecks", True, (1, 2), (1, 3)),
        ("install/wipe_all_disks", True, (1, 4), (1, 5)),
    ],
)
def test_a_key_is_refused_before_its_version(
    path: str, value: object, too_old: tuple[int, int], since: tuple[int, int]
) -> None:
    """The same file is good from the version on that knows the key."""
    config = _changed(path, value)
    _, problems = read(config, too_old)
    assert [problem for problem in problems if "came with" in problem]
    assert read(config, since)[1] == []


def test_settings_of_a_later_version_are_refused() -> None:
    """v1.8 lets more settings be preset than v1.7."""
    config = _changed("system_settings/max-hotplug-ratio", "4")
    assert "max-hotplug-ratio" in read(config, V1_7)[1][0]
    assert read(config, V1_8)[1] == []


def test_other_spellings_become_the_one() -> None:
    """Keys are taken in camelCase too, and texts as booleans, as the real one takes them."""
    config = _changed("install/isoUrl", "http://10.20.0.1/b.iso")
    del config["install"]["iso_url"]
    config["install"]["automatic"] = "true"
    canonical, problems = read(config, V1_8)
    assert problems == []
    assert canonical["install"]["iso_url"] == "http://10.20.0.1/b.iso"
    assert canonical["install"]["automatic"] is True


def test_the_kernel_line_nests_and_repeats() -> None:
    """Only harvester.* words count; a repeated one makes a list; interfaces come apart."""
    found = from_kernel_line(
        "root=live:http://b/r harvester.install.automatic=true harvester.os.ntp_servers=a "
        "harvester.os.ntp_servers=b 'harvester.token=two words' quiet "
        "harvester.install.management_interface.interfaces=name:ens3,hwAddr:52:54:00:12:34:56"
    )
    assert found == {
        "install": {
            "automatic": "true",
            "management_interface": {
                "interfaces": [{"name": "ens3", "hwAddr": "52:54:00:12:34:56"}]
            },
        },
        "os": {"ntp_servers": ["a", "b"]},
        "token": "two words",
    }


def test_the_kernel_line_wins_and_its_lists_are_appended() -> None:
    """An item given in both places stands there twice, which is why each list has one place."""
    fetched = {"install": {"mode": "create", "device": "/dev/a"}, "os": {"ntp_servers": ["a"]}}
    kernel = {"install": {"device": "/dev/b"}, "os": {"ntp_servers": ["a"]}}
    assert merge(fetched, kernel) == {
        "install": {"mode": "create", "device": "/dev/b"},
        "os": {"ntp_servers": ["a", "a"]},
    }


@pytest.mark.parametrize("text", ["", "1", "latest", "v1.8.2.1.0"])
def test_what_is_no_version_is_refused(text: str) -> None:
    """A payload is never built for a nonsense version."""
    with pytest.raises(ValueError, match="Harvester version"):
        parse_version(text)


def test_versions_are_read() -> None:
    """With or without the v, and release candidates."""
    assert parse_version("v1.8.2") == parse_version("1.8.0-rc1") == (1, 8)
