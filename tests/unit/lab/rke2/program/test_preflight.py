"""What a machine must have, on a machine made of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.lab.rke2.program import preflight
from appliance.lab.rke2.program.log import FatalError
from appliance.lab.rke2.program.options import Options, Product, Surroundings
from tests.rke2_members import ROUTES


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with a default route and all that the CIS profile asks for."""
    for name, value in preflight.CIS_KERNEL.items():
        path = tmp_path / "proc/sys" / name.replace(".", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    (tmp_path / "proc/net").mkdir()
    (tmp_path / "proc/net/route").write_text(ROUTES)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:\netcd:x:9:9::/:\n")
    (tmp_path / "etc/group").write_text("etcd:x:9:\n")
    return tmp_path


def options(machine: Path, command: str = "server", **values: str) -> Options:
    """Settings on that machine."""
    given = {k.replace("_", "-"): [v] for k, v in values.items()}
    around = Surroundings(machine / "etc", machine / "proc")
    return Options(Product("rke2", "v1.36.3+rke2r1"), command, given, around)


def test_a_machine_that_has_all_is_taken(machine: Path) -> None:
    """With a word that no profile is held to, where none is."""
    assert preflight.check(options(machine)) == ["not running in CIS mode"]
    assert preflight.check(options(machine, profile="cis")) == []


@pytest.mark.parametrize("command", ["server", "agent"])
@pytest.mark.parametrize("routes", [ROUTES.splitlines()[0], ROUTES.replace("\t0003", "\t0000")])
def test_no_default_route_is_refused(machine: Path, command: str, routes: str) -> None:
    """None at all, or one that is not up; whatever else is given (rke2#1242)."""
    (machine / "proc/net/route").write_text(routes)
    with pytest.raises(FatalError, match="no default routes found"):
        preflight.check(options(machine, command, node_ip="10.0.0.1"))


def test_kernel_parameters_of_the_profile(machine: Path) -> None:
    """All that differ are named; on agents as well."""
    (machine / "proc/sys/vm/overcommit_memory").write_text("0\n")
    (machine / "proc/sys/kernel/panic").write_text("0\n")
    preflight.check(options(machine))
    with pytest.raises(FatalError) as refused:
        preflight.check(options(machine, "agent", profile="cis"))
    assert str(refused.value).splitlines() == [
        "invalid kernel parameter value vm.overcommit_memory=0 - expected 1",
        "invalid kernel parameter value kernel.panic=0 - expected 10",
    ]


def test_the_user_and_group_of_etcd(machine: Path) -> None:
    """Asked for on servers under a profile, and nowhere else."""
    (machine / "etc/passwd").write_text("root:x:0:0::/:\n")
    (machine / "etc/group").unlink()
    preflight.check(options(machine))
    preflight.check(options(machine, "agent", profile="cis"))
    for profile in ("cis", "etcd"):
        with pytest.raises(FatalError) as refused:
            preflight.check(options(machine, profile=profile))
        assert str(refused.value).splitlines() == [
            "missing required: user: unknown user etcd",
            "missing required: group: unknown group etcd",
        ]


def test_kernel_defaults_may_not_be_given_up(machine: Path) -> None:
    """Under the CIS profile."""
    with pytest.raises(FatalError, match="--protect-kernel-defaults must be true"):
        preflight.check(options(machine, profile="cis", protect_kernel_defaults="false"))


def test_the_address_towards_the_default_route(machine: Path) -> None:
    """Loopback's gateway is loopback itself, so the address is too."""
    assert preflight.source_address(machine / "proc") == "127.0.0.1"
    assert preflight.source_address(machine / "none") == ""
    assert preflight.default_interface(machine / "proc") == "lo"
