"""s6: what is shown, what is asked, what is refused. With machines: tests/lab."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import StepError
from appliance.flow.context import Context, Options
from appliance.flow.s5_hypervisor import Hypervisor
from appliance.flow.s6_vms import Vms, VmsStep, VmsWanted, refused_losses
from appliance.flow.services import Services
from appliance.flow.step import Done, NotYet
from appliance.hypervisor.api import HarvesterApi
from appliance.site.plan import Plan
from appliance.vms.changes import Action, Changes, ResourceChange
from tests.plans import plan
from tests.site_files import whole_plan
from tests.unit.flow.support import context_in

_VIP = IPv4Address("127.9.9.9")
_LOST = Changes(
    (
        ResourceChange(
            'module.machine["app1"].harvester_virtualmachine.this',
            "harvester_virtualmachine",
            "virtual machine app1",
            Action.REPLACE,
            values={"name": "app1"},
        ),
    )
)


def _given(context: Context, wanted: Plan) -> VmsWanted:
    hypervisor = Hypervisor(_VIP, "ab" * 32, ("hv1",), HarvesterApi.at(_VIP, "ab" * 32))
    return VmsWanted(wanted, Services(context, wanted, (), ()), hypervisor)


def test_a_site_without_virtual_machines_has_nothing_to_do(tmp_path: Path) -> None:
    """It is done without a look at the hypervisor; one with them is compared each run."""
    with context_in(tmp_path) as context:
        found = VmsStep(context).check(_given(context, plan()))
        assert isinstance(found, Done)
        assert found.value == Vms(plan(), (), "")
        assert isinstance(VmsStep(context).check(_given(context, whole_plan())), NotYet)


def test_a_machine_is_not_lost_unasked(tmp_path: Path) -> None:
    """Replaced is lost with its disk: without an answer the step refuses, and says what to do."""
    with context_in(tmp_path) as context:
        with pytest.raises(StepError, match="virtual machine app1 would be lost") as caught:
            VmsStep(context)._refuse_loss(_LOST)
        assert "--may-lose app1" in caught.value.fix
        assert refused_losses(context.journal) == {"app1"}
        context.confirm = lambda question: "app1" in question
        VmsStep(context)._refuse_loss(_LOST)


def test_yes_is_an_answer(tmp_path: Path) -> None:
    """Given beforehand."""
    with context_in(tmp_path, options=Options(interface="lo", yes=True)) as context:
        VmsStep(context)._refuse_loss(_LOST)


def test_consent_is_to_the_machines_that_were_named(tmp_path: Path) -> None:
    """One that was named may go; the other one ends the run, and both are asked for afterwards."""
    named = Options(interface="lo", clock_is_right=True, may_lose=frozenset({"app1"}))
    relay = ResourceChange(
        "x", "harvester_virtualmachine", "virtual machine relay", Action.REMOVE, values=None
    )
    gone = replace(relay, values={"name": "relay"})
    with context_in(tmp_path, options=named) as context:
        VmsStep(context)._refuse_loss(_LOST)
        assert refused_losses(context.journal) == frozenset()
        with pytest.raises(StepError, match="machine relay would be lost") as caught:
            VmsStep(context)._refuse_loss(Changes((*_LOST.resources, gone)))
        assert "app1" not in str(caught.value.what)
        assert caught.value.exit_code == 4
        assert refused_losses(context.journal) == {"app1", "relay"}
        with pytest.raises(StepError):  # nameless is never what was named
            VmsStep(context)._refuse_loss(Changes((relay,)))
        context.tell("run-started", "again")
        assert refused_losses(context.journal) == frozenset()


def test_a_clock_that_is_right_loses_no_machine(tmp_path: Path) -> None:
    """What the wizard always says answers the clock's question alone."""
    options = Options(interface="lo", clock_is_right=True)
    with context_in(tmp_path, options=options) as context, pytest.raises(StepError):
        VmsStep(context)._refuse_loss(_LOST)


def test_a_silent_hypervisor_is_one_sentence(tmp_path: Path) -> None:
    """Before Terraform is started, and before the services address is let go."""
    with context_in(tmp_path, options=Options(interface="none0")) as context:
        given = _given(context, whole_plan())
        with pytest.raises(StepError, match="API does not answer"):
            VmsStep(context).run(given)
        assert not (context.site_paths.folder / "terraform").exists()
