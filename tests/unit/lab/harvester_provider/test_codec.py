"""Values on their way."""

from __future__ import annotations

import msgpack
import pytest
from tf.gen import tfplugin_pb2 as pb

from appliance.lab.harvester_provider import codec
from appliance.lab.harvester_provider.planning import UNKNOWN


def test_there_and_back() -> None:
    """What is written is read again, what is unknown as well."""
    value = {"name": "one", "disk": [{"size": UNKNOWN}], "none": None, "on": True, "cpu": 2}
    assert codec.read(codec.write(value)) == value


def test_an_unknown_of_which_something_is_known() -> None:
    """Terraform's "unknown, but not null" is unknown."""
    refined = msgpack.packb(msgpack.ExtType(12, b"\x81\x01\xc2"))
    assert codec.read(pb.DynamicValue(msgpack=refined)) is UNKNOWN


def test_json_and_nothing() -> None:
    """A value may come as JSON; an empty one is none."""
    assert codec.read(pb.DynamicValue(json=b'{"a": 1}')) == {"a": 1}
    assert codec.read(pb.DynamicValue()) is None


def test_foreign_kinds_are_refused() -> None:
    """No other extension is taken for a value, and no object of ours travels."""
    with pytest.raises(ValueError, match="kind 7"):
        codec.read(pb.DynamicValue(msgpack=msgpack.packb(msgpack.ExtType(7, b"x"))))
    with pytest.raises(TypeError, match="cannot travel"):
        codec.write({"a": object()})
