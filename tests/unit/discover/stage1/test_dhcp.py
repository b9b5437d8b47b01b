"""Leases, as udhcpc's script notes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from appliance.discover.stage1 import dhcp
from tests.unit.discover.stage1.machine_tree import put

RECIPE = Path(dhcp.__file__).parents[1] / "recipe"


def test_a_lease(tmp_path: Path) -> None:
    """The server that gave it is where the bridge is looked for, then the one to boot from."""
    put(tmp_path, "ens2", "ip=10.77.0.50\nserverid=10.77.0.1\nsiaddr=10.77.0.2\n")
    assert dhcp.lease("ens2", str(tmp_path)) == dhcp.Lease(
        "ens2", "10.77.0.50", ("10.77.0.1", "10.77.0.2")
    )


def test_one_server_is_named_once(tmp_path: Path) -> None:
    """Both are mostly the same, and the second may be empty."""
    put(tmp_path, "a", "ip=10.77.0.50\nserverid=10.77.0.1\nsiaddr=10.77.0.1\n")
    put(tmp_path, "b", "ip=10.77.0.50\nserverid=10.77.0.1\nsiaddr=\n")
    for card in ("a", "b"):
        lease = dhcp.lease(card, str(tmp_path))
        assert lease is not None
        assert lease.servers == ("10.77.0.1",)


def test_no_lease(tmp_path: Path) -> None:
    """Not there yet, or half of one."""
    put(tmp_path, "b", "ip=\n")
    assert dhcp.lease("a", str(tmp_path)) is None
    assert dhcp.lease("b", str(tmp_path)) is None


def test_the_script_is_one() -> None:
    """The shell can read it, and init too."""
    for name in ("lease", "init"):
        assert subprocess.run(["sh", "-n", RECIPE / name], check=False).returncode == 0
