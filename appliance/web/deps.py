"""What the pages stand on. Made once by whoever starts the wizard, and passed to each part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from appliance.errors import InputError
from appliance.paths import Paths
from appliance.tools.clock import Clock
from appliance.web.password import PasswordStore
from appliance.web.runs import Runs

DEFAULT_LISTEN = "127.0.0.1:8421"

Log = Callable[[str], None]


def _unheard(text: str) -> None:
    del text


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the wizard listens, and by which names it may be called beside that address."""

    host: str
    port: int
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, names: tuple[str, ...] = ()) -> Self:
        """Read `127.0.0.1:8421`, `[::1]:8421` or `localhost:8421`. Raises InputError."""
        host, colon, port = text.strip().rpartition(":")
        host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
        try:
            address = ip_address(host)
            number = int(port) if port.isascii() and port.isdigit() else -1
        except ValueError:
            number, address = -1, None
        if not colon or address is None or not 0 <= number <= 65535:
            raise InputError(
                f"{text!r} is no address and port to listen on",
                where="--listen",
                fix=f"write it as {DEFAULT_LISTEN}",
            )
        return cls(str(address), number, names)

    @property
    def loopback(self) -> bool:
        """Whether only this laptop itself reaches it."""
        return ip_address(self.host).is_loopback

    @property
    def everywhere(self) -> bool:
        """Whether it is every address of this laptop, `0.0.0.0` or `::`."""
        return ip_address(self.host).is_unspecified

    @property
    def tls(self) -> bool:
        """Loopback is spoken to in the clear; nothing else is."""
        return not self.loopback

    def url(self, host: str = "") -> str:
        """Give the address to type into a browser, for one of its names or else its own."""
        shown = host or self.host
        shown = f"[{shown}]" if ":" in shown else shown
        return f"{'https' if self.tls else 'http'}://{shown}:{self.port}/"


@dataclass(frozen=True, slots=True)
class Deps:
    """What every blueprint is given: `routes(deps) -> Blueprint`.

    `in_journal`: what the start printed, the one-time code too, is on no screen but in the
    laptop's journal, as that of a service is.
    """

    paths: Paths
    site_file: Path | None
    clock: Clock
    password: PasswordStore
    runs: Runs
    interface: str
    listen: Listen
    log: Log = _unheard
    in_journal: bool = False
