"""The API's answers, without a socket: what kubectl does not ask for, and what it must not get."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.rke2.program.api import Api
from appliance.lab.rke2.program.cluster import Cluster
from appliance.lab.rke2.program.http_service import Caller, Request, Response
from appliance.lab.rke2.program.registry import Registry
from tests.unit.lab.rke2.program.known import cluster, record

ADMIN = Caller("system:admin", ("system:masters",))
Ask = Callable[..., Response]


@pytest.fixture
def known(tmp_path: Path) -> Cluster:
    """A cluster with one agent."""
    made = cluster(tmp_path)
    made.register(record("w1"))
    made.liveness.beat("w1", {}, time.monotonic(), "2026-01-01T00:00:00Z")
    return made


@pytest.fixture
def ask(known: Cluster) -> Ask:
    """Ask as the administrator, unless told otherwise."""
    api = Api(known, Registry(known.objects, lambda: known.store.version))

    def asked(
        method: str,
        path: str,
        body: Any = None,
        *,
        caller: Caller = ADMIN,
        kind: str = "",
        **query: str,
    ) -> Response:
        headers = Message()
        headers["Content-Type"] = kind or "application/json"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return api.answer(Request(method, path, query, headers, data, caller))

    return asked


def said(response: Response) -> dict[str, Any]:
    """Read an answer."""
    found: dict[str, Any] = json.loads(response.body)
    return found


def config_map(name: str, **more: Any) -> dict[str, Any]:
    """A configuration map."""
    return {"metadata": {"name": name}, "data": {"a": "b"}, **more}


MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize("path", ["/api/v1/nodes", "/readyz", "/version", "/apis", "/nonsense"])
def test_nobody_is_told_nothing(ask: Ask, path: str) -> None:
    """401 before anything else, as a Status."""
    answer = ask("GET", path, caller=Caller())
    assert answer.status == 401
    assert said(answer)["reason"] == "Unauthorized"


def test_a_node_is_not_an_administrator(ask: Ask) -> None:
    """Known, and not allowed."""
    answer = ask("GET", "/api/v1/nodes", caller=Caller("system:node:w1", ("system:nodes",)))
    assert answer.status == 403
    assert "system:node:w1" in said(answer)["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/nodes",
        "/api/v1/none",
        "/apis/none/v1",
        "/apis/apps/v2/deployments",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/pods/etcd-cp1",
        "/api/v1/nodes/none",
        "/",
    ],
)
def test_what_is_not_there(ask: Ask, path: str) -> None:
    """404 with a reason; the root lists paths."""
    assert ask("GET", path).status == (200 if path == "/" else 404)


def test_without_a_majority(ask: Ask, known: Cluster) -> None:
    """503 for objects, 500 for the health with what failed; the version is still told."""
    known.store.write(
        {"members/cp2": {"address": "10.0.0.2"}, "members/cp3": {"address": "10.0.0.3"}}
    )
    answer = ask("GET", "/api/v1/nodes")
    health = ask("GET", "/readyz")

    assert (answer.status, said(answer)["message"]) == (503, "etcdserver: no leader")
    assert health.status == 500
    assert b"[-]etcd failed" in health.body
    assert ask("GET", "/version").status == 200


def test_an_object_is_made_read_changed_and_deleted(ask: Ask) -> None:
    """Each with the code that Kubernetes gives."""
    made = ask("POST", MAPS, config_map("words"))
    again = ask("POST", MAPS, config_map("words"))
    patch = {"data": {"a": None, "c": "d"}}
    patched = ask("PATCH", f"{MAPS}/words", patch, kind="application/merge-patch+json")
    read = ask("GET", f"{MAPS}/words")
    gone = ask("DELETE", f"{MAPS}/words")

    assert [made.status, again.status, patched.status, gone.status] == [201, 409, 200, 200]
    assert said(again)["reason"] == "AlreadyExists"
    assert said(read)["data"] == {"c": "d"}
    assert said(read)["metadata"]["uid"] == said(made)["metadata"]["uid"]
    assert ask("GET", f"{MAPS}/words").status == 404


def test_an_update_of_an_older_version_is_refused(ask: Ask) -> None:
    """409: somebody else was quicker."""
    made = said(ask("POST", MAPS, config_map("words")))
    assert ask("PUT", f"{MAPS}/words", {**made, "data": {"x": "y"}}).status == 200
    answer = ask("PUT", f"{MAPS}/words", made)
    assert (answer.status, said(answer)["reason"]) == (409, "Conflict")


def test_a_name_is_made_on_request(ask: Ask) -> None:
    """`generateName`; without either there is none."""
    made = said(ask("POST", MAPS, {"metadata": {"generateName": "words-"}}))
    assert made["metadata"]["name"].startswith("words-")
    assert ask("POST", MAPS, {"metadata": {}}).status == 422


def test_a_dry_run_makes_nothing(ask: Ask) -> None:
    """Nor deletes it."""
    assert ask("POST", MAPS, config_map("words"), dryRun="All").status == 201
    assert ask("GET", f"{MAPS}/words").status == 404
    ask("POST", MAPS, config_map("words"))
    assert ask("DELETE", f"{MAPS}/words", dryRun="All").status == 200
    assert ask("GET", f"{MAPS}/words").status == 200


def test_a_secret_s_plain_words_are_encoded(ask: Ask) -> None:
    """As the real server does."""
    path = "/api/v1/namespaces/default/secrets"
    made = said(ask("POST", path, {"metadata": {"name": "s"}, "stringData": {"a": "b"}}))
    assert made["data"] == {"a": "Yg=="}
    assert "stringData" not in made


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", 400),
        ([], 400),
        ({"metadata": None}, 400),
        ({"kind": "Secret", "metadata": {"name": "a"}}, 400),
        ({"metadata": {"name": "a", "namespace": "other"}}, 400),
    ],
)
def test_a_body_that_does_not_fit_is_refused(ask: Ask, body: object, code: int) -> None:
    """With a Status, never with a traceback."""
    answer = ask("POST", MAPS, body)
    assert answer.status == code
    assert said(answer)["kind"] == "Status"


def test_a_namespace_takes_its_objects_with_it(ask: Ask) -> None:
    """And must be there before them; the cluster's own stay."""
    path = "/api/v1/namespaces/trial/configmaps"
    assert ask("POST", path, config_map("words")).status == 404
    ask("POST", "/api/v1/namespaces", {"metadata": {"name": "trial"}})
    ask("POST", path, config_map("words"))
    ask("DELETE", "/api/v1/namespaces/trial")

    assert said(ask("GET", "/api/v1/configmaps"))["items"] == []
    assert ask("DELETE", "/api/v1/namespaces/default").status == 403


def test_workloads_are_only_shown(ask: Ask) -> None:
    """The stand-in runs none, and says so."""
    answer = ask("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "a"}})
    assert answer.status == 405
    assert "runs no workloads" in said(answer)["message"]
    assert ask("POST", "/api/v1/nodes", {"metadata": {"name": "a"}}).status == 405
    assert ask("DELETE", MAPS).status == 405


def test_of_a_node_only_some_things_can_be_changed(ask: Ask, known: Cluster) -> None:
    """Labels, annotations, taints, the cordon; not what the node says itself."""
    patch = {
        "metadata": {"labels": {"mine": "1"}, "name": "other"},
        "spec": {"unschedulable": True, "podCIDR": "10.0.0.0/8"},
        "status": {"conditions": []},
    }
    kind = "application/strategic-merge-patch+json"
    found = said(ask("PATCH", "/api/v1/nodes/w1", patch, kind=kind))

    assert found["metadata"]["name"] == "w1"
    assert found["metadata"]["labels"]["mine"] == "1"
    assert found["spec"]["podCIDR"] == "10.42.0.0/24"
    assert found["status"]["conditions"]
    assert (known.store.get("nodes/w1") or {})["taints"] == []
    assert ask("DELETE", "/api/v1/nodes/w1").status == 200
    assert ask("GET", "/api/v1/nodes/w1").status == 404


def test_selectors_choose(ask: Ask) -> None:
    """By field and by label; one that cannot be read is refused."""
    path = "/api/v1/pods"
    chosen = said(ask("GET", path, labelSelector="component=kube-proxy"))["items"]
    none = said(ask("GET", path, fieldSelector="spec.nodeName=none"))["items"]

    assert [each["metadata"]["name"] for each in chosen] == ["kube-proxy-w1"]
    assert none == []
    assert ask("GET", path, fieldSelector="name").status == 400


def test_a_patch_of_an_unknown_form(ask: Ask) -> None:
    """415."""
    assert ask("PATCH", "/api/v1/nodes/w1", {}, kind="text/plain").status == 415


def test_a_watch_is_a_stream(ask: Ask) -> None:
    """Its first lines are what is there; a name chooses one."""
    answer = ask("GET", "/api/v1/nodes", watch="true", timeoutSeconds="5")
    assert answer.stream is not None
    first = json.loads(next(answer.stream))
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "w1")
