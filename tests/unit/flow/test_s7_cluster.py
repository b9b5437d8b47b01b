"""s7: done is what was made from the same inputs and is healthy now. With machines: tests/lab."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.flow.context import Context
from appliance.flow.s6_vms import Vms
from appliance.flow.s7_cluster import JOINING, Cluster, ClusterStep, ClusterWanted, _tell
from appliance.flow.services import Services
from appliance.flow.step import Done, NotYet
from appliance.flow.stocking import stock
from appliance.site.plan import Plan
from appliance.tools import data as data_file
from appliance.tools.ansible_events import AnsibleEvent, Outcome
from appliance.values import Secret
from tests.plans import plan
from tests.site_files import media, whole_plan
from tests.unit.flow.support import context_in


def _given(context: Context, wanted: Plan) -> ClusterWanted:
    return ClusterWanted(wanted, Services(context, wanted, (), ()), Vms(wanted, (), ""))


def _stocked(context: Context, folder: Path) -> Plan:
    whole = whole_plan()
    media_of = media(folder / "media", whole)
    stock(whole, context.paths, folder=media_of, accept_ipxe=True, stand_ins=True)
    return whole


def test_a_site_without_a_cluster_has_nothing_to_do(tmp_path: Path) -> None:
    """Neither to make nor to ask."""
    with context_in(tmp_path) as context:
        step, given = ClusterStep(context), _given(context, plan())
        found = step.check(given)
        assert isinstance(found, Done)
        assert found.value == Cluster(plan(), None)
        assert step.digest(given) == "none"


def test_a_cluster_that_was_never_made_is_not_done(tmp_path: Path) -> None:
    """The journal knows nothing of these inputs."""
    with context_in(tmp_path) as context:
        found = ClusterStep(context).check(_given(context, _stocked(context, tmp_path)))
    assert isinstance(found, NotYet)
    assert "not made" in found.reason


def test_the_journal_alone_proves_nothing(tmp_path: Path) -> None:
    """Made from these inputs, and yet its API is silent: it is looked at, and made again."""
    with context_in(tmp_path) as context:
        given = _given(context, _stocked(context, tmp_path))
        step = ClusterStep(context)
        assert context.run is not None
        context.journal.begin_step(context.run, "s7", step.digest(given))
        context.journal.end_step(context.run, "s7", "done", {})
        found = step.check(given)
        assert isinstance(found, NotYet)
        assert "kubeconfig" in found.reason
        context.vault.put("kubeconfig", Secret("no kubeconfig at all"))
        assert isinstance(step.check(given), NotYet)


def test_other_inputs_have_another_digest(tmp_path: Path) -> None:
    """One agent more is another cluster to make."""
    with context_in(tmp_path) as context:
        first = _stocked(context, tmp_path)
        second = whole_plan(cluster={"rke2": "v1.36.3+rke2r1", "servers": "3", "agents": "2"})
        step = ClusterStep(context)
        assert step.digest(_given(context, first)) != step.digest(_given(context, second))


def test_a_machine_has_joined_when_its_task_is_done() -> None:
    """So the report says who joined when; the task is one of the playbook's."""
    told: list[tuple[str, str | None]] = []

    def say(
        kind: str,
        text: str,
        *,
        machine: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        del text, data
        told.append((kind, machine))

    for outcome in (Outcome.OK, Outcome.CHANGED):
        _tell(AnsibleEvent("server1", f"cluster : {JOINING}", outcome, 1.0), say)
    assert told == [("ansible", "server1"), ("node", "server1")]
    role = data_file.path("playbooks") / "roles" / "cluster"
    assert any(JOINING in path.read_text() for path in role.rglob("*.yml"))
