"""What the laptop's playbook is given: what its role says it takes, and no more."""

from __future__ import annotations

import re
import subprocess
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
from appliance.paths import Paths
from appliance.web.deps import DEFAULT_LISTEN, Listen

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


WIZARD = ROLE / "files" / "bridgehead-web.service"


def settings() -> list[str]:
    """Give the lines of the wizard's unit that say something."""
    lines = WIZARD.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "=" in line and not line.startswith("#")]


def test_what_the_wizard_started_goes_on_without_it() -> None:
    """Runs are its children: nothing of theirs may end, or be taken away, with the unit."""
    assert {"KillMode=process", "OOMPolicy=continue"} <= set(settings())
    keys = {line.partition("=")[0] for line in settings()}
    assert keys.isdisjoint(
        {"PrivateTmp", "RuntimeDirectory", "CacheDirectory", "PrivateNetwork", "RuntimeMaxSec"}
    )


def test_the_wizards_sandbox_leaves_a_run_what_it_needs() -> None:
    """Forwarding is written below /proc/sys, the clock is read, files come from any folder."""
    keys = {line.partition("=")[0] for line in settings()}
    assert keys.isdisjoint({"ProtectKernelTunables", "ProtectClock", "ProtectHome", "UMask"})
    rights = " ".join(line for line in settings() if line.startswith("CapabilityBoundingSet="))
    for right in ("NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW", "SETUID", "CHOWN", "SYS_PTRACE"):
        assert f"CAP_{right}" in rights
    for right in ("SYS_ADMIN", "SYS_MODULE", "SYS_TIME", "SYS_BOOT", "SYS_RAWIO", "MKNOD"):
        assert f"CAP_{right}" not in rights


def test_the_wizard_listens_where_it_is_told_and_else_on_loopback() -> None:
    """The unit names no address: the command's own default is loopback."""
    assert "BRIDGEHEAD_LISTEN" not in WIZARD.read_text(encoding="utf-8")
    assert Listen.parse(DEFAULT_LISTEN).loopback


def test_the_wizards_unit_keeps_what_sandbox_it_has() -> None:
    """By systemd's own measure below 5.0 of 10; docs/laptop.md says why it is no less."""
    words = ("systemd-analyze", "security", "--offline=true", "--no-pager", str(WIZARD))
    told = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout
    found = re.search(r"Overall exposure level for .*: (\d+\.\d)", told)
    assert found is not None, told
    assert float(found.group(1)) < 5.0


def test_the_wizards_own_files_are_those_it_writes() -> None:
    """They go with it, and do not count as what a site has left: the names are the paths'."""
    variables = YAML(typ="safe").load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    paths = Paths(Path("/s"))
    own = (paths.operator, paths.web_interface, paths.web_certificate, paths.web_key)
    assert variables["bridge_web_files"] == [each.name for each in own]
    for each in own:
        with pytest.raises(ValueError, match="cannot be the folder"):
            paths.site(each.name)
