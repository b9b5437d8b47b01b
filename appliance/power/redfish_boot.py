"""What to send so that a machine boots from there next. Decisions on values; nothing is asked.

DSP0268, ComputerSystem: `Boot.BootSourceOverrideTarget`, `…Enabled`, `…Mode`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from appliance.power.model import BootFrom
from appliance.power.profiles import Profile, Quirk
from appliance.power.redfish_documents import Document, part, text, texts

_ALLOWED = "BootSourceOverrideTarget@Redfish.AllowableValues"
_ENABLED_ALLOWED = "BootSourceOverrideEnabled@Redfish.AllowableValues"


@dataclass(frozen=True, slots=True)
class Override:
    """What is sent. An empty target, or mode, is not sent. `words` say it to people."""

    target: str
    enabled: str
    mode: str
    words: str


def places(boot: Document) -> tuple[BootFrom, ...]:
    """Give where a machine can be sent; where the BMC does not list it, PXE, disc and disk.

    A disc also wants a drive for it: see `power.virtual_media`.
    """
    allowed = texts(boot, _ALLOWED)
    if not allowed:
        unlisted = (BootFrom.PXE, BootFrom.DISC, BootFrom.DISK)
        return unlisted if "BootSourceOverrideTarget" in boot else ()
    names = {
        "Pxe": BootFrom.PXE,
        "UefiHttp": BootFrom.UEFI_HTTP,
        "Cd": BootFrom.DISC,
        "Hdd": BootFrom.DISK,
    }
    return tuple(place for name, place in names.items() if name in allowed)


def overrides(
    boot: Document, place: BootFrom, *, uefi: bool | None, profile: Profile
) -> tuple[Override, ...]:
    """Give what to send, best first: if a BMC refuses one, the next is sent.

    Empty where the BMC lists no way to that place.
    """
    if place is BootFrom.DISK:
        return _to_disk(boot, profile)
    disc = "UsbCd" if profile.has(Quirk.DISC_IS_USB_CD) else "Cd"
    target = _disc(boot, disc) if place is BootFrom.DISC else _network(boot, place, uefi=uefi)
    if target is None:
        return ()
    mode = _mode(boot, target, uefi=uefi, profile=profile)
    first = Override(target, "Once", mode, _words(target, mode))
    if not mode:
        return (first,)
    return (first, replace(first, mode="", words=_words(target, "")))


def shows(boot: Document, settings: Document, sent: Override, profile: Profile) -> bool:
    """Whether what was sent can be read back, in the system or in its settings."""
    targets = {sent.target}
    if profile.has(Quirk.HTTP_IS_SHOWN_AS_PXE) and sent.target == "UefiHttp":
        targets.add("Pxe")
    for shown in (boot, part(settings, "Boot")):
        enabled = text(shown, "BootSourceOverrideEnabled")
        if sent.enabled == "Disabled":
            if enabled == "Disabled":
                return True
        elif text(shown, "BootSourceOverrideTarget") in targets and enabled != "Disabled":
            return True
    return False


def _disc(boot: Document, name: str) -> str | None:
    allowed = texts(boot, _ALLOWED)
    return next((each for each in (name, "Cd") if each in allowed or not allowed), None)


def _network(boot: Document, place: BootFrom, *, uefi: bool | None) -> str | None:
    allowed = texts(boot, _ALLOWED)
    if place is BootFrom.UEFI_HTTP and uefi and "UefiHttp" in allowed:
        return "UefiHttp"
    return "Pxe" if "Pxe" in allowed or not allowed else None


def _to_disk(boot: Document, profile: Profile) -> tuple[Override, ...]:
    allowed = texts(boot, _ALLOWED)
    can_disk = "Hdd" in allowed or not allowed
    lasting = texts(boot, _ENABLED_ALLOWED)
    may_last = not profile.has(Quirk.NEVER_LASTING) and ("Continuous" in lasting or not lasting)
    found = []
    if can_disk and may_last:
        found.append(Override("Hdd", "Continuous", "", "it boots from its disk from now on"))
    # With a target beside it: iLO refuses Enabled while the target is None.
    found.append(
        Override(
            "Hdd" if can_disk else "",
            "Disabled",
            "",
            "no override is set any more: its own boot order decides",
        )
    )
    return tuple(found)


def _mode(boot: Document, target: str, *, uefi: bool | None, profile: Profile) -> str:
    """Give the mode to send, empty where none has to be."""
    if profile.has(Quirk.MODE_IS_FIXED):
        return ""
    shown = text(boot, "BootSourceOverrideMode")
    wanted = "UEFI" if uefi or target == "UefiHttp" else "Legacy" if uefi is False else shown
    if profile.has(Quirk.MODE_WITH_TARGET):
        return wanted
    return wanted if shown and wanted != shown else ""


def _words(target: str, mode: str) -> str:
    disc = "the boot disc in the drive of its BMC"
    networks = {"Pxe": "the network (PXE)", "UefiHttp": "the network (UEFI HTTP)"}
    way = networks.get(target, disc)
    return f"the next start, once, is from {way}" + (f" in {mode} mode" if mode else "")
