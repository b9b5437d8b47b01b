"""What is kept of a site: read back as it was, and from before there was more of it."""

from __future__ import annotations

import json

import pytest

from appliance.site.freeze import propose
from appliance.site.frozen import Frozen, FrozenVm
from tests.sites import site


def test_it_comes_back_as_it_was() -> None:
    """Through JSON, as the store keeps it."""
    frozen = propose(site(cluster={"rke2": "v1.36.3+rke2r1"}, vms={"app": {}}))
    assert Frozen.from_json(json.loads(json.dumps(frozen.as_json()))) == frozen


def test_what_was_frozen_before_there_were_virtual_machines_is_read() -> None:
    """It lacks their keys; nothing is known of them then."""
    values = propose(site()).as_json()
    for key in ("vms", "images", "cluster", "staging"):
        del values[key]
    frozen = Frozen.from_json(values)
    assert (frozen.vms, frozen.images, frozen.cluster, frozen.staging) == ({}, {}, None, None)
    assert frozen == propose(site())


@pytest.mark.parametrize("values", [None, [], {}, {"site": "a"}])
def test_anything_else_is_refused(values: object) -> None:
    """A damaged store is told from an empty one."""
    with pytest.raises(ValueError, match="validation error"):
        Frozen.from_json(values)


def test_a_card_is_a_mac_address() -> None:
    """Of an individual, locally administered."""
    vm = FrozenVm("main", "02:00:00:00:00:01", None, "a.img", 1)
    assert str(vm.card) == "02:00:00:00:00:01"
    with pytest.raises(ValueError, match="MAC"):
        _ = FrozenVm("main", "x", None, "a.img", 1).card
