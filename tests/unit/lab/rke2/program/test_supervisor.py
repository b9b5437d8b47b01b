"""The supervisor's answers, without a socket: who may what."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.rke2.program.certificates import Pair, make_request
from appliance.lab.rke2.program.client import basic
from appliance.lab.rke2.program.cluster import Cluster
from appliance.lab.rke2.program.http_service import Caller, Request, Response
from appliance.lab.rke2.program.log import Log
from appliance.lab.rke2.program.supervisor import Authority, Secrets, Supervisor
from tests.unit.lab.rke2.program.authority import Authorities
from tests.unit.lab.rke2.program.known import cluster, record

Ask = Callable[..., Response]
NODE = Caller("system:node:w1", ("system:nodes",))
PEER = Caller("etcd-peer-cp2", ("system:etcd-peers",))
PREFIX = "/v1-rke2"


@pytest.fixture
def known(tmp_path: Path) -> Cluster:
    """A server alone."""
    return cluster(tmp_path)


@pytest.fixture
def ask(known: Cluster, tmp_path: Path) -> Ask:
    """Ask a supervisor whose secrets are `sesame`, and `agents` for agents."""
    made = Authorities.make(tmp_path / "tls")
    authority = Authority(made.server, made.client)
    supervisor = Supervisor(known, authority, Secrets("sesame", "agents"), Log())

    def asked(
        method: str,
        path: str,
        body: Any = b"",
        *,
        token: str = "",
        caller: Caller = Caller(),  # noqa: B008 - a value
        **headers: str,
    ) -> Response:
        sent = Message()
        for name, value in {**(basic("node", token) if token else {}), **headers}.items():
            sent[name.replace("_", "-")] = value
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return supervisor.answer(Request(method, path, {}, sent, data, caller, "10.0.0.9"))

    return asked


def test_the_ca_is_for_everybody(ask: Ask) -> None:
    """It is what a token pins."""
    assert ask("GET", "/cacerts").body.startswith(b"-----BEGIN CERTIFICATE")
    assert ask("GET", "/ping").body == b"pong"


@pytest.mark.parametrize("token", ["", "wrong", "sesam"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/config"),
        ("GET", "/readyz"),
        ("GET", "/server-bootstrap"),
        ("POST", "/client-kubelet.crt"),
        ("POST", "/standin/member"),
        ("POST", "/standin/beat"),
        ("POST", "/standin/entries"),
    ],
)
def test_without_a_good_token_nothing_else(ask: Ask, method: str, path: str, token: str) -> None:
    """401, "not authorized"."""
    answer = ask(method, f"{PREFIX}{path}", token=token)
    assert answer.status == 401
    assert json.loads(answer.body)["message"] == "not authorized"


def test_the_agents_secret_makes_no_server(ask: Ask) -> None:
    """It opens what agents need, and never the authorities' keys."""
    assert ask("GET", f"{PREFIX}/config", token="agents").status == 200
    assert ask("GET", f"{PREFIX}/server-bootstrap", token="agents").status == 401
    files = json.loads(ask("GET", f"{PREFIX}/server-bootstrap", token="sesame").body)
    assert set(files) == {"server-ca.crt", "server-ca.key", "client-ca.crt", "client-ca.key"}


@pytest.mark.parametrize(
    "header", ["Bearer sesame", "Basic !", "Basic c2VzYW1l", "Basic cm9vdDpzZXNhbWU="]
)
def test_other_forms_of_proof_are_none(ask: Ask, header: str) -> None:
    """A bearer, no base64, no user, another user."""
    assert ask("GET", f"{PREFIX}/config", Authorization=header).status == 401


def test_a_name_belongs_to_the_machine_that_took_it(ask: Ask, tmp_path: Path) -> None:
    """Another machine's password for the same name is refused in upstream's words."""
    request = make_request(Pair(tmp_path, "w1"), "anything")
    path = f"{PREFIX}/client-kubelet.crt"
    mine = {"rke2_Node_Name": "W1", "rke2_Node_Password": "one"}
    first = ask("POST", path, request, token="agents", **mine)
    again = ask("POST", path, request, token="agents", **mine)
    other = ask(
        "POST", path, request, token="agents", rke2_Node_Name="w1", rke2_Node_Password="two"
    )

    assert first.body.startswith(b"-----BEGIN CERTIFICATE")
    assert again.status == 200
    assert other.status == 403
    assert "Node password rejected, duplicate hostname" in json.loads(other.body)["message"]
    assert ask("POST", path, request, token="agents").status == 400
    assert ask("POST", path, b"none", token="agents", **mine).status == 400


def test_a_node_speaks_for_itself_alone(ask: Ask, known: Cluster) -> None:
    """Its certificate's name is what counts; a node nobody knows keeps no lease."""
    path = f"{PREFIX}/standin"
    assert ask("POST", f"{path}/beat", {}, caller=NODE).status == 404
    assert ask("POST", f"{path}/register", record("other"), caller=NODE).status == 400
    assert ask("POST", f"{path}/register", record("w1"), caller=NODE).status == 200
    assert ask("POST", f"{path}/beat", {"ready": True}, caller=NODE).status == 200
    assert [node.ready for node in known.nodes()] == [True]
    assert ask("POST", f"{path}/beat", {}, caller=PEER).status == 401


def test_a_server_becomes_a_member(ask: Ask, known: Cluster) -> None:
    """It gets all there is; asked with its certificate, it counts for the majority."""
    proof = {"rke2_Node_Name": "cp2", "rke2_Node_Password": "two"}
    answer = ask(
        "POST", f"{PREFIX}/standin/member", {"address": "10.0.0.2"}, token="sesame", **proof
    )
    assert known.others() == {"cp2": "10.0.0.2"}
    assert "members/cp2" in json.loads(answer.body)
    assert known.has_quorum()


def test_servers_end_alike(ask: Ask, known: Cluster) -> None:
    """One that has another state is given this one's; what it gives is taken."""
    known.store.write({"members/cp2": {"address": "10.0.0.2"}})
    digest = known.store.digest()
    path = f"{PREFIX}/standin"
    same = ask("POST", f"{path}/ask", {"name": "cp2", "digest": digest}, caller=PEER)
    other = ask("POST", f"{path}/ask", {"name": "cp2", "digest": "-"}, caller=PEER)
    ask("POST", f"{path}/entries", {"x": [99, "cp2", {"a": 1}]}, caller=PEER)

    assert "entries" not in json.loads(same.body)
    assert "members/cp2" in json.loads(other.body)["entries"]
    assert known.store.get("x") == {"a": 1}
    assert known.quorum.present({"cp2"}, time.monotonic()) == {"cp2"}


def test_one_that_was_taken_out_is_told(ask: Ask) -> None:
    """410: it is no member."""
    asked = ask("POST", f"{PREFIX}/standin/ask", {"name": "cp9", "digest": "-"}, caller=PEER)
    assert asked.status == 410


def test_other_paths_are_not_there(ask: Ask) -> None:
    """Without a proof as with one."""
    assert ask("GET", f"{PREFIX}/none").status == 404
    assert ask("GET", "/", token="sesame").status == 404
