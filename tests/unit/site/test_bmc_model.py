"""What a file says of how a machine is switched, as the Plan holds it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from appliance.errors import SiteFileError
from appliance.site.bmc_model import BmcSite
from appliance.site.freeze import propose
from appliance.site.load import load_text
from appliance.site.make_plan import make_plan
from appliance.site.plan import BmcBoot, BmcPlan, Plan, Way
from appliance.site.show import plan_text
from appliance.values import Mac
from tests.sites import machine, site


def planned(bmc: dict[str, Any] | None) -> Plan:
    """Give the Plan of one machine with this BMC."""
    made = site({"hv1": machine(1, **({"bmc": bmc} if bmc is not None else {}))})
    return make_plan(made, propose(made))


def test_without_a_bmc_a_machine_is_switched_by_hand() -> None:
    """A site needs none."""
    assert planned(None).machines[0].bmc == BmcPlan(Way.BY_HAND)
    assert "switched by    hand" in plan_text(planned(None), ())


def test_redfish_where_nothing_else_is_said() -> None:
    """All of it is in the Plan, and in what people read."""
    said = {
        "address": "https://10.20.0.51:8443/",
        "user": "root",
        "system": "System.Embedded.1",
        "mac": "52-54-00-12-99-01",
    }
    plan = planned(said)
    bmc = plan.machines[0].bmc
    mac = Mac.parse("52:54:00:12:99:01")
    address = "https://10.20.0.51:8443"
    assert bmc == BmcPlan(Way.REDFISH, address, "root", "System.Embedded.1", mac)
    assert bmc.host == "10.20.0.51"
    shown = "Redfish at https://10.20.0.51:8443 as root, system System.Embedded.1"
    assert shown in plan_text(plan, ())
    assert not bmc.plain


def test_a_machine_that_starts_from_the_boot_disc() -> None:
    """Said for it alone, and shown to people; the network else."""
    said = {"address": "10.20.0.51", "user": "root"}
    assert planned(said).machines[0].bmc.boot is BmcBoot.NETWORK
    plan = planned({**said, "boot": "disc"})
    assert plan.machines[0].bmc.boot is BmcBoot.DISC
    assert "Redfish at 10.20.0.51 as root, from the boot disc" in plan_text(plan, ())


def test_an_address_without_tls_is_said() -> None:
    """The password would be readable on the network."""
    plan = planned({"address": "http://10.20.0.51", "user": "root"})
    assert plan.machines[0].bmc.plain
    assert any("hv1: bmc.address is http://" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("bmc", "words"),
    [
        ({"type": "ipmi", "address": "10.20.0.51", "user": "ADMIN"}, "IPMI at 10.20.0.51 as ADMIN"),
        ({"type": "wake-on-lan"}, "Wake-on-LAN, off by hand"),
        ({"type": "by-hand"}, "hand"),
    ],
)
def test_the_other_ways(bmc: dict[str, Any], words: str) -> None:
    """In words."""
    assert str(planned(bmc).machines[0].bmc) == words


@pytest.mark.parametrize(
    "address",
    [
        "10.20.0.51",
        "10.20.0.51:8443",
        "hv1-bmc.example",
        "https://10.20.0.51/redfish/v1",
        "http://127.0.0.1:8000",
    ],
)
def test_addresses(address: str) -> None:
    """A host, a port, a URL."""
    assert BmcSite.model_validate({"address": address, "user": "root"}).address == address


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("10.20.0.256", "is no IPv4 address"),
        ("10.20.0.51:70000", "70000 is no port"),
        ("10.20.0.51/redfish", "is no address of a BMC"),
        ("ftp://10.20.0.51", "is no address of a BMC"),
        ("https://10.20.0.51?x=1", "is no address of a BMC"),
        ("", "is no address of a BMC"),
    ],
)
def test_what_is_no_address(address: str, what: str) -> None:
    """It is refused in words."""
    with pytest.raises(ValidationError, match=what):
        BmcSite.model_validate({"address": address, "user": "root"})


def said_of(bmc: str) -> str:
    """Give what is said of a file with this BMC."""
    text = f"site: a\nhypervisor: {{harvester: v1.8.2, machines: {{hv1: {{bmc: {bmc}}}}}}}\n"
    with pytest.raises(SiteFileError) as caught:
        load_text(text)
    return "\n".join(str(each) for each in caught.value.problems)


@pytest.mark.parametrize("key", ["password", "passwd", "token"])
def test_no_password_in_a_site_file(key: str) -> None:
    """It says where the password goes instead, and does not repeat it."""
    said = said_of(f"{{address: 10.20.0.51, user: root, {key}: calvin}}")
    assert "no secret belongs in a site file" in said
    assert "provision power password" in said
    assert "calvin" not in said


def test_no_password_in_an_address() -> None:
    """Nor there, and it is not repeated."""
    said = said_of("{address: 'https://root:calvin@10.20.0.51'}")
    assert "a user or a password stands in this address" in said
    assert "calvin" not in said
