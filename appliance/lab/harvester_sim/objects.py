"""The objects, kept in SQLite so that a killed stand-in forgets nothing, and who watches them."""

from __future__ import annotations

import copy
import json
import sqlite3
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.lab.harvester_sim.kinds import Kind
from appliance.lab.harvester_sim.refusals import conflict, exists, gone, not_found

Json = dict[str, Any]
_Key = tuple[str, str, str]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_REMEMBERED = 4096
"""Changes that a watch can still be given; an older one is told that it is too late (410)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an object: ADDED, MODIFIED or DELETED."""

    version: int
    event: str
    kind: Kind
    found: Json


class ObjectStore:
    """Every object, by kind, namespace and name. Gives and takes copies. Safe among threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._changed = threading.Condition(threading.RLock())
        self._objects: dict[_Key, Json] = {
            (resource, namespace, name): json.loads(body)
            for resource, namespace, name, body in self._db.execute("SELECT * FROM object")
        }
        self._version = int(self.fact("version") or "1")
        self._oldest = self._version
        self._log: deque[Change] = deque(maxlen=_REMEMBERED)

    def close(self) -> None:
        """Close the file."""
        with self._changed:
            self._db.close()

    # --- facts that are no objects

    def fact(self, name: str) -> str:
        """Give what was kept under a name; nothing where nothing was."""
        with self._changed:
            row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a text under a name."""
        with self._changed:
            self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    # --- looking

    @property
    def version(self) -> int:
        """The resource version of the latest change."""
        return self._version

    def find(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """Give an object, or None."""
        with self._changed:
            return copy.deepcopy(self._objects.get((kind.full_name, namespace, name)))

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """Give an object. Raises RefusedError: not found."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def all(self, kind: Kind, namespace: str = "") -> list[Json]:
        """Give all objects of a kind, of one namespace or of all, in the order of their names."""
        with self._changed:
            chosen = [
                (key, found)
                for key, found in self._objects.items()
                if key[0] == kind.full_name and namespace in ("", key[1])
            ]
            return [copy.deepcopy(found) for _, found in sorted(chosen, key=lambda pair: pair[0])]

    def changes(self, after: int, timeout_s: float) -> list[Change]:
        """Give the changes after a version, waiting for the first. Raises RefusedError: gone."""
        with self._changed:
            if after < self._oldest:
                raise gone(after, self._oldest)
            self._changed.wait_for(lambda: self._version > after, timeout_s)
            if self._log and self._log[0].version > after + 1 and len(self._log) == _REMEMBERED:
                raise gone(after, self._log[0].version)
            return [change for change in self._log if change.version > after]

    # --- changing

    def create(self, kind: Kind, wanted: Json) -> Json:
        """Take a new object in, named in its metadata. Raises RefusedError: exists."""
        body = copy.deepcopy(wanted)
        meta = body["metadata"]
        with self._changed:
            key = _key(kind, body)
            if key in self._objects:
                raise exists(kind, meta["name"])
            meta.pop("deletionTimestamp", None)
            meta.update(uid=str(uuid.uuid4()), creationTimestamp=now(), generation=1)
            return self._put(kind, body, "ADDED")

    def replace(self, kind: Kind, wanted: Json, *, version: str = "") -> Json:
        """Put an object in the place of the one of its name.

        What the server alone settles stays. `version` is the one the writer had seen; empty: any.
        Raises RefusedError: not found, conflict.
        """
        body = copy.deepcopy(wanted)
        meta = body["metadata"]
        with self._changed:
            old = self._objects.get(_key(kind, body))
            if old is None:
                raise not_found(kind, meta["name"])
            if version and version != old["metadata"]["resourceVersion"]:
                raise conflict(kind, meta["name"])
            _keep_what_is_the_server_s(meta, old["metadata"])
            if _without_version(body) == _without_version(old):
                return copy.deepcopy(old)
            if body.get("spec") != old.get("spec"):
                meta["generation"] = old["metadata"]["generation"] + 1
            if "deletionTimestamp" in meta and not meta.get("finalizers") and not kind.finalize_s:
                return self._drop(kind, body)
            return self._put(kind, body, "MODIFIED")

    def edit(
        self, kind: Kind, namespace: str, name: str, change: Callable[[Json], None]
    ) -> Json | None:
        """Let `change` alter an object in one go; None where it is gone. For the controllers."""
        with self._changed:
            body = self.find(kind, namespace, name)
            if body is None:
                return None
            change(body)
            return self.replace(kind, body)

    def delete(self, kind: Kind, namespace: str, name: str) -> Json:
        """Delete, or mark for deletion what somebody has to clean up after first.

        Raises RefusedError: not found.
        """
        with self._changed:
            body = self.get(kind, namespace, name)
            meta = body["metadata"]
            if not meta.get("finalizers") and not kind.finalize_s:
                return self._drop(kind, body)
            if "deletionTimestamp" in meta:
                return body
            meta["deletionTimestamp"] = now()
            return self._put(kind, body, "MODIFIED")

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Let an object go for good, finalizers or not. Does nothing where it is gone."""
        with self._changed:
            body = self.find(kind, namespace, name)
            if body is not None:
                self._drop(kind, body)

    def _put(self, kind: Kind, body: Json, event: str) -> Json:
        body.update(apiVersion=kind.api_version, kind=kind.kind)
        key = _key(kind, body)
        self._count(body)
        self._objects[key] = body
        text = json.dumps(body, separators=(",", ":"))
        self._db.execute("INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?)", (*key, text))
        self._tell(kind, event, body)
        return copy.deepcopy(body)

    def _drop(self, kind: Kind, body: Json) -> Json:
        key = _key(kind, body)
        self._count(body)
        del self._objects[key]
        self._db.execute(
            "DELETE FROM object WHERE resource = ? AND namespace = ? AND name = ?", key
        )
        self._tell(kind, "DELETED", body)
        return copy.deepcopy(body)

    def _count(self, body: Json) -> None:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self.keep_fact("version", str(self._version))

    def _tell(self, kind: Kind, event: str, body: Json) -> None:
        self._log.append(Change(self._version, event, kind, copy.deepcopy(body)))
        self._changed.notify_all()


def now() -> str:
    """Give the time as metadata writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(kind: Kind, body: Json) -> _Key:
    meta = body["metadata"]
    return kind.full_name, meta.get("namespace", "") if kind.namespaced else "", meta["name"]


def _keep_what_is_the_server_s(meta: Json, old: Json) -> None:
    for name in ("uid", "creationTimestamp", "generation", "deletionTimestamp"):
        if name in old:
            meta[name] = old[name]
        else:
            meta.pop(name, None)


def _without_version(body: Json) -> Json:
    meta = {k: v for k, v in body["metadata"].items() if k not in ("resourceVersion", "generation")}
    return {**body, "metadata": meta}
