"""A page looked at: pictures of it, and what axe-core says of it, light, dark and on a phone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.web.watched import PHONE, WIDE

FOLDER = "BRIDGEHEAD_SCREENSHOTS"
"""The environment variable that names a folder for the pictures; else they are with the test."""

_GRAVE = frozenset({"serious", "critical"})
_OPTIONS = {"resultTypes": ["violations"]}


@dataclass(slots=True)
class Looks:
    """Looks at pages and keeps what was found; `must_be_good` ends the test."""

    folder: Path
    found: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, own: Path) -> Looks:
        """Make the folder, the one that was asked for or one of the test."""
        folder = Path(os.environ.get(FOLDER) or own / "screenshots")
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def look(self, page: Page, name: str) -> None:
        """Look at a page in all three ways."""
        for way, size, scheme in (
            ("light", WIDE, "light"),
            ("dark", WIDE, "dark"),
            ("phone", PHONE, "light"),
        ):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=self.folder / f"{name}-{way}.png", full_page=True)
            self._judge(page, f"{name}, {way}")
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="light")

    def _judge(self, page: Page, which: str) -> None:
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if overflow > 0:
            self.found.append(f"{which}: wider than the window by {overflow} px")
        answer: dict[str, Any] = Axe().run(page, options=_OPTIONS).response
        for each in answer["violations"]:
            if each["impact"] in _GRAVE:
                where = "; ".join(str(node["target"]) for node in each["nodes"][:4])
                self.found.append(f"{which}: {each['id']}: {each['help']}: {where}")

    def must_be_good(self) -> None:
        """No page was too wide; axe-core found nothing serious or critical."""
        assert not self.found, "\n".join(self.found)
