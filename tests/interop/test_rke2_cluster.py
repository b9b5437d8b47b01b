"""Debian's kubectl against a cluster of the stand-in: three servers and an agent, as processes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.kubectl import find_kubectl
from appliance.lab.rke2.tarballs import images_of
from tests.rke2_members import VERSION, Member, Site, readiness, site, wait_for

NAMES = {"cp1", "cp2", "cp3", "w1"}


class Cluster:
    """The four members, and kubectl with the kubeconfig of any server."""

    def __init__(self, made: Site) -> None:
        token = "K7-a token"
        self.site = made
        self.first = made.member("server", "cp1", token=token, tls_san=["cluster.alpha.test"])
        join: dict[str, Any] = {"token": token, "server": made.url(self.first)}
        self.servers = [
            self.first,
            made.member("server", "cp2", **join),
            made.member("server", "cp3", **join),
        ]
        self.agent = made.member("agent", "w1", **join)
        self.members = [*self.servers, self.agent]

    def start(self) -> None:
        """Start one after the other, as the playbook does."""
        for each in self.members:
            each.start()
            each.up()

    def kubectl(self, server: Member, *words: str, code: int = 0) -> str:
        """Run kubectl at a server; give what it printed."""
        done = subprocess.run(
            [find_kubectl(), "--kubeconfig", server.kubeconfig, *words],
            env={"PATH": os.environ["PATH"], "HOME": str(self.site.folder)},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def ready(self, server: Member) -> dict[str, str]:
        """Give each node's readiness as a server has it."""
        return readiness(json.loads(self.kubectl(server, "get", "nodes", "-o", "json")))

    def wait_ready(self, server: Member, wanted: dict[str, str]) -> None:
        """Wait until a server has the nodes so."""
        seen: object = None

        def so() -> bool:
            nonlocal seen
            try:
                seen = self.ready(server)
            except AssertionError as error:  # it has just been started
                seen = error
            return seen == wanted

        wait_for(so, lambda: f"{server.name} has {seen}, not {wanted}:\n{server.log}")

    def wait_all_ready(self) -> None:
        """Wait until every server has every node Ready."""
        for each in self.servers:
            self.wait_ready(each, dict.fromkeys(NAMES, "True"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Four members that run; a test that ends one starts it again."""
    with site(tmp_path_factory.mktemp("rke2")) as made:
        it = Cluster(made)
        it.start()
        it.wait_all_ready()
        yield it


def test_every_server_lists_four_ready_nodes(cluster: Cluster) -> None:
    """The columns are Kubernetes' own; all servers answer alike."""
    shown = {cluster.kubectl(each, "get", "nodes", "--no-headers") for each in cluster.servers}
    rows = [line.split() for line in shown.pop().splitlines()]

    assert {(*row[:3], row[4]) for row in rows} == {
        ("cp1", "Ready", "control-plane,etcd", VERSION),
        ("cp2", "Ready", "control-plane,etcd", VERSION),
        ("cp3", "Ready", "control-plane,etcd", VERSION),
        ("w1", "Ready", "<none>", VERSION),
    }
    wide = cluster.kubectl(cluster.first, "get", "nodes", "-o", "wide")
    assert all(each.address in wide for each in cluster.members)


def test_every_pod_is_up_from_the_archives(cluster: Cluster) -> None:
    """Static pods of each server, the network on each node, jobs done; no image from elsewhere."""
    pods = json.loads(cluster.kubectl(cluster.first, "get", "pods", "-A", "-o", "json"))["items"]
    names = {pod["metadata"]["name"] for pod in pods}
    images = {c["image"] for pod in pods for c in pod["spec"]["containers"]}
    table = cluster.kubectl(cluster.first, "get", "pods", "-A", "--no-headers")
    shown = {line.split()[3] for line in table.splitlines()}

    assert {f"etcd-{each.name}" for each in cluster.servers} <= names
    assert {f"kube-proxy-{each.name}" for each in cluster.members} <= names
    assert sum(name.startswith("rke2-canal-") for name in names) == len(cluster.members)
    assert images <= set(images_of(VERSION).all())
    assert shown == {"Running", "Completed"}


def test_events_say_that_images_were_there(cluster: Cluster) -> None:
    """What a health check looks for when it asks whether anything was pulled."""
    listed = json.loads(cluster.kubectl(cluster.first, "get", "events", "-A", "-o", "json"))
    pulled = [e["message"] for e in listed["items"] if e["reason"] == "Pulled"]

    assert pulled
    assert all("already present on machine" in message for message in pulled)
    assert "NodeReady" in cluster.kubectl(cluster.first, "get", "events")


@pytest.mark.parametrize("path", ["/readyz", "/livez", "/healthz"])
def test_health_is_ok(cluster: Cluster, path: str) -> None:
    """Asked raw, as probes do."""
    assert cluster.kubectl(cluster.first, "get", "--raw", path) == "ok"


def test_version_and_cluster_info(cluster: Cluster) -> None:
    """Both need discovery to be whole."""
    assert VERSION in cluster.kubectl(cluster.first, "version", "--short")
    info = cluster.kubectl(cluster.first, "cluster-info")
    assert "control plane" in info
    assert "CoreDNS" in info


def test_wait_sees_conditions(cluster: Cluster) -> None:
    """`kubectl wait` lists and then watches."""
    said = cluster.kubectl(
        cluster.first, "wait", "--for=condition=Ready", "node", "--all", "--timeout=20s"
    )
    assert said.count("condition met") == len(NAMES)


def test_a_cordon_is_seen_on_the_other_servers(cluster: Cluster) -> None:
    """A write at one server reaches all; it is taken back at another."""
    one, two, three = cluster.servers
    cluster.kubectl(one, "cordon", "w1")
    assert "Ready,SchedulingDisabled" in cluster.kubectl(two, "get", "node", "w1")
    cluster.kubectl(three, "uncordon", "w1")
    assert "SchedulingDisabled" not in cluster.kubectl(one, "get", "node", "w1")


def test_objects_are_kept_on_all_servers(cluster: Cluster) -> None:
    """A configuration map of a namespace of its own: made, read elsewhere, gone with the space."""
    one, two, three = cluster.servers
    cluster.kubectl(one, "create", "namespace", "trial")
    cluster.kubectl(two, "-n", "trial", "create", "configmap", "words", "--from-literal=a=b")
    read = cluster.kubectl(three, "-n", "trial", "get", "cm", "words", "-o", "jsonpath={.data.a}")
    cluster.kubectl(three, "delete", "namespace", "trial")

    assert read == "b"
    assert "NotFound" in cluster.kubectl(one, "get", "ns", "trial", code=1)


def answer(server: Member, path: str, client: Path | None = None) -> int:
    """Ask a server without kubectl, with a node's certificate or none; give the status."""
    ca = (server.data / "server/tls/server-ca.crt").read_text()
    context = ssl.create_default_context(cadata=ca)
    if client:
        context.load_cert_chain(client.with_suffix(".crt"), client.with_suffix(".key"))
    link = http.client.HTTPSConnection(server.address, 6443, timeout=10, context=context)
    try:
        link.request("GET", path)
        return link.getresponse().status
    finally:
        link.close()


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/readyz", "/version", "/cacerts"])
def test_without_a_certificate_nothing_is_told(cluster: Cluster, path: str) -> None:
    """RKE2 starts its API with anonymous-auth=false: 401, for the health too."""
    assert answer(cluster.first, path) == 401


def test_a_node_s_own_certificate_is_not_the_administrator_s(cluster: Cluster) -> None:
    """A kubelet's certificate is known, and may not list nodes."""
    own = cluster.agent.data / "agent" / "client-kubelet"
    assert answer(cluster.first, "/api/v1/nodes", own) == 403


def test_a_killed_agent_is_not_ready_on_every_server(cluster: Cluster) -> None:
    """Its lease is no longer kept; started again it is Ready again, and the same node."""
    path = ("get", "node", "w1", "-o", "jsonpath={.metadata.uid}")
    before = cluster.kubectl(cluster.first, *path)
    cluster.agent.kill()
    for each in cluster.servers:
        cluster.wait_ready(each, dict.fromkeys(NAMES, "True") | {"w1": "Unknown"})
    shown = cluster.kubectl(cluster.first, "get", "nodes", "--no-headers")
    described = cluster.kubectl(cluster.first, "describe", "node", "w1")
    cluster.agent.start()
    cluster.wait_all_ready()

    assert [line.split()[:2] for line in shown.splitlines()][-1] == ["w1", "NotReady"]
    assert "Kubelet stopped posting node status." in described
    assert cluster.kubectl(cluster.first, *path) == before


def test_one_server_may_fail_and_two_may_not(cluster: Cluster) -> None:
    """Two of three go on, writes too; one of three answers that there is no leader."""
    one, two, three = cluster.servers
    one.kill()  # the founder, at whose address all the others joined
    cluster.wait_ready(two, dict.fromkeys(NAMES, "True") | {"cp1": "Unknown"})
    cluster.kubectl(two, "label", "node", "w1", "trial=two-of-three")
    three.kill()

    def refused() -> bool:
        try:
            return "etcdserver: no leader" in cluster.kubectl(two, "get", "nodes", code=1)
        except AssertionError:
            return False

    wait_for(refused, lambda: "the last server still answers")
    three.start()
    one.start()
    cluster.wait_all_ready()
    label = ("get", "node", "w1", "-o", "jsonpath={.metadata.labels.trial}")
    assert {cluster.kubectl(each, *label) for each in cluster.servers} == {"two-of-three"}
    cluster.kubectl(one, "label", "node", "w1", "trial-")


def test_after_a_power_cut_all_come_back_by_themselves(cluster: Cluster) -> None:
    """All end at once and start together: no order is needed, and nothing from outside."""
    for each in cluster.members:
        each.kill()
        each.reboot()
        each.forget_log()
    for each in reversed(cluster.members):
        each.start()
    for each in cluster.members:
        each.up()
    cluster.wait_all_ready()
    pods = json.loads(cluster.kubectl(cluster.first, "get", "pods", "-A", "-o", "json"))["items"]
    restarts = {
        c["restartCount"]
        for pod in pods
        for c in pod["status"]["containerStatuses"]
        if pod["metadata"]["name"].startswith("etcd-")
    }

    assert restarts == {1}


def test_a_member_ends_at_once_when_told(cluster: Cluster) -> None:
    """systemd's SIGTERM ends it with success; started again it is back."""
    process = cluster.agent.process
    assert process is not None
    cluster.agent.kill(signal.SIGTERM)
    assert process.returncode == 0
    cluster.agent.start()
    cluster.wait_all_ready()


def test_k3s_is_the_same_on_one_port(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A server and an agent; its parts are no pods, and what is one is up."""
    with site(tmp_path_factory.mktemp("k3s"), "v1.36.3+k3s1") as made:
        first = made.member("server", "cp1", token="a token")
        worker = made.member("agent", "w1", token="a token", server=made.url(first))
        for each in (first, worker):
            each.start()
            each.up()
        done = subprocess.run(
            [find_kubectl(), "--kubeconfig", first.kubeconfig, "get", "nodes,pods", "-A"],
            env={"PATH": os.environ["PATH"], "HOME": str(made.folder)},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.count(" Ready ") == 2
    assert "pod/coredns-" in done.stdout
    assert "etcd-cp1" not in done.stdout


def test_a_newer_client_reads_it_too(cluster: Cluster) -> None:
    """kubectl of a later year, where this computer has one: it asks for newer forms first."""
    other = Path("/usr/bin/kubectl")
    if not other.exists():
        pytest.skip("no other kubectl is installed here")
    done = subprocess.run(
        [other, "--kubeconfig", cluster.first.kubeconfig, "get", "nodes,pods", "-A"],
        env={"PATH": os.environ["PATH"], "HOME": str(cluster.site.folder)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "node/w1" in done.stdout
