"""The form of how a machine is switched."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from appliance.errors import Problem
from appliance.flow.found_bmcs import FoundBmc
from appliance.site.freeze import propose
from appliance.site.load import load_text
from appliance.site.make_plan import make_plan
from appliance.site.plan import Plan
from appliance.web.bmc_form import bmc_form, filled, lasting_address
from tests.unit.web.test_forms import after, data_of
from tests.unit.web.wizard_world import SITE

BASE = "hypervisor.machines.hv1.bmc"
DRAC = "d0:94:66:00:00:01"
WITH = SITE.replace("hv1: {", "hv1: {bmc: {address: 10.20.0.51, user: root}, ")


def _plan(text: str) -> Plan:
    site = load_text(text).site
    return make_plan(site, propose(site))


def test_without_a_word_it_is_a_hand_and_with_an_address_redfish() -> None:
    """As the site file has it."""
    form = bmc_form("hv1")
    assert form.values(data_of(SITE))[f"{BASE}.type"] == "by-hand"
    assert form.values(data_of(WITH))[f"{BASE}.type"] == "redfish"
    for text in (SITE, WITH):
        assert after(form, text, form.values(data_of(text))) == text
    assert [each.help for each in form.fields if not each.help] == []


def test_the_way_is_written_where_the_file_says_nothing_yet() -> None:
    """Else an address typed beside `by hand` would be Redfish."""
    form = bmc_form("hv1")
    text = after(form, SITE, {f"{BASE}.address": "10.20.0.51"})
    assert "bmc: {type: by-hand, address: 10.20.0.51}" in text
    given = {f"{BASE}.type": "ipmi", f"{BASE}.address": "10.20.0.51", f"{BASE}.user": "ADMIN"}
    assert "bmc: {type: ipmi, address: 10.20.0.51, user: ADMIN}" in after(form, SITE, given)
    assert "bmc: {address: 10.20.0.52, user: root}" in after(
        form, WITH, {f"{BASE}.address": "10.20.0.52"}
    )
    by_hand = {f"{BASE}.type": "by-hand", f"{BASE}.address": "", f"{BASE}.user": ""}
    assert "bmc: {type: by-hand}" in after(form, WITH, by_hand)


def test_a_machine_that_starts_from_a_disc_is_a_choice() -> None:
    """The network needs no word in the file."""
    form = bmc_form("hv1")
    assert form.values(data_of(WITH))[f"{BASE}.boot"] == ""
    disc = after(form, WITH, {f"{BASE}.boot": "disc"})
    assert "bmc: {address: 10.20.0.51, user: root, boot: disc}" in disc
    assert after(form, disc, {f"{BASE}.boot": ""}) == WITH


def test_what_is_wrong_with_the_machine_is_none_of_this_form() -> None:
    """Only what is said of its BMC is."""
    keys = [BASE, f"{BASE}.user", "hypervisor.machines.hv1", f"{BASE}x", "hypervisor"]
    problems = [Problem("", 1, 1, key, "wrong", "mend it") for key in keys]
    own, others = bmc_form("hv1").sorted_out(problems, {})
    assert list(own) == [f"{BASE}.type", f"{BASE}.user"]
    assert [each.key for each in others] == keys[2:]


def test_a_bmc_that_was_found_fills_it() -> None:
    """With its card; what the file says of the machine stays."""
    form = bmc_form("hv1")
    found = FoundBmc(DRAC, "192.168.9.7", "Dell iDRAC", 1.0)
    new = filled(form, form.values(data_of(SITE)), found, _plan(SITE))
    assert list(new.values()) == ["redfish", "192.168.9.7", DRAC]
    kept = filled(form, form.values(data_of(WITH)), found, _plan(WITH))
    assert list(kept.values()) == ["redfish", "10.20.0.51", DRAC]


@pytest.mark.parametrize("text", [SITE, WITH])
def test_an_address_of_the_dynamic_range_is_not_kept(text: str) -> None:
    """A free one beside it is proposed, and the site file with it is right."""
    plan = _plan(text)
    main = plan.provisioning
    proposed = IPv4Address(lasting_address(str(main.pool.first), plan))
    assert proposed in main.cidr
    assert proposed not in main.pool
    taken = {each.address for each in plan.machines} | {main.bridge, main.gateway}
    assert proposed not in taken | {plan.hypervisor.vip}
    given = {"hypervisor.machines.hv2.bmc.address": str(proposed)}
    given |= {"hypervisor.machines.hv2.bmc.type": "redfish"}
    given |= {"hypervisor.machines.hv2.bmc.user": "root"}
    assert load_text(after(bmc_form("hv2"), text, given)).site.hypervisor.machines["hv2"].bmc


def test_an_address_that_nobody_knows_is_left_to_be_typed() -> None:
    """A BMC that asked another DHCP server, say."""
    assert lasting_address("", _plan(SITE)) == ""
    assert lasting_address("None", _plan(SITE)) == ""
