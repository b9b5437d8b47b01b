"""Approved machines join the site under its own rules."""

from __future__ import annotations

import pytest

from appliance.errors import InputError
from appliance.flow.approved import parse_machine, with_approved
from appliance.site.load import load_text
from appliance.site.model import Site

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""
_GOOD = {"mac": "52:54:00:00:00:02", "role": "join", "disk": "/dev/disk/by-id/virtio-B"}


@pytest.fixture
def site() -> Site:
    """A site with one machine."""
    return load_text(_SITE).site


def test_an_approved_machine_is_one_of_the_site(site: Site) -> None:
    """It stands beside those of the file."""
    whole = with_approved(site, {"hv2": _GOOD})
    assert sorted(whole.hypervisor.machines) == ["hv1", "hv2"]
    assert str(whole.hypervisor.machines["hv2"].disk) == _GOOD["disk"]


def test_without_approvals_the_site_is_the_file(site: Site) -> None:
    """Nothing is copied for nothing."""
    assert with_approved(site, {}) is site


def test_the_site_file_wins(site: Site) -> None:
    """A machine that was written into the file since is the file's."""
    assert with_approved(site, {"hv1": _GOOD}) is site


def test_a_mac_that_is_taken_is_refused(site: Site) -> None:
    """The site's own rules hold for approved machines."""
    with pytest.raises(InputError, match="hv2 do not fit") as caught:
        with_approved(site, {"hv2": {**_GOOD, "mac": "52:54:00:00:00:01"}})
    assert "52:54:00:00:00:01" in caught.value.why


def test_a_disk_that_may_change_its_name_is_refused() -> None:
    """/dev/sda is no name for a disk (harvester#5579)."""
    with pytest.raises(InputError, match="hv2 cannot be approved") as caught:
        parse_machine("hv2", {**_GOOD, "disk": "/dev/sda"})
    assert "disk" in caught.value.why
