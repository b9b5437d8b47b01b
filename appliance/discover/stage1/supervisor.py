"""The loop that never ends: cards up, facts gathered and reported, orders carried out."""

from __future__ import annotations

import os
import subprocess
import time
import traceback
from typing import Any

from . import dhcp, disks, ethernet, firmware, limited, lldp, nics, orders, report
from .bridge import Bridge, NoAnswerError, NoRoomError, OverError, RefusedError
from .files import clean, octets
from .screen import Screen, View

ROOT = "/"
SETTLE_SECONDS = 20.0
"""udev may wait for a dead disk for minutes, and a slow controller finds its disks later."""
QUIET_SECONDS = 2.0
BETWEEN_REPORTS = 10.0
BETWEEN_ORDERS = 3.0
AFTER_REFUSAL = 5.0
_TICK = 0.5
_AFTER_FAULT = 5.0


def argument(name: str, cmdline: str) -> str:
    """Give the value of a kernel argument, empty if it is not there. The last one counts."""
    found = [word for word in cmdline.split() if word.startswith(f"{name}=")]
    return found[-1].partition("=")[2] if found else ""


def main() -> None:
    """Look, report and obey, for ever. A fault is shown, and all begins again."""
    screen = Screen(ROOT)
    cards = Cards()
    while True:
        try:
            Session(screen, cards).run()
        except Exception as error:  # noqa: BLE001 - nobody else would start this machine again
            traceback.print_exc()
            screen.say(f"fault: {type(error).__name__}: {error}; starting over")
            time.sleep(_AFTER_FAULT)


class Cards:
    """The network cards: up, listened to, each with its DHCP client once it has link."""

    def __init__(self, root: str = ROOT) -> None:
        self._root = root
        self._clients: dict[str, subprocess.Popen[bytes]] = {}
        self._listeners: dict[str, ethernet.Listener] = {}
        self.neighbours: dict[str, lldp.Neighbour] = {}

    def tend(self) -> None:
        """Bring up what is new, start clients where link is, hear who is at the other end."""
        for name in nics.present(self._root):
            if not nics.named_by_udev(self._root, name):
                continue
            if name not in self._listeners:
                self._begin(name)
            client = self._clients.get(name)
            if nics.link(self._root, name) and (client is None or client.poll() is not None):
                self._clients[name] = dhcp.start(name)
        for name, listener in self._listeners.items():
            heard = listener.hear()
            if heard:
                self.neighbours[name] = heard

    def _begin(self, name: str) -> None:
        try:
            ethernet.bring_up(name)
            self._listeners[name] = ethernet.Listener(name)
        except OSError:
            return  # it went away, or its firmware is missing: it is tried again

    def leases(self, first: str) -> list[dhcp.Lease]:
        """Give the leases there are, that of the card with the address `first` first."""
        found = [dhcp.lease(name) for name in self._listeners]
        return sorted(
            filter(None, found),
            key=lambda lease: (nics.mac(self._root, lease.card) != first, lease.card),
        )


class Session:
    """One attempt: from finding the bridge to an order that ends this system."""

    def __init__(self, screen: Screen, cards: Cards, root: str = ROOT) -> None:
        self._screen, self._cards, self._root = screen, cards, root
        cmdline = octets(f"{root}/proc/cmdline").decode("ascii", "replace")
        self._base = argument("bridgehead", cmdline)
        # SYSLINUX's form, which iPXE can write too: 01-52-54-00-12-34-56.
        named = argument("BOOTIF", cmdline)[3:].replace("-", ":").lower()
        self._boot_mac = named or firmware.boot_card(root)
        self._view = View()
        self._facts: dict[str, Any] = {}
        self._disks: list[tuple[str, bool]] = []
        self._sent: bytes = b""
        self._sent_at = float("-inf")
        self._loud_until = 0.0
        self._failed = ""

    def run(self) -> None:
        """Never returns by itself; raises only what nobody thought of."""
        self._settle()
        self._gather()
        while True:
            bridge, mac = self._find()
            self._talk(bridge, mac)

    # --- facts ------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Wait until udev has been done for a while, as the cards already ask for addresses.

        A report without a disk that comes a moment later would make another the only one.
        """
        started = busy = time.monotonic()
        while (now := time.monotonic()) - busy < QUIET_SECONDS:
            if now - started > SETTLE_SECONDS:
                return
            if os.path.exists(f"{self._root}/run/udev/queue"):
                busy = now
            self._cards.tend()
            self._show()
            time.sleep(0.1)

    def _gather(self) -> None:
        self._disks = disks.settled(self._root)
        facts = report.gather(self._root)
        self._cards.tend()
        facts["disks"] = report.look_at_disks(self._root)
        self._facts = facts

    def _refresh(self) -> None:
        """Look again at what changes: link, neighbours; at all if a disk came, went or answers."""
        self._cards.tend()
        if disks.settled(self._root) != self._disks:
            self._gather()
        self._facts["nics"] = nics.gather(self._root)
        report.name_cards(self._root, self._facts)
        for nic in self._facts["nics"]:
            nic["lldp"] = self._cards.neighbours.get(nic["name"])
        limited.reap()

    # --- the bridge -------------------------------------------------------------------------

    def _find(self) -> tuple[Bridge, str]:
        """Give the bridge and the address of the card by which it answers. Waits for ever."""
        while True:
            self._refresh()
            self._show(state="asking for an address")
            for lease in self._cards.leases(self._boot_mac):
                self._show(state="looking for the bridge", address=lease.address)
                bases = [self._base] if self._base else [f"http://{each}" for each in lease.servers]
                for base in bases:
                    bridge = Bridge(base, lease.card, lease.address)
                    if bridge.healthy():
                        mac = nics.mac(self._root, lease.card)
                        self._show(mac=mac, address=lease.address, bridge=base)
                        return bridge, mac
            time.sleep(_TICK)

    def _talk(self, bridge: Bridge, mac: str) -> None:
        """Report and ask for orders, until the token is over or the address is gone."""
        try:
            token = bridge.token(mac)
        except (RefusedError, NoAnswerError) as error:
            self._pause(
                AFTER_REFUSAL, state="the bridge does not take this machine", reason=str(error)
            )
            return
        self._sent, self._sent_at = b"", float("-inf")
        while True:
            try:
                self._report(bridge, token)
                self._obey(bridge, bridge.orders(token))
            except OverError:
                return
            except RefusedError as error:
                self._show(state="refused by the bridge", reason=str(error))
            except NoAnswerError as error:
                self._show(state="the bridge does not answer", reason=str(error))
                if dhcp.lease(bridge.card) is None:
                    return
            self._pause(BETWEEN_ORDERS)

    def _report(self, bridge: Bridge, token: str) -> None:
        """Send what has changed, at most every 10 s. One that is refused keeps no order away."""
        facts = {**self._facts, "failed": self._failed}
        same = report.encode(facts, 0.0)
        now = time.monotonic()
        if same == self._sent or now - self._sent_at < BETWEEN_REPORTS:
            return
        try:
            bridge.report(token, report.encode(facts, time.time()))
            self._sent = same
        except OverError:
            raise
        except RefusedError as error:
            self._screen.say(f"the bridge did not take its report: {error}")
        self._sent_at = now

    def _obey(self, bridge: Bridge, order: dict[str, Any]) -> None:
        what = order.get("order")
        said = {"state": "", "reason": "", **order}
        shown = {key: clean(str(said[key])) for key in ("name", "state", "reason") if key in said}
        self._show(**shown)
        if what == "install":
            self._install(bridge, order)
        elif what in {"own-disk", "reboot"}:
            self._show(state="restarting")
            orders.reboot()
        elif what == "poweroff":
            self._show(state="switching off")
            orders.poweroff()
        elif what == "blink":
            seconds = orders.blink_seconds(order)
            ethernet.blink(bridge.card, seconds)
            self._loud_until = time.monotonic() + seconds

    def _install(self, bridge: Bridge, order: dict[str, Any]) -> None:
        """Start the installer. What fails for want of memory is reported, and not tried again."""
        if self._failed:
            self._show(state="cannot be installed", reason=self._failed)
            return
        try:
            install = orders.install_of(order)
            orders.start_installer(install, bridge, lambda said: self._show(state=said))
        except NoRoomError as error:
            self._failed = str(error)
            self._show(state="cannot be installed", reason=self._failed)
        except orders.ImpossibleError as error:
            # The next network boot gets the installer by its script.
            self._show(state="restarting", reason=str(error))
            time.sleep(2)
            orders.reboot()

    # --- the screen -------------------------------------------------------------------------

    def _pause(self, seconds: float, **shown: str) -> None:
        until = time.monotonic() + seconds
        self._show(**shown)
        while time.monotonic() < until:
            self._refresh()
            self._show()
            time.sleep(_TICK)

    def _show(self, **shown: Any) -> None:
        loud = time.monotonic() < self._loud_until
        self._view = self._view._replace(facts=self._facts or None, loud=loud, **shown)
        self._screen.show(self._view)
