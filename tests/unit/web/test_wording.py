"""What the flow really says, put into the words of the pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance import advice
from appliance.advice import Advice
from appliance.errors import Problem
from appliance.site.freeze import propose
from appliance.site.make_plan import make_plan
from appliance.site.model import Site
from appliance.site.plan import Way
from appliance.site.yaml_text import Value
from appliance.web.bmc_form import bmc_form
from appliance.web.forms import Form
from appliance.web.site_forms import cluster_form, site_form
from appliance.web.wording import WORDS, for_field, paged
from tests.sites import machine, site

ROOT = Path(__file__).resolve().parents[3] / "appliance"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            (
                "no MAC address is given, so it cannot be told from a stranger: write mac or match"
                "; no disk is named, and none is ever guessed: write disk: /dev/disk/by-id/… or "
                "by-path, or choose one of its report"
            ),
            (
                "nobody has said yet which box it is, nor which disk may be written: after you "
                "began on the page Review, switch it on, booting from the network, and say both "
                "on the page Machines"
            ),
        ),
        (
            "to lose it, type the machine's name again: --erase hv3",
            "if it may be lost, type the machine's name, hv3, in the field below",
        ),
        ("--erase hv2 is not the name hv3", "what was typed is not the name hv3"),
        (
            (
                "2 installations began and none ended: see its log, then "
                "'provision reinstall SITE hv3 --yes'"
            ),
            (
                "2 installations began and none ended: see its log, then “Install anew” on the "
                "page of hv3"
            ),
        ),
        (
            (
                "for a replaced board: provision identify SITE WHICH hv3; to write its disk anew: "
                "provision reinstall SITE hv3 --yes"
            ),
            "for a replaced board, or to write its disk anew, see the page of hv3",
        ),
        (
            "'provision fetch SITE', or import them: 'provision fetch SITE --from FOLDER'",
            "bring the files on the page Files",
        ),
        (
            "no MAC address is given, so it cannot be told from a stranger: write mac or match",
            (
                "nobody has said yet which box it is: after you began on the page Review, switch "
                "it on, booting from the network, and say so on the page Machines"
            ),
        ),
        ("the installer reporting SUCCEEDED", "the installer saying that it is done"),
        ("It runs. `false` keeps it stopped.", "It runs. Without the tick it is kept stopped."),
        ("<b>hv3</b> is odd", "<b>hv3</b> is odd"),
    ],
)
def test_advice_is_that_of_the_pages(said: str, shown: str) -> None:
    """No option, no key of a file; what is not known stays as it is."""
    assert paged(said) == shown
    assert paged(shown) == shown


_FILLED = {"site": "/srv/a site.yaml", "machine": "hv3.b", "typed": "hv 2", "lost": "hv4"}
_COMMAND = re.compile(r"provision \w+|--[a-z]")
_BY_HAND = re.compile(r"at the laptop itself|^start the wizard")


@pytest.mark.parametrize("piece", advice.every(), ids=lambda piece: piece.command[:40])
def test_a_piece_of_advice_is_found_in_any_text(piece: Advice) -> None:
    """Whatever is filled in, wherever it stands; what a page says of it is not put anew again."""
    names = {name: _FILLED.get(name, "some") for name in piece.names}
    said, shown = (
        f"see it: {each.format(**names)}. Then so" for each in (piece.command, piece.page)
    )
    assert paged(said) == shown
    assert paged(shown) == shown


@pytest.mark.parametrize("piece", advice.every(), ids=lambda piece: piece.command[:40])
def test_a_page_names_a_command_only_where_nothing_else_helps(piece: Advice) -> None:
    """And then says that the laptop itself is where it is typed."""
    if piece.page != piece.command and _COMMAND.search(piece.page):
        assert _BY_HAND.search(piece.page)


_BMC = {"type": "redfish", "address": "http://10.20.0.51", "user": "admin"}
_SITES = (
    site(machines={"hv1": {}, "hv2": machine(2, bmc=_BMC)}),
    site(
        networks__vm={"cidr": "10.21.0.0/24", "vlan": "21"},
        networks__main__ntp=["10.20.0.3"],
        hypervisor__accept_small_hardware="true",
        cluster={"rke2": "v1.36.3+rke2r1", "active": "false"},
        staging={"enabled": "false"},
        vms={"tide": {"iso": "windows"}},
    ),
    site(networks__main__dns=["10.20.0.3"], networks__main__gateway="10.20.0.1"),
)
"""Of them a plan notes all that it can, and tells all that it does not know of a machine."""


@pytest.mark.parametrize("of", _SITES)
def test_a_note_of_the_plan_names_no_key(of: Site) -> None:
    """The page that is meant does not have it."""
    notes = make_plan(of, propose(of)).notes
    assert notes
    keys = re.compile(r"\b[a-z]+(?:\.[a-z]+)+\b|\b[a-z]+_[a-z_]+\b|\bbridge\b")
    assert [each for each in map(paged, notes) if keys.search(each)] == []


def _said_elsewhere() -> Iterator[str]:
    """Every string of the package, and what plans say."""
    for path in ROOT.rglob("*.py"):
        if path.name != "wording.py":
            for each in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value
    for of in _SITES:
        plan = make_plan(of, propose(of))
        yield from (each.not_armed or "" for each in plan.machines)
        yield from plan.notes
    yield from (f"{way.value} {said}" for way in Way for said in ("needs one", "has no use for it"))


def test_no_sentence_is_put_otherwise_that_nobody_says() -> None:
    """A sentence that was changed would be shown with its keys."""
    said = "\n".join(_said_elsewhere())
    assert [pattern for pattern, _words in WORDS if not re.search(pattern, said)] == []


@pytest.mark.parametrize(
    ("key", "fix", "shown"),
    [
        ("networks.main.gateway", "write gateway: 10.20.0.1", "write 10.20.0.1"),
        ("networks.main.cidr", "write 10.20.0.0/24", "write 10.20.0.0/24"),
        ("cluster", "write rke2: v1.36.3+rke2r1", "write rke2: v1.36.3+rke2r1"),
        ("vms.relay.ip", "write key: value", "write key: value"),
    ],
)
def test_beside_a_field_the_value_alone_is_written(key: str, fix: str, shown: str) -> None:
    """Its key is the label, and of others the key stays."""
    assert for_field(Problem("", 1, 1, key, "wrong", fix)).fix == shown


def test_what_is_missing_is_filled_in() -> None:
    """A page has no keys."""
    said = for_field(Problem("", 1, 1, "site", "this key is missing", "write site: alpha"))
    assert (said.what, said.fix) == ("this is needed", "fill it in")


@pytest.mark.parametrize("make", [site_form, cluster_form, lambda _data: bmc_form("hv1")])
def test_no_hint_of_a_form_speaks_of_keys_values(make: Callable[[Value], Form]) -> None:
    """A box is ticked; nobody types true or false."""
    data: dict[str, Value] = {"cluster": {"rke2": "v1"}, "vms": {"relay": {}}}
    hints = [paged(each.hint) for each in make(data).fields]
    assert [
        each
        for each in hints
        if re.search(
            r"`(?:true|false|iso|image|k3s|rke2|redfish|ipmi|wake-on-lan|by-hand|address)`"
            r"|octets|frozen|known line|keys all|with a note|\bbridge\b",
            each,
        )
    ] == []


def test_what_is_wrong_with_a_name_is_said_without_a_standard() -> None:
    """Its number helps nobody at the rack."""
    said = for_field(Problem("", 1, 1, "site", "'A!' is no RFC 1123 label", "write letters"))
    assert said.what == "'A!' cannot be a name here"
