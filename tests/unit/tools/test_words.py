"""Durations, sizes and times read as people say them."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from appliance.tools import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (185, "3 min 05 s"),
        (3599.7, "1 h"),
        (7800, "2 h 10 min"),
        (86400 * 3 + 3600 * 4 + 59, "3 d 4 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, said: str) -> None:
    """No unit runs over its own end by rounding."""
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (268_123, "268 kB"),
        (999_700, "1.0 MB"),
        (6_200_000_000, "6.2 GB"),
        (99_960_000, "100 MB"),
        (5 * 10**16, "50000 TB"),
    ],
)
def test_a_size_has_three_digits(octets: int, said: str) -> None:
    """In decimal units, as disks are sold."""
    assert words.size(octets) == said


def test_a_time_is_said_in_its_zone() -> None:
    """The same moment reads differently elsewhere, and says where."""
    zone = timezone(timedelta(hours=2), "CEST")
    assert words.moment(0) == "1970-01-01 00:00:00"
    assert words.moment(0, zone) == "1970-01-01 02:00:00"
    assert words.clock(3661, zone) == "03:01:01"
    assert (words.zone_name(0), words.zone_name(0, zone)) == ("UTC", "CEST")


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2Jgone",
        "\x1b]0;title\x07",
        "line\rover",
        "\u202ereversed",
        "\udcff",
        "a\nb",
        "\x9b31m",
    ],
)
def test_no_machine_writes_on_the_terminal(text: str) -> None:
    """Escape sequences, line ends and direction marks are shown as dots."""
    shown = words.printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)


def test_ordinary_words_stay() -> None:
    """Of any alphabet."""
    assert words.printable("Zürich → 東京, 5 °C") == "Zürich → 東京, 5 °C"


@pytest.mark.parametrize(("count", "said"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps")])
def test_one_thing_has_no_s(count: int, said: str) -> None:
    """A number and its thing agree."""
    assert words.many(count, "step") == said
