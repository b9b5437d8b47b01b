"""What is refused before anything is armed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.boot.model import ServedFile
from appliance.errors import PreflightError
from appliance.flow.context import Options
from appliance.flow.preflight import (
    refuse_at_once,
    refuse_doubtful_clock,
    refuse_unless_root,
    refuse_unreachable_state,
)
from appliance.paths import Paths
from appliance.tools.host_clock import synchronised
from tests.unit.flow.inside_namespace import Laptop, laptop, open_folder
from tests.unit.flow.support import Ticks, context_in


@pytest.fixture
def here() -> Iterator[Laptop]:
    """A laptop with one interface."""
    with laptop() as made:
        yield made


def test_root_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ports are named, and sudo."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PreflightError, match="root") as caught:
        refuse_unless_root()
    assert "67" in caught.value.why
    assert "sudo" in caught.value.fix


def test_what_a_look_shows_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the run ends before its services start: the file and the artifacts need no root."""
    site_paths = Paths(tmp_path / "state").site("alpha")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    refuse_at_once(Options("nosuch0", until="s2"), site_paths)
    with pytest.raises(PreflightError, match="root"):
        refuse_at_once(Options("nosuch0", until="s3"), site_paths)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with open_folder() as folder, pytest.raises(PreflightError, match="nosuch0"):
        refuse_at_once(Options("nosuch0"), Paths(folder).site("alpha"))
    assert list(tmp_path.iterdir()) == []


def test_a_clock_before_its_own_files_is_wrong(tmp_path: Path) -> None:
    """Not even --yes helps: nobody can have written the depot in the future."""
    path = tmp_path / "kernel"
    path.write_bytes(b"x")
    file = ServedFile("kernel", str(path), 1, "")
    ticks = Ticks()
    ticks.now = path.stat().st_mtime - 10
    options = Options("lo", yes=True)
    with (
        context_in(tmp_path, ticks=ticks, options=options) as context,
        pytest.raises(PreflightError, match="clock says") as caught,
    ):
        refuse_doubtful_clock(context, (file,))
    assert "depot" in caught.value.why


@pytest.mark.skipif(synchronised(), reason="a time service keeps this computer's clock")
@pytest.mark.parametrize("option", ["yes", "clock_is_right", ""])
def test_a_clock_that_nobody_keeps_is_asked_about(tmp_path: Path, option: str) -> None:
    """A confirmation is kept as the operator's own; --yes and --clock-is-right ask nobody."""
    yes = bool(option)
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return True

    options = Options("lo", yes=option == "yes", clock_is_right=option == "clock_is_right")
    with context_in(tmp_path, options=options) as context:
        if not yes:
            with pytest.raises(PreflightError, match="nobody confirmed"):
                refuse_doubtful_clock(context, ())
        context.confirm = confirm
        refuse_doubtful_clock(context, ())
        kinds = [each.kind for each in context.journal.events()]
    assert kinds == (["finding"] if yes else ["confirmed"])
    assert len(asked) == (0 if yes else 1)


@pytest.mark.root
def test_a_state_folder_that_boot_cannot_reach_is_refused() -> None:
    """The folder on the way that is closed is named, and what opens it."""
    with open_folder() as folder:
        closed = folder / "home"
        closed.mkdir(mode=0o700)
        with context_in(closed) as context:
            with pytest.raises(PreflightError, match="cannot reach") as caught:
                refuse_unreachable_state(context.site_paths)
            assert caught.value.where == str(closed)
            assert f"chmod o+x {closed}" in caught.value.fix
            closed.chmod(0o711)
            refuse_unreachable_state(context.site_paths)


_LOOK = """
from appliance.flow.preflight import refuse_unready_interface, refuse_without_link
now = iter(range(0, 1000, 5))
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    context.clock = Clock(lambda: 0.0, lambda: float(next(now)))
    ready = refusal(refuse_unready_interface, INTERFACE)
    say(ready=ready, link=refusal(refuse_without_link, context))
"""


@pytest.mark.root
def test_an_interface_with_link_is_taken(here: Laptop) -> None:
    """Nothing is refused."""
    assert here.run(_LOOK) == {"ready": None, "link": None}


@pytest.mark.root
def test_an_interface_without_link_is_refused(here: Laptop) -> None:
    """The words are of cables, not of flags."""
    here.far_link("down")
    said = here.run(_LOOK)
    assert said["ready"]["what"] == f"{here.interface} has no link"
    assert "cable" in said["link"]["fix"]


@pytest.mark.root
def test_an_interface_that_is_off_is_judged_once_it_is_on(here: Laptop) -> None:
    """Off it shows no link, whatever is plugged in."""
    here.link("down")
    said = here.run(_LOOK)
    assert said["ready"] is None
    assert "no link" in said["link"]["what"]


@pytest.mark.root
def test_alone_on_the_wire_there_is_no_rival(here: Laptop) -> None:
    """Nobody answers, nothing is said. With a rival: tests/flow/test_refusals.py."""
    said = here.run("""
from appliance.flow.preflight import refuse_rival
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    say(rival=refusal(refuse_rival, context, plan()))
""")
    assert said == {"rival": None}


@pytest.mark.root
def test_a_folder_that_the_boot_process_cannot_enter_is_named() -> None:
    """Home folders are closed: the error names the one that is, before anything is served."""
    with tempfile.TemporaryDirectory(prefix="bh-closed-") as name:
        closed = Path(name)  # made 0700, as homes are
        with context_in(closed / "state") as context:
            with pytest.raises(PreflightError) as caught:
                refuse_unreachable_state(context.site_paths)
            closed.chmod(0o711)
            refuse_unreachable_state(context.site_paths)
    assert caught.value.where == str(closed)
    assert "--state" in caught.value.fix
