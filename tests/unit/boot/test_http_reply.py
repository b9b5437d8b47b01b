"""The plain answers: their form, their length, their reason."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from flask import Flask

from appliance.boot.http_reply import client_address, document, plain, refuse


def test_nothing_is_kept_on_the_way_and_lengths_are_known() -> None:
    """A token in a cache would outlive its boot."""
    for response in (plain("ä\n"), document({"order": "wait"}), refuse(403, "no\r\nX: y")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.content_length == len(response.data)


def test_a_reason_is_no_header_of_its_own() -> None:
    """What a machine sent may stand in a reason."""
    response = refuse(403, "no\r\nX-Evil: yes")
    assert response.status_code == 403
    assert response.headers["X-Reason"] == "no X-Evil: yes"
    assert "X-Evil" not in response.headers


def test_a_document_is_json() -> None:
    """As stage-1 reads it."""
    assert document({"order": "wait"}).get_json() == {"order": "wait"}


@pytest.mark.parametrize("peer", ["127.0.0.7", None])
def test_the_address_of_who_asks(peer: str | None) -> None:
    """Unknown is 0.0.0.0, which belongs to nobody."""
    with Flask("test").test_request_context("/", environ_base={"REMOTE_ADDR": peer}):
        assert client_address() == IPv4Address(peer or "0.0.0.0")
