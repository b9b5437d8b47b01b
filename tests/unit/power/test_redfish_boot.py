"""What is sent so that a machine boots from there next: decisions on values."""

from __future__ import annotations

import pytest

from appliance.power.model import BootFrom
from appliance.power.profiles import NOTHING_KNOWN, Known, Profile, Quirk, Tier
from appliance.power.redfish_boot import Override, overrides, places, shows

ALLOWED = "BootSourceOverrideTarget@Redfish.AllowableValues"
BOOT: dict[str, object] = {
    "BootSourceOverrideEnabled": "Disabled",
    "BootSourceOverrideMode": "UEFI",
    "BootSourceOverrideTarget": "None",
    ALLOWED: ["None", "Pxe", "Hdd", "UefiHttp"],
}


def quirky(quirk: Quirk) -> Profile:
    """Give a profile with one quirk."""
    return Profile("x", "x", Tier.REPORTED, "x", known=(Known(quirk, "so", "https://x"),))


def sent(
    boot: dict[str, object],
    place: BootFrom,
    *,
    uefi: object = True,
    profile: Profile = NOTHING_KNOWN,
) -> list[tuple[str, str, str]]:
    """Give what would be sent, best first."""
    wanted = overrides(boot, place, uefi=None if uefi is None else bool(uefi), profile=profile)
    return [(each.target, each.enabled, each.mode) for each in wanted]


def test_http_only_of_who_can() -> None:
    """A machine that boots by UEFI, and whose BMC lists it; PXE of all others."""
    assert sent(BOOT, BootFrom.UEFI_HTTP) == [("UefiHttp", "Once", "")]
    assert sent(BOOT, BootFrom.UEFI_HTTP, uefi=None) == [("Pxe", "Once", "")]
    assert sent({**BOOT, ALLOWED: ["Pxe"]}, BootFrom.UEFI_HTTP) == [("Pxe", "Once", "")]
    assert sent({}, BootFrom.UEFI_HTTP) == [("Pxe", "Once", "")]


def test_the_mode_is_sent_where_it_differs() -> None:
    """And left out in a second request, in case it cannot be written."""
    assert sent(BOOT, BootFrom.PXE, uefi=False) == [("Pxe", "Once", "Legacy"), ("Pxe", "Once", "")]
    assert sent(BOOT, BootFrom.PXE) == [("Pxe", "Once", "")]
    assert sent(BOOT, BootFrom.PXE, uefi=None) == [("Pxe", "Once", "")]


def test_quirks_of_the_mode() -> None:
    """Never, or always."""
    fixed, always = quirky(Quirk.MODE_IS_FIXED), quirky(Quirk.MODE_WITH_TARGET)

    assert sent(BOOT, BootFrom.PXE, uefi=False, profile=fixed) == [("Pxe", "Once", "")]
    assert sent(BOOT, BootFrom.PXE, profile=always)[0] == ("Pxe", "Once", "UEFI")
    assert sent(BOOT, BootFrom.PXE, uefi=None, profile=always)[0] == ("Pxe", "Once", "UEFI")


def test_a_disc_is_what_virtual_media_is_called_there() -> None:
    """Cd, but for those that call it UsbCd and list it; the mode as for the network."""
    listed = {**BOOT, ALLOWED: ["Cd", "UsbCd"]}
    usb = quirky(Quirk.DISC_IS_USB_CD)

    assert sent(listed, BootFrom.DISC) == [("Cd", "Once", "")]
    assert sent(listed, BootFrom.DISC, profile=usb) == [("UsbCd", "Once", "")]
    assert sent({**BOOT, ALLOWED: ["Cd"]}, BootFrom.DISC, profile=usb) == [("Cd", "Once", "")]
    assert sent(listed, BootFrom.DISC, uefi=False)[0] == ("Cd", "Once", "Legacy")
    assert sent({}, BootFrom.DISC) == [("Cd", "Once", "")]
    assert sent(BOOT, BootFrom.DISC) == []


def test_the_disk_lastingly_or_by_its_own_order() -> None:
    """`Continuous` first; where it is refused or not offered the override is ended."""
    ended = ("Hdd", "Disabled", "")

    assert sent(BOOT, BootFrom.DISK) == [("Hdd", "Continuous", ""), ended]
    once = {**BOOT, "BootSourceOverrideEnabled@Redfish.AllowableValues": ["Once", "Disabled"]}
    assert sent(once, BootFrom.DISK) == [ended]
    assert sent(BOOT, BootFrom.DISK, profile=quirky(Quirk.NEVER_LASTING)) == [ended]
    assert sent({**BOOT, ALLOWED: ["Pxe"]}, BootFrom.DISK) == [("", "Disabled", "")]


def test_no_way_to_the_network() -> None:
    """Where the BMC lists its targets, and the network is not among them."""
    assert sent({**BOOT, ALLOWED: ["None", "Hdd"]}, BootFrom.PXE) == []


@pytest.mark.parametrize(
    ("boot", "found"),
    [
        (BOOT, (BootFrom.PXE, BootFrom.UEFI_HTTP, BootFrom.DISK)),
        ({ALLOWED: ["Cd"]}, (BootFrom.DISC,)),
        ({ALLOWED: ["Usb"]}, ()),
        (
            {"BootSourceOverrideTarget": "None"},
            (BootFrom.PXE, BootFrom.DISC, BootFrom.DISK),
        ),
        ({"StopBootOnFault": "Never"}, ()),
        ({}, ()),
    ],
)
def test_where_a_machine_can_be_sent(boot: dict[str, object], found: tuple[BootFrom, ...]) -> None:
    """As it is listed; without overrides its own order decides."""
    assert places(boot) == found


def test_whether_it_can_be_read_back() -> None:
    """In the system or in its settings; an override that is ended needs no target."""
    pxe = Override("Pxe", "Once", "", "")
    shown = {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}

    assert shows(shown, {}, pxe, NOTHING_KNOWN)
    assert shows(BOOT, {"Boot": shown}, pxe, NOTHING_KNOWN)
    assert not shows(BOOT, {}, pxe, NOTHING_KNOWN)
    assert not shows({**shown, "BootSourceOverrideEnabled": "Disabled"}, {}, pxe, NOTHING_KNOWN)
    assert shows(BOOT, {}, Override("Hdd", "Disabled", "", ""), NOTHING_KNOWN)
    http = Override("UefiHttp", "Once", "", "")
    assert not shows(shown, {}, http, NOTHING_KNOWN)
    assert shows(shown, {}, http, quirky(Quirk.HTTP_IS_SHOWN_AS_PXE))
