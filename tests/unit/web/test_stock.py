"""Files as page 2 shows them, and how far a fetch is."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.artifacts.catalog import Trust
from appliance.artifacts.depot import Depot
from appliance.flow.stocking import stock, wants_of
from appliance.paths import Paths
from appliance.site.artifact_names import STAGE1_FILES
from appliance.web.stock import TRUST_WORDS, FileState, fault, fetching_of, stock_view
from tests.plans import plan
from tests.unit.flow.test_stocking import medium


def test_all_that_is_wanted_is_shown_with_where_it_stands(tmp_path: Path) -> None:
    """Missing, verified, changed since, or optional: each by its name."""
    paths, wants = Paths(tmp_path / "state"), wants_of(plan(), accept_ipxe=True)
    empty = stock_view(wants, Depot(paths.depot))
    assert empty.sticks == ()
    assert {each.name for each in empty.files} == {each.name for each in wants}
    assert set(empty.missing) == {each.name for each in wants if each.needed}
    stock(plan(), paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
    whole = stock_view(wants, Depot(paths.depot))
    assert whole.missing == ()
    assert whole.octets == sum(each.size for each in Depot(paths.depot).files())
    name = plan().artifacts.iso
    (paths.depot / name).write_bytes(b"another")
    changed = stock_view(wants, Depot(paths.depot))
    assert changed.missing == (name,)
    (paths.depot / name).unlink()
    gone = {each.name: each.state for each in stock_view(wants, Depot(paths.depot)).files}
    assert gone[name] is FileState.CHANGED


def test_our_small_linux_is_wanted_where_a_machine_is_yet_to_say_what_it_is(tmp_path: Path) -> None:
    """A run begins without it, so it is not missing; once it is here nobody is named."""
    paths, wants = Paths(tmp_path / "state"), wants_of(plan(), accept_ipxe=True)
    depot = Depot(paths.depot)
    told = {each.name: each.state for each in stock_view(wants, depot).files}
    assert {told[name] for name in STAGE1_FILES} == {FileState.OPTIONAL}
    untold = stock_view(wants, depot, untold=("hv3",))
    states = {each.name: each.state for each in untold.files}
    assert {states[name] for name in STAGE1_FILES} == {FileState.WANTED}
    assert untold.unheard == ("hv3",)
    assert not set(untold.missing) & set(STAGE1_FILES)
    folder = medium(tmp_path / "medium")
    for name in STAGE1_FILES:
        (folder / name).write_bytes(b"small")
    stock(plan(), paths, folder=folder, accept_ipxe=True)
    assert stock_view(wants, depot, untold=("hv3",)).unheard == ()


def test_a_fetch_is_measured() -> None:
    """What was kept already says nothing of the speed."""
    said = [
        {"kind": "artifact", "data": {"how": "kept", "size": 9_000_000_000}},
        {"kind": "artifact", "data": {"how": "fetched", "size": 100_000_000}},
        {
            "kind": "progress",
            "data": {"name": "big.iso", "done": 100_000_000, "total": 400_000_000},
        },
    ]
    seen = fetching_of(said, 10.0)
    assert (seen.file, seen.rate, seen.left) == ("big.iso", 20_000_000, 15)
    assert seen.text == "big.iso: 100 MB of 400 MB, 20.0 MB/s, 15 s left for this file"
    assert fetching_of([], 0).text == "it begins"
    assert (
        fetching_of([{"kind": "progress", "data": {"name": "x"}}, {"data": 7}, {}], 1).rate is None
    )


def test_an_error_is_read_as_the_command_printed_it() -> None:
    """With every problem of a site file; from a line that is short of parts too."""
    seen = fault({"code": "BH101", "what": "2 problems", "problems": ["1:1 a", "2:2 b"]})
    assert (seen.code, seen.why, seen.fix) == ("BH101", "1:1 a; 2:2 b", "")


@pytest.mark.parametrize("trust", list(Trust))
def test_each_way_to_trust_a_file_has_words(trust: Trust) -> None:
    """None is forgotten when one is added."""
    assert TRUST_WORDS[trust]
