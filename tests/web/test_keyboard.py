"""From first contact to the review by Tab, Enter and Space alone, the focus always in sight."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.web import scenes
from tests.web.watched import Watched
from tests.web.wizard import PASSWORD, Wizard

_STOPS = 90
_FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const box = at.getBoundingClientRect(), style = getComputedStyle(at);
  const x = box.left + box.width / 2, y = box.top + Math.min(box.height / 2, 12);
  const top = document.elementFromPoint(x, y);
  return {
    what: at.outerHTML.slice(0, 100),
    outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    large: box.width >= 8 && box.height >= 8,
    inside: box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
    uncovered: Boolean(top) && (at.contains(top) || top.contains(at)),
  };
}"""


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab till the focus is there; at each stop it is seen."""
    for _ in range(_STOPS):
        page.keyboard.press("Tab")
        seen = page.evaluate(_FOCUS)
        if seen is None:  # the browser's own bar
            continue
        hidden = [name for name, good in seen.items() if good is False]
        assert not hidden, f"{page.url}: {seen['what']}: not {', '.join(hidden)}"
        if page.evaluate("(one) => document.activeElement.matches(one)", selector):
            return
    raise AssertionError(f"{page.url}: no Tab leads to {selector}")


def _type(page: Page, selector: str, text: str) -> None:
    _tab_to(page, selector)
    page.keyboard.type(text)


def _press(page: Page, selector: str, key: str, leads_to: str) -> None:
    _tab_to(page, selector)
    page.keyboard.press(key)
    page.wait_for_url(f"**{leads_to}")


def test_a_site_by_keys_alone(
    wizard_with: Callable[..., Wizard], browse: Callable[..., Watched]
) -> None:
    """The first stop of each page leads past its head; forms are refused, mended and saved."""
    wizard = wizard_with()
    page = browse(wizard).page
    page.goto("/")
    page.keyboard.type(wizard.code)  # the focus is there already
    _type(page, "[name=password]", PASSWORD)
    _type(page, "[name=again]", PASSWORD)
    _press(page, "button.primary", "Enter", "/site")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.skip')")
    page.keyboard.press("Enter")
    _type(page, "[name=site]", "alpha")
    _type(page, "[name='hypervisor.harvester']", "v1.8.2")
    _type(page, "[name='+hypervisor.machines']", "hv1, hv2, hv3")
    _type(page, "[name='networks.main.cidr']", "10.20.0.0/99")
    _tab_to(page, "button.primary")
    page.keyboard.press("Space")
    page.locator("#problems").wait_for()
    assert page.evaluate("document.activeElement.id") == "problems"
    _tab_to(page, "#problems a")
    page.keyboard.press("Enter")
    # A link to a field brings to it: from there Tab goes on.
    if page.evaluate("document.activeElement.name") != "networks.main.cidr":
        _tab_to(page, "[name='networks.main.cidr']")
    page.keyboard.press("Control+A")
    page.keyboard.type("10.20.0.0/24")
    _press(page, "button.primary", "Enter", "/artifacts")

    scenes.stocked(wizard)
    page.reload()
    _press(page, "a.button.primary", "Enter", "/machines")
    _tab_to(page, "#silent summary")
    page.keyboard.press("Space")
    assert page.locator("#silent").get_attribute("open") is not None
    _press(page, "a.button.primary", "Enter", "/cluster")
    _tab_to(page, "summary")
    page.keyboard.press("Enter")
    _type(page, "[name='+vms']", "relay")
    _press(page, "button.primary", "Enter", "/review")
    assert "relay" in (page.locator(".drawing.wide").text_content() or "")
    _press(page, "a.button.primary", "Enter", "/artifacts")
    assert "cidr: 10.20.0.0/24" in wizard.file.read_text()


def test_what_is_dangerous_by_keys_alone(
    wizard_with: Callable[..., Wizard], browse: Callable[..., Watched]
) -> None:
    """A run is cancelled, a machine installed anew, and the laptop wiped."""
    wizard = wizard_with(scenes.TWO)
    scenes.failed(wizard)
    wizard.reviewed()
    page = browse(wizard).signed_in().page
    page.goto("/run")
    _press(page, "form[action='/run/cancel'] button", "Enter", "/run?said=cancel")
    page.goto("/machines/hv1")
    _tab_to(page, "#anew summary")
    page.keyboard.press("Enter")
    _type(page, "[name=erase]", "hv1")
    _press(page, "#anew button", "Space", "/machines/hv1?said=reinstall")
    page.goto("/done")
    _tab_to(page, "#wipe summary")
    page.keyboard.press("Space")
    _tab_to(page, "[name=unfinished]")
    page.keyboard.press("Space")
    _type(page, "[name=name]", "alpha")
    page.keyboard.press("Enter")
    page.wait_for_url("**/done?said=wiped")
    assert not wizard.paths.site("alpha").folder.exists()
