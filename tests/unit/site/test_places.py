"""Findings get the place of what they are about."""

from __future__ import annotations

from appliance.site.places import MAX_SHOWN, Finding, Mark, Places, nowhere, path_text

PLACES = Places(
    "site.yaml",
    values={(): Mark(1, 1), ("a",): Mark(1, 4), ("a", "b"): Mark(2, 6)},
    keys={("a",): Mark(1, 1), ("a", "b"): Mark(2, 3)},
)


def test_paths_are_written_as_people_do() -> None:
    """Keys with dots, places in lists with brackets."""
    assert (
        path_text(("hypervisor", "machines", "hv1", "macs", 0)) == "hypervisor.machines.hv1.macs[0]"
    )
    assert path_text(()) == ""


def test_a_value_stands_where_it_is_written() -> None:
    """Of a value its own place, of a key the key's."""
    assert PLACES.mark(("a", "b")) == Mark(2, 6)
    assert PLACES.mark(("a", "b"), of_key=True) == Mark(2, 3)


def test_what_is_missing_stands_at_the_key_it_is_missing_under() -> None:
    """There is no better place for what is not there."""
    assert PLACES.mark(("a", "c")) == Mark(1, 1)
    assert PLACES.mark(("z",)) == Mark(1, 1)


def test_without_a_file_everything_is_the_whole_file() -> None:
    """Line and column are nought."""
    problem = nowhere().problem(Finding(("a",), "what", "fix"))
    assert str(problem) == "site.yaml:0:0: a: what → fix"


def test_problems_come_once_and_in_the_order_of_the_file() -> None:
    """Two rules may find the same."""
    late, early = Finding(("a", "b"), "late", ""), Finding(("a",), "early", "")
    problems = PLACES.problems([late, early, late])
    assert [problem.what for problem in problems] == ["early", "late"]


def test_a_finding_may_bring_its_place() -> None:
    """A key that stands twice has two places, and a path but one."""
    assert PLACES.problem(Finding(("a",), "again", "", mark=Mark(9, 9))).line == 9


def test_long_texts_are_cut() -> None:
    """A megabyte without a break fills no screen."""
    problem = PLACES.problem(Finding(("k" * 10_000,), "w" * 10_000, ""))
    assert len(problem.key) == len(problem.what) == MAX_SHOWN + 1
