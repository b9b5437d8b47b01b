"""The kubeconfig: fetched over real SSH, re-addressed, and read by a foreign YAML reader."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import paramiko
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from appliance.cluster.kubeconfig import fetch_kubeconfig, read_credentials, readdressed
from appliance.errors import StepError
from appliance.site.plan import Plan
from appliance.tools.ssh import known_fingerprints
from appliance.values import Secret
from tests.clusters import cluster_plan
from tests.kubernetes_api import Authority, kubeconfig
from tests.sshd import serving

AUTHORITY = Authority()
CLIENT = AUTHORITY.sign("system:admin")
AS_WRITTEN = kubeconfig(AUTHORITY, CLIENT)


def read(text: str) -> Any:
    """Read YAML as other programs do."""
    return yaml.safe_load(text)


def on_loopback(plan: Plan) -> Plan:
    """Put every server at 127.0.0.1."""
    here = IPv4Address("127.0.0.1")
    return replace(plan, vms=tuple(replace(each, address=here) for each in plan.vms))


def test_a_context_for_each_server() -> None:
    """The first is the current one, named after the site; all show the same certificate."""
    made = read(readdressed(AS_WRITTEN, cluster_plan()).reveal())
    servers = {each["name"]: each["cluster"]["server"] for each in made["clusters"]}

    assert made["current-context"] == "alpha"
    assert servers == {
        "alpha": "https://10.20.0.51:6443",
        "alpha-server2": "https://10.20.0.52:6443",
        "alpha-server3": "https://10.20.0.53:6443",
    }
    assert [each["context"]["cluster"] for each in made["contexts"]] == list(servers)
    assert made["users"][0]["user"] == read(AS_WRITTEN)["users"][0]["user"]


def test_what_a_client_needs() -> None:
    """Servers in order, certificates and key decoded; the key stays a secret."""
    found = read_credentials(readdressed(AS_WRITTEN, cluster_plan()))

    assert found.servers[0] == "https://10.20.0.51:6443"
    assert (found.authority, found.certificate) == (AUTHORITY.certificate, CLIENT.certificate)
    assert found.key.reveal() == CLIENT.key
    assert CLIENT.key not in repr(found)


@pytest.mark.parametrize("text", ["", "a: [", "kind: Config", "clusters: [{}]\nusers: [{}]", "1"])
def test_what_is_no_kubeconfig(text: str) -> None:
    """Said, whatever it is."""
    with pytest.raises(StepError, match="kubeconfig cannot be read"):
        read_credentials(Secret(text))


@pytest.fixture(scope="module")
def ed25519() -> tuple[Secret, str]:
    """Give a site's key, and its public half in base64."""
    made = Ed25519PrivateKey.generate()
    private = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return Secret(private.decode()), public.decode().split()[1]


def test_it_is_fetched_from_the_first_server(tmp_path: Path, ed25519: tuple[Secret, str]) -> None:
    """By the site's key, as root, and re-addressed at once."""
    (tmp_path / "rke2.yaml").write_text(AS_WRITTEN)
    key, public = ed25519
    written = "sudo -n cat /etc/rancher/rke2/rke2.yaml"
    with serving("unused", rewrite=(written, f"cat {tmp_path}/rke2.yaml")) as sshd:
        sshd.public_key = public
        made = fetch_kubeconfig(
            on_loopback(cluster_plan(servers=1)),
            key,
            f"127.0.0.1 {sshd.host_key}\n",
            user="rancher",
            port=sshd.port,
        )

    assert read_credentials(made).servers == ("https://127.0.0.1:6443",)
    assert sshd.commands == [written]
    assert sshd.passwords == []


def test_a_server_that_has_none_yet(ed25519: tuple[Secret, str]) -> None:
    """Every server is asked; the first one's words are told."""
    key, public = ed25519
    with serving("unused", rewrite=("sudo -n cat", "false")) as sshd:
        sshd.public_key = public
        with pytest.raises(StepError, match="server1: the kubeconfig cannot be read"):
            fetch_kubeconfig(
                on_loopback(cluster_plan()),
                key,
                f"127.0.0.1 {sshd.host_key}\n",
                user="rancher",
                port=sshd.port,
            )
        assert len(sshd.commands) == 3


def test_a_host_that_is_another(ed25519: tuple[Secret, str]) -> None:
    """It is asked nothing."""
    key, public = ed25519
    with serving("unused") as sshd:
        sshd.public_key = public
        with pytest.raises(StepError, match="not the one known"):
            fetch_kubeconfig(
                on_loopback(cluster_plan(servers=1)), key, "", user="rancher", port=sshd.port
            )
    assert sshd.commands == []


def test_fingerprints_of_known_hosts() -> None:
    """By the address alone; comments and other lines are passed over."""
    key = paramiko.ECDSAKey.generate()
    lines = f"# 10.0.0.1 x\n10.0.0.1,server1 {key.get_name()} {key.get_base64()}\n\nbroken\n"

    assert known_fingerprints(lines, "10.0.0.1") == {key.fingerprint}
    assert known_fingerprints(lines, "10.0.0.2") == frozenset()
