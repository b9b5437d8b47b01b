"""A site looked at again and again: each event folded once, whatever happens to its state."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from appliance.errors import InputError
from appliance.store.database import open_database
from appliance.store.lock import hold
from appliance.web.history import Outcome
from appliance.web.runs import Phase
from appliance.web.watching import FRESH_SECONDS, Watching, has_state, stored
from tests.unit.web.test_pages_run import begin, look
from tests.unit.web.wizard_world import SITE, World


def test_looking_leaves_nothing_and_follows_once_there_is_something(world: World) -> None:
    """From never run to running; what was seen a moment ago serves all who ask."""
    watching = Watching(world.deps)
    assert watching.seen().progress.outcome is Outcome.TODO
    assert not has_state(look(world))
    with stored(look(world)) as context:
        assert tuple(context.journal.events()) == ()
    assert not has_state(look(world))
    with look(world).writing() as context:
        begin(context.journal, world)
    with hold(world.deps.paths.site("alpha").lock, who="provision run", since="09:30"):
        assert watching.seen().now.phase is Phase.IDLE, "asked again at once"
        world.now += FRESH_SECONDS * 2
        seen = watching.seen()
        assert (seen.now.phase, seen.going) == (Phase.RUNNING, True)
        assert seen.progress.outcome is Outcome.RUNNING
    assert watching.seen(fresh=True).progress.outcome is Outcome.KILLED


def test_another_laptops_state_is_read_from_its_beginning(world: World) -> None:
    """`provision import` puts another journal in the place of this one."""
    watching = Watching(world.deps)
    with look(world).writing() as context:
        for number in range(5):
            context.tell("finding", f"old {number}")
    assert len(watching.seen().progress.findings) == 5
    folder = world.deps.paths.site("alpha").folder
    folder.rename(folder.with_name("kept"))
    with look(world).writing() as context:
        context.tell("finding", "of the other laptop")
    assert watching.seen(fresh=True).progress.findings == ("of the other laptop",)
    shutil.rmtree(folder)
    assert watching.seen(fresh=True).progress.findings == ()


def test_another_journal_in_the_very_same_file_is_read_from_its_beginning(world: World) -> None:
    """A file system may give a new file the number of one that was just wiped."""
    watching = Watching(world.deps)
    with look(world).writing() as context:
        for number in range(5):
            context.tell("finding", f"old {number}", at=world.now)
    assert len(watching.seen().progress.findings) == 5
    with closing(open_database(world.deps.paths.site("alpha").database)) as emptied:
        emptied.execute("DELETE FROM event")
    with look(world).writing() as context:
        context.tell("finding", "anew", at=world.now + 60)
    assert watching.seen(fresh=True).progress.findings == ("anew",)


def test_a_site_file_that_goes_or_changes_is_seen(world: World) -> None:
    """Another name is another site; none is said."""
    assert world.site_file is not None
    watching = Watching(world.deps)
    assert watching.seen().progress.site == "alpha"
    world.site_file.write_text(SITE.replace("alpha", "beta"))
    assert watching.seen(fresh=True).progress.site == "beta"
    world.site_file.unlink()
    with pytest.raises(InputError, match="no site file yet"):
        watching.seen(fresh=True)
