"""The provider's arguments."""

from __future__ import annotations

import pytest

from appliance.lab.harvester_provider.schema import (
    IMAGE,
    MACHINE,
    NETWORK,
    RESOURCES,
    Attribute,
    Block,
    Kind,
    Rule,
)


def named(block: Block, name: str) -> Attribute:
    """Find an argument."""
    return next(each for each in block.attributes if each.name == name)


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        (named(IMAGE, "source_type"), "copy", "one of"),
        (named(IMAGE, "url"), "ftp://10.20.0.2/x", "url"),
        (named(IMAGE, "name"), "Blank", "DNS1123"),
        (named(IMAGE, "display_name"), "", "empty"),
        (named(NETWORK, "vlan_id"), 4095, "0 to 4094"),
        (named(MACHINE.blocks["disk"], "boot_order"), -1, "from 0"),
        (named(MACHINE, "run_strategy"), "Once", "one of"),
    ],
)
def test_what_upstream_refuses_is_refused(attribute: Attribute, value: object, words: str) -> None:
    """A value that upstream's validation refuses has a fault, in words."""
    assert words in (attribute.fault(value) or "")


def test_good_values_have_no_fault() -> None:
    """What is allowed has none."""
    assert named(IMAGE, "url").fault("http://10.20.0.2/a/x.img") is None
    assert named(NETWORK, "vlan_id").fault(0) is None
    assert Attribute("name", rule=Rule.NAME).fault("srv1.alpha") is None


def test_every_kind_has_what_is_common_to_all() -> None:
    """Each kind of thing has name, namespace, tags, state and all five timeouts."""
    for block in RESOURCES.values():
        names = {each.name for each in block.attributes}
        assert {"id", "name", "namespace", "tags", "labels", "state", "message"} <= names
        assert len(block.blocks["timeouts"].attributes) == 5
        assert block.blocks["timeouts"].single


def test_what_is_computed_alone_cannot_be_given() -> None:
    """No argument is required and computed, and each can be given or is found."""
    for block in RESOURCES.values():
        for each in block.attributes:
            assert each.required + each.optional + (each.computed and not each.optional) == 1
            assert isinstance(each.kind, Kind)
