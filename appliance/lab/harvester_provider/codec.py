"""Values as they travel between Terraform and a provider: msgpack, in the plugin protocol's form.

PyPI's `tf` reads a plain unknown value alone; Terraform also sends unknown ones of which something
is known, such as "not null" (go-cty's refinements, extension 12).
"""

from __future__ import annotations

import json
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as pb

from appliance.lab.harvester_provider.planning import UNKNOWN

_PLAIN, _REFINED = 0, 12


def read(value: Any) -> Any:
    """Take a DynamicValue apart. Raises ValueError for what is none."""
    if value.json:
        return json.loads(value.json)
    if not value.msgpack:
        return None
    return msgpack.unpackb(value.msgpack, ext_hook=_known)


def write(value: Any) -> Any:
    """Give the DynamicValue of a value."""
    return pb.DynamicValue(msgpack=msgpack.packb(value, default=_encoded))


def _known(code: int, content: bytes) -> Any:
    if code in (_PLAIN, _REFINED):
        return UNKNOWN
    raise ValueError(f"a value of kind {code}, {len(content)} octets")


def _encoded(value: object) -> Any:
    if value is UNKNOWN:
        return msgpack.ExtType(_PLAIN, b"\0")
    raise TypeError(f"{type(value).__name__} cannot travel")
