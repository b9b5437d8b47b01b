"""Two people at one site, a wizard started anew under an open page, a page left to itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.unit.flow.test_stocking import medium
from tests.web import scenes
from tests.web.watched import Watched
from tests.web.wizard import Wizard

Start = Callable[..., Wizard]
Browse = Callable[..., Watched]
_NEWS = "the second switch is silent"


def test_a_stale_form_is_refused_with_what_changed(wizard_with: Start, browse: Browse) -> None:
    """The second to save sees what the first one saved, and what itself had typed."""
    wizard = wizard_with(scenes.TWO)
    ann, ben = (browse(wizard).signed_in().page for _ in range(2))
    for page in (ann, ben):
        page.goto("/site")
    ann.get_by_label("DNS domain").fill("ann.internal")
    ann.get_by_role("button", name="Save and go on").click()
    ann.wait_for_url("**/artifacts")
    saved = wizard.file.read_text()
    assert "domain: ann.internal" in saved
    assert "# written by hand" in saved

    ben.get_by_label("DNS domain").fill("ben.internal")
    ben.get_by_role("button", name="Save and go on").click()
    expect(ben.get_by_role("alert").first).to_contain_text("ann.internal")
    expect(ben.locator(".notice.warn")).to_contain_text("ben.internal")
    assert wizard.file.read_text() == saved
    ben.get_by_label("DNS domain").fill("ben.internal")
    ben.get_by_role("button", name="Save and go on").click()
    ben.wait_for_url("**/artifacts")
    assert "domain: ben.internal" in wizard.file.read_text()


def test_both_see_the_run_and_what_happens_in_it(wizard_with: Start, browse: Browse) -> None:
    """An event is on both screens without a reload."""
    wizard = wizard_with(scenes.TWO)
    pages = [browse(wizard).signed_in().page for _ in range(2)]
    with scenes.running(wizard):
        for page in pages:
            page.goto("/run")
            expect(page.get_by_role("button", name="Pause")).to_be_visible()
        with wizard.look().writing() as context:
            context.tell("finding", _NEWS)
        for page in pages:
            expect(page.get_by_text(_NEWS, exact=True)).to_be_visible(timeout=20_000)


def test_an_open_page_finds_a_wizard_that_was_started_anew(
    wizard_with: Start, browse: Browse
) -> None:
    """It says that the laptop does not answer, then shows what happened meanwhile."""
    wizard = wizard_with(scenes.TWO)
    window = browse(wizard).signed_in()
    window.may_be_away = True
    with scenes.running(wizard):
        window.page.goto("/run")
        lost = window.page.locator("#lost")
        expect(lost).to_be_hidden()
        assert wizard.end() == 0, "an open page kept it from ending"
        expect(lost).to_be_visible(timeout=30_000)
        with wizard.look().writing() as context:
            context.tell("finding", _NEWS)
        wizard.start()
        expect(lost).to_be_hidden(timeout=30_000)
        expect(window.page.get_by_text(_NEWS, exact=True)).to_be_visible(timeout=30_000)


def test_a_fetch_is_followed_to_its_end(wizard_with: Start, browse: Browse) -> None:
    """Nobody reloads the page: it says by itself that all is there, and leads on."""
    wizard = wizard_with(scenes.TWO)
    folder = medium(wizard.folder / "medium")
    for name in ("snponly.efi", "ipxe.efi", "undionly.kpxe"):
        (folder / name).unlink()  # Debian's own are taken, which are known
    page = browse(wizard).signed_in().page
    page.goto("/artifacts")
    page.get_by_label("Folder on this laptop").fill(str(folder))
    page.get_by_role("button", name="Bring the files").click()
    page.wait_for_url("**/artifacts?said=fetch")
    expect(page.locator("main")).to_contain_text("All that is needed is here", timeout=60_000)
    expect(page.get_by_role("button", name="Bring the files")).to_have_count(0)
    expect(page.get_by_role("link", name="Go on to Machines")).to_be_visible()
