"""Objects of the API in words."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from appliance.hypervisor.objects import (
    ImageState,
    has_tags,
    image_seen,
    is_going,
    label,
    object_path,
    vms_seen,
)


def image(**status: Any) -> dict[str, Any]:
    """Give an image with this status."""
    return {"metadata": {"name": "debian"}, "status": status}


def condition(kind: str, status: str, message: str = "") -> dict[str, str]:
    """Give a condition."""
    return {"type": kind, "status": status, "message": message}


def test_an_image_that_is_ready() -> None:
    """Imported, with its size."""
    seen = image_seen(
        image(conditions=[condition("Initialized", "True"), condition("Imported", "True")], size=7)
    )
    assert (seen.state, seen.progress, seen.size) == (ImageState.READY, 100, 7)
    assert str(seen) == "image debian is ready"


def test_an_image_on_its_way() -> None:
    """Fetched so far."""
    seen = image_seen(
        image(conditions=[condition("Imported", "Unknown", "importing")], progress=40)
    )
    assert (seen.state, str(seen)) == (ImageState.WAITING, "image debian is fetched, 40 %")


@pytest.mark.parametrize(
    "conditions",
    [
        [condition("Initialized", "False", "sha512 is\n not as given")],
        [condition("Initialized", "Unknown", "sha512 is not as given")],
        [condition("Imported", "False", "sha512 is not as given")],
        [condition("RetryLimitExceeded", "True", "sha512 is not as given")],
    ],
)
def test_an_image_that_failed(conditions: list[dict[str, str]]) -> None:
    """The reason in the hypervisor's words, on one line."""
    seen = image_seen(image(conditions=conditions, progress=99))
    assert seen.state is ImageState.FAILED
    assert str(seen) == "image debian failed: sha512 is not as given"


def test_an_image_that_is_tried_again() -> None:
    """It failed once, and not for good."""
    again = condition("RetryLimitExceeded", "False", "retry attempted 1/3")
    seen = image_seen(image(conditions=[condition("Imported", "False", "line broke"), again]))
    assert seen.state is ImageState.WAITING


@pytest.mark.parametrize("document", [{}, image(), {"status": {"conditions": [7, None]}}])
def test_an_image_without_a_status(document: dict[str, Any]) -> None:
    """Just made: nothing is known yet."""
    assert image_seen(document).state is ImageState.WAITING


MACHINES = {
    "items": [
        {"metadata": {"name": "srv1"}, "status": {"printableStatus": "Running"}},
        {"metadata": {"name": "agent1"}, "status": {"printableStatus": "Stopped"}},
        {
            "metadata": {"name": "srv2"},
            "status": {
                "printableStatus": "ErrorUnschedulable",
                "conditions": [condition("PodScheduled", "False", "0/1 nodes: too little memory")],
            },
        },
    ]
}
INSTANCES = {
    "items": [
        {
            "metadata": {"name": "srv1"},
            "status": {
                "phase": "Running",
                "nodeName": "hv1",
                "conditions": [condition("LiveMigratable", "False", "it is not")],
                "interfaces": [
                    {"ipAddress": "10.20.0.21", "ipAddresses": ["10.20.0.21", "fe80::1"]},
                    {"ipAddress": "169.254.1.1"},
                    {},
                ],
            },
        },
        {"metadata": {"name": "srv2"}, "status": {"phase": "Scheduling"}},
    ]
}


def test_virtual_machines() -> None:
    """By name, with state, host, addresses and what keeps one from running."""
    agent, first, second = vms_seen(MACHINES, INSTANCES)
    assert str(agent) == "virtual machine agent1 is Stopped"
    assert (first.running, first.addresses) == (True, (IPv4Address("10.20.0.21"),))
    assert str(first) == "virtual machine srv1 is Running on hv1"
    assert not second.running
    assert str(second) == (
        "virtual machine srv2 is ErrorUnschedulable: 0/1 nodes: too little memory"
    )


def test_no_virtual_machines() -> None:
    """Empty, absent, or nonsense."""
    assert vms_seen({}, {}) == vms_seen({"items": None}, {"items": 7}) == ()


def test_a_label() -> None:
    """Of any object."""
    assert label({"metadata": {"labels": {"a": "b"}}}, "a") == "b"
    assert label({"metadata": {"labels": None}}, "a") == label({}, "a") == ""


def test_where_a_terraform_resource_lies() -> None:
    """For the four kinds the modules make."""
    path = object_path("harvester_virtualmachine", "default", "srv1")
    assert path == "/apis/kubevirt.io/v1/namespaces/default/virtualmachines/srv1"
    assert object_path("terraform_data", "default", "x") is None


def test_whose_it_is() -> None:
    """All its tags are there; none at all is nobody's."""
    document = {"metadata": {"labels": {"tag.harvesterhci.io/bridgehead-site": "alpha"}}}
    assert has_tags(document, {"bridgehead-site": "alpha"})
    assert not has_tags(document, {"bridgehead-site": "beta"})
    assert not has_tags(document, {"bridgehead-site": "alpha", "bridgehead-kind": "server"})
    assert not has_tags(document, {})


def test_what_is_going() -> None:
    """Its deletion has begun."""
    assert is_going({"metadata": {"deletionTimestamp": "2026-11-21T13:00:00Z"}})
    assert not is_going({})
