"""The hand-over sheet tells whoever stays all they need, and no secret."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from appliance.handover.sheet import make_sheet, render_sheet
from appliance.site.plan import (
    ClusterPlan,
    Distribution,
    Plan,
    StagingPlan,
    VmKind,
    VmPlan,
)
from appliance.values import Mac
from tests.plans import plan
from tests.unit.handover.test_report import HOSTILE, Page


def _vm(name: str, kind: VmKind, last: int) -> VmPlan:
    return VmPlan(
        name=name,
        kind=kind,
        network="main",
        mac=Mac(f"0200000000{last}"),
        address=IPv4Address(f"10.20.0.{last}"),
        cpus=2,
        memory=4 << 30,
        disk=40 << 30,
        image="ubuntu",
    )


def _whole() -> Plan:
    servers = tuple(_vm(f"server{number}", VmKind.SERVER, 20 + number) for number in (1, 2, 3))
    cluster = ClusterPlan(
        distribution=Distribution.RKE2,
        version="v1.36.3+rke2r1",
        servers=tuple(each.name for each in servers),
        agents=(),
        registration="cluster.alpha.site",
        names=("cluster.alpha.site",),
        artifacts=(),
    )
    staging = _vm("staging", VmKind.STAGING, 20)
    return replace(
        plan(),
        vms=(staging, *servers),
        cluster=cluster,
        staging=StagingPlan("staging", IPv4Address("10.20.0.20")),
    )


def test_every_machine_way_and_service_is_on_it() -> None:
    """Names, addresses, ways in with the command that prints each key, what to keep in mind."""
    words = Page(render_sheet(make_sheet(_whole(), made_at=0.0, not_safe=()))).words
    for needed in (
        "Safe to unplug",
        "hv1",
        "10.20.0.11",
        "server3",
        "10.20.0.23",
        "https://10.20.0.10",
        "https://10.20.0.21:6443",
        "provision kubeconfig",
        "registry.alpha.site:5000",
        "staging must run",
        "bears one that fails",
    ):
        assert needed in words, needed


def test_a_laptop_that_must_stay_is_the_first_thing_said() -> None:
    """With every reason; and it is not called safe."""
    sheet = make_sheet(_whole(), made_at=0.0, not_safe=("DNS is not answered by 10.20.0.20",))
    words = Page(render_sheet(sheet)).words
    assert "The laptop must stay" in words
    assert "DNS is not answered by 10.20.0.20" in words
    assert "Safe to unplug" not in words


def test_a_site_of_machines_alone_has_a_sheet_too() -> None:
    """Without a cluster there is no kubeconfig to speak of."""
    sheet = make_sheet(plan(), made_at=0.0, not_safe=())
    assert [row.name for row in sheet.rows] == ["hv1"]
    assert not any("kubeconfig" in way.key for way in sheet.ways)
    assert dict(sheet.services)["Names (DNS)"] == "10.20.0.1"


def test_hostile_words_stay_words() -> None:
    """A reason may hold what a machine said."""
    page = Page(render_sheet(make_sheet(plan(), made_at=0.0, not_safe=(HOSTILE,))))
    assert not [name for name, _ in page.elements if name in ("script", "img")]
    assert page.unclosed == []
