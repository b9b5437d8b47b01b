"""The installer's webhooks: rendered from their Go templates, and sent once each event.

As harvester-installer `pkg/console/webhooks.go`: 15 s a try, repeated only on a time-out (three
times, 5 s apart), any 2xx or 3xx is good, and the first that fails ends that event's row.
"""

from __future__ import annotations

import base64
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 15.0
TRIES = 3
PAUSE_S = 5.0
_FIELD = re.compile(r"\{\{-?\s*\.(\w+)\s*-?\}\}")
_FIELDS = ("Hostname", "MACAddr", "IPAddrV4", "IPAddrV6")


class TemplateError(ValueError):
    """A webhook template that the real installer could not render."""


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in `{{.Hostname}}`, `{{.MACAddr}}`, `{{.IPAddrV4}}`, `{{.IPAddrV6}}`; absent is empty.

    Raises TemplateError for any other field or for other Go template actions.
    """

    def fill(found: re.Match[str]) -> str:
        if found[1] not in _FIELDS:
            raise TemplateError(f"no field .{found[1]}")
        return values.get(found[1], "")

    text = _FIELD.sub(fill, template)
    if "{{" in text:
        raise TemplateError(f"not understood: {template!r}")
    return text


@dataclass(frozen=True)
class Hook:
    """One webhook ready to send."""

    event: str
    method: str
    url: str
    headers: Mapping[str, str]
    payload: bytes | None
    insecure: bool


def prepare(hooks: list[dict[str, Any]], values: Mapping[str, str]) -> list[Hook]:
    """Render the configured webhooks. Raises TemplateError."""
    return [_hook(hook, values) for hook in hooks]


def _hook(hook: dict[str, Any], values: Mapping[str, str]) -> Hook:
    headers = {name: ", ".join(listed) for name, listed in hook.get("headers", {}).items()}
    login = hook.get("basicAuth", {})
    if login.get("user"):
        pair = f"{login['user']}:{login.get('password', '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    payload = render(hook.get("payload", ""), values)
    return Hook(
        hook["event"],
        hook["method"].upper(),
        render(hook["url"], values),
        headers,
        payload.encode() if payload else None,
        bool(hook.get("insecure")),
    )


def send(hooks: list[Hook], event: str, say: Callable[[str], None]) -> bool:
    """Send the event's hooks in order. Give False when one failed; the install goes on anyway."""
    for hook in hooks:
        if hook.event != event:
            continue
        problem = _send(hook)
        if problem:
            say(f"hook {event} failed: {problem}")
            return False
        say(f"hook {event} sent")
    return True


def _send(hook: Hook) -> str:
    headers = {"User-Agent": "Go-http-client/1.1", **hook.headers}
    if hook.payload is not None:
        headers.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(hook.url, hook.payload, headers, method=hook.method)
    tls = ssl.create_default_context()
    if hook.insecure:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_S)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=tls):
                return ""
        except TimeoutError as error:
            problem = str(error)
        except urllib.error.URLError as error:
            problem = str(error.reason)
            if not isinstance(error.reason, TimeoutError):
                return problem
        except OSError as error:
            return str(error)
    return problem
