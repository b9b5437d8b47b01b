"""The laptop as what `playbooks/bridge.yml` is given: one host, this one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

HOST = "laptop"
_HERE = {
    "ansible_connection": "local",
    # In the home folder, where Ansible would have it, it would stay.
    "ansible_remote_tmp": "/run/bridgehead-ansible",
}


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A port that machines on the provisioning network may reach. `protocol` is udp or tcp."""

    port: int
    protocol: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Build:
    """The appliance as a wheel, with the version of each package that it runs with."""

    wheel: str
    sha256: str
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Laptop:
    """What is to be set up. Without a build the installed one stays as it is.

    The folders are of wheels and of Debian packages; "" means where pip and apt look by themselves.
    """

    interface: str
    build: Build | None = None
    wheels_folder: str = ""
    packages_folder: str = ""


def inventory(laptop: Laptop, ports: Iterable[OpenPort]) -> dict[str, Any]:
    """Give the inventory for setting the laptop up, as Ansible's YAML form has it."""
    return _this_host(**variables(laptop, ports))


def variables(laptop: Laptop, ports: Iterable[OpenPort]) -> dict[str, Any]:
    """Give what the playbook is told, wherever it is played."""
    build = laptop.build
    return {
        "bridge_interface": laptop.interface,
        "bridge_ports": [
            {"port": each.port, "protocol": each.protocol, "purpose": each.purpose}
            for each in ports
        ],
        "bridge_wheel": build.wheel if build else "",
        "bridge_wheel_sha256": build.sha256 if build else "",
        "bridge_versions": dict(sorted(build.versions.items())) if build else {},
        "bridge_wheels_folder": laptop.wheels_folder,
        "bridge_packages_folder": laptop.packages_folder,
    }


def undo_inventory(*, keep_programs: bool) -> dict[str, Any]:
    """Give the inventory for taking it back. Who runs from the programs keeps them till then."""
    return _this_host(bridge_undo_programs=not keep_programs)


def _this_host(**variables: Any) -> dict[str, Any]:
    return {"bridge": {"hosts": {HOST: {**_HERE, **variables}}}}
