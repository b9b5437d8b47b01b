"""The picture of a site."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from appliance.site.freeze import propose
from appliance.site.load import load_file
from appliance.site.make_plan import make_plan
from appliance.site.plan import Plan
from appliance.web.drawing import NARROW, WIDE, Shape, Shown, draw, in_words

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SVG = "{http://www.w3.org/2000/svg}"


def plan_of(name: str) -> Plan:
    """Plan an example."""
    site = load_file(EXAMPLES / name).site
    return make_plan(site, propose(site))


def boxes(svg: str) -> list[tuple[str, float, float, float, float]]:
    """Give the class and the edges of every box."""
    found = []
    for group in ET.fromstring(svg).iter("g"):
        rect = group.find("rect")
        assert rect is not None
        left, top, width, height = (float(rect.attrib[k]) for k in ("x", "y", "width", "height"))
        found.append((group.attrib["class"], left, top, left + width, top + height))
    return found


@pytest.mark.parametrize("shape", [WIDE, NARROW], ids=lambda each: each.name)
@pytest.mark.parametrize("example", sorted(each.name for each in EXAMPLES.glob("*.yaml")))
def test_every_machine_is_in_it_and_no_box_covers_another(example: str, shape: Shape) -> None:
    """Laptop, gateway, switch, machines and VMs: each once, all inside the picture."""
    plan = plan_of(example)
    svg = draw(plan, shape=shape)
    found = boxes(svg)
    _, _, width, height = (float(n) for n in ET.fromstring(svg).attrib["viewBox"].split())

    assert len(found) == 3 + len(plan.machines) + len(plan.vms)
    for index, (_, left, top, right, bottom) in enumerate(found):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        for _, left2, top2, right2, bottom2 in found[:index]:
            assert right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top


def test_it_says_addresses_and_the_vip() -> None:
    """What people look for is in the picture, and in words for those who do not see it."""
    plan = plan_of("three-node.yaml")
    svg = draw(plan)

    for text in ("10.20.0.10", "hv1", "10.20.0.11", "server1", "VLAN 21", "founds the cluster"):
        assert text in svg
    assert in_words(plan) in svg
    assert "aria-labelledby" in svg
    assert re.search(r"<title id=\"drawing-wide-title\">Site harbour-east</title>", svg)


def test_states_are_words_and_classes() -> None:
    """Colour alone says nothing; an unknown kind is none."""
    plan = plan_of("three-node.yaml")
    svg = draw(plan, {"hv1": Shown("ready", "good"), "relay": Shown("lost", "<evil>")})

    assert '<g class="box machine good"><title>hv1, 10.20.0.11, founds the cluster' in svg
    assert '<text class="standing"' in svg
    assert ">ready</text>" in svg
    assert '<g class="box vm plain idle"><title>relay' in svg
    assert "lost" in svg
    assert "evil" not in svg


def test_a_machine_that_cannot_be_begun_says_so() -> None:
    """Before it has reported it is only a name."""
    assert ">will wait</text>" in draw(plan_of("lab-discover.yaml"))


def test_there_is_no_style_in_it_and_nothing_gets_out_of_its_text() -> None:
    """The page's policy allows no style of its own; names are escaped, long ones cut."""
    plan = plan_of("minimal.yaml")
    machine = replace(plan.machines[0], name='<script>"&' + "x" * 80)
    svg = draw(replace(plan, machines=(machine,), site_id="<b>"))

    assert "<script>" not in svg
    assert "style" not in svg
    assert "&lt;script&gt;" in svg
    assert "…</text>" in svg
    ET.fromstring(svg)


def test_the_same_plan_gives_the_same_picture() -> None:
    """It is pure."""
    assert draw(plan_of("lab.yaml")) == draw(plan_of("lab.yaml"))
