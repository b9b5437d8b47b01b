"""Forms of the site file: its own keys, its own words, its own refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import SiteFileError
from appliance.site.freeze import propose
from appliance.site.load import load_text
from appliance.site.make_plan import make_plan
from appliance.site.yaml_edit import rewritten
from appliance.site.yaml_text import Value, read_yaml
from appliance.web.forms import Form, Kind, cluster_form, site_form
from appliance.web.site_file import applied

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()


def data_of(text: str) -> dict[str, Value]:
    """Read a text that is a map."""
    data = read_yaml(text, "site.yaml").data
    assert isinstance(data, dict)
    return data


def after(form: Form, text: str, given: dict[str, str]) -> str:
    """Give the text as a form leaves it."""
    data = data_of(text)
    return rewritten(text, applied(data, form.changes(data, given)))


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


def test_values_are_put_where_the_docs_have_them() -> None:
    """New keys stand among their siblings, lists as lists."""
    text = after(
        site_form(data_of(THREE)),
        THREE,
        {
            "networks.main.bridge": " 10.20.0.2 ",
            "networks.main.ntp": "10.20.0.1 10.20.0.2",
            "networks.vm.dns": "",
            "hypervisor.accept_small_hardware": "yes",
            "domain": "",
        },
    )

    assert "    gateway: 10.20.0.1\n    bridge: 10.20.0.2\n    pool:" in text
    assert "ntp: [10.20.0.1, 10.20.0.2]" in text
    assert "  accept_small_hardware: true\n" in text
    assert "domain:" not in text
    assert "# Boots from either port" in text


def test_a_box_that_is_cleared_says_false_where_the_file_says_true() -> None:
    """The key stays, so that its remark does."""
    text = "vms:\n  relay:\n    running: true # always\n"
    form = cluster_form(data_of(text))

    assert "running: false # always" in after(form, text, {"vms.relay.running": "no"})
    assert after(form, text, {"vms.relay.efi": "yes"}) == text


def test_new_entries_come_with_their_keys_and_old_ones_go() -> None:
    """`+` makes, `-` takes out."""
    form = cluster_form(data_of(THREE))
    text = after(
        form,
        THREE,
        {
            "+vms": "mail",
            "+vms.cpus": "4",
            "+vms.network": "main",
            "+vms.efi": "true",
            "-vms.tide-tables": "yes",
            "vms.tide-tables.cpus": "8",
        },
    )

    assert "  mail: {cpus: 4, network: main}\n" in text
    assert "tide-tables" not in text
    assert load_text(text).site.vms.keys() == {"relay", "mail"}


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


def test_each_problem_is_at_its_field_with_the_commands_words() -> None:
    """Lists and whole maps lead to their field; what is no field of the page comes apart."""
    given = {
        "networks.main.cidr": "10.20.0.7/24",
        "networks.main.dns": "10.20.0.3, nonsense",
        "+networks": "Bad_Name",
        "+networks.cidr": "10.99.0.0/24",
    }
    form = site_form(data_of(THREE))
    with pytest.raises(SiteFileError) as refused:
        load_text(after(form, THREE.replace("cpus: 24", "cpus: many"), given))

    own, others = form.sorted_out(refused.value.problems, given)

    assert [each.fix for each in own["networks.main.cidr"]] == ["write 10.20.0.0/24"]
    assert [each.what for each in own["networks.main.dns"]] == ["'nonsense' is no IPv4 address"]
    assert "RFC 1123" in own["+networks"][0].what
    assert [each.key for each in others] == ["hypervisor.machines.hv3.cpus"]


def test_what_is_said_of_a_whole_map_is_shown_at_its_first_field() -> None:
    """A cluster without a version."""
    text = THREE.replace("  rke2: v1.36.3+rke2r1\n", "")
    with pytest.raises(SiteFileError) as refused:
        load_text(text)

    own, others = cluster_form(data_of(text)).sorted_out(refused.value.problems, {})

    assert own["cluster.rke2"][0].what == "no version is given"
    assert others == []


def test_a_name_that_is_taken_is_refused() -> None:
    """A new machine must not change an old one."""
    form = cluster_form(data_of(THREE))

    assert form.taken(data_of(THREE), {"+vms": "relay"})["+vms"].what == "there is a relay already"
    assert form.taken(data_of(THREE), {"+vms": "mail"}) == {}


def test_left_empty_means_what_the_plan_proposes() -> None:
    """The very address is shown, not only that there will be one."""
    site = load_text(THREE).site
    form = site_form(data_of(THREE), make_plan(site, propose(site)))
    hints = {each.name: each.hint for each in form.fields}

    assert hints["networks.main.bridge"].endswith("Left empty: 10.20.0.2.")
    assert "10.21.0.1" in hints["networks.vm.gateway"]


def test_names_that_are_no_fields_are_known_as_such() -> None:
    """A program that mistypes a key is told so."""
    assert site_form({}).unknown(["site", "hypervisor.harvestr"]) == ("hypervisor.harvestr",)
