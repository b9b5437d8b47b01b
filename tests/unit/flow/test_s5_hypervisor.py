"""s5: the hypervisor is there when its VIP answers."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import DeadlineError, StopRequestedError
from appliance.flow.s4_machines import Nodes
from appliance.flow.s5_hypervisor import HypervisorStep, Installed
from appliance.flow.step import NotYet
from appliance.tools.clock import Clock
from tests.plans import plan
from tests.unit.flow.support import context_in

_PLAN = plan(vip=IPv4Address("127.9.9.9"))
_GIVEN = Installed(_PLAN, Nodes(_PLAN, ("hv1",), {"hv1": "ab"}))


def test_a_silent_vip_is_not_done(tmp_path: Path) -> None:
    """The reason is what was found there. With an answering one: tests/flow."""
    with context_in(tmp_path) as context:
        found = HypervisorStep(context).check(_GIVEN)
    assert isinstance(found, NotYet)
    assert found.reason


def test_after_half_an_hour_it_is_given_up(tmp_path: Path) -> None:
    """The VIP, what was found there, and whose screen to look at."""
    hours = iter((0.0, 1801.0, 1801.0))
    with context_in(tmp_path) as context:
        context.clock = Clock(lambda: 0.0, lambda: next(hours))
        with pytest.raises(DeadlineError, match=r"VIP 127\.9\.9\.9 does not answer") as caught:
            HypervisorStep(context).run(_GIVEN)
    assert caught.value.where == "hv1"
    assert "hv1" in caught.value.fix


def test_a_stop_ends_the_wait(tmp_path: Path) -> None:
    """Ctrl-C is obeyed before the next question."""
    with context_in(tmp_path) as context:
        context.stop.set()
        with pytest.raises(StopRequestedError):
            HypervisorStep(context).run(_GIVEN)


def test_the_digest_names_the_vip_and_who_is_behind_it(tmp_path: Path) -> None:
    """A node more is another input."""
    with context_in(tmp_path) as context:
        assert HypervisorStep(context).digest(_GIVEN) == "127.9.9.9 hv1"
