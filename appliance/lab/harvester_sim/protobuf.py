"""Reads what typed Go clients write: built-in kinds in Kubernetes' protobuf. Pure.

Since client-go 0.32 the generated clients of built-in kinds send protobuf (client-gen's
`--prefers-protobuf`); the provider of Harvester 1.8 makes its secrets and volumes so. Answers may
be JSON: the clients accept both. Field numbers are those of k8s.io/api/core/v1/generated.proto.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from appliance.lab.harvester_sim.refusals import bad_request

Json = dict[str, Any]

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

# A field is (name, how to read it): a scalar's word, `map:` and a word, or a message's fields.
Fields = dict[int, tuple[str, Any]]

_QUANTITY: Fields = {1: ("string", "string")}
_META: Fields = {
    1: ("name", "string"),
    2: ("generateName", "string"),
    3: ("namespace", "string"),
    5: ("uid", "string"),
    6: ("resourceVersion", "string"),
    11: ("labels", "map:string"),
    12: ("annotations", "map:string"),
    14: ("finalizers", "strings"),
}
_RESOURCES: Fields = {1: ("limits", "map:quantity"), 2: ("requests", "map:quantity")}
_KINDS: dict[str, Fields] = {
    "Secret": {
        1: ("metadata", _META),
        2: ("data", "map:bytes"),
        3: ("type", "string"),
        4: ("stringData", "map:string"),
        5: ("immutable", "bool"),
    },
    "ConfigMap": {
        1: ("metadata", _META),
        2: ("data", "map:string"),
        3: ("binaryData", "map:bytes"),
    },
    "Namespace": {1: ("metadata", _META)},
    "PersistentVolumeClaim": {
        1: ("metadata", _META),
        2: (
            "spec",
            {
                1: ("accessModes", "strings"),
                2: ("resources", _RESOURCES),
                3: ("volumeName", "string"),
                5: ("storageClassName", "string"),
                6: ("volumeMode", "string"),
            },
        ),
    },
}


def decode(body: bytes) -> Json:
    """Give the object as its JSON form. Raises RefusedError."""
    if not body.startswith(_MAGIC):
        raise bad_request("the body is no Kubernetes protobuf: it does not begin with its magic")
    try:
        envelope = dict(_parts(body[len(_MAGIC) :]))
        types = {number: bytes(part).decode() for number, part in _parts(envelope[1])}
        fields = _KINDS.get(types.get(2, ""))
        if fields is None:
            raise bad_request(f"no handler registered for {types}")
        found = _message(envelope[2], fields)
    except (KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise bad_request(f"the protobuf body cannot be read: {error!r}") from error
    return {"apiVersion": types[1], "kind": types[2], **found}


def _parts(raw: Any) -> Iterator[tuple[int, Any]]:
    """Give number and value of each field of a message: an int, or octets."""
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
        elif wire == 2:
            length, at = _varint(raw, at)
            if at + length > len(raw):
                raise IndexError("a field is longer than its message")
            yield number, raw[at : at + length]
            at += length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise IndexError(f"wire type {wire}")


def _varint(raw: Any, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        octet = raw[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at
        shift += 7


def _message(raw: Any, fields: Fields) -> Json:
    found: Json = {}
    for number, part in _parts(raw):
        if number not in fields:
            continue
        name, how = fields[number]
        if isinstance(how, dict):
            found[name] = _message(part, how)
        elif how == "strings":
            found.setdefault(name, []).append(_scalar(part, "string"))
        elif how.startswith("map:"):
            entry = dict(_parts(part))
            key = _scalar(entry.get(1, b""), "string")
            found.setdefault(name, {})[key] = _scalar(entry.get(2, b""), how.removeprefix("map:"))
        else:
            found[name] = _scalar(part, how)
    return {name: value for name, value in found.items() if value != ""}


def _scalar(part: Any, how: str) -> Any:
    if how == "bool":
        return bool(part)
    if how == "bytes":
        return base64.b64encode(part).decode("ascii")
    if how == "quantity":
        return _message(part, _QUANTITY).get("string", "0")
    return bytes(part).decode()
