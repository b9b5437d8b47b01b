"""This machine as its node shows it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.lab.rke2.program import machine
from appliance.lab.rke2.program.images import Image
from appliance.lab.rke2.program.log import FatalError
from appliance.lab.rke2.program.options import Options, Product, Surroundings
from tests.rke2_members import ROUTES


def options(folder: Path, command: str = "server", **values: list[str]) -> Options:
    """Settings on a machine made of files."""
    given = {k.replace("_", "-"): v for k, v in values.items()}
    around = Surroundings(folder / "etc", folder / "proc")
    return Options(
        Product("rke2", "v1.36.3+rke2r1"), command, {"node-name": ["cp1"], **given}, around
    )


def test_a_password_is_made_once(tmp_path: Path) -> None:
    """And is nobody else's to read."""
    first = machine.node_password(tmp_path)
    path = tmp_path / "rancher/node/password"
    assert machine.node_password(tmp_path) == first == path.read_text().strip()
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_address_is_given_or_found(tmp_path: Path) -> None:
    """Towards the default route; without one there is none."""
    assert machine.address(options(tmp_path, node_ip=["10.0.0.1"])) == "10.0.0.1"
    with pytest.raises(FatalError, match="unable to select an IP"):
        machine.address(options(tmp_path))
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/route").write_text(ROUTES)
    assert machine.address(options(tmp_path)) == "127.0.0.1"


def test_roles_are_labels(tmp_path: Path) -> None:
    """A server's two, an agent's none; labels of the settings beside them."""
    server = machine.labels(options(tmp_path, node_label=["a=b", "c="]))
    agent = machine.labels(options(tmp_path, "agent"))
    assert server["node-role.kubernetes.io/control-plane"] == "true"
    assert server["node-role.kubernetes.io/etcd"] == "true"
    assert (server["a"], server["c"]) == ("b", "")
    assert not [name for name in agent if "node-role" in name]
    with pytest.raises(FatalError, match="--node-labels"):
        machine.labels(options(tmp_path, node_label=["alone"]))


def test_taints_have_an_effect(tmp_path: Path) -> None:
    """With a value or without."""
    found = machine.taints(options(tmp_path, node_taint=["a=b:NoSchedule", "c:NoExecute"]))
    assert found == [
        {"key": "a", "effect": "NoSchedule", "value": "b"},
        {"key": "c", "effect": "NoExecute"},
    ]
    for wrong in ("a=b", "a=b:Never"):
        with pytest.raises(FatalError, match="invalid taint"):
            machine.taints(options(tmp_path, node_taint=[wrong]))


def test_a_record_tells_what_it_is(tmp_path: Path) -> None:
    """Version, system, images, and that it is a stand-in."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12"\n')
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal:  640000 kB\n")
    image = Image("docker.io/rancher/one:v1", "sha256:1", 3)
    found = machine.record(options(tmp_path, node_ip=["10.0.0.1"]), (image,))

    assert found["annotations"][machine.STAND_IN] == "v1.36.3+rke2r1"
    assert found["info"]["osImage"] == "Debian GNU/Linux 12"
    assert found["info"]["systemUUID"] == "01234567-89ab-cdef-0123-456789abcdef"
    assert found["capacity"]["memory"] == "640000Ki"
    assert found["images"] == [{"names": [image.reference], "digest": "sha256:1", "size": 3}]
