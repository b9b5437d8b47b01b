"""What cloud-init is told in each virtual machine: user data and network data. Pure.

Both are typed data, dumped and never templated. The keys and their meaning: cloud-init's module
reference and its network configuration, version 2. They work from 22.4 (Debian 12) on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.errors import InputError
from appliance.site.plan import Plan, VmPlan
from appliance.tools.quoted_yaml import dump_quoted
from appliance.values import Secret
from appliance.vms.cloud_init_fields import Document, check_network_data, check_user_data

USER = "bridgehead"
"""Who logs in to every machine made from an image: by key, and sudo asks for no password."""

INTERFACE = "lan0"
"""What the one network interface is called in the machine, whatever the firmware would call it."""

LIMIT = 64 << 10
"""Octets of user data. A Kubernetes Secret takes 1 MiB; what is larger than this is no setting."""

_PUBLIC_KEY = re.compile(r"(ssh-|ecdsa-|sk-)[\w@.-]+ [A-Za-z0-9+/=]+( .*)?")


@dataclass(frozen=True, slots=True)
class VmSecrets:
    """What one machine is given besides the Plan: its SSH host key, and whose keys may log in.

    `host_key` is private, in OpenSSH's form; `host_public` is `ssh-ed25519 AAAA…`.
    """

    host_key: Secret
    host_public: str
    authorized_keys: tuple[str, ...]


def user_secret_name(vm: VmPlan) -> str:
    """Name the Secret in the hypervisor that holds the machine's user data."""
    return f"{vm.name}-user-data"


def user_data(plan: Plan, vm: VmPlan, secrets: VmSecrets) -> Secret:
    """Give the machine's user data, `#cloud-config` and YAML.

    Raises InputError: the machine starts from no image, nobody could log in, or a value that
    cloud-init would not take.
    """
    if vm.image is None:
        raise InputError(
            f"{vm.name} is installed by hand: it takes no cloud-init",
            where=f"vms.{vm.name}",
            fix="give it an image instead of an ISO",
        )
    document = _user_document(plan, vm, secrets)
    check_user_data(document, vm.name)
    text = f"#cloud-config\n{dump_quoted(document).reveal()}"
    if len(text.encode()) > LIMIT:
        raise InputError(
            f"the user data of {vm.name} has more than {LIMIT >> 10} KiB",
            where=f"vms.{vm.name}.ssh_keys",
            fix="name fewer keys",
        )
    return Secret(text)


def network_data(plan: Plan, vm: VmPlan) -> str:
    """Give the machine's network configuration, version 2, which netplan reads too.

    The interface is found by its MAC address. Without a planned address it asks by DHCP. Raises
    InputError for a value that cloud-init would not take.
    """
    card: Document = {
        "match": {"macaddress": str(vm.mac)},
        "set-name": INTERFACE,
        "mtu": plan.network(vm.network).mtu,
        "dhcp6": False,
        **(_static(plan, vm) if vm.address else {"dhcp4": True}),
    }
    document: Document = {"version": 2, "ethernets": {INTERFACE: card}}
    check_network_data(document, vm.name)
    return dump_quoted(document).reveal()


def _static(plan: Plan, vm: VmPlan) -> Document:
    network = plan.network(vm.network)
    return {
        "dhcp4": False,
        "addresses": [f"{vm.address}/{network.cidr.prefixlen}"],
        # Spelt out: `default` is not known to cloud-init 22.4, `gateway4` not wanted by netplan.
        # RKE2 does not start without it (harvester#5675).
        "routes": [{"to": "0.0.0.0/0", "via": str(network.gateway)}],
        "nameservers": {
            "addresses": _each_once(network.dns),
            "search": [plan.zone],
        },
    }


def _user_document(plan: Plan, vm: VmPlan, secrets: VmSecrets) -> Document:
    network = plan.network(vm.network)
    return {
        "hostname": vm.name,
        "fqdn": f"{vm.name}.{plan.zone}",
        "preserve_hostname": False,
        "manage_etc_hosts": False,  # /etc/hosts is written below, whole
        "users": [_user(vm, secrets)],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        # With keys given, cloud-init makes none of its own.
        "ssh_keys": {
            "ed25519_private": secrets.host_key,
            "ed25519_public": f"{secrets.host_public} {vm.name}",
        },
        "write_files": [
            _file("/etc/hosts", _hosts(plan, vm)),
            # A site has no package server: timers that ask for one only fail.
            _file(
                "/etc/apt/apt.conf.d/99bridgehead",
                'APT::Periodic::Enable "0";\n',
            ),
        ],
        "ntp": {"enabled": True, "pools": [], "servers": _each_once(network.ntp)},
        "growpart": {"mode": "auto", "devices": ["/"]},
        "resize_rootfs": True,
        "apt": {"preserve_sources_list": True},
        "package_update": False,
        "package_upgrade": False,
    }


def _each_once(addresses: tuple[IPv4Address, ...]) -> list[str]:
    """Write addresses; cloud-init's schema takes none twice."""
    return list(dict.fromkeys(str(each) for each in addresses))


def _user(vm: VmPlan, secrets: VmSecrets) -> Document:
    keys = list(dict.fromkeys((*secrets.authorized_keys, *vm.ssh_keys)))
    wrong = next((key for key in keys if not _PUBLIC_KEY.fullmatch(key)), None)
    if wrong is not None or not keys:
        raise InputError(
            f"nobody could log in to {vm.name}" if wrong is None else "this is no public SSH key",
            where=f"vms.{vm.name}.ssh_keys",
            why="" if wrong is None else repr(wrong[:40]),
            fix="write a key as it stands in an .pub file: 'ssh-ed25519 AAAA… name'",
        )
    return {
        "name": USER,
        "gecos": "Bridgehead",
        "shell": "/bin/bash",
        "lock_passwd": True,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": keys,
    }


def _file(path: str, content: str) -> Document:
    return {"path": path, "content": content, "owner": "root:root", "permissions": "0644"}


def _hosts(plan: Plan, vm: VmPlan) -> str:
    """Write /etc/hosts: itself, and for a member the cluster, so that this needs no DNS."""
    lines = ["127.0.0.1 localhost", "::1 ip6-localhost ip6-loopback"]
    # Debian's custom where the address is not known: sudo wants its own host's name to be known.
    lines.append(f"{vm.address or '127.0.1.1'} {vm.name}.{plan.zone} {vm.name}")
    if plan.cluster is not None and vm.name in plan.cluster.members:
        lines += _cluster_lines(plan)
    return "".join(f"{line}\n" for line in lines)


def _cluster_lines(plan: Plan) -> list[str]:
    """Name the address of each server; where the site has a load balancer, that one's."""
    given = [str(address) for name, address in plan.hosts if name == "cluster"]
    return [f"{address} cluster.{plan.zone} cluster" for address in given]
