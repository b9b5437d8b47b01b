"""The installer configuration: read from the kernel line, merged, and judged.

Pure: dictionaries in, dictionaries and sentences out. Where Harvester ignores (an unknown key),
this refuses, because the lab is where a misspelt key must be met.
"""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from .schema import ROOT, Key, Kind, Version, system_settings

Config = dict[str, Any]

_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
_TOKEN = re.compile(r"[\x20-\x7e]+")
_BOND_MODES = (
    "balance-rr active-backup balance-xor broadcast 802.3ad balance-tlb balance-alb".split()
)
_PREFIX = "harvester."


def parse_version(text: str) -> Version:
    """Read `v1.8.2` (or `1.8.2-rc1`) as (1, 8). Raises ValueError for anything else."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)(\.\d+)?(-.*)?", text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a Harvester version such as v1.8.2")
    return int(found[1]), int(found[2])


# --- the kernel command line ----------------------------------------------------------------


def from_kernel_line(line: str) -> Config:
    """Collect the `harvester.*` arguments: dotted keys nest, a repeated key becomes a list."""
    found: Config = {}
    for word in shlex.split(line):
        name, equals, value = word.partition("=")
        if equals and name.startswith(_PREFIX):
            _put(found, name.removeprefix(_PREFIX).split("."), value)
    _split_interfaces(found)
    return found


def _put(tree: Config, path: list[str], value: str) -> None:
    *parents, last = path
    for name in parents:
        inner = tree.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = tree[name] = {}
        tree = inner
    if last not in tree:
        tree[last] = value
    elif isinstance(tree[last], list):
        tree[last].append(value)
    else:
        tree[last] = [tree[last], value]


def _split_interfaces(found: Config) -> None:
    """Turn `name:ens3,hwAddr:52:54:…` into the map the file form has."""
    section = found.get("install", {}).get("management_interface")
    if not isinstance(section, dict) or "interfaces" not in section:
        return
    words = section["interfaces"]
    section["interfaces"] = [
        dict(part.split(":", 1) for part in word.split(",") if ":" in part)
        for word in (words if isinstance(words, list) else [words])
    ]


def merge(fetched: Config, kernel: Config) -> Config:
    """Lay the kernel line over the fetched file: its values win, its list items are appended.

    As `mergo.WithOverride, WithAppendSlice` does in the real installer, so an item given in
    both places stands there twice.
    """
    result = dict(fetched)
    for name, value in kernel.items():
        have = result.get(name)
        if isinstance(have, dict) and isinstance(value, dict):
            result[name] = merge(have, value)
        elif isinstance(have, list):
            result[name] = have + (value if isinstance(value, list) else [value])
        else:
            result[name] = value
    return result


# --- the shape ------------------------------------------------------------------------------


def _fold(name: str) -> str:
    return name.replace("_", "").lower()


class _Reader:
    """Walks a configuration beside the schema, gathers problems, gives the canonical form."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.problems: list[str] = []

    def section(self, value: object, keys: Mapping[str, Key], where: str) -> Config:
        if not isinstance(value, dict):
            self.problems.append(f"{where or 'the configuration'} must be a map")
            return {}
        by_fold = {_fold(name): name for name in keys}
        result: Config = {}
        for given, inner in value.items():
            path = f"{where}.{given}" if where else str(given)
            name = by_fold.get(_fold(str(given)))
            if name is None:
                self.problems.append(f"{path} is not a key of the installer's configuration")
            elif keys[name].since > self.version:
                major, minor = keys[name].since
                self.problems.append(f"{path} came with v{major}.{minor}")
            elif inner is not None:
                result[name] = self.value(inner, keys[name], path)
        return result

    def value(self, value: object, key: Key, where: str) -> object:
        match key.kind:
            case Kind.SECTION:
                return self.section(value, key.keys, where)
            case Kind.SECTIONS:
                return [
                    self.section(item, key.keys, f"{where}[{index}]")
                    for index, item in enumerate(self.listed(value, where))
                ]
            case Kind.STRINGS:
                return [
                    self.scalar(item, Kind.STRING, f"{where}[{index}]")
                    for index, item in enumerate(self.listed(value, where))
                ]
            case Kind.STRING_MAP:
                return self.string_map(value, where)
            case Kind.ANY:
                return value
        return self.scalar(value, key.kind, where)

    def listed(self, value: object, where: str) -> list[object]:
        if isinstance(value, list):
            return value
        if isinstance(value, str):  # one `harvester.a.b=c` of a list key on the kernel line
            return [value]
        self.problems.append(f"{where} must be a list")
        return []

    def string_map(self, value: object, where: str) -> dict[str, str]:
        if not isinstance(value, dict):
            self.problems.append(f"{where} must be a map")
            return {}
        for name, inner in value.items():
            if not isinstance(inner, str):
                self.problems.append(f"{where}.{name} must be a string: quote it")
        return {str(name): str(inner) for name, inner in value.items()}

    def scalar(self, value: object, kind: Kind, where: str) -> object:
        if kind is Kind.STRING and isinstance(value, str):
            return value
        if kind is Kind.BOOL:
            if isinstance(value, bool):
                return value
            if value in ("true", "false"):
                return value == "true"
        if kind is Kind.INT:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
            if isinstance(value, str) and re.fullmatch(r"\d+", value):
                return int(value)
        self.problems.append(f"{where} must be {kind.value}")
        return value


def read(config: object, version: Version) -> tuple[Config, list[str]]:
    """Give the configuration in canonical key spelling, and every problem found in it.

    No problem means the stand-in installs it. `version` is (major, minor) of the installer.
    """
    reader = _Reader(version)
    canonical = reader.section(config, ROOT.keys, "")
    problems = reader.problems
    if not problems:
        problems = _rules(canonical, version)
    return canonical, problems


# --- the rules ------------------------------------------------------------------------------


def _rules(config: Config, version: Version) -> list[str]:
    install = config.get("install", {})
    system = config.get("os", {})
    return [
        *_top_rules(config, version),
        *_os_rules(system),
        *_install_rules(install),
        *_mode_rules(config, install),
        *_interface_rules(install.get("management_interface", {}), system),
        *(
            problem
            for index, hook in enumerate(install.get("webhooks", []))
            for problem in _webhook_rules(hook, f"install.webhooks[{index}]")
        ),
    ]


def _top_rules(config: Config, version: Version) -> list[str]:
    problems = []
    if config.get("scheme_version") != 1:
        problems.append("scheme_version is required and must be 1")
    if not _TOKEN.fullmatch(config.get("token", "")):
        problems.append("token is required, in printable ASCII")
    settings = config.get("system_settings", {})
    for name in sorted(set(settings) - system_settings(version)):
        problems.append(f"system_settings.{name} is not a setting that can be preset")
    if "containerd-registry" in settings:
        try:
            json.loads(settings["containerd-registry"])
        except ValueError:
            problems.append("system_settings.containerd-registry must be JSON")
    return problems


def _os_rules(system: Config) -> list[str]:
    problems = []
    hostname = system.get("hostname", "")
    if hostname and not _HOSTNAME.fullmatch(hostname):
        problems.append("os.hostname must be an RFC 1123 name in lower case")
    if not system.get("password") and not system.get("ssh_authorized_keys"):
        problems.append("os.password or os.ssh_authorized_keys is required")
    problems += [
        f"os.dns_nameservers: {address} is not an address"
        for address in system.get("dns_nameservers", [])
        if not _is_address(address)
    ]
    return problems


def _install_rules(install: Config) -> list[str]:
    problems = []
    if install.get("automatic") is not True:
        problems.append("install.automatic must be true: nobody sits at this console")
    if not install.get("device", "").startswith("/dev/"):
        problems.append("install.device is required, a path under /dev")
    if not re.match(r"(https?|ftp|tftp)://", install.get("iso_url", "")):
        problems.append("install.iso_url is required, a URL")
    if install.get("role", "default") not in ("default", "management", "worker", "witness"):
        problems.append("install.role must be default, management, worker or witness")
    count = install.get("harvester", {}).get("storage_class", {}).get("replica_count", 3)
    if count not in (1, 2, 3):
        problems.append("install.harvester.storage_class.replica_count must be 1 to 3")
    size = install.get("persistent_partition_size", "150Gi")
    if not re.fullmatch(r"\d+[GM]i", size):
        problems.append("install.persistent_partition_size must be such as 150Gi")
    for name in ("cluster_pod_cidr", "cluster_service_cidr"):
        if name in install and not _is_network(install[name]):
            problems.append(f"install.{name} must be a network such as 10.52.0.0/16")
    return problems


def _mode_rules(config: Config, install: Config) -> list[str]:
    server = config.get("server_url", "")
    match install.get("mode"):
        case "create":
            return _create_rules(server, install)
        case "join":
            return _join_rules(server, config, install)
    return ["install.mode must be create or join"]


def _create_rules(server: str, install: Config) -> list[str]:
    problems = []
    if server:
        problems.append("server_url must be empty for mode create")
    if not _is_address(install.get("vip", "")):
        problems.append("install.vip is required for mode create, an IPv4 address")
    if install.get("vip_mode") not in ("static", "dhcp"):
        problems.append("install.vip_mode must be static or dhcp")
    elif install["vip_mode"] == "dhcp" and not _MAC.fullmatch(install.get("vip_hw_addr", "")):
        problems.append("install.vip_hw_addr is required for vip_mode dhcp")
    if install.get("cordoned"):
        problems.append("install.cordoned is only for mode join")
    return problems


def _join_rules(server: str, config: Config, install: Config) -> list[str]:
    problems = []
    if not re.fullmatch(r"(https://)?[a-z0-9.-]+(:443)?/?", server):
        problems.append("server_url is required for mode join: https://<address>, port 443")
    problems += [
        f"install.{name} is only for mode create"
        for name in ("vip", "vip_mode", "vip_hw_addr")
        if install.get(name)
    ]
    if config.get("system_settings"):
        problems.append("system_settings is only for mode create")
    return problems


def _interface_rules(interface: Config, system: Config) -> list[str]:
    where = "install.management_interface"
    problems = []
    cards = interface.get("interfaces", [])
    if not cards:
        problems.append(f"{where}.interfaces is required")
    for index, card in enumerate(cards):
        address = card.get("hwAddr", "")
        if not card.get("name") and not address:
            problems.append(f"{where}.interfaces[{index}] needs name or hwAddr")
        if address and not _MAC.fullmatch(address):
            problems.append(f"{where}.interfaces[{index}].hwAddr is not a MAC address")
    mode = interface.get("bond_options", {}).get("mode", "active-backup")
    if mode not in _BOND_MODES:
        problems.append(f"{where}.bond_options.mode must be one of {', '.join(_BOND_MODES)}")
    mtu = interface.get("mtu", 0)
    if mtu and not 576 <= mtu <= 9000:
        problems.append(f"{where}.mtu must be 0 or 576 to 9000")
    if not 0 <= interface.get("vlan_id", 0) <= 4094:
        problems.append(f"{where}.vlan_id must be 0 to 4094")
    return problems + _method_rules(interface, system, where)


def _method_rules(interface: Config, system: Config, where: str) -> list[str]:
    method = interface.get("method", "")
    if method == "dhcp":
        return []
    if method != "static":
        return [f"{where}.method must be dhcp or static"]
    problems = [
        f"{where}.{name} is required for method static, an IPv4 address"
        for name in ("ip", "subnet_mask", "gateway")
        if not _is_address(interface.get(name, ""))
    ]
    if not system.get("dns_nameservers"):
        problems.append("os.dns_nameservers is required for method static")
    if not problems and not _is_network(f"{interface['ip']}/{interface['subnet_mask']}"):
        problems.append(f"{where}.subnet_mask is not a netmask")
    return problems


def _webhook_rules(hook: Config, where: str) -> list[str]:
    problems = []
    if hook.get("event") not in ("STARTED", "SUCCEEDED", "FAILED"):
        problems.append(f"{where}.event must be STARTED, SUCCEEDED or FAILED")
    if not hook.get("method"):
        problems.append(f"{where}.method is required")
    if not re.match(r"https?://", hook.get("url", "")):
        problems.append(f"{where}.url is required, http or https")
    headers = hook.get("headers", {})
    if not isinstance(headers, dict) or not all(
        isinstance(values, list) and all(isinstance(value, str) for value in values)
        for values in headers.values()
    ):
        problems.append(f"{where}.headers must map each name to a list of strings")
    return problems


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return False
    return True
