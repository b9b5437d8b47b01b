"""Which machine is which, kept for a site: what people say stands above the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.flow.binding import bind_machine, kept_frozen, whole_site
from appliance.flow.context import Context
from appliance.flow.s1_site import plan_of, propose_again
from appliance.site.load import load_file
from appliance.site.plan import Plan
from appliance.values import Mac
from tests.unit.flow.support import context_in

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
    hv2: {mac: "52:54:00:00:00:02", disk: /dev/disk/by-id/virtio-B}
    hv3: {match: {serial: S3}, disk: "size >= 250G"}
"""
_ONE, _TWO, _THREE, _OTHER = (Mac(f"52540000000{number}") for number in (1, 2, 3, 4))


def _bind(context: Context, name: str, *macs: Mac, disk: str | None, by_hand: bool) -> Plan:
    loaded = load_file(context.site_file)
    whole = whole_site(context, loaded)
    proposed = propose_again(context, whole, loaded.places)
    bind_machine(context, whole, proposed, name, macs, disk, by_hand=by_hand)
    return plan_of(context, loaded)


def _site(folder: Path) -> Path:
    path = folder / "site.yaml"
    path.write_text(_SITE)
    return path


def test_a_report_arms_the_machine_that_it_is_of(tmp_path: Path) -> None:
    """With the card it reported by and the disk that was chosen; its other cards are known."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        assert kept_frozen(context) is None
        plan = _bind(context, "hv3", _THREE, _OTHER, disk="/dev/disk/by-id/virtio-C", by_hand=False)
    found = plan.machine("hv3")
    assert found is not None
    assert (found.macs, found.other_macs) == ((_THREE,), (_OTHER,))
    assert found.disk is not None
    assert found.disk.path == "/dev/disk/by-id/virtio-C"
    assert found.not_armed is None


def test_people_swap_two_boxes_whatever_the_file_says(tmp_path: Path) -> None:
    """The card is the one machine's and no longer the other's, until that is pointed out too."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        plan = _bind(context, "hv2", _ONE, disk=None, by_hand=True)
        assert [each.macs for each in plan.machines] == [(), (_ONE,), ()]
        plan = _bind(context, "hv1", _TWO, disk=None, by_hand=True)
        assert [each.macs for each in plan.machines] == [(_TWO,), (_ONE,), ()]
        assert plan.machines[0].disk is not None
        assert plan.machines[0].disk.path == "/dev/disk/by-id/virtio-A"


def test_a_machine_that_was_found_is_pointed_out_as_another(tmp_path: Path) -> None:
    """Who had the card is found anew."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        _bind(context, "hv3", _THREE, disk="/dev/disk/by-id/virtio-C", by_hand=False)
        plan = _bind(context, "hv2", _THREE, disk=None, by_hand=True)
    assert [each.macs for each in plan.machines] == [(_ONE,), (_THREE,), ()]


def test_a_report_takes_no_machine_from_another(tmp_path: Path) -> None:
    """Only people may say so."""
    with (
        context_in(tmp_path, site_file=_site(tmp_path)) as context,
        pytest.raises(InputError, match="hv1 already"),
    ):
        _bind(context, "hv3", _ONE, disk=None, by_hand=False)
