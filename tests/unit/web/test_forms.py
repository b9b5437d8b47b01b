"""A form of the site file: its own keys, its own words, its own refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import SiteFileError
from appliance.site.load import load_text
from appliance.site.yaml_edit import rewritten
from appliance.site.yaml_text import Value, read_yaml
from appliance.web.forms import Form
from appliance.web.site_file import applied
from appliance.web.site_forms import cluster_form, site_form

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


def test_names_that_are_no_fields_are_known_as_such() -> None:
    """A program that mistypes a key is told so."""
    assert site_form({}).unknown(["site", "hypervisor.harvestr"]) == ("hypervisor.harvestr",)
