"""Objects with versions, listed and watched."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from appliance.lab.rke2.program.kinds import Kind, find
from appliance.lab.rke2.program.registry import Registry


def kind(plural: str) -> Kind:
    """A kind of the core group."""
    found = find("", plural)
    assert found
    return found


class World:
    """Objects to be shown; every change is marked."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.mark = 0

    def put(self, namespace: str, name: str, **more: Any) -> None:
        """Show a configuration map."""
        metadata = {"name": name, "namespace": namespace}
        self.objects[namespace, name] = {"kind": "ConfigMap", "metadata": metadata, **more}
        self.mark += 1

    def drop(self, namespace: str, name: str) -> None:
        """Show it no more."""
        del self.objects[namespace, name]
        self.mark += 1

    def make(self) -> Iterator[tuple[Kind, dict[str, Any]]]:
        """Give fresh copies, as the cluster does."""
        for each in self.objects.values():
            yield kind("configmaps"), {**each, "metadata": dict(each["metadata"])}

    def registry(self) -> Registry:
        """A registry of this world."""
        return Registry(self.make, lambda: self.mark)


MAPS = kind("configmaps")


def test_lists_are_by_namespace_and_name() -> None:
    """All namespaces, or one; one kind only."""
    world = World()
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y")):
        world.put(namespace, name)
    registry = world.registry()

    assert [o["metadata"]["name"] for o in registry.all(MAPS)] == ["y", "z", "x"]
    assert [o["metadata"]["name"] for o in registry.all(MAPS, "b")] == ["x"]
    assert registry.all(kind("pods")) == []
    assert registry.get(MAPS, "a", "y") is not None
    assert registry.get(MAPS, "b", "y") is None


def test_only_what_changed_has_a_new_version() -> None:
    """And it is seen at once after a write."""
    world = World()
    world.put("a", "x")
    world.put("a", "y")
    registry = world.registry()
    before = {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in registry.all(MAPS)}
    world.put("a", "y", data={"k": "v"})
    after = {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in registry.all(MAPS)}

    assert before["x"] == after["x"]
    assert int(after["y"]) == registry.version > int(before["y"])


def test_changes_since_a_version_come_in_order() -> None:
    """Added, modified, deleted."""
    world = World()
    world.put("a", "x")
    world.put("a", "y")
    registry = world.registry()
    registry.refresh()
    since = registry.version
    world.put("a", "x", data={})
    registry.refresh()
    world.put("a", "z")
    world.drop("a", "y")
    registry.refresh()
    newest, found = registry.changes(MAPS, "a", since)

    assert newest == registry.version
    assert [(what, o["metadata"]["name"]) for what, o in found] == [
        ("MODIFIED", "x"),
        ("ADDED", "z"),
        ("DELETED", "y"),
    ]


def test_a_watch_begins_with_what_is_there_and_goes_on() -> None:
    """From no version at all; it ends with its time."""
    world = World()
    world.put("a", "x")
    registry = world.registry()
    watch = registry.watch(MAPS, "", 0, 20)
    first = next(watch)
    world.put("b", "y")
    second = next(watch)

    assert (first[0], first[1]["metadata"]["name"]) == ("ADDED", "x")
    assert (second[0], second[1]["metadata"]["name"]) == ("ADDED", "y")
    assert list(registry.watch(MAPS, "", registry.version, 0.1)) == []


def test_versions_of_a_later_run_are_larger() -> None:
    """A client that kept one from before is not told of an older world."""
    assert len(list(itertools.islice(str(World().registry().version), 20))) > 9
