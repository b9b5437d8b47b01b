"""Rows as kubectl prints them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.lab.rke2.program import kinds, tables
from tests.unit.lab.rke2.program.test_objects import build, state
from tests.unit.lab.rke2.program.test_pods import LOST

NOW = datetime(2026, 1, 1, 0, 10, 1, tzinfo=UTC)


def rows(plural: str, *objects: dict[str, Any], group: str = "") -> list[list[Any]]:
    """The cells of a table."""
    kind = kinds.find(group, plural)
    assert kind
    made = tables.table(kind, objects, "1", NOW, "None")
    width = len(made["columnDefinitions"])
    found = [row["cells"] for row in made["rows"]]
    assert all(len(row) == width for row in found)
    return found


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        ("2026-01-01T00:10:01Z", "0s"),
        ("2026-01-01T00:08:02Z", "119s"),
        ("2026-01-01T00:07:01Z", "3m"),
        ("2026-01-01T00:06:49Z", "3m12s"),
        ("2025-12-31T23:50:00Z", "20m"),
        ("2025-12-31T20:00:00Z", "4h10m"),
        ("2025-12-31T00:00:00Z", "24h"),
        ("2025-12-01T00:00:00Z", "31d"),
        ("2026-02-01T00:00:00Z", "0s"),
        ("", "<unknown>"),
    ],
)
def test_ages(since: str, shown: str) -> None:
    """As Kubernetes' HumanDuration writes them."""
    assert tables.age(since, NOW) == shown


def test_nodes() -> None:
    """Status, roles, version; a lost and cordoned one."""
    labels = {"node-role.kubernetes.io/etcd": "true", "node-role.kubernetes.io/control-plane": ""}
    lost = replace(state("cp1", labels=labels, unschedulable=True), condition=LOST)
    agent = build(state("w0", "agent"))["Node/w0"]
    found = rows("nodes", build(lost)["Node/cp1"], agent)
    status = "NotReady,SchedulingDisabled"

    assert found[0][:4] == ["cp1", status, "control-plane,etcd", "10m"]
    assert found[0][4] == "v1.36.3+rke2r1"
    assert found[1][:3] == ["w0", "Ready", "<none>"]


def test_pods() -> None:
    """Running, ended, and without their image."""
    shown = build(state("cp1"))
    job = next(o for n, o in shown.items() if n.startswith("Pod/helm-install-rke2-canal"))
    waiting = build(state("cp1", images=()))["Pod/etcd-cp1"]
    found = rows("pods", shown["Pod/etcd-cp1"], job, waiting)

    assert found[0][1:4] == ["1/1", "Running", "1"]
    assert found[1][1:4] == ["0/1", "Completed", "0"]
    assert found[2][1:3] == ["0/1", "ImagePullBackOff"]


def test_other_kinds_have_their_columns() -> None:
    """Every kind that is made; one without columns of its own has name and age."""
    shown = build(state("cp1"))
    for each in shown.values():
        kind = next(k for k in kinds.KINDS if k.kind == each["kind"])
        assert rows(kind.plural, each, group=kind.group)
    config = {"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}}
    assert rows("configmaps", config) == [["a", "10m"]]


def test_a_row_carries_what_was_asked_for() -> None:
    """Nothing, the metadata, the whole object."""
    shown = build(state("cp1"))["Node/cp1"]
    kind = kinds.find("", "nodes")
    assert kind
    none, some, whole = (
        tables.table(kind, [shown], "1", NOW, include)["rows"][0]
        for include in ("None", "Metadata", "Object")
    )

    assert "object" not in none
    assert some["object"]["kind"] == "PartialObjectMetadata"
    assert whole["object"] == shown
