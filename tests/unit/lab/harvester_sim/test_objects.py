"""The store of objects: versions, deletion, watching, and what a killed process leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim.kinds import MACHINE, SECRET, VLAN_CONFIG
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.refusals import RefusedError

Json = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    """An empty store."""
    made = ObjectStore(tmp_path / "objects.db")
    yield made
    made.close()


def secret(name: str, **meta: Any) -> Json:
    """Give a secret as a client sends it."""
    return {"metadata": {"name": name, "namespace": "default", **meta}, "data": {"a": "MQ=="}}


def test_the_server_settles_identity_and_time(store: ObjectStore) -> None:
    """uid, creation time, generation and version are the server's, whatever a client sends."""
    made = store.create(SECRET, secret("one", uid="mine", generation=7))
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["resourceVersion"] == str(store.version)
    assert made["metadata"]["creationTimestamp"].endswith("Z")
    assert (made["apiVersion"], made["kind"]) == ("v1", "Secret")


def test_a_second_of_the_same_name_is_refused(store: ObjectStore) -> None:
    """409 AlreadyExists."""
    store.create(SECRET, secret("one"))
    with pytest.raises(RefusedError, match='secrets "one" already exists') as caught:
        store.create(SECRET, secret("one"))
    assert (caught.value.code, caught.value.reason) == (409, "AlreadyExists")


def test_a_writer_who_saw_an_older_version_is_refused(store: ObjectStore) -> None:
    """409 Conflict, and the object stays as the other writer left it."""
    seen = store.create(SECRET, secret("one"))
    store.replace(SECRET, {**seen, "data": {"a": "Mg=="}})
    with pytest.raises(RefusedError, match="the object has been modified") as caught:
        store.replace(SECRET, seen, version=seen["metadata"]["resourceVersion"])
    assert (caught.value.code, caught.value.reason) == (409, "Conflict")
    assert store.get(SECRET, "default", "one")["data"] == {"a": "Mg=="}


def test_writing_the_same_again_changes_no_version(store: ObjectStore) -> None:
    """A no-op write is no change: nobody who watches is woken."""
    seen = store.create(SECRET, secret("one"))
    assert store.replace(SECRET, seen) == seen


def test_only_a_new_spec_makes_a_new_generation(store: ObjectStore) -> None:
    """Labels and status leave the generation alone."""
    made = store.create(MACHINE, {"metadata": {"name": "a", "namespace": "d"}, "spec": {"x": 1}})
    made["metadata"]["labels"] = {"l": "1"}
    made = store.replace(MACHINE, made)
    assert made["metadata"]["generation"] == 1
    made["spec"] = {"x": 2}
    assert store.replace(MACHINE, made)["metadata"]["generation"] == 2


def test_an_object_with_a_finalizer_waits_for_it(store: ObjectStore) -> None:
    """Deletion marks it; it goes when the last finalizer is taken off."""
    store.create(SECRET, secret("one", finalizers=["example/clean"]))
    marked = store.delete(SECRET, "default", "one")
    assert "deletionTimestamp" in marked["metadata"]
    marked["metadata"]["finalizers"] = []
    store.replace(SECRET, marked)
    assert store.find(SECRET, "default", "one") is None


def test_a_vlan_configuration_goes_only_after_it_was_marked(store: ObjectStore) -> None:
    """The provider watches for its end after having asked for it."""
    store.create(VLAN_CONFIG, {"metadata": {"name": "v"}})
    store.delete(VLAN_CONFIG, "", "v")
    assert store.find(VLAN_CONFIG, "", "v") is not None
    store.remove(VLAN_CONFIG, "", "v")
    assert store.find(VLAN_CONFIG, "", "v") is None


def test_who_watches_is_told_of_every_change(store: ObjectStore) -> None:
    """Added, modified, deleted, in order, each with a higher version; and a wait ends at once."""
    before = store.version
    heard: list[str] = []
    waiting = threading.Thread(
        target=lambda: heard.extend(c.event for c in store.changes(before, 30))
    )
    waiting.start()
    made = store.create(SECRET, secret("one"))
    waiting.join(30)
    assert heard == ["ADDED"]
    store.replace(SECRET, {**made, "data": {}})
    store.delete(SECRET, "default", "one")
    told = store.changes(before, 0)
    assert [change.event for change in told] == ["ADDED", "MODIFIED", "DELETED"]
    assert [change.version for change in told] == sorted(change.version for change in told)


def test_a_store_opened_again_knows_everything(tmp_path: Path) -> None:
    """Nothing but the file is needed; versions go on; an old watch is told to begin anew."""
    first = ObjectStore(tmp_path / "objects.db")
    made = first.create(SECRET, secret("one"))
    first.keep_fact("password", "x")
    second = ObjectStore(tmp_path / "objects.db")  # the first was killed: never closed
    assert second.get(SECRET, "default", "one") == made
    assert second.fact("password") == "x"
    assert second.version == first.version
    with pytest.raises(RefusedError) as caught:
        second.changes(second.version - 1, 0)
    assert caught.value.code == 410
    first.close()
    second.close()


def test_an_edit_of_what_is_gone_is_none(store: ObjectStore) -> None:
    """A controller that comes too late changes nothing."""
    assert store.edit(SECRET, "default", "none", lambda found: found.update(data={})) is None
    with pytest.raises(RefusedError, match="not found"):
        store.get(SECRET, "default", "none")
