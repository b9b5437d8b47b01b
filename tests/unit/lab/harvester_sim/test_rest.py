"""The Kubernetes API's verbs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.patches import MERGE
from appliance.lab.harvester_sim.refusals import RefusedError
from appliance.lab.harvester_sim.rest import KubernetesApi, parse

Json = dict[str, Any]

SECRETS = "/api/v1/namespaces/default/secrets"
KEYS = "/apis/harvesterhci.io/v1beta1/namespaces/default/keypairs"
KEY = {
    "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1lHlLDp9vJzZ3Zr8r3s7z3c0wzqkZ9b5m6o9yqE0aV"
}


class Api:
    """The API, asked shortly."""

    def __init__(self, store: ObjectStore) -> None:
        self.acts: list[tuple[str, str, str]] = []
        self.api = KubernetesApi(store, lambda *given: self.acts.append(given))

    def __call__(
        self, method: str, path: str, body: Any = None, *, content_type: str = "", **query: str
    ) -> Answer:
        """Ask."""
        headers = {"content-type": content_type or "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        return self.api.answer(Request(method, path, query, headers, raw))

    def refused(self, *words: Any, **named: Any) -> tuple[int, str]:
        """Ask for what is refused; give code and reason."""
        with pytest.raises(RefusedError) as caught:
            self(*words, **named)
        return caught.value.code, caught.value.reason


@pytest.fixture
def api(store: ObjectStore) -> Api:
    """An API over a furnished store."""
    return Api(store)


def test_an_object_s_whole_life(api: Api) -> None:
    """201, 200, 200, 200, 404."""
    made = api("POST", SECRETS, {"metadata": {"name": "a"}, "stringData": {"k": "v"}})
    assert made.status == 201
    assert made.body["metadata"]["namespace"] == "default"
    assert api("GET", f"{SECRETS}/a").body == made.body
    changed = api("PUT", f"{SECRETS}/a", {"metadata": {"name": "a"}, "stringData": {"k": "w"}})
    assert changed.body["metadata"]["uid"] == made.body["metadata"]["uid"]
    assert api("DELETE", f"{SECRETS}/a").body["status"] == "Success"
    assert api.refused("GET", f"{SECRETS}/a") == (404, "NotFound")
    assert api.refused("DELETE", f"{SECRETS}/a") == (404, "NotFound")
    assert api.refused("PUT", f"{SECRETS}/a", {"metadata": {"name": "a"}}) == (404, "NotFound")


def test_a_name_can_be_left_to_the_server(api: Api) -> None:
    """`generateName` is a beginning; with neither it is refused."""
    made = api("POST", SECRETS, {"metadata": {"generateName": "a-"}})
    assert made.body["metadata"]["name"].startswith("a-")
    assert api.refused("POST", SECRETS, {}) == (422, "Invalid")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (SECRETS, {"metadata": {"name": "a", "namespace": "other"}}, 400),
        (SECRETS, {"kind": "Pod", "metadata": {"name": "a"}}, 400),
        (SECRETS, {"metadata": {"name": "a", "resourceVersion": "1"}}, 400),
        ("/api/v1/namespaces/none/secrets", {"metadata": {"name": "a"}}, 404),
        ("/api/v1/secrets", {"metadata": {"name": "a"}}, 404),
        ("/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "a"}}, 404),
    ],
)
def test_what_cannot_be_created_is_refused(api: Api, path: str, body: Json, code: int) -> None:
    """Before anything is kept."""
    assert api.refused("POST", path, body)[0] == code


def test_a_custom_object_is_replaced_by_version_alone(api: Api) -> None:
    """Without one 422, with an old one 409, with another identity 409."""
    made = api("POST", KEYS, {"metadata": {"name": "k"}, "spec": KEY}).body
    bare = {"metadata": {"name": "k"}, "spec": KEY}
    assert api.refused("PUT", f"{KEYS}/k", bare) == (422, "Invalid")
    labelled = {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}}
    api("PUT", f"{KEYS}/k", labelled)
    assert api.refused("PUT", f"{KEYS}/k", labelled) == (409, "Conflict")
    other = {"metadata": {"name": "k", "uid": "x", "resourceVersion": "0"}, "spec": KEY}
    assert api.refused("PUT", f"{KEYS}/k", other) == (409, "Conflict")
    assert api.refused("PUT", f"{KEYS}/k", {"metadata": {"name": "l"}})[0] == 400


def test_the_status_is_written_at_its_own_path(api: Api, store: ObjectStore) -> None:
    """A replacement of the object leaves it; one of the status leaves the rest."""
    made = api("POST", KEYS, {"metadata": {"name": "k"}, "spec": KEY}).body
    made["status"] = {"fingerPrint": "mine"}
    api("PUT", f"{KEYS}/k", made)
    assert store.get(kinds.KEY_PAIR, "default", "k")["status"]["fingerPrint"] != "mine"
    claim = api("GET", f"{KEYS}/k").body
    claim["spec"] = {}
    claim["status"] = {"fingerPrint": "new"}
    api("PUT", f"{KEYS}/k/status", claim)
    found = store.get(kinds.KEY_PAIR, "default", "k")
    assert (found["status"], found["spec"]) == ({"fingerPrint": "new"}, KEY)


def test_a_patch_changes_a_part(api: Api) -> None:
    """The version is that of now unless the patch says one."""
    api("POST", KEYS, {"metadata": {"name": "k"}, "spec": KEY})
    patch = {"metadata": {"labels": {"a": "b"}}}
    patched = api("PATCH", f"{KEYS}/k", patch, content_type=MERGE)
    assert patched.body["metadata"]["labels"] == {"a": "b"}
    old = {"metadata": {"resourceVersion": "1"}}
    assert api.refused("PATCH", f"{KEYS}/k", old, content_type=MERGE) == (409, "Conflict")


def test_a_list_is_chosen_from(api: Api) -> None:
    """By labels, fields and namespace; with the version to watch from."""
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2"})):
        api("POST", SECRETS, {"metadata": {"name": name, "labels": labels}})
    found = api("GET", SECRETS, labelSelector="x=2").body
    assert (found["kind"], [each["metadata"]["name"] for each in found["items"]]) == (
        "SecretList",
        ["b"],
    )
    assert int(found["metadata"]["resourceVersion"]) > 1
    assert len(api("GET", "/api/v1/secrets").body["items"]) == 2
    assert api("GET", "/api/v1/namespaces/kube-system/secrets").body["items"] == []
    dry = api("POST", SECRETS, {"metadata": {"name": "c"}}, dryRun="All")
    assert dry.status == 201
    assert len(api("GET", SECRETS).body["items"]) == 2


def test_a_watch_begins_with_what_is_and_goes_on_with_what_happens(api: Api) -> None:
    """From a version on it tells the later alone; a time limit ends it."""
    made = api("POST", SECRETS, {"metadata": {"name": "a"}}).body
    watch = api("GET", SECRETS, watch="true", fieldSelector="metadata.name=a")
    assert watch.lines is not None
    first = next(watch.lines)
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    api("POST", SECRETS, {"metadata": {"name": "b"}})
    api("DELETE", f"{SECRETS}/a")
    assert next(watch.lines)["type"] == "DELETED"
    version = made["metadata"]["resourceVersion"]
    later = api("GET", SECRETS, watch="1", resourceVersion=version, timeoutSeconds="0.01")
    told = [line["type"] for line in later.lines or () if line]
    assert told == ["ADDED", "DELETED"]


def test_a_watch_from_too_long_ago_is_told_so(store: ObjectStore, tmp_path: Path) -> None:
    """As an event, which is how the real one does it; here the server was started anew."""
    assert store.version > 1
    again = ObjectStore(tmp_path / "objects.db")
    watch = Api(again)("GET", SECRETS, watch="1", resourceVersion="1")
    assert watch.lines is not None
    (line,) = watch.lines
    assert (line["type"], line["object"]["code"]) == ("ERROR", 410)
    again.close()


def test_machines_are_acted_on(api: Api, store: ObjectStore) -> None:
    """202 for those there are, 404 for others, 405 for another verb."""
    base = "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines"
    meta = {"name": "vm1", "namespace": "default"}
    store.create(kinds.MACHINE, {"metadata": meta, "spec": {}})
    assert api("PUT", f"{base}/vm1/restart").status == 202
    assert api.acts == [("restart", "default", "vm1")]
    assert api.refused("PUT", f"{base}/none/restart")[0] == 404
    assert api.refused("PUT", f"{base}/vm1/explode")[0] == 404
    assert api.refused("GET", f"{base}/vm1/restart")[0] == 405


def test_a_verb_that_a_path_does_not_know_is_refused(api: Api) -> None:
    """405."""
    assert api.refused("DELETE", SECRETS)[0] == 405
    assert api.refused("POST", f"{SECRETS}/a")[0] == 405
    assert api("GET", "/api").body["versions"] == ["v1"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/api/v1/nodes/hv1", ("nodes", "", "hv1", "")),
        ("/api/v1/namespaces", ("namespaces", "", "", "")),
        ("/api/v1/namespaces/default", ("namespaces", "", "default", "")),
        ("/apis/kubevirt.io/v1/virtualmachines", ("virtualmachines", "", "", "")),
        (
            "/apis/kubevirt.io/v1/namespaces/a/virtualmachines/b/status",
            ("virtualmachines", "a", "b", "status"),
        ),
        ("/api/v1/namespaces/a/nodes", None),
        ("/api/v1/secrets/a", None),
        ("/api/v1/namespaces/a/secrets/b/other", None),
        ("/api/v1", None),
        ("/v3/users", None),
    ],
)
def test_a_path_names_what_it_names(path: str, wanted: tuple[str, ...] | None) -> None:
    """Kind, namespace, name, part; None where nothing of ours is meant."""
    place = parse(path)
    found = place and (place.kind.plural, place.namespace, place.name, place.part)
    assert found == wanted
