"""The Kubernetes API over the store: create, get, list, watch, replace, patch, delete."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.admission import admit, admit_deletion
from appliance.lab.harvester_sim.kinds import Kind
from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.patches import patched
from appliance.lab.harvester_sim.refusals import (
    RefusedError,
    bad_request,
    conflict,
    invalid,
    no_such_method,
    no_such_path,
    not_found,
    success,
)
from appliance.lab.harvester_sim.selectors import Test, selected_by
from appliance.lab.harvester_sim.tables import as_table, wants_table

Json = dict[str, Any]
MachineAction = Callable[[str, str, str], None]

_WATCH_S = 1800.0
_WATCH_POLL_S = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names: a kind, in one namespace or in all, one object or all, or its status."""

    kind: Kind
    namespace: str
    name: str
    part: str


class KubernetesApi:
    """Answers under `/api` and `/apis`. `act` starts, stops or restarts a virtual machine."""

    def __init__(self, store: ObjectStore, act: MachineAction) -> None:
        self._store = store
        self._act = act

    def answer(self, request: Request) -> Answer:
        """Answer one request. Raises RefusedError."""
        found = kinds.discover(request.path)
        if found is not None:
            return Answer(HTTPStatus.OK, found)
        place = parse(request.path)
        if place is None:
            return self._subresource(request)
        if place.name:
            return self._one(request, place)
        if request.method in ("GET", "HEAD"):
            return self._list(request, place)
        if request.method == "POST":
            return self._create(request, place)
        raise no_such_method(request.method)

    # --- one object

    def _one(self, request: Request, place: Place) -> Answer:
        if request.method in ("GET", "HEAD"):
            found = self._store.get(place.kind, place.namespace, place.name)
            return Answer(HTTPStatus.OK, _shown(request, place.kind, found))
        if request.method == "PUT":
            return self._replace(place, request.object())
        if request.method == "PATCH":
            return self._patch(request, place)
        if request.method == "DELETE" and not place.part:
            return self._delete(place)
        raise no_such_method(request.method)

    def _create(self, request: Request, place: Place) -> Answer:
        wanted = request.object()
        _check_type(place.kind, wanted)
        meta = wanted.setdefault("metadata", {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = f"{meta['generateName']}{secrets.token_hex(3)[:5]}"
        if not meta.get("name"):
            said = "Required value: name or generateName is required"
            raise invalid(place.kind, "", "metadata.name", said)
        self._settle_namespace(place, meta)
        if meta.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        wanted.pop("status", None)
        if self._store.find(place.kind, place.namespace, meta["name"]) is None:
            admit(self._store, place.kind, wanted, None)
        made = self._store.create(place.kind, wanted)
        if "dryRun" in request.query:
            self._store.remove(place.kind, place.namespace, meta["name"])
        return Answer(HTTPStatus.CREATED, made)

    def _settle_namespace(self, place: Place, meta: Json) -> None:
        if not place.kind.namespaced:
            meta.pop("namespace", None)
            return
        if meta.get("namespace", place.namespace) != place.namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent"
            )
        meta["namespace"] = place.namespace
        if self._store.find(kinds.NAMESPACE, "", place.namespace) is None:
            raise not_found(kinds.NAMESPACE, place.namespace)

    def _replace(self, place: Place, wanted: Json) -> Answer:
        _check_type(place.kind, wanted)
        meta = wanted.setdefault("metadata", {})
        if meta.get("name", place.name) != place.name:
            raise bad_request("the name of the object does not match the name on the URL")
        meta["name"] = place.name
        if place.kind.namespaced:
            meta["namespace"] = place.namespace
        old = self._store.get(place.kind, place.namespace, place.name)
        version = str(meta.get("resourceVersion") or "")
        if not version and not place.kind.free_update:
            said = "Invalid value: 0x0: must be specified for an update"
            raise invalid(place.kind, place.name, "metadata.resourceVersion", said)
        if version and version != old["metadata"]["resourceVersion"]:
            raise conflict(place.kind, place.name)
        if meta.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            raise conflict(place.kind, place.name)
        if place.part == "status":
            wanted = {**old, "status": wanted.get("status", {})}
        else:
            wanted["status"] = old.get("status", {})
            admit(self._store, place.kind, wanted, old)
        made = self._store.replace(place.kind, wanted, version=version)
        return Answer(HTTPStatus.OK, made)

    def _patch(self, request: Request, place: Place) -> Answer:
        old = self._store.get(place.kind, place.namespace, place.name)
        new = patched(old, request.json(), request.headers.get("content-type", ""))
        new.setdefault("metadata", {}).setdefault(
            "resourceVersion", old["metadata"]["resourceVersion"]
        )
        return self._replace(place, new)

    def _delete(self, place: Place) -> Answer:
        found = self._store.get(place.kind, place.namespace, place.name)
        if "deletionTimestamp" not in found["metadata"]:
            admit_deletion(self._store, place.kind, found)
        left = self._store.delete(place.kind, place.namespace, place.name)
        if self._store.find(place.kind, place.namespace, place.name) is not None:
            return Answer(HTTPStatus.OK, left)
        return Answer(HTTPStatus.OK, success(place.kind, place.name, left["metadata"]["uid"]))

    # --- many objects

    def _list(self, request: Request, place: Place) -> Answer:
        query = request.query
        chosen = selected_by(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        if query.get("watch", "") in ("1", "true"):
            return Answer(HTTPStatus.OK, lines=self._watch(request, place, chosen))
        found = [each for each in self._store.all(place.kind, place.namespace) if chosen(each)]
        body = {
            "apiVersion": place.kind.api_version,
            "kind": f"{place.kind.kind}List",
            "metadata": {"resourceVersion": str(self._store.version)},
            "items": found,
        }
        return Answer(HTTPStatus.OK, _shown(request, place.kind, body))

    def _watch(self, request: Request, place: Place, chosen: Test) -> Iterator[Json]:
        asked = request.query.get("resourceVersion", "") or "0"
        until = time.monotonic() + float(request.query.get("timeoutSeconds") or _WATCH_S)
        seen = int(asked) if asked.isdigit() else 0
        if seen == 0:
            seen = self._store.version
            for found in self._store.all(place.kind, place.namespace):
                if chosen(found):
                    yield {"type": "ADDED", "object": _shown(request, place.kind, found)}
        while (left := until - time.monotonic()) > 0:
            try:
                changes = self._store.changes(seen, min(left, _WATCH_POLL_S))
            except RefusedError as refused:
                yield {"type": "ERROR", "object": refused.as_status()}
                return
            if not changes:
                yield {}  # nothing to tell: the writer finds out whether anybody listens still
            for change in changes:
                seen = change.version
                of = change.found["metadata"].get("namespace", "")
                mine = change.kind == place.kind and place.namespace in ("", of)
                if mine and chosen(change.found):
                    shown = _shown(request, place.kind, change.found)
                    yield {"type": change.event, "object": shown}

    # --- what is no object

    def _subresource(self, request: Request) -> Answer:
        words = request.path.strip("/").split("/")
        group = ["apis", *kinds.SUBRESOURCES]
        if words[:3] != group or len(words) != 8 or words[3] != "namespaces":
            raise no_such_path(request.path)
        _, _, _, _, namespace, plural, name, action = words
        if plural != "virtualmachines" or action not in kinds.ACTIONS:
            raise no_such_path(request.path)
        if request.method != "PUT":
            raise no_such_method(request.method)
        self._store.get(kinds.MACHINE, namespace, name)
        self._act(action, namespace, name)
        return Answer(HTTPStatus.ACCEPTED)


def parse(path: str) -> Place | None:
    """Give what a path names; None where it is no object path of a kind that is served."""
    words = path.strip("/").split("/")
    if words[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", words[2:]
    elif words[0] == "apis" and len(words) > 3:
        group, version, rest = words[1], words[2], words[3:]
    else:
        return None
    if not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, version, rest[0])
    if kind is None or len(rest) > 3 or (rest[2:] and rest[2] != "status"):
        return None
    if (namespace and not kind.namespaced) or (kind.namespaced and len(rest) > 1 and not namespace):
        return None
    return Place(kind, namespace, *(rest[1:2] or [""]), *(rest[2:3] or [""]))


def _check_type(kind: Kind, wanted: Json) -> None:
    given = (wanted.get("apiVersion", kind.api_version), wanted.get("kind", kind.kind))
    if given != (kind.api_version, kind.kind):
        raise bad_request(f"{given} in the data does not match {(kind.api_version, kind.kind)}")


def _shown(request: Request, kind: Kind, found: Json) -> Json:
    return as_table(kind, found) if wants_table(request.headers.get("accept", "")) else found
