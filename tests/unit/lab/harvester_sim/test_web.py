"""Who may ask what."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.lab.harvester_sim.accounts import Accounts
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.rancher import Rancher
from appliance.lab.harvester_sim.rest import KubernetesApi
from appliance.lab.harvester_sim.web import NODE_TOKEN, Web


class Asker:
    """Asks the web with and without a token."""

    def __init__(self, store: ObjectStore) -> None:
        accounts = Accounts(store)
        self.faults = Faults()
        kubernetes = KubernetesApi(store, lambda *_: None)
        rancher = Rancher(accounts, lambda: "", "")
        self.web = Web(kubernetes, rancher, accounts, self.faults, "v1.35.2+rke2r1")
        self.token = accounts.new_token("t")[1]

    def __call__(
        self, path: str, method: str = "GET", *, token: str = "", body: bytes = b""
    ) -> Answer:
        """Ask."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.web.answer(Request(method, path, {}, headers, body))


@pytest.fixture
def ask(store: ObjectStore) -> Asker:
    """The web over a furnished store."""
    return Asker(store)


def test_anybody_may_knock(ask: Asker) -> None:
    """Ping, the dashboard, and a node's token, which the relay does not pass on."""
    assert ask("/ping").body == "pong"
    assert ask("/").status == ask("/dashboard/auth/login").status == 200
    token = ask(NODE_TOKEN).body["token"]
    assert ask("/version", token=token).status == 200


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/k8s/clusters/local/apis", "/version"])
def test_kubernetes_wants_a_token(ask: Asker, path: str) -> None:
    """401 as a Status object; with it 200, with and without the prefix."""
    refused = ask(path)
    assert (refused.status, refused.body["kind"]) == (401, "Status")
    assert ask(path, token="t-0:wrong").status == 401
    assert ask(path, token=ask.token).status == 200


def test_rancher_refuses_in_its_own_way(ask: Asker) -> None:
    """401 as an error object."""
    refused = ask("/v1/management.cattle.io.clusters/local", "POST")
    assert (refused.status, refused.body["message"]) == (401, "must authenticate")


def test_what_is_not_served_is_not_found(ask: Asker) -> None:
    """404, also behind the prefix."""
    for path in ("/v1/harvester", "/k8s/clusters/local", "/k8s/clusters/local/metrics"):
        assert ask(path, token=ask.token).status == 404
    assert ask("/k8s/clusters/local/readyz", token=ask.token).body == "ok"
    version = ask("/k8s/clusters/local/version", token=ask.token).body
    assert (version["major"], version["minor"]) == ("1", "35")


def test_faults_meet_everybody(ask: Asker) -> None:
    """503 for all; a conflict for every replacement there is."""
    path = "/api/v1/namespaces/default"
    ask.faults.add("conflict=1")
    assert ask(path, "PUT", token=ask.token, body=b"{}").status == 409
    ask.faults.add("unavailable=600")
    assert ask("/ping").status == ask(path, token=ask.token).status == 503


def test_a_fault_of_the_stand_in_ends_one_request(
    ask: Asker, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 for the client, the trace for the log."""
    bad: Any = b'{"metadata": {"name": "default"}, "spec": 1, "status": {}}'
    path = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
    answer = ask(path, "POST", token=ask.token, body=bad)
    assert (answer.status, answer.body["reason"]) == (500, "InternalError")
    assert "Traceback" in capsys.readouterr().err
