"""Names, tags and labels."""

from __future__ import annotations

from appliance.lab.harvester_provider.metadata import common, identity, marked, new, parts


def test_ids() -> None:
    """An id is namespace/name; a bare name is of the namespace it is said in."""
    assert identity("default", "one") == "default/one"
    assert parts("default/one", "other") == ("default", "one")
    assert parts("one", "other") == ("other", "one")


def test_tags_there_and_back() -> None:
    """Tags become labels with a prefix and are read back without it; Harvester's own are hidden."""
    wanted = {
        "name": "one",
        "namespace": "default",
        "tags": {"bridgehead-site": "alpha"},
        "labels": {"team": "a"},
        "description": "the first",
    }
    metadata = new(wanted)
    metadata["labels"]["harvesterhci.io/creator"] = "us"
    marked(metadata, wanted)
    assert metadata["labels"] == {
        "harvesterhci.io/creator": "us",
        "tag.harvesterhci.io/bridgehead-site": "alpha",
        "team": "a",
    }
    assert common({"metadata": metadata}) == {
        "id": "default/one",
        "namespace": "default",
        "name": "one",
        "description": "the first",
        "tags": {"bridgehead-site": "alpha"},
        "labels": {"team": "a"},
    }


def test_what_went_is_taken_away() -> None:
    """A tag that is no longer said is no longer there."""
    metadata = {"name": "one", "labels": {"tag.harvesterhci.io/old": "x", "harvesterhci.io/a": "b"}}
    marked(metadata, {"tags": None, "labels": None})
    assert metadata["labels"] == {"harvesterhci.io/a": "b"}
