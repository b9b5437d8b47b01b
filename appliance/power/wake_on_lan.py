"""Wake-on-LAN: a packet that switches a machine on. It is never answered, and nothing is asked.

AMD publication 20213, "Magic Packet Technology" (1995): six octets of ones, then the card's
address sixteen times, anywhere in a frame that reaches the card.
"""

from __future__ import annotations

import errno
import socket

from appliance import advice
from appliance.errors import PowerError
from appliance.power.by_hand import Act, ByHand, hand_needed
from appliance.power.model import Target
from appliance.values import Mac

PORT = 9
"""The discard service's (RFC 863), by custom: whoever is awake throws the packet away."""

TIMES = 3
"""A packet may be lost, and one too many does nothing."""


def magic_packet(mac: Mac) -> bytes:
    """Give the payload that wakes the card `mac`: 102 octets."""
    return b"\xff" * 6 + mac.to_bytes() * 16


class WakeOnLan(ByHand):
    """One machine that is woken by its cards' packet on `interface`, and switched off by hand.

    Not every machine wakes: the firmware must have it switched on, and after a power cut many
    forget. Only what the boot services see tells whether it did.
    """

    def __init__(self, target: Target, *, interface: str) -> None:
        super().__init__(target)
        self._interface = interface

    def on(self) -> None:
        """Send the packet for each card, thrice. Raises PowerError where it cannot be sent."""
        if not self.target.macs:
            raise PowerError(
                "it cannot be woken",
                where=self.target.machine,
                why="no network card of it is known",
                fix=advice.write_mac(self.target.machine),
            )
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                # The default route would carry it elsewhere: the machines are on this cable.
                sender.setsockopt(
                    socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._interface.encode()
                )
                for mac in self.target.macs * TIMES:
                    sender.sendto(magic_packet(mac), ("255.255.255.255", PORT))
        except OSError as error:
            raise self._not_sent(error) from error

    def off(self) -> None:
        """Raise PowerError, whose `fix` is what to press: no packet switches off."""
        raise hand_needed(self.target, Act.OFF, "Wake-on-LAN only switches on")

    def cycle(self) -> None:
        """Raise PowerError, whose `fix` is what to press: no packet switches off."""
        raise hand_needed(self.target, Act.CYCLE, "Wake-on-LAN only switches on")

    def _not_sent(self, error: OSError) -> PowerError:
        fix = f"see that {self._interface} is up and has the bridge's address"
        if error.errno == errno.EPERM:
            fix = "run it as root"
        elif error.errno == errno.ENODEV:
            fix = f"plug the adapter in, or {advice.other_interface()}"
        return PowerError(
            f"its Wake-on-LAN packet cannot be sent on {self._interface}",
            where=self.target.machine,
            why=error.strerror or str(error),
            fix=fix,
        )
