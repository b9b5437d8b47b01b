"""The objects as clients see them: each with a resource version, listed and watched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .kinds import Kind

Object = dict[str, Any]
Key = tuple[str, str, str]
Make = Callable[[], Iterable[tuple[Kind, Object]]]

_KEPT_DELETIONS = 1000
_FRESH = 0.5  # seconds: a list within them is answered from what was made last


class Registry:
    """Holds the objects made last. A resource version is this server's own count of changes.

    `mark` gives a number that is another after each write: what was written is seen at once, what
    only time changes (a lease that was not renewed) within half a second.
    """

    def __init__(self, make: Make, mark: Callable[[], int]) -> None:
        self._make, self._mark = make, mark
        self._marked = -1
        self._lock = threading.Condition()
        self._objects: dict[Key, Object] = {}
        self._born: dict[Key, int] = {}
        self._gone: list[tuple[int, Key, Object]] = []
        # Versions of an earlier run are all older: it grows with the calendar, not from one.
        self._version = int(time.time() * 10)
        self._made = -_FRESH

    @property
    def version(self) -> int:
        """The newest resource version."""
        return self._version

    def refresh(self, *, now: bool = False) -> None:
        """Make the objects anew, unless that was just done; count what changed."""
        with self._lock:
            mark = self._mark()
            if not now and mark == self._marked and time.monotonic() - self._made < _FRESH:
                return
            self._marked = mark
            fresh = {_key(kind, each): each for kind, each in self._make()}
            changed = self._take(fresh)
            self._made = time.monotonic()
            if changed:
                self._lock.notify_all()

    def all(self, kind: Kind, namespace: str = "") -> list[Object]:
        """Give the objects of a kind, by namespace and name."""
        self.refresh()
        with self._lock:
            return [
                self._objects[key]
                for key in sorted(self._objects)
                if key[0] == kind.name and namespace in {"", key[1]}
            ]

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Give one object, or None."""
        self.refresh()
        with self._lock:
            return self._objects.get((kind.name, namespace, name))

    def changes(
        self, kind: Kind, namespace: str, since: int
    ) -> tuple[int, list[tuple[str, Object]]]:
        """Give the newest version, and what changed after one: ADDED…, the object; in order."""
        with self._lock:
            found = [
                (_version(each), "ADDED" if self._born[key] > since else "MODIFIED", each)
                for key, each in self._objects.items()
                if key[0] == kind.name and namespace in {"", key[1]} and _version(each) > since
            ]
            found += [
                (version, "DELETED", each)
                for version, key, each in self._gone
                if key[0] == kind.name and namespace in {"", key[1]} and version > since
            ]
            ordered = sorted(found, key=lambda change: change[0])
            return self._version, [(what, each) for _, what, each in ordered]

    def watch(
        self, kind: Kind, namespace: str, since: int, limit: float
    ) -> Iterator[tuple[str, Object]]:
        """Give changes as they come, for `limit` seconds."""
        ends = time.monotonic() + limit
        while time.monotonic() < ends:
            self.refresh()
            since, found = self.changes(kind, namespace, since)
            yield from found
            with self._lock:
                if self._version <= since:
                    self._lock.wait(min(1.0, max(0.0, ends - time.monotonic())))

    def _take(self, fresh: dict[Key, Object]) -> bool:
        before = self._version
        for key, each in fresh.items():
            have = self._objects.get(key)
            if have is not None and _same(have, each):
                continue
            self._version += 1
            each["metadata"]["resourceVersion"] = str(self._version)
            self._objects[key] = each
            if have is None:
                self._born[key] = self._version
        for key in self._objects.keys() - fresh.keys():
            self._version += 1
            each = self._objects.pop(key)
            self._born.pop(key)
            self._gone.append((self._version, key, each))
        del self._gone[:-_KEPT_DELETIONS]
        return self._version > before


def _key(kind: Kind, each: Object) -> Key:
    return kind.name, each["metadata"].get("namespace", ""), each["metadata"]["name"]


def _version(each: Object) -> int:
    return int(each["metadata"]["resourceVersion"])


def _same(have: Object, fresh: Object) -> bool:
    version = have["metadata"].get("resourceVersion")
    metadata = {**fresh["metadata"], "resourceVersion": version}
    return have == {**fresh, "metadata": metadata}
