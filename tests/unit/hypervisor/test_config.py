"""Harvester's configuration, rule by rule and as a whole text."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from passlib.hash import sha512_crypt
from ruamel.yaml import YAML

from appliance.errors import InputError
from appliance.hypervisor.config import NodeSecrets, config_for, dump
from appliance.site.plan import DiskPlan, MachinePlan, Plan
from appliance.values import Mac, Secret
from tests import plans

HASH = sha512_crypt.using(rounds=5000, salt="abcdefgh").hash("secret password")
SECRETS = NodeSecrets(Secret("t0ken: with #odd chars"), Secret(HASH), ("ssh-ed25519 BBBB bridge",))
HOOKS = "http://10.20.0.2/hook/@TOKEN@"

GOLDEN = """\
scheme_version: 1
token: "t0ken: with #odd chars"
os:
  hostname: "hv1"
  password: "HASH"
  ssh_authorized_keys:
  - "ssh-ed25519 AAAAC3Nza operator"
  - "ssh-ed25519 BBBB bridge"
  dns_nameservers:
  - "10.20.0.1"
  ntp_servers:
  - "10.20.0.1"
install:
  automatic: true
  management_interface:
    interfaces:
    - hwAddr: "52:54:00:12:34:01"
    method: "static"
    ip: "10.20.0.11"
    subnet_mask: "255.255.255.0"
    gateway: "10.20.0.1"
    bond_options:
      mode: "active-backup"
      miimon: "100"
    mtu: 1500
  device: "/dev/disk/by-id/nvme-disk"
  iso_url: "http://10.20.0.2/a/harvester-v1.8.2-amd64.iso"
  webhooks:
  - event: "STARTED"
    method: "POST"
    url: "http://10.20.0.2/hook/@TOKEN@/started"
    headers:
      Content-Type:
      - "application/json"
    payload: "{\\"event\\": \\"STARTED\\", \\"machine\\": \\"hv1\\"}"
  - event: "SUCCEEDED"
    method: "POST"
    url: "http://10.20.0.2/hook/@TOKEN@/succeeded"
    headers:
      Content-Type:
      - "application/json"
    payload: "{\\"event\\": \\"SUCCEEDED\\", \\"machine\\": \\"hv1\\"}"
  - event: "FAILED"
    method: "POST"
    url: "http://10.20.0.2/hook/@TOKEN@/failed"
    headers:
      Content-Type:
      - "application/json"
    payload: "{\\"event\\": \\"FAILED\\", \\"machine\\": \\"hv1\\"}"
  mode: "create"
  vip: "10.20.0.10"
  vip_mode: "static"
  harvester:
    storage_class:
      replica_count: 1
sans:
- "10.20.0.10"
- "10.20.0.11"
system_settings:
  ui-source: "bundled"
  upgrade-checker-enabled: "false"
  ntp-servers: "{\\"ntpServers\\":[\\"10.20.0.1\\"]}"
"""


def make(plan: Plan, machine: MachinePlan | None = None) -> dict[str, Any]:
    """Give the configuration of a machine, the first if none is named."""
    return config_for(plan, machine or plan.create, SECRETS, hook_base_url=HOOKS)


def test_the_whole_text() -> None:
    """Every octet of the first machine's configuration."""
    text = dump(make(plans.plan())).reveal()
    assert text == GOLDEN.replace("HASH", HASH)


@pytest.mark.parametrize("version", [(1, 1), (1, 2)])
def test_old_and_new_yaml_readers_agree(version: tuple[int, int]) -> None:
    """MAC addresses, `on`, numbers in quotes: YAML 1.1 reads the very same texts."""
    machine = plans.machine(1, hostname="on", macs=(Mac("525400123456"),))
    config = make(plans.plan(machine))
    config["os"]["labels"] = {"rack": "0x10", "row": "1e3", "power": "yes", "empty": "~"}
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    read = reader.load(dump(config).reveal())
    assert read["install"]["management_interface"]["interfaces"][0]["hwAddr"] == "52:54:00:12:34:56"
    assert read["os"]["hostname"] == "on"
    assert read["os"]["labels"] == config["os"]["labels"]
    assert read["token"] == SECRETS.token.reveal()
    assert read["system_settings"]["upgrade-checker-enabled"] == "false"


def test_a_joining_machine() -> None:
    """It goes to the VIP with the same token and has nothing of the founder's."""
    plan = plans.plan(plans.machine(1), plans.machine(2), plans.machine(3))
    config = make(plan, plan.machines[1])
    assert config["server_url"] == "https://10.20.0.10:443"
    assert config["token"] == SECRETS.token
    assert config["install"]["mode"] == "join"
    assert not {"vip", "vip_mode", "harvester"} & config["install"].keys()
    assert "system_settings" not in config
    assert config["sans"] == ["10.20.0.10", "10.20.0.11", "10.20.0.12", "10.20.0.13"]


@pytest.mark.parametrize(("count", "replicas"), [(1, 1), (2, 2), (3, 3)])
def test_replicas_follow_the_machines(count: int, replicas: int) -> None:
    """A single node keeps one replica of each volume."""
    plan = plans.plan(*(plans.machine(number) for number in range(1, count + 1)))
    config = make(plan)
    assert config["install"]["harvester"]["storage_class"]["replica_count"] == replicas


def test_small_hardware_is_accepted_only_when_said() -> None:
    """`skipchecks` is not there otherwise."""
    assert "skipchecks" not in make(plans.plan())["install"]
    assert make(plans.plan(accept_small_hardware=True))["install"]["skipchecks"] is True


def test_disks_lose_their_content_only_where_said() -> None:
    """No wiping by default; a list for just those disks; all only if said so."""
    plain = make(plans.plan())["install"]
    assert not {"wipe_all_disks", "wipe_disks_list", "data_disk"} & plain.keys()
    some = make(plans.plan(plans.machine(1, wipe_disks=("/dev/disk/by-id/old",))))["install"]
    assert some["wipe_disks_list"] == ["/dev/disk/by-id/old"]
    assert "wipe_all_disks" not in some
    every = make(plans.plan(plans.machine(1, wipe_all_disks=True, data_disk="/dev/disk/by-id/d")))
    assert every["install"]["wipe_all_disks"] is True
    assert every["install"]["data_disk"] == "/dev/disk/by-id/d"


def test_vlan_and_mtu() -> None:
    """As the network has them."""
    network = replace(plans.NETWORK, vlan=20, mtu=9000)
    found = make(plans.plan(network=network))["install"]["management_interface"]
    assert (found["vlan_id"], found["mtu"]) == (20, 9000)


def test_several_cards_make_one_bond() -> None:
    """All named by hardware address; no interface name anywhere."""
    macs = (Mac("525400123401"), Mac("525400123499"))
    found = make(plans.plan(plans.machine(1, macs=macs)))["install"]["management_interface"]
    assert found["interfaces"] == [
        {"hwAddr": "52:54:00:12:34:01"},
        {"hwAddr": "52:54:00:12:34:99"},
    ]
    assert found["bond_options"]["mode"] == "active-backup"


def test_servers_are_those_of_the_plan() -> None:
    """DNS and NTP as the Plan says; no NTP, no setting."""
    network = replace(plans.NETWORK, dns=(IPv4Address("10.20.0.5"),), ntp=())
    config = make(plans.plan(network=network))
    assert config["os"]["dns_nameservers"] == ["10.20.0.5"]
    assert "ntp_servers" not in config["os"]
    assert "ntp-servers" not in config["system_settings"]


@pytest.mark.parametrize("disk", [None, DiskPlan(None, "size >= 250G")])
def test_an_unresolved_disk_is_refused(disk: DiskPlan | None) -> None:
    """Which disk loses its content is never guessed."""
    with pytest.raises(InputError, match=r"hv1\.disk"):
        make(plans.plan(plans.machine(1, disk=disk)))


@pytest.mark.parametrize("version", ["v1.7.3", "v1.8.2", "v1.9.0"])
def test_every_known_version_takes_it(version: str) -> None:
    """Both roles."""
    plan = plans.plan(plans.machine(1), plans.machine(2), harvester=version)
    assert all(make(plan, each)["scheme_version"] == 1 for each in plan.machines)


def test_no_secret_shows_in_a_configuration() -> None:
    """The data can be logged by mistake; the text is a Secret itself."""
    config = make(plans.plan())
    for shown in (repr(config), str(config), repr(dump(config)), repr(SECRETS)):
        assert HASH not in shown
        assert "t0ken" not in shown
