"""The hypervisor's nodes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.lab.harvester_sim import hosts, kinds
from appliance.lab.harvester_sim.hosts import Hosts, ask
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.server import certified
from appliance.lab.harvester_sim.tables import as_table
from appliance.lab.payload.standin.servers import Members, Web, listen


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """The servers of an installed node, on loopback."""
    certified(tmp_path, ("127.0.0.1",))
    members = Members(tmp_path / "members.json")
    members.add("hv1", "127.0.0.1")
    files = (str(tmp_path / "tls.crt"), str(tmp_path / "tls.key"))
    server = listen(("127.0.0.1", 0), Web(members, ""), files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_installed_node_is_asked(node: ThreadingHTTPServer) -> None:
    """Ping and members over TLS; a path that is none, and a node that is off, give nothing."""
    where = f"127.0.0.1:{node.server_port}"
    assert ask(where, "/ping") == b"pong"
    assert json.loads(ask(where, "/v1-standin/nodes"))["nodes"][0]["name"] == "hv1"
    assert ask(where, "/none") == b""
    assert ask("127.0.0.1:1", "/ping") == b""


def test_nodes_are_those_the_vip_tells_of(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is ready while it answers; one that was silent for long stays, not ready."""
    alive = {"10.0.0.9", "10.0.0.11", "10.0.0.12"}
    members = [{"name": "hv1", "address": "10.0.0.11"}, {"name": "hv2", "address": "10.0.0.12"}]

    def answer(address: str, path: str) -> bytes:
        if address not in alive:
            return b""
        return b"pong" if path == "/ping" else json.dumps({"nodes": members}).encode()

    monkeypatch.setattr(hosts, "ask", answer)
    seen = Hosts(store, "10.0.0.9", {}, "v1.35.2+rke2r1")
    assert seen.ready() == []
    seen.look()
    assert seen.ready() == ["hv1", "hv2"]
    alive.remove("10.0.0.12")
    for _ in range(hosts.PATIENCE - 1):
        seen.look()
        assert seen.ready() == ["hv1", "hv2"]
    seen.look()
    assert seen.ready() == ["hv1"]
    alive.add("10.0.0.12")
    seen.look()
    assert seen.ready() == ["hv1", "hv2"]
    alive.clear()
    for _ in range(hosts.PATIENCE):
        seen.look()
    assert seen.ready() == []
    rows = as_table(kinds.NODE, {"metadata": {}, "items": store.all(kinds.NODE)})["rows"]
    assert [row["cells"][:4] for row in rows] == [
        ["hv1", "NotReady", "v1.35.2+rke2r1", "10.0.0.11"],
        ["hv2", "NotReady", "v1.35.2+rke2r1", "10.0.0.12"],
    ]


def test_nodes_given_are_there_without_being_asked(store: ObjectStore) -> None:
    """For tests without a hypervisor."""
    seen = Hosts(store, "", {"hv1": "10.0.0.11"}, "v1")
    seen.look()
    assert seen.ready() == ["hv1"]
    assert seen.certificate() == ""
