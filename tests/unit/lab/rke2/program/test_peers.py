"""Servers that keep in touch: two supervisors on loopback addresses, in this process."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.lab.rke2.program.certificates import Pair, make_leaf
from appliance.lab.rke2.program.cluster import Cluster, NoQuorumError
from appliance.lab.rke2.program.http_service import Service
from appliance.lab.rke2.program.images import needs
from appliance.lab.rke2.program.log import Log
from appliance.lab.rke2.program.options import Options, Pace, Surroundings
from appliance.lab.rke2.program.peers import Peers
from appliance.lab.rke2.program.store import Store
from appliance.lab.rke2.program.supervisor import SERVERS, Authority, Secrets, Supervisor
from tests.rke2_members import wait_for
from tests.unit.lab.rke2.program.authority import Authorities
from tests.unit.lab.rke2.program.known import PRODUCT

PACE = Pace(beat=0.1, grace=1, peer_beat=0.1, peer_grace=1, retry=0.1)


@dataclass
class Two:
    """Two servers' states."""

    one: Cluster
    two: Cluster


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Both know both; each asks the other."""
    net = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}"
    addresses = {"cp1": f"{net}.1", "cp2": f"{net}.2"}
    made = Authorities.make(tmp_path / "tls", names=tuple(addresses.values()))
    own = Pair(tmp_path / "tls", "peer")
    make_leaf(made.client, own, "etcd-peer", SERVERS)
    clusters, services = {}, {}
    for name, address in addresses.items():
        options = Options(PRODUCT, "server", {"node-name": [name]}, Surroundings(pace=PACE))
        peers = Peers(PRODUCT, PACE, made.ca, (own.certificate, own.key), Log())
        store = Store(tmp_path / name, name)
        store.merge({f"members/{n}": [1, "cp1", {"address": a}] for n, a in addresses.items()})
        cluster = clusters[name] = Cluster(options, store, needs(PRODUCT), peers.send)
        authority = Authority(made.server, made.client)
        supervisor = Supervisor(cluster, authority, Secrets("s"), Log())
        client_ca = made.client.certificate.read_bytes()
        place = (address, PRODUCT.supervisor_port)
        services[name] = Service(place, made.serving, client_ca, supervisor.answer, Log())
        services[name].start()
        peers.attach(cluster)
    yield Two(clusters["cp1"], clusters["cp2"])
    for cluster in clusters.values():  # their threads end with their members
        cluster.store.merge({f"members/{n}": [99, "cp1", None] for n in addresses})
    for service in services.values():
        service.stop()


def test_a_write_is_on_both(two: Two) -> None:
    """At once, before the writer goes on."""
    wait_for(lambda: two.one.has_quorum() and two.two.has_quorum(), lambda: "no majority")
    two.one.write({"a": {"x": 1}})
    assert two.two.store.get("a") == {"x": 1}
    two.two.write({"a": {"x": 2}})
    assert two.one.store.get("a") == {"x": 2}


def test_what_was_missed_is_made_up_for(two: Two) -> None:
    """Both ways, by asking."""
    two.one.store.write({"mine": {"x": 1}})
    two.two.store.write({"yours": {"x": 2}})
    wait_for(
        lambda: two.one.store.digest() == two.two.store.digest(), lambda: "they never ended alike"
    )
    assert two.one.store.get("yours") == {"x": 2}
    assert two.two.store.get("mine") == {"x": 1}


def test_half_is_no_majority(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of four write nothing, and say once that another is silent."""
    wait_for(two.one.has_quorum, lambda: "no majority")
    absent = {"address": "127.0.0.250"}
    two.one.store.merge({f"members/{name}": [9, "cp1", absent] for name in ("cp8", "cp9")})
    assert not two.one.has_quorum()
    with pytest.raises(NoQuorumError):
        two.one.write({"a": {}})
    said = ""

    def told() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return "lost contact with etcd member cp9" in said

    wait_for(told, lambda: said)
