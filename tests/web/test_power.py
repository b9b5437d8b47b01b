"""The power of machines in Debian's Chromium, with sushy-tools' Redfish emulator as the BMC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from appliance.flow.looking import look_at
from appliance.store.machines import Proven
from tests.bmc_sites import bmc_site
from tests.redfish_bmc import certificate, emulating
from tests.web.looks import Looks
from tests.web.watched import Watched
from tests.web.wizard import Wizard


def test_machines_are_switched_by_clicks(
    wizard_with: Callable[..., Wizard], browse: Callable[..., Watched], tmp_path: Path
) -> None:
    """Password, on, and off where the name is typed: each page looked at on the way."""
    (tmp_path / "bmc").mkdir()
    pem, key, _ = certificate(tmp_path / "bmc")
    looks = Looks.at(tmp_path)
    with emulating(
        tmp_path / "bmc" / "emulator", ("hv1", "hv2"), tls=(pem, key), login=("admin", "calvin")
    ) as bmc:
        wizard = wizard_with(bmc_site(bmc.url, bmcs=2, nics=2))
        page = browse(wizard).signed_in().page
        page.goto("/machines")
        looks.look(page, "power-unknown")
        page.get_by_role("link", name="More of the power of hv1").click()
        page.locator("#password-form summary").click()
        page.get_by_label("Password of the BMC").fill("calvin")
        page.get_by_label("It is the password of").select_option("all")
        page.get_by_role("button", name="Keep the password").click()
        page.locator(".badge", has_text="power off").wait_for()
        looks.look(page, "power-of-one")
        page.get_by_role("button", name="Switch on").click()
        page.locator(".badge", has_text="power on").wait_for()
        with look_at(wizard.file, wizard.paths).writing() as context:
            context.proven.put(Proven("hv1", installed=5.0, ready=6.0, installs=1))
        page.goto("/machines")
        looks.look(page, "power-known")
        page.goto("/machines/hv1/power")
        page.get_by_label("To switch it off, type hv1").fill("hv2")
        page.get_by_role("button", name="Switch off").click()
        page.locator(".wrong").wait_for()
        looks.look(page, "power-refused")
        page.get_by_label("To switch it off, type hv1").fill("hv1")
        page.get_by_role("button", name="Switch off").click()
        page.locator(".badge", has_text="power off").wait_for()
        page.goto("/machines/hv3/power")
        looks.look(page, "power-by-hand")
        looks.must_be_good()


def test_a_bmc_that_was_heard_is_entered_by_clicks(
    wizard_with: Callable[..., Wizard], browse: Callable[..., Watched], tmp_path: Path
) -> None:
    """From the list on Machines to the form, refused at its field, then in the site file."""
    looks = Looks.at(tmp_path)
    wizard = wizard_with(bmc_site("https://10.20.0.50", bmcs=2))
    with wizard.look().writing() as context:
        pool = wizard.look().plan.provisioning.pool
        for mac, address, vendor in (
            ("d0:94:66:00:00:01", pool.first, "Dell iDRAC"),
            ("d0:94:66:00:00:02", "10.20.0.50", ""),
        ):
            data = {"mac": mac, "address": str(address), "vendor": vendor}
            context.tell("bmc", f"{mac} has {address}", data=data)
    page = browse(wizard).signed_in().page
    page.goto("/machines")
    looks.look(page, "bmcs-heard")
    page.get_by_label("This is the BMC of").select_option("hv3")
    page.get_by_role("button", name="Enter it").click()
    page.get_by_role("heading", name="Power of hv3").wait_for()
    assert page.get_by_label("MAC address of its BMC").input_value() == "d0:94:66:00:00:01"
    looks.look(page, "bmc-filled-in")
    page.get_by_label("User of its BMC").fill("a user")
    page.keyboard.press("Tab")
    page.locator(".field.is-wrong").wait_for()
    page.get_by_role("button", name="Save it in the site file").click()
    page.locator("#problems").wait_for()
    looks.look(page, "bmc-refused")
    page.get_by_label("User of its BMC").fill("root")
    page.get_by_role("button", name="Save it in the site file").click()
    page.get_by_text("It is in the site file now").wait_for()
    looks.look(page, "bmc-entered")
    assert "mac: d0:94:66:00:00:01}}\n" in wizard.file.read_text()
    page.get_by_text("Change it").click()
    page.get_by_text("Its BMC has several machines").click()
    looks.look(page, "bmc-changed")
    looks.must_be_good()
