"""Agents as processes: joining, what they wait for, and coming back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.rke2.program import tokens
from appliance.lab.rke2.program.kubelet import Place
from tests.rke2_members import Member, Site, site, wait_for

TOKEN = "sesame"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Site]:
    """A site with one server, which has a secret for agents too."""
    with site(tmp_path) as it:
        first = it.member("server", "cp1", token=TOKEN, agent_token="agents")
        first.start()
        first.up()
        yield it


def agent(made: Site, name: str = "w1", **settings: Any) -> Member:
    """Start an agent."""
    given = {"token": "agents", "server": made.url(made.members[0]), **settings}
    member = made.member("agent", name, **given)
    member.start()
    return member


def test_an_agent_joins_with_the_secret_for_agents(made: Site) -> None:
    """In short or in full; it learns the servers, on disk."""
    full = (made.members[0].data / "server/agent-token").read_text().strip()
    one, two = agent(made), agent(made, "w2", token=full)
    one.up()
    two.up()
    path = one.data / "agent/etc/rke2-agent-load-balancer.json"
    assert json.loads(path.read_text()) == {"ServerAddresses": [made.members[0].address]}
    assert "does not include a CA hash" in one.log
    assert "does not include a CA hash" not in two.log


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"token": "wrong"}, "401 Unauthorized: not authorized"),
        ({"token": tokens.full(b"other", "node", "agents")}, "token CA hash does not match"),
        ({"node_name": "cp1"}, "duplicate hostname"),
    ],
)
def test_what_an_agent_waits_at(made: Site, settings: dict[str, str], why: str) -> None:
    """It does not end, as upstream's does not: it says why, again and again, and is not ready."""
    waiting = agent(made, **settings)
    waiting.until(why)
    assert "level=error" in next(line for line in waiting.log.splitlines() if why in line)
    assert "up and running" not in waiting.log
    assert waiting.process is not None
    assert waiting.process.poll() is None


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"token": "", "token-file": ""}, "--token is required"),
        ({"server": ""}, "--server is required"),
        ({"server": "http://127.0.0.1:9345"}, "only https://"),
        ({"profile": "cis"}, "no such file or directory"),
    ],
)
def test_what_an_agent_ends_at(made: Site, settings: dict[str, str], why: str) -> None:
    """What no waiting cures."""
    ending = agent(made, **settings)
    assert ending.ended() == 1
    assert why in ending.log.splitlines()[-1]


def test_an_agent_comes_before_its_server(made: Site) -> None:
    """It waits until somebody answers."""
    first = made.members[0]
    first.kill()
    early = agent(made)
    early.until("connection refused")
    first.start()
    early.up()


def test_an_agent_comes_back_without_the_server_it_joined_at(made: Site) -> None:
    """Any of the servers it knows will do."""
    first = made.members[0]
    given = {"token": TOKEN, "agent_token": "agents", "server": made.url(first)}
    for name in ("cp2", "cp3"):
        other = made.member("server", name, **given)
        other.start()
        other.up()
    worker = agent(made)
    worker.up()
    path = worker.data / "agent/etc/rke2-agent-load-balancer.json"
    wait_for(lambda: len(json.loads(path.read_text())["ServerAddresses"]) == 3, path.read_text)
    worker.kill()
    first.kill()
    worker.forget_log()
    worker.start()
    worker.up()


def test_another_cluster_at_the_same_address_is_not_joined(made: Site) -> None:
    """The CA of the cluster it belongs to is kept, short token or not."""
    worker = agent(made)
    worker.up()
    worker.kill()
    kept = worker.data / "agent/server-ca.crt"
    kept.write_bytes(kept.read_bytes() + b"\n")
    worker.forget_log()
    worker.start()
    worker.until("CA is another than that of the cluster")


def test_a_place_is_read_from_a_url() -> None:
    """The supervisor's port where none is given."""
    assert Place.of("https://cluster.test", 9345) == Place("cluster.test", 9345)
    assert Place.of("https://10.0.0.1:1234", 9345) == Place("10.0.0.1", 1234)
