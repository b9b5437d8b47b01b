"""What every page of the live half has: words after a form, and its refresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.web.showing import SAID
from tests.unit.web.wizard_world import SITE, Browser, World


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """The operator's browser."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    return World(tmp_path, file).operator()


@pytest.mark.parametrize("word", ["start", "pause", "cancel"])
def test_only_a_known_word_of_the_address_is_said(browser: Browser, word: str) -> None:
    """And nothing else that stands there."""
    assert SAID[word] in browser.get(f"/run?said={word}").text
    assert "Call this number" not in browser.get("/run?said=Call+this+number").text


def test_a_page_with_an_error_does_not_load_itself_anew(browser: Browser) -> None:
    """What was typed would be lost."""
    assert "data-refresh" in browser.get("/machines").text
    refused = browser.post("/machines/approve", data={"which": "nobody"})
    assert refused.status_code == 422
    assert "data-refresh" not in refused.text
    assert "http-equiv" not in refused.text
