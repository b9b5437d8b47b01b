"""Harvester's versions: known lines, normal form, the nearest known."""

from __future__ import annotations

import pytest

from appliance.site.versions import (
    KNOWN_LINES,
    line_of,
    nearest_known,
    normal_version,
    provider_of,
)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("v1.8.2", "v1.8.2"),
        ("1.8.2", "v1.8.2"),
        (" v1.9.0-rc6 ", "v1.9.0-rc6"),
        ("v1.8", None),
        ("latest", None),
        ("v1.8.2; reboot", None),
        ("", None),
    ],
)
def test_a_full_version_has_one_form(written: str, normal: str | None) -> None:
    """With or without its v; anything else is no version."""
    assert normal_version(written) == normal


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("v1.6.1", "v1.7.3"),
        ("v1.8", "v1.8.2"),
        ("1.10.0", "v1.9.0"),
        ("v2.0.0", "v1.9.0"),
        ("v0.3.0", "v1.7.3"),
        ("newest", "v1.9.0"),
    ],
)
def test_the_nearest_known_version_is_named(written: str, nearest: str) -> None:
    """A wrong version leads to one that works."""
    assert nearest_known(written) == nearest


def test_only_lines_before_1_8_boot_with_bios() -> None:
    """The installer of 1.8 and later stops on BIOS (facts 1.5)."""
    assert [line.name for line in KNOWN_LINES if not line.uefi_only] == ["1.7"]


def test_every_line_knows_its_own_newest_release() -> None:
    """The table agrees with itself."""
    assert all(line_of(line.newest) is line for line in KNOWN_LINES)


def test_an_unknown_line_is_none() -> None:
    """No guess is made for a line nobody has seen."""
    assert line_of("v1.10.0") is None
    assert line_of("1.8") is None


def test_the_provider_follows_harvesters_line() -> None:
    """Like fits like; a line nobody has seen gets the newest."""
    assert provider_of("v1.8.0") == "1.8.1"
    assert provider_of("v1.7.3") == "1.7.0"
    assert provider_of("v1.99.0") == KNOWN_LINES[-1].provider
    for line in KNOWN_LINES:
        assert line.provider.startswith(f"{line.name}.")
