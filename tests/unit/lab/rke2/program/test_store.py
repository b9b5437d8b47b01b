"""The map whose newest write wins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.lab.rke2.program.store import Entries, Store

ENTRIES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.tuples(st.integers(1, 5), st.sampled_from(["s1", "s2"]), st.none()).map(list),
)


def test_values_are_kept_on_disk(tmp_path: Path) -> None:
    """A second start has what the first wrote, deletions too."""
    store = Store(tmp_path / "state.json", "s1")
    store.write({"nodes/a": {"x": 1}, "nodes/b": {"x": 2}, "members/a": {}})
    store.write({"nodes/b": None})
    again = Store(tmp_path / "state.json", "s1")

    assert again.below("nodes/") == {"a": {"x": 1}}
    assert again.get("nodes/b") is None
    assert again.digest() == store.digest()


def test_what_is_given_is_a_copy(tmp_path: Path) -> None:
    """Nobody changes the map by changing what it gave."""
    store = Store(tmp_path / "state.json", "s1")
    store.write({"a": {"x": [1]}})
    (store.get("a") or {})["x"].append(2)
    store.below("")["a"]["x"].append(3)
    assert store.get("a") == {"x": [1]}


def test_a_later_write_wins_wherever_it_was_made(tmp_path: Path) -> None:
    """Counters grow past all that was seen."""
    one, two = Store(tmp_path / "1", "s1"), Store(tmp_path / "2", "s2")
    assert two.merge(one.write({"a": {"x": 1}}))
    assert one.merge(two.write({"a": {"x": 2}}))
    assert one.get("a") == two.get("a") == {"x": 2}
    assert not one.merge(two.all())


def test_a_deletion_is_not_undone_by_an_old_value(tmp_path: Path) -> None:
    """A server that was away brings back nothing that was deleted meanwhile."""
    one, two = Store(tmp_path / "1", "s1"), Store(tmp_path / "2", "s2")
    two.merge(one.write({"a": {"x": 1}}))
    one.write({"a": None})
    one.merge(two.all())
    assert one.get("a") is None


@given(first=ENTRIES, second=ENTRIES)
def test_any_order_of_exchange_ends_alike(
    tmp_path_factory: pytest.TempPathFactory, first: Entries, second: Entries
) -> None:
    """Two maps that take each other's entries are equal."""
    folder = tmp_path_factory.mktemp("store")
    one, two = Store(folder / "1", "s1"), Store(folder / "2", "s2")
    one.merge(first)
    one.merge(second)
    two.merge(second)
    two.merge(first)
    assert one.digest() == two.digest()


def test_a_version_grows_with_changes_only(tmp_path: Path) -> None:
    """What is made from the map is made anew only then."""
    store = Store(tmp_path / "state.json", "s1")
    written = store.write({"a": {}})
    before = store.version
    store.merge(written)
    assert store.version == before
