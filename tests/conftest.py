"""What holds for every test: who may run it, and how Hypothesis draws."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# No deadline: a test never judges the clock. In the gate the same examples are drawn each time, so
# that a change is blamed for what it did; everywhere else they are drawn anew.
settings.register_profile(
    "bridgehead", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
if "SUDO_UID" in os.environ:
    # Failed examples are kept in the clone, but not as files of root in another's clone.
    settings.register_profile("bridgehead", settings.get_profile("bridgehead"), database=None)
settings.load_profile("bridgehead")

# A shell without job control starts what runs in its background with SIGINT ignored, and a program
# that is started so hands that on: a shell script among the tests' programs could not trap it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that rewrites golden files, so that a change shows up in `git diff`."""
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="rewrite golden files from what is decoded now",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what only root can do; the suite runner starts these as root."""
    if os.geteuid() == 0:
        return
    skip = pytest.mark.skip(reason="needs root; .ci/suites.py runs it as root")
    for item in items:
        if item.get_closest_marker("root") or item.get_closest_marker("rehearsal"):
            item.add_marker(skip)
