"""What this program runs with is found, with its versions, and nothing beside it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import pytest

from appliance.tools.distributions import versions_of


def test_what_is_needed_is_named_with_its_version() -> None:
    """What is asked for, and what that asks for in turn; tools of development are not in it."""
    found = versions_of("bridgehead")

    assert found["flask"] == version("flask")
    assert found["werkzeug"] == version("werkzeug")  # flask's own
    assert found.keys().isdisjoint({"bridgehead", "pytest", "mypy", "ruff"})
    assert list(found) == sorted(found)


def test_what_an_extra_asks_for_is_left_out_unasked() -> None:
    """Such as flask's for asynchronous views, even where it is installed."""
    assert "asgiref" not in versions_of("flask")


def test_what_is_not_installed_is_an_error() -> None:
    """Of what is asked about."""
    with pytest.raises(PackageNotFoundError):
        versions_of("no-such-distribution")
