"""Requests and answers."""

from __future__ import annotations

import pytest

from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.refusals import RefusedError


def test_a_body_is_json() -> None:
    """An empty body is an empty object; a type with a suffix is JSON too."""
    assert Request("POST", "/", body=b'{"a": 1}').object() == {"a": 1}
    assert Request("POST", "/").object() == {}
    patch = {"content-type": "application/json-patch+json"}
    assert Request("PATCH", "/", headers=patch, body=b"[]").json() == []


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/yaml", b"a: 1", 415),
        ("application/vnd.kubernetes.protobuf", b"{}", 400),
    ],
)
def test_a_body_that_is_no_object_is_refused(content_type: str, body: bytes, code: int) -> None:
    """Each with the code of what is wrong with it."""
    with pytest.raises(RefusedError) as caught:
        Request("POST", "/", headers={"content-type": content_type}, body=body).object()
    assert caught.value.code == code


def test_an_answer_is_text_json_or_nothing() -> None:
    """In octets as it goes out."""
    assert Answer(200, "pong").raw() == b"pong"
    assert Answer(200, {"a": 1}).raw() == b'{"a": 1}'
    assert Answer(202).raw() == b""
