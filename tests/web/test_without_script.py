"""JavaScript is off: everything is there but the live updates, and pages load anew instead."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.reports import card
from tests.web import scenes
from tests.web.watched import Watched
from tests.web.wizard import PASSWORD, Wizard


def test_from_first_contact_to_the_review(
    wizard_with: Callable[..., Wizard], browse: Callable[..., Watched]
) -> None:
    """What is refused is said at its field; the mended form is saved."""
    wizard = wizard_with()
    page = browse(wizard, java_script_enabled=False).page
    page.goto("/")
    page.get_by_label("One-time code").fill(wizard.code)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    page.wait_for_url("**/site")
    page.get_by_label("Name of the site").fill("alpha")
    page.get_by_label("Version of Harvester").fill("v1.8.2")
    page.get_by_label("Names of the machines").fill("hv1, hv2, hv3")
    page.locator("[name='networks.main.cidr']").fill("10.20.0.0/99")
    page.get_by_role("button", name="Save and go on").click()
    wrong = page.locator(".field.is-wrong", has=page.locator("[name='networks.main.cidr']"))
    assert "is no IPv4 subnet" in wrong.inner_text()
    assert not wizard.file.exists()
    page.locator("[name='networks.main.cidr']").fill("10.20.0.0/24")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url("**/artifacts")
    scenes.stocked(wizard)
    page.reload()
    page.get_by_role("link", name="Go on to Machines").click()
    page.get_by_role("link", name="Go on to VMs and cluster").click()
    page.get_by_text("Add a virtual machine").click()
    page.locator("[name='+vms']").fill("relay")
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url("**/review")
    assert "relay" in (page.locator(".drawing.wide").text_content() or "")
    # The new machine needs files of its own: they come first.
    page.get_by_role("link", name="Bring the files").click()
    page.wait_for_url("**/artifacts")


def test_a_run_is_watched_and_a_machine_approved(
    wizard_with: Callable[..., Wizard], browse: Callable[..., Watched]
) -> None:
    """The page asks to be loaded anew; an approval is one form."""
    wizard = wizard_with(scenes.TWO)
    page = browse(wizard, java_script_enabled=False).signed_in().page
    with scenes.running(wizard):
        page.goto("/run")
        assert page.locator("meta[http-equiv=refresh]").count() == 1
        page.goto("/machines")
        stranger = page.locator("article", has_text=str(card(7)))
        stranger.get_by_role("button", name="Approve").click()
        page.wait_for_url("**/machines?said=approve")
        assert page.get_by_text("It is known now.").is_visible()
        # Gone with the look after this one: the page loads itself anew.
        gone = page.locator("article", has_text=str(card(7)))
        expect(gone).to_have_count(0, timeout=30_000)


def test_a_file_is_opened_a_machine_installed_anew_and_the_laptop_wiped(
    wizard_with: Callable[..., Wizard], browse: Callable[..., Watched]
) -> None:
    """What is dangerous is typed; each is a form and a page that comes after it."""
    wizard = wizard_with()
    page = browse(wizard, java_script_enabled=False).signed_in().page
    page.goto("/site")
    page.locator("#open summary").click()
    own = wizard.folder / "mine.yaml"
    own.write_text(scenes.TWO)
    page.locator("#file").set_input_files(own)
    page.get_by_role("button", name="Open it").click()
    page.wait_for_url("**/site?said=taken")
    assert wizard.file.read_text() == scenes.TWO
    assert page.get_by_label("Name of the site").input_value() == "alpha"

    scenes.failed(wizard)
    page.goto("/machines/hv1")
    page.get_by_text("Install hv1 anew").click()
    page.locator("[name=erase]").fill("hv1")
    page.get_by_role("button", name="Install anew").click()
    page.wait_for_url("**/machines/hv1?said=reinstall")
    assert "ordered to be installed again" in page.locator("#machine-log").inner_text()

    page.goto("/done")
    page.get_by_text("Wipe alpha from this laptop").click()
    page.locator("[name=name]").fill("alpha")
    page.get_by_role("button", name="Wipe").click()
    assert "did not come to its end" in page.locator("main").inner_text()
    page.get_by_label("It may go though the site is not finished").check()
    page.locator("[name=name]").fill("alpha")
    page.get_by_role("button", name="Wipe").click()
    page.wait_for_url("**/done?said=wiped")
    assert not wizard.paths.site("alpha").folder.exists()
