"""The laptop may leave when nothing needs it: asked, not assumed. With machines: tests/lab."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from appliance.boot.lease_store import LeaseStore, laptop_boot
from appliance.boot.leases import Hold, Lease, LeaseChange
from appliance.flow.leaving import may_leave
from appliance.flow.stocking import stock
from appliance.handover.unplug import NotYet, Safe
from appliance.paths import Paths
from appliance.site.plan import StagingPlan
from tests.plans import NETWORK, plan
from tests.site_files import media, whole_plan
from tests.unit.flow.support import context_in


def test_a_site_with_servers_of_its_own_lets_it_go(tmp_path: Path) -> None:
    """Names and time come from the site; no virtual machine was made."""
    with context_in(tmp_path) as context:
        assert isinstance(may_leave(context, plan()), Safe)


def test_machines_that_ask_the_laptop_hold_it(tmp_path: Path) -> None:
    """For names and for time."""
    asking = replace(NETWORK, dns=(NETWORK.bridge,), ntp=(NETWORK.bridge,))
    with context_in(tmp_path) as context:
        verdict = may_leave(context, plan(network=asking))
    assert isinstance(verdict, NotYet)
    assert "machines on main ask the laptop for names" in verdict.reasons
    assert "machines on main ask the laptop for time" in verdict.reasons


def test_a_silent_staging_machine_holds_it(tmp_path: Path) -> None:
    """Every service that was not answered is a reason; so is a cluster nobody asked."""
    whole = whole_plan()
    paths = Paths(tmp_path)
    stock(whole, paths, folder=media(tmp_path / "media", whole), accept_ipxe=True, stand_ins=True)
    assert whole.staging is not None
    nobody = replace(whole, staging=StagingPlan("staging", IPv4Address("127.99.0.1")))
    with context_in(tmp_path) as context:
        verdict = may_leave(context, nobody)
    assert isinstance(verdict, NotYet)
    said = " ".join(verdict.reasons)
    for what in ("names", "time", "files", "registry", "the cluster's API was not asked"):
        assert what in said, said


def test_a_laptop_that_has_the_services_address_holds_itself(tmp_path: Path) -> None:
    """What it answers there proves nothing of the staging machine."""
    whole = whole_plan()
    paths = Paths(tmp_path)
    stock(whole, paths, folder=media(tmp_path / "media", whole), accept_ipxe=True, stand_ins=True)
    own = replace(whole, staging=StagingPlan("staging", IPv4Address("127.0.0.1")))
    with context_in(tmp_path) as context:
        verdict = may_leave(context, own)
    assert isinstance(verdict, NotYet)
    assert "this laptop itself has the services address 127.0.0.1, on lo" in verdict.reasons


def test_a_machine_that_lives_on_a_lease_holds_it(tmp_path: Path) -> None:
    """What was installed by hand may ask for its address: then the laptop is needed."""
    by_hand = replace(whole_plan().vm("app1"), address=None, image=None, iso="windows")
    with_vm = replace(plan(), vms=(by_hand,))
    first = with_vm.provisioning.pool.first
    with context_in(tmp_path) as context:
        context.site_paths.boot.mkdir(parents=True)
        store = LeaseStore(context.site_paths.boot / "boot.db", boot=laptop_boot())
        now = context.clock.monotonic()
        lease = Lease(first, by_hand.mac, Hold.LEASE, now + 600, 600.0)
        store.commit([LeaseChange(first, lease)], unix=now)
        store.close()
        verdict = may_leave(context, with_vm)
    assert isinstance(verdict, NotYet)
    assert verdict.reasons == ("app1 has an address of the laptop's pool",)
