"""Seeds for cloud-init."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.seed import (
    MissingSecretError,
    Seed,
    addresses_in,
    read_seed,
    write_seed,
)
from tests.unit.lab.harvester_sim.parts import Machine

Json = dict[str, Any]


def secret(store: ObjectStore, name: str, **data: str) -> None:
    """Make a secret."""
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    store.create(kinds.SECRET, {"metadata": {"name": name, "namespace": "default"}, "data": coded})


def test_a_seed_comes_from_secrets(store: ObjectStore, machine: Machine) -> None:
    """User data and network data each from their own, under the keys that KubeVirt reads."""
    secret(store, "u", userdata="#cloud-config\n")
    secret(store, "n", networkdata="version: 2\n")
    source = {"userDataSecretRef": {"name": "u"}, "networkDataSecretRef": {"name": "n"}}
    seed = read_seed(store, machine(), {"name": "c", "cloudInitNoCloud": source})
    assert seed.user_data == b"#cloud-config\n"
    assert seed.network_data == b"version: 2\n"
    assert (seed.hostname, seed.instance_id) == ("vm1", "vm1.default")


@pytest.mark.parametrize("given", [{"userData": "x"}, {"userDataBase64": "eA=="}])
def test_a_seed_comes_from_the_object_itself(
    store: ObjectStore, machine: Machine, given: Json
) -> None:
    """As text or in base64; without network data there is none."""
    seed = read_seed(store, machine(), {"name": "c", "cloudInitConfigDrive": given})
    assert seed.user_data == b"x"
    assert seed.config_drive
    assert set(seed.files()) == {"openstack/latest/meta_data.json", "openstack/latest/user_data"}


def test_a_secret_that_is_not_there_is_waited_for(store: ObjectStore, machine: Machine) -> None:
    """So is one without the key."""
    volume = {"name": "c", "cloudInitNoCloud": {"userDataSecretRef": {"name": "u"}}}
    with pytest.raises(MissingSecretError, match='secret "u" not found'):
        read_seed(store, machine(), volume)
    secret(store, "u", other="x")
    with pytest.raises(MissingSecretError, match="no cloud-init userData found at key userdata"):
        read_seed(store, machine(), volume)


def test_the_disk_holds_the_files_under_the_label(tmp_path: Path) -> None:
    """`cidata`, readable by its owner alone; nothing is left beside it."""
    target = tmp_path / "seed.iso"
    write_seed(Seed(b"#cloud-config\n", b"version: 2\n", "id", "host"), target)
    write_seed(Seed(b"#cloud-config\n", b"version: 2\n", "id", "host"), target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]
    shown = subprocess.run(
        ["xorriso", "-indev", target, "-toc", "-find", "/", "-type", "f"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "Volume id    : 'cidata'" in shown.stdout + shown.stderr
    files = [line for line in shown.stdout.splitlines() if line.startswith("'/")]
    assert sorted(files) == ["'/meta-data'", "'/network-config'", "'/user-data'"]


def test_the_addresses_of_a_seed_are_those_with_a_prefix() -> None:
    """Neither its gateway nor its name servers; each once."""
    text = b"a: [10.0.0.7/24, 10.0.0.8/24, 10.0.0.7/24]\ngateway4: 10.0.0.1\nx: 52.54.0/1"
    assert addresses_in(Seed(b"", text, "", "")) == ("10.0.0.7", "10.0.0.8")
    assert addresses_in(Seed(b"", b"", "", "")) == ()
