"""May the laptop go? Only what a run proved says yes."""

from __future__ import annotations

from appliance.values import Secret
from appliance.web.leaving import leaving
from appliance.web.watching import Watching
from tests.unit.web.test_pages_run import begin, look
from tests.unit.web.wizard_world import World


def test_before_the_first_run_there_is_nothing_to_take(world: World) -> None:
    """And the laptop stays."""
    seen = leaving(Watching(world.deps).seen())
    assert (seen.safe, seen.ran, seen.has_sheet, seen.has_kubeconfig) == (False,) * 4
    assert seen.reasons == ("nothing has been run yet",)


def test_a_run_that_proved_nothing_is_not_safe(world: World) -> None:
    """Done is not safe; found reasons are given; proof is."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.journal.add_event("run-ended", "", run=run, data={"outcome": "done"})
        context.vault.put("kubeconfig", Secret("x"))
    seen = leaving(Watching(world.deps).seen())
    assert (seen.safe, seen.has_kubeconfig, seen.ran) == (False, True, True)
    assert "without a proof" in seen.reasons[0]
    with look(world).writing() as context:
        context.tell("safe-to-unplug", "", data={"because": ["API: it answers"]})
    safe = leaving(Watching(world.deps).seen())
    assert (safe.safe, safe.because, safe.reasons) == (True, ("API: it answers",), ())
