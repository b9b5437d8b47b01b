"""A machine switched by its BMC's Redfish service (DMTF DSP0266), through sushy.

Each method is a conversation of its own: log in, ask, log out. Reads and settings are tried again
after what may pass. A power command is sent only after the state was read, and read again before
it is sent again: the answer to one that was carried out may be lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sushy import BootSource, BootSourceOverrideEnabled, BootSourceOverrideMode, ResetType

from appliance.errors import PowerError
from appliance.power import virtual_media
from appliance.power.model import BootFrom, Contact, Inventory, Power, Target
from appliance.power.profiles import Kind, Profile, choose, load_profiles
from appliance.power.redfish_boot import Override, overrides, places, shows
from appliance.power.redfish_documents import Document, link, links, part, text
from appliance.power.redfish_faults import (
    Fault,
    certificate_changed,
    fault_of,
    may_pass,
    place_of,
    refused_for_now,
    told,
)
from appliance.power.redfish_inventory import inventory_of
from appliance.power.redfish_line import (
    BmcAddress,
    Conversation,
    Patience,
    conversation,
    tls_context,
)
from appliance.power.redfish_systems import choose_system
from appliance.power.retry import again
from appliance.tools.pinned_https import fingerprint_of, shown_certificate

Answer = TypeVar("Answer")

_STATES = {
    "On": Power.ON,
    "PoweringOn": Power.ON,
    "Paused": Power.ON,
    "Off": Power.OFF,
    "PoweringOff": Power.OFF,
}


class RedfishControl:
    """One machine's switch. See PowerControl for what each method promises.

    Raises PowerError when made, for an address that cannot be one.
    """

    def __init__(
        self,
        target: Target,
        *,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self._patience = patience or Patience()
        self._sleep = sleep
        self._monotonic = monotonic
        self._fingerprint = _plain(target.fingerprint)
        self._system = ""
        self._profiles = load_profiles()
        try:
            self._address = BmcAddress.parse(target.address)
        except ValueError as error:
            raise PowerError(
                "the BMC's address cannot be read",
                where=place_of(target),
                why=str(error),
                fix="write it as 'bmc.example', '192.0.2.7:443' or 'https://192.0.2.7'",
            ) from error

    # ------------------------------------------------------------ what is promised

    def contact(self) -> Contact:
        """Look, change nothing: state, certificate, kind of BMC, where it can boot from."""

        def look(talk: Conversation) -> Contact:
            system = talk.document(self.system_path(talk))
            profile = self._profile(talk, system, _manager(talk, system))
            kind = str(profile) if self._address.secure else f"{profile}, without encryption"
            boots = places(_whole_boot(talk, system))
            if not (self.target.disc and virtual_media.is_offered(talk, system)):
                boots = tuple(each for each in boots if each is not BootFrom.DISC)
            return Contact(_power_of(system), self._fingerprint, kind, boots)

        return self._read("look at it", look)

    def power(self) -> Power:
        """Ask whether the machine is on."""
        return _STATES.get(self._state(), Power.UNKNOWN)

    def boot_next(self, place: BootFrom) -> str:
        """Set where the next start boots from, once; to the disk lastingly, if it can."""
        return self._read(f"set its next boot to {place}", lambda talk: self._set(talk, place))

    def take_out(self, disc: str) -> bool:
        """Take the image with this URL out of the BMC's drive; False: it is not in."""

        def act(talk: Conversation) -> bool:
            system = talk.document(self.system_path(talk))
            return virtual_media.eject(talk, system, disc)

        return self._read("take the boot disc out of its drive", act)

    def on(self) -> None:
        """Switch on. A machine that is on stays as it is."""
        self._command(Power.ON, (ResetType.ON, ResetType.FORCE_ON, ResetType.PUSH_POWER_BUTTON))

    def off(self) -> None:
        """Switch off at once."""
        self._command(Power.OFF, (ResetType.FORCE_OFF,))

    def cycle(self) -> None:
        """Off, and on when it is seen to be off: both may be repeated without harm.

        Where the state cannot be read, or off is not offered, a restart is sent once.
        """
        state = self.power()
        if state is Power.OFF:
            self.on()
        elif state is Power.ON and self._offers(ResetType.FORCE_OFF):
            self.off()
            self._await_off()
            self.on()
        else:
            self._restart()

    def inventory(self) -> Inventory:
        """Ask what the machine is. What is missing is left empty and named in `unsaid`."""

        def look(talk: Conversation) -> Inventory:
            system = talk.document(self.system_path(talk))
            manager = _manager(talk, system)
            profile = self._profile(talk, system, manager)
            get = _Bounded(talk.document, self._patience.whole * 2, self._monotonic)
            return inventory_of(system, manager, profile, get)

        return self._read("list its parts", look)

    def talk(self, act: Callable[[Conversation], Answer], doing: str) -> Answer:
        """Do something of one's own while logged in, as a probe does. Raises PowerError."""
        return self._read(doing, act)

    # ------------------------------------------------------------ how it is done

    def _read(self, doing: str, act: Callable[[Conversation], Answer]) -> Answer:
        """Do what may be done twice, and tell what went wrong."""
        end = self._monotonic() + self._patience.conversation
        try:
            return again(
                lambda: self._once(act),
                passing=lambda error: may_pass(error) and self._monotonic() < end,
                schedule=self._patience.schedule,
                sleep=self._sleep,
            )
        except Exception as error:
            raise self._told(error, doing) from error

    def _once(self, act: Callable[[Conversation], Answer]) -> Answer:
        if self._address.secure and self._fingerprint is None:
            self._fingerprint = self._shown()
        with conversation(
            self.target,
            self._address,
            self._fingerprint,
            self._patience,
            monotonic=self._monotonic,
        ) as talk:
            return act(talk)

    def _shown(self) -> str:
        address = self._address
        der = shown_certificate(
            address.host,
            port=address.port,
            timeout=self._patience.connect,
            context=tls_context(),
        )
        return fingerprint_of(der)

    def _told(self, error: Exception, doing: str) -> PowerError:
        """Tell it; a broken TLS line is looked at again, for another certificate."""
        if self._address.secure and self._fingerprint and fault_of(error) is Fault.CERTIFICATE:
            try:
                found = self._shown()
            except OSError:
                return told(error, self.target, doing)
            if found != self._fingerprint:
                why = f"it shows {found[:16]}…, not {self._fingerprint[:16]}…"
                return certificate_changed(self.target, why)
        return told(error, self.target, doing)

    def _state(self) -> str:
        return self._read(
            "read its power state",
            lambda talk: text(talk.document(self.system_path(talk)), "PowerState"),
        )

    def system_path(self, talk: Conversation) -> str:
        """Give the path of the machine's system; looked for once. Raises PowerError."""
        if not self._system:
            self._system = self._address.system or choose_system(
                talk.root, talk.document, self.target
            )
        return self._system

    def _profile(self, talk: Conversation, system: Document, manager: Document) -> Profile:
        return choose(self._profiles, Kind.of(talk.root, system, manager))

    def _set(self, talk: Conversation, place: BootFrom) -> str:
        path = self.system_path(talk)
        system = talk.document(path)
        profile = self._profile(talk, system, _manager(talk, system))
        boot = _whole_boot(talk, system)
        wanted = overrides(boot, place, uefi=self.target.uefi, profile=profile)
        if not wanted:
            raise PowerError(
                f"the BMC offers no start from {place}",
                where=place_of(self.target),
                why="it is not among the boot targets that it lists",
                fix="put the network first in the machine's own boot order, or choose it by hand",
            )
        is_in = place is not BootFrom.DISC or virtual_media.insert(
            talk, system, self.target.disc, where=place_of(self.target)
        )
        sent = _first_taken(talk, path, wanted)
        after = talk.document(path)
        if is_in and shows(part(after, "Boot"), _settings(talk, after), sent, profile):
            return sent.words
        return f"{sent.words} (the BMC accepted it, but does not show it)"

    # ------------------------------------------------------------ commands

    def _command(self, wanted: Power, resets: tuple[ResetType, ...]) -> None:
        """Send a command, unless the machine is as wanted; look again before each further try."""
        doing = f"switch it {wanted}"
        attempt = 0
        while (state := self.power()) is not wanted:
            attempt += 1
            # A button pressed twice, or on a machine that runs, switches off.
            may_press = state is Power.OFF and attempt == 1
            safe = tuple(r for r in resets if may_press or r is not ResetType.PUSH_POWER_BUTTON)
            try:
                self._once(partial(self._reset, resets=safe))
                return
            except Exception as error:
                pause = self._patience.schedule.pause_after(attempt)
                if pause is None or not (may_pass(error) or refused_for_now(error)):
                    if self.power() is wanted:  # "it is so already": between look and command
                        return
                    raise self._told(error, doing) from error
                self._sleep(pause)

    def _reset(self, talk: Conversation, resets: tuple[ResetType, ...]) -> None:
        system = talk.system(self.system_path(talk))
        offered = system.get_allowed_reset_system_values()
        fitting = [reset for reset in resets if reset in offered]
        if not fitting:
            raise PowerError(
                f"the BMC does not offer {' or '.join(reset.value for reset in resets)}",
                where=place_of(self.target),
                why=f"it offers {', '.join(sorted(reset.value for reset in offered))}",
                fix="switch the machine by hand",
            )
        system.reset_system(fitting[0])

    def _offers(self, reset: ResetType) -> bool:
        return self._read(
            "list its power commands",
            lambda talk: (
                reset in talk.system(self.system_path(talk)).get_allowed_reset_system_values()
            ),
        )

    def _await_off(self) -> None:
        """Wait until it is seen to be off, no longer than allowed."""
        limit = self._monotonic() + self._patience.off
        while (state := self._state()) != "Off":
            if self._monotonic() >= limit:
                raise PowerError(
                    "the BMC accepted to switch the machine off, and nothing happened",
                    where=place_of(self.target),
                    why=f"after {self._patience.off:.0f} s it still says {state or 'nothing'}",
                    fix="switch the machine off and on by hand",
                )
            self._sleep(self._patience.look)

    def _restart(self) -> None:
        """Send a restart once; nobody can tell afterwards whether a lost one was carried out."""
        resets = (ResetType.FORCE_RESTART, ResetType.POWER_CYCLE)
        try:
            self._once(lambda talk: self._reset(talk, resets))
        except Exception as error:
            raise self._told(error, "restart it, which is not repeated") from error


def _plain(fingerprint: str | None) -> str | None:
    """Give a fingerprint as bare hex, also one that was copied from a BMC's own page."""
    return fingerprint.replace(":", "").strip().lower() if fingerprint else None


class _Bounded:
    """Fetches documents until the time is over or the BMC is gone; then fails at once."""

    def __init__(
        self,
        get: Callable[[str], Document],
        seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._get = get
        self._monotonic = monotonic
        self._limit = monotonic() + seconds

    def __call__(self, path: str) -> Document:
        if self._monotonic() > self._limit:
            raise TimeoutError("it takes too long")
        try:
            return self._get(path)
        except Exception as error:
            if fault_of(error) is Fault.UNREACHABLE:
                self._limit = float("-inf")
            raise


def _power_of(system: Document) -> Power:
    return _STATES.get(text(system, "PowerState"), Power.UNKNOWN)


def _manager(talk: Conversation, system: Document) -> Document:
    """Give the document of the system's BMC itself, an empty one where it cannot be had."""
    try:
        paths = links(system, "Links", "ManagedBy")
        if not paths and (collection := link(talk.root, "Managers")):
            paths = links(talk.document(collection), "Members")
        return talk.document(paths[0]) if paths else {}
    except Exception as error:
        if fault_of(error) in {Fault.MISSING, Fault.FORBIDDEN, Fault.REFUSED}:
            return {}
        raise


def _settings(talk: Conversation, system: Document) -> Document:
    """Give the document where future settings are written, an empty one where there is none."""
    path = link(system, "@Redfish.Settings", "SettingsObject")
    try:
        return talk.document(path) if path else {}
    except Exception as error:
        if fault_of(error) in {Fault.MISSING, Fault.FORBIDDEN, Fault.REFUSED}:
            return {}
        raise


def _whole_boot(talk: Conversation, system: Document) -> Document:
    """Give `Boot`, with what only the settings have: AMI and iDRAC 10 list the targets there."""
    return {**part(_settings(talk, system), "Boot"), **part(system, "Boot")}


def _first_taken(talk: Conversation, path: str, wanted: tuple[Override, ...]) -> Override:
    """Send one after the other until one is not refused."""
    for last, override in zip([False] * (len(wanted) - 1) + [True], wanted, strict=True):
        try:
            talk.system(path).set_system_boot_options(
                target=BootSource(override.target) if override.target else None,
                enabled=BootSourceOverrideEnabled(override.enabled),
                mode=BootSourceOverrideMode(override.mode) if override.mode else None,
            )
            return override
        except Exception as error:
            if last or fault_of(error) is not Fault.REFUSED:
                raise
    raise AssertionError("nothing was to be sent")
