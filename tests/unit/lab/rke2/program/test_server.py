"""Servers as processes: founding, joining, and what is refused, in upstream's words."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.lab.rke2.program import tokens
from appliance.lab.rke2.program.certificates import Pair, make_authority, names_of
from appliance.lab.rke2.program.options import Options, Product, Surroundings
from appliance.lab.rke2.program.server import serving_names
from tests.rke2_members import Member, Site, site

TOKEN = "sesame"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Site]:
    """A site without members."""
    with site(tmp_path) as it:
        yield it


@pytest.fixture
def founder(made: Site) -> Member:
    """A server that founded its cluster."""
    first = made.member("server", "cp1", token=TOKEN, tls_san=["cluster.alpha.test"])
    first.start()
    first.up()
    return first


def join(made: Site, founder: Member, name: str = "cp2", **settings: Any) -> Member:
    """Start a second server."""
    given = {"token": TOKEN, "server": made.url(founder), **settings}
    member = made.member("server", name, **given)
    member.start()
    return member


def refused(member: Member) -> str:
    """Wait for the end; give the last line."""
    assert member.ended() == 1, member.log
    last = member.log.splitlines()[-1]
    assert "level=fatal" in last
    return last


def test_files_of_a_founder(founder: Member) -> None:
    """Token in full and its link, certificate with all names, a kubeconfig for root."""
    server = founder.data / "server"
    ca = (server / "tls/server-ca.crt").read_bytes()
    token = (server / "token").read_text().strip()
    names = names_of((server / "tls/serving-kube-apiserver.crt").read_bytes())
    kubeconfig = yaml.safe_load(founder.kubeconfig.read_text())
    cluster = kubeconfig["clusters"][0]["cluster"]

    assert token == tokens.full(ca, "server", TOKEN)
    assert (server / "node-token").read_text().strip() == token
    assert {"cluster.alpha.test", "cp1", founder.address, "10.43.0.1", "kubernetes"} <= set(names)
    assert cluster["server"] == f"https://{founder.address}:6443"
    assert base64.b64decode(cluster["certificate-authority-data"]) == ca
    for path in (server / "token", founder.kubeconfig, server / "tls/server-ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_start_makes_nothing_new(founder: Member) -> None:
    """The same certificates; with another name in its settings another one for the ports."""
    kept = ("server/tls/server-ca.crt", "server/token", "server/tls/serving-kube-apiserver.crt")
    before = [(founder.data / name).read_bytes() for name in kept]
    founder.kill()
    founder.forget_log()
    founder.start()
    founder.up()
    assert [(founder.data / name).read_bytes() for name in kept] == before
    founder.kill()
    founder.forget_log()
    founder.settings["tls-san"] = ["other.test"]
    founder.start()
    founder.up()
    assert "other.test" in names_of((founder.data / kept[2]).read_bytes())
    assert (founder.data / kept[0]).read_bytes() == before[0]


def test_wrong_tokens_are_refused(made: Site, founder: Member) -> None:
    """A wrong secret, another cluster's pin, no token."""
    wrong = join(made, founder, "cp2", token="simsim")
    pinned = join(made, founder, "cp3", token=tokens.full(b"other", "server", TOKEN))
    none = join(made, founder, "cp4", token="")

    assert "/v1-rke2/config: 401 Unauthorized: not authorized" in refused(wrong)
    assert "token CA hash does not match the Cluster CA certificate hash" in refused(pinned)
    assert "RKE2_TOKEN is required to join a cluster" in refused(none)


def test_a_server_with_other_critical_settings_is_refused(made: Site, founder: Member) -> None:
    """Each that differs is named."""
    other = join(made, founder, cluster_cidr="10.52.0.0/16", cluster_domain="other.local")
    assert "critical configuration value mismatch between servers" in refused(other)
    for name in ("cluster-cidr", "cluster-domain"):
        assert f"critical configuration mismatched: {name}" in other.log


def test_a_name_that_another_machine_has_is_refused(made: Site, founder: Member) -> None:
    """Upstream's words for a duplicate hostname."""
    assert "duplicate hostname" in refused(join(made, founder, "cp1"))


def test_a_name_that_is_not_in_the_certificate_is_refused(made: Site, founder: Member) -> None:
    """Another way to write the first server's address leads there, and is no name of it."""
    one, two, three, four = founder.address.split(".")
    other = f"{one}.{two}.{int(three) * 256 + int(four)}"
    second = made.member("server", "cp2", token=TOKEN, server=f"https://{other}:9345")
    second.start()
    last = refused(second)
    assert "certificate is valid for" in last
    assert f"not {other}" in last


def test_a_clock_that_is_behind_is_refused(made: Site) -> None:
    """The authorities are of tomorrow: no member comes up, the first no more than others."""
    first = made.member("server", "cp1", token=TOKEN)
    for name in ("server-ca", "client-ca"):
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        make_authority(Pair(first.data / "server/tls", name), f"rke2-{name}", tomorrow)
    first.start()
    first.until("certificate has expired or is not yet valid")
    second = join(made, first)
    assert "certificate has expired or is not yet valid: current time" in refused(second)
    assert "up and running" not in first.log


def test_nobody_to_join(made: Site) -> None:
    """It ends, and systemd starts it again later."""
    absent = made.member("server", "cp1")
    alone = made.member("server", "cp2", token=TOKEN, server=made.url(absent))
    alone.start()
    assert "connect: connection refused" in refused(alone)


def test_another_token_later_is_refused(founder: Member) -> None:
    """The cluster's state is bound to its first."""
    founder.kill()
    founder.settings["token"] = "simsim"
    founder.start()
    assert "encrypted with different token" in refused(founder)


def test_another_address_later_is_refused(founder: Member) -> None:
    """As etcd does not start at it (rke2#3176)."""
    founder.kill()
    founder.settings["node-ip"] = "127.0.0.9"
    founder.start()
    assert "etcd does not start at another address" in refused(founder)


def test_without_the_network_s_images_a_node_is_not_ready(made: Site) -> None:
    """Up, and not Ready: what happens when split sets are forgotten."""
    first = made.member("server", "cp1", token=TOKEN)
    (first.data / "agent/images/rke2-images-canal.linux-amd64.tar.zst").unlink()
    first.start()
    first.up()
    assert "cni plugin not initialized" in first.log


def test_k3s_servers_join_only_a_cluster_that_was_initialised_so(tmp_path: Path) -> None:
    """Without `cluster-init` the first keeps its state for itself."""
    with site(tmp_path, "v1.36.3+k3s1") as made:
        first = made.member("server", "cp1", token=TOKEN)
        first.start()
        first.up()
        second = join(made, first)
        assert "/v1-k3s/server-bootstrap: 404 Not Found" in refused(second)
        first.kill()
        other = made.member("server", "cp3", token=TOKEN, cluster_init=True)
        other.start()
        other.up()
        third = join(made, other, "cp4")
        third.up()
        assert third.kubeconfig.name == "k3s.yaml"


def test_names_of_the_ports() -> None:
    """Everything that is given, once, and what every cluster has."""
    values = {"node-name": ["cp1"], "node-ip": ["10.0.0.1"], "tls-san": ["a", "b,cp1"]}
    product = Product("rke2", "v1.36.3+rke2r1")
    names = serving_names(Options(product, "server", values, Surroundings()))
    assert names[-2:] == ["a", "b"]
    assert len(names) == len(set(names))
    assert "kubernetes.default.svc.cluster.local" in names
