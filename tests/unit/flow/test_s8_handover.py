"""s8: the report is written, and the journal names it."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from appliance.flow.engine import Engine
from appliance.flow.s5_hypervisor import Hypervisor
from appliance.flow.s7_cluster import Cluster
from appliance.flow.s8_handover import HandedOver, HandoverStep
from appliance.flow.services import Services
from appliance.hypervisor.api import HarvesterApi
from tests.plans import plan
from tests.unit.flow.support import context_in


def test_the_report_names_the_certificate_and_lies_with_the_site(tmp_path: Path) -> None:
    """It is a page of its own for each run."""
    vip = IPv4Address("10.20.0.10")
    hypervisor = Hypervisor(vip, "ab" * 32, ("hv1",), HarvesterApi.at(vip, "ab" * 32))
    with context_in(tmp_path) as context:
        services = Services(context, plan(), (), ())
        given = HandedOver(plan(), (), services, hypervisor, Cluster(plan(), None))
        path = Engine(context).take(HandoverStep(context), given)
        (entry,) = context.journal.steps()
        reports = context.site_paths.reports
    assert path.parent == reports
    assert path.read_text("utf-8").lower().startswith("<!doctype html>")
    sheet = reports / "hand-over.html"
    assert "bridge" not in sheet.read_text("utf-8")
    assert entry.evidence == {
        "report": str(path),
        "sheet": str(sheet),
        "certificate": "ab" * 32,
        "safe to unplug": "yes",
    }
