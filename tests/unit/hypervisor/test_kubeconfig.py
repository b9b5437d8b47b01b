"""Kubeconfigs: read, and re-addressed."""

from __future__ import annotations

import base64
from ipaddress import IPv4Address

import pytest

from appliance.errors import StepError
from appliance.hypervisor.kubeconfig import past_the_node, read, through_vip
from appliance.values import Secret
from tests.harvester_server import Harvester, identity

VIP = IPv4Address("10.20.0.10")


def data(text: str) -> str:
    """Give the base64 of a text."""
    return base64.b64encode(text.encode()).decode()


RKE2 = f"""
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {data("the authority")}
    server: https://127.0.0.1:6443
  name: default
contexts:
- context: {{cluster: default, user: default}}
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    client-certificate-data: {data("our certificate")}
    client-key-data: {data("our key")}
"""


def test_ranchers_leads_through_the_vip() -> None:
    """Its path is kept, the pinned certificate comes first and its own authority stays."""
    given = Secret(Harvester(identity(), authority="its authority").kubeconfig())
    access = read(through_vip(given, VIP, "the pinned one\n", "10.20.0.10"))
    assert (access.host, access.port, access.path) == ("10.20.0.10", 443, "/k8s/clusters/local")
    assert access.authority == "the pinned one\nits authority\n"
    assert access.server_name == "10.20.0.10"
    assert access.token == Secret("token-abcde:first")


def test_a_certificate_of_another_name() -> None:
    """Clients are told by which name to check it."""
    given = Secret(Harvester(identity()).kubeconfig())
    text = through_vip(given, VIP, "pinned", "harvester")
    assert '"tls-server-name": "harvester"' in text.reveal()
    assert read(text).server_name == "harvester"


def test_other_clusters_in_it_are_left_alone() -> None:
    """Rancher adds one straight to each node."""
    given = Secret(Harvester(identity()).kubeconfig())
    assert "https://10.20.0.11:6443" in through_vip(given, VIP, "pinned", "x").reveal()


def test_what_says_not_to_check_says_so_no_longer() -> None:
    """Clients refuse a file that says both."""
    text = Harvester(identity()).kubeconfig()
    given = Secret(text.replace("certificate-authority-data:", "insecure-skip-tls-verify: true #"))
    made = through_vip(given, VIP, "pinned", "10.20.0.10")
    assert "insecure" not in made.reveal()
    assert read(made).authority == "pinned\n"


def test_rke2s_is_re_addressed_only() -> None:
    """127.0.0.1 becomes the VIP; port, authority and our certificate stay."""
    access = read(past_the_node(Secret(RKE2), VIP))
    assert (access.host, access.port, access.path) == ("10.20.0.10", 6443, "")
    assert access.authority == "the authority"
    assert (access.certificate, access.key) == ("our certificate", Secret("our key"))
    assert access.token is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "kind: List",
        "kind: Config",
        RKE2.replace("current-context: default", "current-context: other"),
        RKE2.replace("https://127.0.0.1:6443", "http://127.0.0.1:6443"),
        RKE2.replace(data("our key"), "no-base64"),
        RKE2.replace("clusters:\n- cluster", "clusters:\n  cluster"),
    ],
)
def test_what_is_no_kubeconfig(text: str) -> None:
    """One sentence, and nothing of the text in it: it is secret."""
    with pytest.raises(StepError, match="kubeconfig cannot be read") as caught:
        read(Secret(text))
    assert data("our certificate") not in str(caught.value)
