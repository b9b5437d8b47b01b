"""The app as a whole: its frame, its files, and what a page may ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import render_template_string
from jinja2 import UndefinedError

from appliance.tools import templates
from appliance.web.rail import PAGES, Page
from tests.unit.web.wizard_world import World

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "appliance" / "web" / "static"


def test_the_rail_is_for_who_is_signed_in(tmp_path: Path) -> None:
    """The door shows nothing of the site, not even the name of its file."""
    world = World(tmp_path, site_file=tmp_path / "secret-place.yaml")

    inside, outside = world.operator().get("/password").text, world.client().get("/login").text

    assert all(f'href="{page.path}"' in inside for page in PAGES)
    assert "secret-place.yaml" in inside
    assert 'class="rail"' not in outside
    assert "secret-place.yaml" not in outside


@pytest.mark.parametrize("path", ["/login", "/password", "/nowhere"])
def test_a_page_asks_nothing_of_anyone_else(tmp_path: Path, path: str) -> None:
    """No other server, no inline script or style: the policy would stop them."""
    page = World(tmp_path).operator().get(path).text

    assert re.findall(r'(?:src|href|action)="(?!/|#)[^"]*"', page) == []
    assert " style=" not in page
    assert "<style" not in page
    assert re.findall(r"\son\w+=", page) == []
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert page.count("<h1") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
@pytest.mark.parametrize("file", ["lab.yaml", None])
def test_every_page_is_well_made(tmp_path: Path, page: Page, file: str | None) -> None:
    """One heading, one primary action at most, labels that lead somewhere, no inline anything.

    With a site file, and before there is one.
    """
    site = None
    if file is not None:
        site = tmp_path / file
        site.write_text((ROOT / "examples" / file).read_text())
    answer = World(tmp_path, site_file=site).operator().get(page.path)
    html = answer.text

    ids = re.findall(r'\sid="([^"]*)"', html)
    referred = re.findall(r'(?:<label for|aria-labelledby|aria-describedby)="([^"]*)"', html)
    primary = re.findall(r'<(?:a|button)[^>]*class="[^"]*\b(?:primary|danger)\b', html)
    assert answer.status_code in ({200} if file else {200, 409, 422})
    assert html.count("<h1") == 1
    assert html.count('aria-current="page"') == 1
    assert len(primary) <= 1
    assert len(ids) == len(set(ids))
    assert {name for names in referred for name in names.split()} <= set(ids)
    assert re.findall(r'(?:src|href|action)="(?!/|#)[^"]*"', html) == []
    assert re.findall(r"\s(?:style|on\w+)=", html) == []
    assert re.findall(r"<(?:script(?![^>]* src=)|style)", html) == []
    assert "None" not in re.sub(r"<[^>]*>", "", html)


@pytest.mark.parametrize("name", ["style.css", "live.js", "mark.svg"])
def test_the_static_files_are_served_with_their_kind(tmp_path: Path, name: str) -> None:
    """nosniff: a browser takes them only so. They name no other server."""
    answer = World(tmp_path).client().get(f"/static/{name}")
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

    assert answer.status_code == 200
    assert answer.mimetype == kinds[name.rpartition(".")[2]]
    text = answer.text.replace("http://www.w3.org/2000/svg", "")
    answer.close()
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text


def test_every_template_is_escaped_and_strict(tmp_path: Path) -> None:
    """Flask by itself would leave `.html.j2` as it is."""
    world = World(tmp_path)
    with world.app.test_request_context():
        assert render_template_string("{{ x }}", x="<b>") == "&lt;b&gt;"
        with pytest.raises(UndefinedError):
            render_template_string("{{ nothing }}")
    template = world.app.jinja_env.get_template("web/refused.html.j2")
    assert template.environment.autoescape is True
    assert (templates.folder() / "web" / "base.html.j2").exists()


def test_a_page_that_lives_says_so_to_both_kinds_of_browser(tmp_path: Path) -> None:
    """With JavaScript by its stream, without by loading anew."""
    world = World(tmp_path)
    source = (
        '{% extends "web/base.html.j2" %}{% set page = "run" %}{% set refresh = 5 %}'
        '{% set stream = "/api/stream" %}{% block content %}<h1>x</h1>{% endblock %}'
    )
    world.app.add_url_rule("/lives", "lives", lambda: render_template_string(source))

    page = world.operator().get("/lives").text

    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    assert 'data-stream="/api/stream"' in page
    assert 'href="/run" aria-current="page"' in page


PARTS = '{% import "web/parts.html.j2" as parts %}'


def test_the_parts_of_a_form(tmp_path: Path) -> None:
    """Labels lead to fields, problems stand beside them and are read with them, all is escaped."""
    source = (
        PARTS + '{{ parts.summary({"site": [p]}) }}{{ parts.field("site", "Name", v, [p], h) }}'
        '{{ parts.area("notes", "Notes", v) }}{{ parts.choice("i", "Card", [("a", v)], "a") }}'
        '{{ parts.cards("disk", "Disk", [("sda", v, h)], "sda") }}{{ parts.tick("ok", v, true) }}'
        '{{ parts.actions("Go on", back="/site") }}{{ parts.badge(v, "good") }}'
        '{{ parts.meter("Copied", 1, 2, v) }}{{ parts.facts([("Vendor", v)]) }}'
        '{% call parts.notice("warn", title=v) %}{{ h }}{% endcall %}{{ parts.onward("On", "/x") }}'
    )
    world = World(tmp_path)
    with world.app.test_request_context():
        html = render_template_string(
            source, v="<i>&", h="a hint", p={"what": "it is <wrong>", "fix": "mend it"}
        )

    assert "<i>" not in html
    assert "<wrong>" not in html
    assert 'href="#site"' in html
    assert 'aria-describedby="site-wrong site-hint" aria-invalid="true"' in html
    for name in ("site", "notes", "i"):
        assert f'<label for="{name}"' in html
        assert f'id="{name}"' in html
    assert html.count('class="primary"') == 1
    assert html.count("checked") == 2
    assert html.count("selected") == 1


def luminance(colour: str) -> float:
    """Give the relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT = [
    *(("ink", ground) for ground in ("paper", "sheet", "tint", "good-tint", "warn-tint")),
    *(("ink", ground) for ground in ("bad-tint", "info-tint")),
    *(("soft", ground) for ground in ("paper", "sheet", "tint")),
    *((kind, f"{kind}-tint") for kind in ("good", "warn", "bad", "info")),
    *((kind, ground) for kind in ("good", "warn", "bad", "info") for ground in ("paper", "sheet")),
    *(("brand", ground) for ground in ("paper", "sheet", "tint")),
    *(("soft", f"{kind}-tint") for kind in ("good", "warn", "bad", "info")),
    *(("on-brand", ground) for ground in ("brand", "brand-deep")),
    *(("brand-deep", ground) for ground in ("paper", "sheet", "tint")),
    ("sheet", "bad"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_keep_their_contrast(scheme: str) -> None:
    """4.5:1 for words, 3:1 for edges of fields and the focus (WCAG 2.2 AA)."""
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "style.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme == "dark"]))

    weak = {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pair in TEXT
        if contrast(colours[pair[0]], colours[pair[1]]) < 4.5
    }
    faint = {
        (name, ground): round(contrast(colours[name], colours[ground]), 2)
        for name in ("edge", "focus")
        for ground in ("paper", "sheet")
        if contrast(colours[name], colours[ground]) < 3
    }
    assert (weak, faint) == ({}, {})
