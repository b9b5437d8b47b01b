"""A browser window that is watched: what it asks for, what its console says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from tests.web.wizard import Wizard

_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d .*")
"""How Chromium logs a page whose form was refused: what tests ask for."""
_AWAY = re.compile(r"Failed to load resource: net::ERR_\w+")
"""How it logs a wizard that is not there just now."""
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass  # without slots: Playwright leaves a mark on whose methods it calls
class Watched:
    """One person's browser: a window, and what was seen in it."""

    wizard: Wizard
    context: BrowserContext
    page: Page
    may_be_away: bool = False
    asked: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, browser: Browser, wizard: Wizard, **options: Any) -> Self:
        """Open a window; `options` are those of a browser context."""
        given: dict[str, Any] = {
            "base_url": wizard.url,
            "viewport": WIDE,
            "reduced_motion": "reduce",
            "color_scheme": "light",
            "locale": "en-GB",
        }
        context = browser.new_context(**given | options)
        context.set_default_timeout(30_000)
        watched = cls(wizard, context, context.new_page())
        context.on("request", watched._on_request)
        context.on("console", watched._on_console)
        context.on("weberror", lambda error: watched.complaints.append(str(error.error)))
        return watched

    def signed_in(self) -> Self:
        """Sign in, without the pages of the door."""
        self.wizard.sign_in(self.context)
        return self

    def must_be_clean(self) -> None:
        """Nothing left the wizard's origin; no policy was broken; no script failed."""
        assert self.asked <= {urlsplit(self.wizard.url).netloc}
        assert self.complaints == []

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about"):
            self.asked.add(parts.netloc)

    def _on_console(self, message: ConsoleMessage) -> None:
        # A broken Content-Security-Policy is told there, as an error.
        if message.type not in ("error", "warning") or _REFUSED.fullmatch(message.text):
            return
        if not (self.may_be_away and _AWAY.fullmatch(message.text)):
            self.complaints.append(message.text)
