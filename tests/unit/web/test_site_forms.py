"""The forms of the pages Site, and VMs and cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import SiteFileError
from appliance.site.freeze import propose
from appliance.site.load import load_text
from appliance.site.make_plan import make_plan
from appliance.site.yaml_edit import rewritten
from appliance.web.forms import Form, Kind
from appliance.web.site_file import applied
from appliance.web.site_forms import cluster_form, site_form
from tests.unit.web.test_forms import EXAMPLES, THREE, after, data_of


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda each: each.name)
@pytest.mark.parametrize("make", [site_form, cluster_form])
def test_a_form_sent_as_it_was_shown_changes_nothing(example: Path, make: object) -> None:
    """Not an octet of any example, with line ends as browsers send them."""
    text = example.read_text()
    data = data_of(text)
    form = site_form(data) if make is site_form else cluster_form(data)
    given = {name: value.replace("\n", "\r\n") for name, value in form.values(data).items()}

    assert form.changes(data, given) == {}
    assert after(form, text, given) == text


def test_every_field_says_what_the_docs_say() -> None:
    """Words are the model's; a field of a key has help."""
    data = data_of(THREE)
    for form in (site_form(data), cluster_form(data)):
        assert [
            each.name for each in form.fields if each.kind != Kind.REMOVE and not each.help
        ] == []
        names = [each.name for each in form.fields]
        assert len(names) == len(set(names))


def test_machines_are_named_and_nothing_else_is_asked() -> None:
    """Which box is which is found out when they report."""
    form = site_form({})
    text = after_from_nothing(form, {"site": "alpha", "hypervisor.harvester": "v1.8.2"})
    with pytest.raises(SiteFileError):
        load_text(text)

    given = {"site": "alpha", "hypervisor.harvester": "v1.8.2"}
    given["+hypervisor.machines"] = "node1, node2\nnode3"
    text = after_from_nothing(form, given)
    assert load_text(text).site.hypervisor.machines.keys() == {"node1", "node2", "node3"}

    again = site_form(data_of(text))
    assert {"-hypervisor.machines.node2"} <= {each.name for each in again.fields}
    assert "node2" not in after(again, text, {"-hypervisor.machines.node2": "yes"})


def after_from_nothing(form: Form, given: dict[str, str]) -> str:
    """Give the text that a form begins."""
    return rewritten("", applied({}, form.changes({}, given)))


def test_a_machine_with_settings_is_not_taken_out_by_a_box() -> None:
    """What people wrote of it would be lost."""
    names = {each.name for each in site_form(data_of(THREE)).fields}

    assert not {name for name in names if name.startswith("-hypervisor")}


def test_left_empty_means_what_the_plan_proposes() -> None:
    """The very address is shown, not only that there will be one."""
    site = load_text(THREE).site
    form = site_form(data_of(THREE), make_plan(site, propose(site)))
    hints = {each.name: each.hint for each in form.fields}

    assert hints["networks.main.bridge"].endswith("Left empty: 10.20.0.2.")
    assert "10.21.0.1" in hints["networks.vm.gateway"]


def test_a_further_network_is_asked_for_its_own_subnet() -> None:
    """The usual one is that of the network for provisioning; nothing is proposed in its place."""
    fields = {each.name: each for each in site_form(data_of(THREE)).fields}
    main, vm, new = (
        fields[f"{each}cidr"] for each in ("networks.main.", "networks.vm.", "+networks.")
    )

    assert main.hint.endswith("Left empty: 10.20.0.0/24.")
    assert (main.required, vm.required, new.required) == (False, True, False)
    assert new.depends
    assert "Left empty" not in vm.hint + new.hint
    lan = "networks:\n  lan: {role: provisioning}\n  main: {role: vm}\n"
    own = {each.name: each.required for each in site_form(data_of(lan)).fields}
    assert (own["networks.lan.cidr"], own["networks.main.cidr"]) == (False, True)

    text = after(site_form(data_of(THREE)), THREE, {"+networks": "more", "+networks.vlan": "9"})
    with pytest.raises(SiteFileError) as refused:
        load_text(text)
    form = site_form(data_of(THREE))
    own_problems, others = form.sorted_out(refused.value.problems, {"+networks": "more"})
    assert [each.what for each in own_problems["+networks.cidr"]] == ["no subnet is given"]
    assert others == []


def test_what_is_installed_from_a_cd_starts_from_no_image() -> None:
    """And the form does not say that it does."""
    fields = {each.name: dict(each.choices) for each in cluster_form(data_of(THREE)).fields}

    assert fields["vms.tide-tables.image"][""] == "none: it is installed from a CD"
    assert fields["vms.relay.image"][""] == "ubuntu-24.04; with a CD none"
    assert fields["vms.relay.iso"][""] == "none"
