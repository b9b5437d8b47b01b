"""Every page, light, dark and on a phone: a picture to look at, and axe-core's judgement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.reports import card
from tests.web import scenes
from tests.web.looks import Looks
from tests.web.watched import Watched
from tests.web.wizard import PASSWORD, Wizard

Start = Callable[..., Wizard]
Browse = Callable[..., Watched]


@pytest.fixture
def looks(tmp_path: Path) -> Looks:
    """Whoever looks at the pages."""
    return Looks.at(tmp_path)


def _send(page: Page) -> None:
    """Send the page's form as it is: the browser's own check would hold back what we ask for."""
    page.evaluate("document.querySelectorAll('form').forEach((each) => each.noValidate = true)")
    page.locator("main .actions :is(button.primary, button.danger)").first.click()


def test_the_door(wizard_with: Start, browse: Browse, looks: Looks) -> None:
    """First contact, signing in, another password: as they are, and with what was refused."""
    wizard = wizard_with()
    page = browse(wizard).page
    page.goto("/")
    looks.look(page, "first")
    page.get_by_label("One-time code").fill("AAAA-AAAA-AAAA")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill("other words than these")
    _send(page)
    page.locator(".wrong").first.wait_for()
    looks.look(page, "first-refused")

    operator = browse(wizard).signed_in().page
    page.goto("/login")
    looks.look(page, "login")
    page.get_by_label("Password").fill("not these words")
    _send(page)
    page.locator(".wrong, .notice.bad").first.wait_for()
    looks.look(page, "login-refused")
    operator.goto("/password")
    looks.look(operator, "password")
    operator.goto("/site")
    looks.look(operator, "site-empty")
    operator.get_by_label("Name of the site").fill("Harbour East!")
    operator.get_by_label("Version of Harvester").fill("v0.3.0")
    operator.get_by_label("Names of the machines").fill("hv1, hv 2, -hv3")
    _send(operator)
    operator.locator("#problems").wait_for()
    looks.look(operator, "site-empty-refused")
    operator.goto("/run")
    looks.look(operator, "run-without-site")
    operator.goto("/no-such-page")
    looks.look(operator, "no-such-page")
    looks.must_be_good()


def test_a_site_that_was_written(wizard_with: Start, browse: Browse, looks: Looks) -> None:
    """Before its first run: each page, and each form as it is refused."""
    wizard = wizard_with(scenes.THREE)
    page = browse(wizard).signed_in().page
    for name in ("site", "artifacts", "machines", "cluster", "review", "run", "done"):
        page.goto(f"/{name}")
        looks.look(page, name)
    page.goto("/site")
    page.locator("[name='hypervisor.vip']").fill("10.99.0.1")
    page.locator("[name='networks.main.cidr']").fill("10.20.0.0/99")
    _send(page)
    page.locator("#problems").wait_for()
    looks.look(page, "site-refused")
    page.goto("/site")
    page.locator("#open summary").click()
    wrong = scenes.THREE.replace("servers: 3", "servers: 2").replace("domain:", "domian:")
    file = wizard.folder / "mine.yaml"
    file.write_text(wrong)
    page.locator("#file").set_input_files(file)
    page.get_by_role("button", name="Open it").click()
    page.locator("#open .notice.bad").wait_for()
    looks.look(page, "site-file-refused")
    page.goto("/artifacts")
    page.get_by_label("Folder on this laptop").fill("stick")
    _send(page)
    page.locator(".wrong").first.wait_for()
    looks.look(page, "artifacts-refused")
    wizard.file.write_text(scenes.THREE.replace("10.20.0.10", "10.99.0.1"))
    page.goto("/review")
    looks.look(page, "review-of-a-wrong-file")
    looks.must_be_good()


def test_a_run(wizard_with: Start, browse: Browse, looks: Looks) -> None:
    """While machines are installed and strangers wait, one of them with a full disk."""
    wizard = wizard_with(scenes.TWO)
    scenes.stocked(wizard)
    wizard.reviewed()
    page = browse(wizard).signed_in().page
    page.goto("/review")
    for each in page.locator("summary").all():
        each.click()
    _send(page)
    page.locator("#problems").wait_for()
    looks.look(page, "review-refused")
    with scenes.running(wizard):
        for name in ("artifacts", "machines", "machines/hv1", "run", "done"):
            page.goto(f"/{name}")
            looks.look(page, f"running-{name.replace('/', '-')}")
        page.goto("/machines")
        stranger = page.locator("article", has_text=str(card(8)))
        stranger.locator("input[name='disk'][value='sda']").check()
        stranger.get_by_role("button", name="Approve").click()
        page.locator(".wrong").first.wait_for()
        looks.look(page, "running-machines-refused")
    looks.must_be_good()


def test_the_end(wizard_with: Start, browse: Browse, looks: Looks) -> None:
    """A run that failed, then one that is done and proven."""
    wizard = wizard_with(scenes.TWO)
    wizard.reviewed()
    scenes.failed(wizard)
    page = browse(wizard).signed_in().page
    page.goto("/run")
    looks.look(page, "failed-run")
    page.goto("/machines/hv1")
    page.locator("#box summary").click()
    page.locator("#anew summary").click()
    page.locator("[name=erase]").fill("hv2")
    page.get_by_role("button", name="Install anew").click()
    page.locator(".wrong").wait_for()
    looks.look(page, "machine-refused")
    page.goto("/done")
    page.locator("#wipe summary").click()
    page.locator("[name=name]").fill("beta")
    page.get_by_role("button", name="Wipe").click()
    page.locator(".wrong").wait_for()
    looks.look(page, "done-refused")
    page.goto("/run")
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url("**/run?said=cancel")
    looks.look(page, "cancelled-run")
    scenes.safe(wizard)
    for name in ("run", "done"):
        page.goto(f"/{name}")
        looks.look(page, f"safe-{name}")
    for each in page.locator("main summary").all():
        each.click()
    looks.look(page, "safe-done-open")
    looks.must_be_good()
