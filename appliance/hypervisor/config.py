"""Harvester's configuration of one machine, from typed data. Pure.

Field names and meanings: Harvester installer, `pkg/installer/config/config.go`. The text is
dumped, never templated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.errors import InputError
from appliance.hypervisor.validation import Config, check
from appliance.hypervisor.versions import fields_of
from appliance.site.plan import MachinePlan, Plan, Role
from appliance.tools.quoted_yaml import dump_quoted
from appliance.values import Secret

EVENTS = ("STARTED", "SUCCEEDED", "FAILED")
BOND_OPTIONS = {"mode": "active-backup", "miimon": "100"}
"""802.3ad, and what else wants a word with the switch, hangs the installer (harvester#10885)."""


@dataclass(frozen=True, slots=True)
class NodeSecrets:
    """What a machine is given besides the Plan: the cluster's token, the password as a hash."""

    token: Secret
    password_hash: Secret
    ssh_keys: tuple[str, ...] = ()


def config_for(
    plan: Plan, machine: MachinePlan, secrets: NodeSecrets, *, hook_base_url: str
) -> Config:
    """Give a machine's configuration: `create_config` or `join_config`, as its role is."""
    make = create_config if machine.role is Role.CREATE else join_config
    return make(plan, machine, secrets, hook_base_url=hook_base_url)


def create_config(
    plan: Plan, machine: MachinePlan, secrets: NodeSecrets, *, hook_base_url: str
) -> Config:
    """Configure the machine that founds the cluster.

    `hook_base_url` is where reports go: `<hook_base_url>/started` and so on. Raises InputError
    naming each field that the installer of this version would not take.
    """
    config = _common(plan, machine, secrets, hook_base_url)
    config["install"] |= {"mode": "create", "vip": str(plan.hypervisor.vip), "vip_mode": "static"}
    config["install"]["harvester"] = {"storage_class": {"replica_count": _replicas(plan)}}
    config["sans"] = _sans(plan)
    config["system_settings"] = _system_settings(plan)
    check(config, fields_of(plan.hypervisor.harvester))
    return config


def join_config(
    plan: Plan, machine: MachinePlan, secrets: NodeSecrets, *, hook_base_url: str
) -> Config:
    """Configure a machine that joins the cluster at its VIP. Raises as `create_config` does."""
    config = _common(plan, machine, secrets, hook_base_url)
    config["server_url"] = f"https://{plan.hypervisor.vip}:443"
    config["install"]["mode"] = "join"
    config["sans"] = _sans(plan)
    check(config, fields_of(plan.hypervisor.harvester))
    return config


def dump(config: Config) -> Secret:
    """Write a configuration as YAML."""
    return dump_quoted(config)


def _common(plan: Plan, machine: MachinePlan, secrets: NodeSecrets, hook_base_url: str) -> Config:
    network = plan.provisioning
    return {
        "scheme_version": 1,
        "token": secrets.token,
        "os": {
            "hostname": machine.hostname,
            "password": secrets.password_hash,
            **_given("ssh_authorized_keys", _keys(plan, secrets)),
            "dns_nameservers": [str(each) for each in network.dns],
            **_given("ntp_servers", [str(each) for each in network.ntp]),
        },
        "install": {
            "automatic": True,
            **_given("skipchecks", plan.hypervisor.accept_small_hardware),
            "management_interface": _interface(plan, machine),
            **_disks(machine),
            "iso_url": f"{plan.base_url}/a/{plan.artifacts.iso}",
            "webhooks": [_webhook(event, machine, hook_base_url) for event in EVENTS],
        },
    }


def _interface(plan: Plan, machine: MachinePlan) -> dict[str, Any]:
    network = plan.provisioning
    return {
        "interfaces": [{"hwAddr": str(mac)} for mac in machine.macs],
        "method": "static",
        "ip": str(machine.address),
        "subnet_mask": str(network.cidr.netmask),
        "gateway": str(network.gateway),
        "bond_options": dict(BOND_OPTIONS),
        "mtu": network.mtu,
        **_given("vlan_id", network.vlan),
    }


def _disks(machine: MachinePlan) -> dict[str, Any]:
    if machine.disk is None or machine.disk.path is None:
        raise InputError(
            f"{machine.name} has no disk to install on",
            where=f"hypervisor.machines.{machine.name}.disk",
            why=f"the selector {machine.disk} has not been resolved" if machine.disk else "",
            fix="name it by a stable path such as /dev/disk/by-id/…",
        )
    return {
        "device": machine.disk.path,
        **_given("data_disk", machine.data_disk),
        # Disks lose their content only where the site file says so, for just those disks.
        **_given("wipe_all_disks", machine.wipe_all_disks),
        **_given("wipe_disks_list", list(machine.wipe_disks)),
    }


def _webhook(event: str, machine: MachinePlan, hook_base_url: str) -> dict[str, Any]:
    """The machine stands in it literally: with static addressing `.MACAddr` renders empty."""
    return {
        "event": event,
        "method": "POST",
        "url": f"{hook_base_url}/{event.lower()}",
        "headers": {"Content-Type": ["application/json"]},
        "payload": f'{{"event": "{event}", "machine": "{machine.name}"}}',
    }


def _system_settings(plan: Plan) -> dict[str, str]:
    servers = ",".join(f'"{each}"' for each in plan.provisioning.ntp)
    settings = {"ui-source": "bundled", "upgrade-checker-enabled": "false"}
    return settings | ({"ntp-servers": f'{{"ntpServers":[{servers}]}}'} if servers else {})


def _sans(plan: Plan) -> list[str]:
    names = [str(plan.hypervisor.vip), *(str(each.address) for each in plan.machines)]
    return list(dict.fromkeys(names))


def _keys(plan: Plan, secrets: NodeSecrets) -> list[str]:
    return list(dict.fromkeys((*plan.hypervisor.ssh_keys, *secrets.ssh_keys)))


def _replicas(plan: Plan) -> int:
    return 1 if plan.hypervisor.single_node else plan.hypervisor.storage_replicas


def _given(key: str, value: Any) -> dict[str, Any]:
    """Leave a field out where nothing is said."""
    return {key: value} if value not in (None, False, [], "") else {}
