"""Is the installed hypervisor there? `https://<address>/ping` answers `pong` when it is.

Only that counts: the installer's live system has the same address and an SSH server of its own.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.tools.http_client import ProbeAnswer, probe_https

TIMEOUT = 5.0

Probe = Callable[[str], ProbeAnswer]


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the hypervisor answers, in words, and its certificate's SHA-256 in hex ("": none).

    The certificate is self-signed: its fingerprint is kept and shown, not judged.
    """

    ok: bool
    text: str
    fingerprint: str = ""


def answers(address: IPv4Address, probe: Probe | None = None) -> Answer:
    """Ask once, for at most `TIMEOUT` seconds a turn. Never raises: "no" is a value."""
    ask = probe or (lambda host: probe_https(host, "/ping", timeout=TIMEOUT))
    try:
        return judge(ask(str(address)))
    except OSError as error:
        return Answer(ok=False, text=why_not(error))


def judge(answer: ProbeAnswer) -> Answer:
    """Say what an answer means. Pure."""
    if answer.status == 200 and answer.body.strip() == b"pong":
        return Answer(ok=True, text="it answers /ping with pong", fingerprint=answer.fingerprint)
    if answer.status in (404, 502, 503):
        text = f"its web server runs, Harvester behind it does not yet ({answer.status})"
    else:
        text = f"something else answers there ({answer.status}): is its address taken twice?"
    return Answer(ok=False, text=text, fingerprint=answer.fingerprint)


def why_not(error: OSError) -> str:
    """Say in words why nothing answered. Pure."""
    match error:
        case ssl.SSLError():
            return "what answers on port 443 does not speak TLS"
        case TimeoutError():
            return f"no answer within {TIMEOUT:g} s: it is off, or still starting"
        case ConnectionRefusedError():
            return "it is up, but nothing listens on port 443 yet"
        case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
            return "nobody has this address on the network"
        case _:
            return f"no answer: {error.strerror or error}"
