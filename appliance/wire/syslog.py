"""One syslog datagram, read liberally (RFC 3164, RFC 5424): installers and iPXE write it loosely."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 2048


@dataclass(frozen=True, slots=True)
class SyslogLine:
    """One line. `priority`, `facility` and `severity` are None when the datagram has no `<PRI>`.

    `text` and `tag` hold no control characters: these appear as `\\xNN`.
    """

    priority: int | None
    facility: int | None
    severity: int | None
    tag: str
    text: str


def parse(raw: bytes) -> SyslogLine:
    """Read one datagram; never raises. What is above 2048 octets is cut, marked with `…`."""
    raise NotImplementedError
