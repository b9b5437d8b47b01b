"""The log of an installer that fell silent, fetched from its live system by SSH.

Before its configuration arrives, a live system takes the password that Harvester's manual prints
(user and password `rancher`); afterwards it takes the site's key. Its host key is new at each
boot, so nobody can know it: it is accepted and told, and nothing secret goes there. A signature by
the site's key gives nothing away; the site's password is not sent unless the host key is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.errors import StepError
from appliance.tools.redact import redact
from appliance.tools.ssh import PORT, KnownHost, UnknownHost, run_remote
from appliance.values import Secret

USER = "rancher"
MANUALS_PASSWORD = "rancher"
LOG = "/var/log/console.log"
LIMIT = 256 << 10
"""Octets of the log's end: the installer's last words are what is wanted."""

# Escape sequences of the installer's screen: harmless in a file, not on a terminal.
_SCREEN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class LiveLog:
    """The end of a log with its secrets blanked, and the key of the host that gave it."""

    text: str
    fingerprint: str


def fetch_log(
    address: IPv4Address,
    *,
    password: Secret,
    key: Secret | None = None,
    secrets: Iterable[Secret] = (),
    known_hosts: frozenset[str] = frozenset(),
    port: int = PORT,
    seconds: float = 30.0,
) -> LiveLog:
    """Fetch the end of the installer's log, at most `LIMIT` octets, in at most `seconds`.

    `key` is the site's private key. `password` is the site's, offered only to a host whose key
    is in `known_hosts`. `secrets` are blanked in the text, as is all that looks like one. Raises
    StepError if there is none to get.
    """
    host = KnownHost(known_hosts, password) if known_hosts else UnknownHost(MANUALS_PASSWORD, key)
    read = f"tail -c {LIMIT} {LOG}"
    output = run_remote(
        str(address),
        USER,
        host,
        f"{read} 2>/dev/null || sudo -n {read}",
        port=port,
        seconds=seconds,
        limit=LIMIT,
    )
    if output.status > 0:
        raise StepError(
            f"{address} has no log of an installer",
            where=f"{address}:{LOG}",
            why=f"reading it ended with {output.status}",
            fix="look at the machine's screen: it runs something other than the installer",
        )
    return LiveLog(clean(output.out, (password, *secrets)), output.fingerprint)


def clean(raw: bytes, secrets: Iterable[Secret]) -> str:
    """Give a log as text for people: secrets blanked, the screen's control sequences taken out."""
    text = _SCREEN.sub("", raw.decode("utf-8", "replace")).replace("\r\n", "\n")
    return redact(_CONTROL.sub("", text), secrets)
