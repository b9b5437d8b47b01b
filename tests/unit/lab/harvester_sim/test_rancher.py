"""Rancher's part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.lab.harvester_sim.accounts import Accounts
from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.rancher import (
    CA_SETTING,
    CHANGE_PASSWORD,
    GENERATE,
    LOGIN,
    Rancher,
)


@pytest.fixture
def rancher(store: ObjectStore) -> Rancher:
    """Rancher with a certificate, known by whatever name it is called."""
    return Rancher(Accounts(store), lambda: "PEM", "")


def post(path: str, action: str, **body: Any) -> Request:
    """Give a request as clients send it."""
    host = {"host": "10.0.0.9"}
    return Request("POST", path, {"action": action}, host, json.dumps(body).encode())


def answered(answer: Answer | None) -> Answer:
    """Give an answer that is there."""
    assert answer is not None
    return answer


def test_a_login_is_created(rancher: Rancher) -> None:
    """201 with a token; 401 for another password; 405 for another verb."""
    good = answered(rancher.public(post(LOGIN, "login", username="admin", password="admin")))
    assert (good.status, good.body["type"]) == (201, "token")
    bad = answered(rancher.public(post(LOGIN, "login", username="admin", password="x")))
    assert (bad.status, bad.body["message"]) == (401, "authentication failed")
    got = answered(rancher.public(Request("GET", LOGIN, {"action": "login"})))
    assert got.status == 405
    assert answered(rancher.public(Request("GET", LOGIN))).body["type"] == "localProvider"


def test_the_password_is_changed(rancher: Rancher) -> None:
    """200 with nothing in it, or 422."""
    change = post(CHANGE_PASSWORD, "changepassword", currentPassword="admin", newPassword="x" * 12)
    assert answered(rancher.answer(change)) == Answer(200)
    assert answered(rancher.answer(change)).status == 422


def test_a_kubeconfig_leads_back_to_who_was_asked(rancher: Rancher, store: ObjectStore) -> None:
    """Through the prefix, with the certificate; or to the VIP where that is known."""
    config = answered(rancher.answer(post(GENERATE, "generateKubeconfig"))).body["config"]
    assert "https://10.0.0.9/k8s/clusters/local" in config
    assert "UEVN" in config
    named = Rancher(Accounts(store), lambda: "", "10.0.0.1")
    config = answered(named.answer(post(GENERATE, "generateKubeconfig"))).body["config"]
    assert "https://10.0.0.1/k8s/clusters/local" in config
    assert "certificate-authority-data" not in config


def test_the_certificate_is_for_anybody(rancher: Rancher) -> None:
    """As a setting and as it is."""
    assert answered(rancher.public(Request("GET", CA_SETTING))).body["value"] == "PEM"
    assert answered(rancher.public(Request("GET", "/cacerts"))).body == "PEM"


def test_other_paths_are_another_s(rancher: Rancher) -> None:
    """Neither public nor Rancher's."""
    assert rancher.public(Request("GET", "/api")) is None
    assert rancher.answer(Request("GET", "/api")) is None
    assert rancher.answer(Request("POST", CHANGE_PASSWORD)) is None
