"""What operators order of single machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.flow.orders import approve, reinstall, unknown_machines
from appliance.store.machines import Proven
from appliance.values import Mac
from tests.plans import plan
from tests.unit.flow.support import context_in

_MAC = Mac.parse("52:54:00:00:00:09")


def test_an_unknown_machine_is_listed_until_it_is_approved(tmp_path: Path) -> None:
    """Whoever asked to boot and belongs to nobody waits, with the time it was last heard."""
    with context_in(tmp_path) as context:
        for at in (1.0, 2.0):
            context.tell("decision", "discover: …", data={"mac": str(_MAC)}, at=at)
        context.tell("decision", "install: …", machine="hv1", data={"mac": "52:54:00:00:00:01"})
        assert unknown_machines(context, plan()) == {str(_MAC): 2.0}
        approve(context, _MAC, "hv9", {"role": "join"})
        assert unknown_machines(context, plan()) == {}
        assert context.approved.all() == {"hv9": {"mac": str(_MAC), "role": "join"}}


def test_a_mac_has_one_name(tmp_path: Path) -> None:
    """Approving a machine a second time, under another name, is refused."""
    with context_in(tmp_path) as context:
        approve(context, _MAC, "hv9", {"role": "join"})
        with pytest.raises(InputError, match="already approved, as hv9"):
            approve(context, _MAC, "hv8", {"role": "join"})


def test_a_reinstallation_drops_the_proof_and_keeps_the_count(tmp_path: Path) -> None:
    """The order itself is what is remembered."""
    with context_in(tmp_path) as context:
        context.proven.put(Proven("hv1", installed=5.0, ready=6.0, installs=1))
        context.switches.note("hv1", acted="on", acted_at=5.0, power="on")
        reinstall(context, "hv1", "/dev/disk/by-id/virtio-A")
        proven = context.proven.get("hv1")
        assert context.switches.get("hv1") == {"power": "on"}  # it is not waited for, but switched
        assert context.agreed.all() == {"hv1": "/dev/disk/by-id/virtio-A"}
    assert (proven.installed, proven.ready, proven.installs) == (None, None, 1)
    assert proven.record["last_seen"] == "reinstall-ordered"
