"""The inventory: golden, accepted by rke2-ansible's names, without a secret."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.cluster.config import LAYOUTS
from appliance.cluster.inventory import destination, export, hosts_lines, inventory
from appliance.errors import InputError
from appliance.site.plan import Distribution, Plan
from tests.clusters import K3S, RKE2, cluster_plan, digests
from tests.plans import plan as small_plan

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "rke2": cluster_plan(),
    "rke2-cis": cluster_plan(profile="cis", servers=1, agents=2),
    "k3s": cluster_plan(k3s=K3S, servers=3, agents=0),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_export_is_as_it_was(name: str, request: pytest.FixtureRequest) -> None:
    """A change of any variable shows in `git diff`."""
    made = export(CASES[name], digests(CASES[name]), user="bridgehead")
    path = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--update-goldens"):
        path.write_text(made)

    assert made == path.read_text()


def test_ansible_reads_the_export_as_it_was_meant(tmp_path: Path) -> None:
    """Through YAML 1.1 and back: groups, hosts and every variable."""
    plan = CASES["rke2"]
    path = tmp_path / "hosts.yaml"
    path.write_text(export(plan, digests(plan), user="bridgehead"))
    program = Path(sys.executable).parent / "ansible-inventory"
    done = subprocess.run(
        [program, "-i", path, "--list"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    read: dict[str, Any] = json.loads(done.stdout)

    assert read["rke2_servers"]["hosts"] == ["server1", "server2", "server3"]
    assert read["rke2_agents"]["hosts"] == ["agent1"]
    shared = inventory(plan, digests(plan))["rke2_cluster"]["vars"]
    for host, told in read["_meta"]["hostvars"].items():
        assert shared.items() <= told.items()
        assert told["host_rke2_config"]["node-name"] == host
        assert told["ansible_user"] == "bridgehead"


def test_the_names_are_those_of_rke2_ansible() -> None:
    """roles/rke2/defaults/main.yml, v2.1.0."""
    shared = inventory(CASES["rke2"], digests(CASES["rke2"]))["rke2_cluster"]["vars"]

    assert shared["rke2_install_version"] == RKE2
    assert shared["rke2_kubernetes_api_server_host"] == "cluster.alpha.internal"
    assert shared["rke2_install_tarball_url"].endswith("_rke2.linux-amd64.tar.gz")
    assert [url.rpartition("_")[2] for url in shared["rke2_images_urls"]] == [
        "rke2-images-core.linux-amd64.tar.zst",
        "rke2-images-canal.linux-amd64.tar.zst",
    ]


@pytest.mark.parametrize(
    ("distribution", "name", "path", "mode"),
    [
        (
            Distribution.RKE2,
            "rke2-v1.36.3-rke2r1_rke2-images-core.linux-amd64.tar.zst",
            "/var/lib/rancher/rke2/agent/images/rke2-images-core.linux-amd64.tar.zst",
            "0644",
        ),
        (
            Distribution.RKE2,
            "rke2-v1.36.3-rke2r1_rke2.linux-amd64.tar.gz",
            "/var/lib/bridgehead/rke2/rke2.linux-amd64.tar.gz",
            "0644",
        ),
        (
            Distribution.RKE2,
            "rke2-v1.36.3-rke2r1_install.sh",
            "/var/lib/bridgehead/rke2/install.sh",
            "0755",
        ),
        (Distribution.K3S, "k3s-v1.36.3-k3s1_k3s", "/usr/local/bin/k3s", "0755"),
        (
            Distribution.K3S,
            "k3s-v1.36.3-k3s1_k3s-airgap-images-amd64.tar.zst",
            "/var/lib/rancher/k3s/agent/images/k3s-airgap-images-amd64.tar.zst",
            "0644",
        ),
    ],
)
def test_where_an_artifact_goes(
    distribution: Distribution, name: str, path: str, mode: str
) -> None:
    """Under upstream's own name; images straight to where they are imported from (rke2#6275)."""
    assert destination(LAYOUTS[distribution], name) == (path, mode)


def test_one_more_agent_changes_nothing_for_the_others() -> None:
    """No variable of theirs differs, so no task of theirs has anything to do."""

    def told(plan: Plan) -> tuple[object, object]:
        made = inventory(plan, digests(plan))["rke2_cluster"]
        return made["vars"], made["children"]["rke2_servers"]

    assert told(cluster_plan(agents=1)) == told(cluster_plan(agents=2))


def test_a_load_balancers_address_needs_no_line_in_hosts() -> None:
    """It is an address, not a name."""
    plan = cluster_plan()
    assert plan.cluster is not None
    balanced = replace(plan.cluster, registration="10.20.0.99")

    assert hosts_lines(plan, balanced) == ["10.20.0.50 registry.alpha.internal"]


def test_a_site_without_a_cluster() -> None:
    """Refused in words."""
    with pytest.raises(InputError, match="no cluster"):
        inventory(small_plan(), {})


def test_an_artifact_that_nothing_vouches_for() -> None:
    """No machine is given a file without a checksum."""
    plan = cluster_plan()
    some = digests(plan)
    some.popitem()

    with pytest.raises(InputError, match="nothing vouches for"):
        inventory(plan, some)


def test_a_member_without_an_address() -> None:
    """A cluster's machine has a fixed one."""
    plan = cluster_plan()
    lost = replace(
        plan,
        vms=tuple(replace(vm, address=None) if vm.name == "agent1" else vm for vm in plan.vms),
    )

    with pytest.raises(InputError, match="agent1"):
        inventory(lost, digests(plan))
