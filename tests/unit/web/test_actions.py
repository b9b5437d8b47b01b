"""The wizard's verbs over the flow."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import InputError, PreflightError
from appliance.flow.s1_site import SiteStep
from appliance.flow.s6_vms import WOULD_BE_LOST
from appliance.web.actions import Actions, taken
from appliance.web.runs import Phase, Runs
from appliance.web.watching import Watching
from tests.unit.web.test_pages_run import begin, look, reviewed
from tests.unit.web.test_runs import wait_for
from tests.unit.web.wizard_world import SITE, World


@pytest.fixture
def actions(world: World) -> Actions:
    """Its verbs."""
    return Actions(world.deps, Watching(world.deps))


def test_before_a_run_there_is_nothing_to_give(world: World, actions: Actions) -> None:
    """Each says what is to be done first, and leaves nothing behind."""
    for verb in (actions.support, actions.report, actions.kubeconfig):
        with pytest.raises(InputError, match="not run yet"):
            verb()
    with pytest.raises(PreflightError, match="no hand-over sheet"):
        actions.sheet()
    with pytest.raises(InputError, match="no run goes on"):
        actions.pause()
    assert actions.lost() == ()
    assert not world.deps.paths.site("alpha").folder.exists()


def test_what_would_be_lost_is_typed_whole(world: World, actions: Actions) -> None:
    """All names in any order; a part of them, or nothing, starts no run."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        for name in ("app2", "app1"):
            context.journal.add_event("vm", "", machine=name, data={"now": "created"}, run=run)
    assert actions.lost() == ("app1", "app2")
    for typed in ("", "app1", "app1 app2 app3", "yes"):
        with pytest.raises(InputError, match="destroyed with their disks: app1, app2") as caught:
            actions.start(actions.digest(), typed)
        assert caught.value.where == "lose"
    assert world.deps.runs.now("alpha").phase is Phase.IDLE


def test_what_terraform_would_make_anew_is_typed_too(world: World, actions: Actions) -> None:
    """A run ended because of it: its names are asked for, as long as the file is the same."""
    assert world.site_file is not None
    with look(world).writing() as context:
        begin(context.journal, world)
        context.tell(WOULD_BE_LOST, "app1", data={"names": ["app1"]})
    assert actions.lost() == ()  # nobody has seen this file yet: s6 says it anew
    reviewed(world)
    assert actions.lost() == ("app1",)
    with pytest.raises(InputError, match="destroyed with their disks: app1"):
        actions.again()
    world.site_file.write_text(world.site_file.read_text() + "# taken back\n")
    assert actions.lost() == ()
    assert world.deps.runs.now("alpha").phase is Phase.IDLE


def test_the_run_may_lose_what_was_typed_alone(tmp_path: Path) -> None:
    """From the page to the command's own option."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    show = "import json, sys; print(json.dumps({'kind': 'argv', 'text': ' '.join(sys.argv[1:])}))"
    world = World(tmp_path, file)
    runs = Runs(world.deps.paths, "lo", program=(sys.executable, "-c", show))
    actions = Actions(replace(world.deps, runs=runs), Watching(replace(world.deps, runs=runs)))
    with look(world).writing() as context:
        begin(context.journal, world)
        context.tell(WOULD_BE_LOST, "app1", data={"names": ["app1"]})
    reviewed(world)
    actions.again("app1")
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    words = runs._run("alpha").said()[0]["text"].split()
    assert "--may-lose=app1" in words
    assert words[words.index("--reviewed") + 1] == actions.digest()


def test_a_site_file_is_run_again_only_as_it_was_reviewed(world: World, actions: Actions) -> None:
    """Confirmed here, or read by a run before: to the octet; a change is looked through anew."""
    assert world.site_file is not None
    for confirm in (reviewed, _read_by_a_run):
        with pytest.raises(InputError, match="nobody has looked through") as caught:
            actions.again()
        assert caught.value.where == "review"
        confirm(world)
        assert actions.reviewed()
        world.site_file.write_text(world.site_file.read_text() + "# more\n")
        assert not actions.reviewed()
    assert world.deps.runs.now("alpha").phase is Phase.IDLE


def _read_by_a_run(world: World) -> None:
    assert world.site_file is not None
    with look(world).writing() as context:
        step = SiteStep(context)
        context.journal.begin_step(
            begin(context.journal, world), "s1", step.digest(world.site_file)
        )


def test_what_was_made_to_be_sent_does_not_stay(tmp_path: Path) -> None:
    """Unless it is to."""
    for keep in (True, False):
        path = tmp_path / "file"
        path.write_bytes(b"x")
        assert taken(path, keep=keep) == b"x"
        assert path.exists() is keep
