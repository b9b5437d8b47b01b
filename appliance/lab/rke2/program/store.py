"""What all servers must know alike: a map whose newest write wins, kept on disk.

Each write carries a stamp (a counter that only grows, then the writer's name), so that two
servers that exchange all they have end with the same map, in whatever order they did. This is no
consensus: of two writes to one key at the same moment one is lost. The lab can live with that; a
server without a majority refuses to write at all (`quorum.py`).
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .certificates import write_private

Value = dict[str, Any]
Entries = dict[str, list[Any]]
"""Each key's `[counter, writer, value]`; the value of a deleted key is None."""


class Store:
    """The map of one server. Every method may be called from any thread."""

    def __init__(self, path: Path, writer: str) -> None:
        self._path, self._writer = path, writer
        self._lock = threading.RLock()
        self._entries: Entries = {}
        self.version = 0
        """Grows with every change of the map."""
        if path.is_file():
            self._entries = json.loads(path.read_bytes())

    def get(self, key: str) -> Value | None:
        """Give a copy of a value, or None."""
        with self._lock:
            entry = self._entries.get(key)
            return copy.deepcopy(entry[2]) if entry and entry[2] is not None else None

    def below(self, prefix: str) -> dict[str, Value]:
        """Give copies of all values whose key begins so, by the rest of their key."""
        with self._lock:
            return {
                key[len(prefix) :]: copy.deepcopy(entry[2])
                for key, entry in sorted(self._entries.items())
                if key.startswith(prefix) and entry[2] is not None
            }

    def write(self, changes: Mapping[str, Value | None]) -> Entries:
        """Write values (None deletes) here; give the entries that the others must get."""
        with self._lock:
            counter = max((entry[0] for entry in self._entries.values()), default=0) + 1
            written: Entries = {
                key: [counter, self._writer, copy.deepcopy(value)] for key, value in changes.items()
            }
            self._entries.update(written)
            self._save()
            return written

    def merge(self, entries: Entries) -> bool:
        """Take what is newer than what is here. True if anything was."""
        with self._lock:
            newer = {
                key: entry
                for key, entry in entries.items()
                if key not in self._entries or _stamp(entry) > _stamp(self._entries[key])
            }
            if newer:
                self._entries.update(copy.deepcopy(newer))
                self._save()
            return bool(newer)

    def all(self) -> Entries:
        """Give everything, deleted keys too."""
        with self._lock:
            return copy.deepcopy(self._entries)

    def digest(self) -> str:
        """Give a word that is equal for equal maps."""
        with self._lock:
            stamps = [(key, *_stamp(entry)) for key, entry in sorted(self._entries.items())]
            return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()

    def _save(self) -> None:
        self.version += 1
        write_private(self._path, json.dumps(self._entries).encode())


def _stamp(entry: list[Any]) -> tuple[int, str]:
    return int(entry[0]), str(entry[1])
