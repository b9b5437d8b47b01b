"""Two people at one site, a wizard started anew under an open page, a page left to itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Request, Route, expect

from tests.reports import card, report
from tests.web import scenes
from tests.web.watched import Watched
from tests.web.wizard import Wizard

Start = Callable[..., Wizard]
Browse = Callable[..., Watched]
_NEWS = "the second switch is silent"
_NEVER = re.compile(r'data-refresh="\d+"')
_REFUSED = 3
"""More than the looks that an event alone asks for."""


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
    folder = scenes.whole_medium(wizard.folder / "medium")
    for name in ("snponly.efi", "ipxe.efi", "undionly.kpxe", "ipxe.iso"):
        (folder / name).unlink()  # Debian's own are taken, which are known
    page = browse(wizard).signed_in().page
    page.goto("/artifacts")
    page.get_by_label("Folder on this laptop").fill(str(folder))
    page.get_by_role("button", name="Bring the files").click()
    page.wait_for_url("**/artifacts?said=fetch")
    expect(page.locator("main")).to_contain_text("All that is needed is here", timeout=60_000)
    expect(page.get_by_role("button", name="Bring the files")).to_have_count(0)
    expect(page.get_by_role("link", name="Go on to Machines")).to_be_visible()


def _left_to_its_stream(route: Route) -> None:
    """No look of its own will help this page."""
    kept = route.fetch()
    route.fulfill(response=kept, body=_NEVER.sub('data-refresh="3600"', kept.text()))


def test_each_event_comes_by_the_stream_alone(wizard_with: Start, browse: Browse) -> None:
    """However often the page was loaded meanwhile, and others opened the journal and left it."""
    wizard = wizard_with(scenes.TWO)
    page = browse(wizard).signed_in().page
    page.route("**/run", _left_to_its_stream)
    with scenes.running(wizard):
        page.goto("/run")
        for number in range(4):
            with wizard.look().writing() as context:
                context.tell("finding", f"switch {number} is silent")
            news = page.get_by_text(f"switch {number} is silent", exact=True)
            expect(news).to_be_visible(timeout=20_000)


def test_a_page_that_was_not_answered_is_asked_for_again(
    wizard_with: Start, browse: Browse
) -> None:
    """What an event told of comes to the screen though the page was refused just then."""
    wizard = wizard_with(scenes.TWO)
    page = browse(wizard).signed_in().page
    answers: list[int] = []

    def refuse(route: Route) -> None:
        if route.request.resource_type == "document":
            _left_to_its_stream(route)
        elif len(answers) < _REFUSED:
            answers.append(409)
            route.fulfill(status=409, body="busy")
        else:
            route.continue_()

    page.route("**/run", refuse)
    with scenes.running(wizard):
        page.goto("/run")
        with wizard.look().writing() as context:
            context.tell("finding", _NEWS)
        expect(page.get_by_text(_NEWS, exact=True)).to_be_visible(timeout=60_000)
    assert len(answers) == _REFUSED


def test_a_page_that_nobody_sees_holds_no_stream(wizard_with: Start, browse: Browse) -> None:
    """A browser has six connections to one server: the tabs behind leave them to the one before."""
    wizard = wizard_with(scenes.TWO)
    page = browse(wizard).signed_in().page
    with scenes.running(wizard):
        with page.expect_request("**/api/stream*") as first:
            page.goto("/run")
        with page.expect_event("requestfailed", lambda ended: ended == first.value):
            _show(page, hidden=True)
        with page.expect_request("**/api/stream*"):
            _show(page, hidden=False)
        with wizard.look().writing() as context:
            context.tell("finding", _NEWS)
        expect(page.get_by_text(_NEWS, exact=True)).to_be_visible(timeout=20_000)


def test_many_windows_of_one_browser_share_its_stream(wizard_with: Start, browse: Browse) -> None:
    """With a stream each, seven would have taken all six connections, and no page came any more."""
    wizard = wizard_with(scenes.TWO)
    window = browse(wizard).signed_in()
    streams: list[Page] = []
    window.context.on("request", lambda sent: _note(sent, streams))
    pages = [window.page, *(window.context.new_page() for _ in range(7))]
    with scenes.running(wizard):
        for page in pages:
            page.route("**/run", _left_to_its_stream)
            page.goto("/run")
        expect_news(wizard, pages, "the first switch is silent")
        assert streams == pages[:1]
        pages[0].close()  # whoever has the stream leaves: another has it, and all still hear
        expect_news(wizard, pages[1:], "the second switch is silent")
        assert len(streams) == 2
        _show(streams[1], hidden=True)
        expect_news(wizard, [each for each in pages[1:] if each != streams[1]], "so is the third")
        assert len(streams) == 3


def _note(sent: Request, streams: list[Page]) -> None:
    if "/api/stream" in sent.url:
        streams.append(sent.frame.page)


def expect_news(wizard: Wizard, pages: list[Page], news: str) -> None:
    """Tell something, and see it on all these pages."""
    with wizard.look().writing() as context:
        context.tell("finding", news)
    for page in pages:
        expect(page.get_by_text(news, exact=True)).to_be_visible(timeout=30_000)


def _show(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_what_is_being_filled_in_stays_when_another_machine_comes(
    wizard_with: Start, browse: Browse
) -> None:
    """A disk that was chosen is not another one by the time the button is reached."""
    wizard = wizard_with(scenes.TWO)
    page = browse(wizard).signed_in().page
    with scenes.running(wizard):
        page.goto("/machines")
        form = page.locator("article", has_text="SERIAL8").locator("form")
        form.get_by_role("radio", name="sda").check()
        form.get_by_role("button", name="Approve").focus()
        with page.expect_response("**/machines"):
            wizard.hear(report(9), card(9))
            with wizard.look().writing() as context:
                context.tell("finding", _NEWS)
        other = browse(wizard).signed_in().page
        other.goto("/machines")
        expect(other.locator("article", has_text="SERIAL9")).to_be_visible()
        with page.expect_response("**/machines"):
            page.evaluate("dispatchEvent(new Event('online'))")
        expect(form.get_by_role("radio", name="sda")).to_be_checked()
