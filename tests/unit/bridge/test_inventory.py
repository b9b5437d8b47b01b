"""What the laptop's playbook is given: what its role says it takes, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from appliance.boot.sockets import SERVICE_PORTS
from appliance.bridge.inventory import (
    HOST,
    Build,
    Laptop,
    OpenPort,
    inventory,
    undo_inventory,
)

ROLE = Path(__file__).resolve().parents[3] / "playbooks" / "roles" / "bridge"
PORTS = tuple(OpenPort(each.port, each.protocol, each.purpose) for each in SERVICE_PORTS)
FULL = Laptop("eth1", Build("/w/b.whl", "ab" * 32, {"rich": "15", "flask": "3"}), "/w", "/d")


def variables(given: dict[str, Any]) -> dict[str, Any]:
    """Give the host's own."""
    host: dict[str, Any] = given["bridge"]["hosts"][HOST]
    return host


def options(entry: str) -> dict[str, Any]:
    """Give what the role says it takes."""
    specs = YAML(typ="safe", pure=True).load(ROLE / "meta" / "argument_specs.yml")
    found: dict[str, Any] = specs["argument_specs"][entry]["options"]
    return found


def test_the_laptop_is_reached_without_ssh() -> None:
    """It is the machine that we run on."""
    assert variables(inventory(FULL, PORTS))["ansible_connection"] == "local"


def test_every_service_port_is_opened_and_no_other() -> None:
    """As the sockets are."""
    given = variables(inventory(FULL, PORTS))["bridge_ports"]

    assert {(each["port"], each["protocol"]) for each in given} == {
        *((67, "udp"), (4011, "udp"), (69, "udp"), (53, "udp"), (53, "tcp")),
        *((80, "tcp"), (123, "udp"), (514, "udp")),
    }


def test_without_a_build_the_installed_one_stays() -> None:
    """Its wheel is empty, which the role takes so."""
    given = variables(inventory(Laptop("eth1"), PORTS))

    assert given["bridge_wheel"] == given["bridge_wheel_sha256"] == ""
    assert given["bridge_interface"] == "eth1"


def test_versions_are_in_order() -> None:
    """So that the same laptop gives the same inventory."""
    given = variables(inventory(FULL, PORTS))["bridge_versions"]

    assert list(given) == ["flask", "rich"]


@pytest.mark.parametrize(
    ("entry", "given"),
    [
        ("main", inventory(FULL, PORTS)),
        ("undo", undo_inventory(keep_programs=True)),
    ],
)
def test_the_role_knows_each_variable(entry: str, given: dict[str, Any]) -> None:
    """And each that it must be given is there."""
    known, names = (
        options(entry),
        variables(given).keys() - {"ansible_connection", "ansible_remote_tmp"},
    )

    assert names <= known.keys()
    assert {name for name, each in known.items() if each.get("required")} <= names


def test_who_runs_from_the_programs_keeps_them_till_then() -> None:
    """The playbook cannot remove what runs it."""
    assert variables(undo_inventory(keep_programs=True))["bridge_undo_programs"] is False
    assert variables(undo_inventory(keep_programs=False))["bridge_undo_programs"] is True
