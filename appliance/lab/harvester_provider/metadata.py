"""What all kinds of thing have in common: names, ids, tags, labels and descriptions."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
State = dict[str, Any]

TAG = "tag.harvesterhci.io/"
OWN = "harvesterhci.io/"
_DESCRIPTION = "field.cattle.io/description"


def identity(namespace: str, name: str) -> str:
    """Give a thing's id."""
    return f"{namespace}/{name}"


def parts(reference: str, namespace: str) -> tuple[str, str]:
    """Take `namespace/name` or `name` apart."""
    before, _, name = reference.rpartition("/")
    return before or namespace, name


def new(wanted: State) -> Json:
    """Begin the metadata of a thing to be made."""
    return {
        "name": wanted["name"],
        "namespace": wanted["namespace"],
        "labels": {},
        "annotations": {},
    }


def marked(metadata: Json, wanted: State) -> None:
    """Write tags, labels and description in place; tags and labels that went are taken away."""
    kept = {key: text for key, text in (metadata.get("labels") or {}).items() if _own(key)}
    tags = {TAG + key: text for key, text in (wanted.get("tags") or {}).items()}
    labels = {key: text for key, text in (wanted.get("labels") or {}).items() if not _taken(key)}
    metadata["labels"] = kept | tags | labels
    if wanted.get("description"):
        metadata.setdefault("annotations", {})[_DESCRIPTION] = wanted["description"]


def common(found: Json) -> State:
    """Read back what all kinds of thing have."""
    metadata = found["metadata"]
    labels = metadata.get("labels") or {}
    namespace, name = metadata.get("namespace", "default"), metadata["name"]
    return {
        "id": identity(namespace, name),
        "namespace": namespace,
        "name": name,
        "description": (metadata.get("annotations") or {}).get(_DESCRIPTION, ""),
        "tags": {key.removeprefix(TAG): text for key, text in labels.items() if _tag(key)},
        "labels": {key: text for key, text in labels.items() if not _taken(key)},
    }


def _tag(key: str) -> bool:
    return key.startswith(TAG)


def _own(key: str) -> bool:
    return key.startswith(OWN)


def _taken(key: str) -> bool:
    return _tag(key) or _own(key)
