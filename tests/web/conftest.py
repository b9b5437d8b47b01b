"""Debian's Chromium, and a wizard for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.web.watched import Watched
from tests.web.wizard import Wizard

OPTIONS = (
    "--no-sandbox",  # tests may be root, whom Chromium's sandbox refuses
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    program = shutil.which("chromium")
    assert program, "the Debian package chromium is missing: .ci/set-up installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def wizard_with(tmp_path: Path) -> Iterator[Callable[[str], Wizard]]:
    """Start a wizard with a site file's text."""
    with ExitStack() as stack:

        def start(site: str = "") -> Wizard:
            started = Wizard(tmp_path, site)
            stack.callback(started.end)
            return started

        yield start


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a browser window of its own; in the end nothing was wrong in any of them."""
    opened: list[Watched] = []
    try:

        def begin(wizard: Wizard, **options: object) -> Watched:
            opened.append(Watched.begin(chromium, wizard, **options))
            return opened[-1]

        yield begin
        for each in opened:
            each.must_be_clean()
    finally:
        for each in opened:
            each.context.close()
