"""Durations, sizes and times in words for people. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

_UNITS = ("kB", "MB", "GB", "TB")


def duration(seconds: float) -> str:
    """Say a duration in two units at most: `0.4 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds < 0:
        return "0 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0", "")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s".removesuffix(" 00 s")
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min".removesuffix(" 00 min")
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24} h"


def size(octets: int) -> str:
    """Say a size in decimal units, three digits: `812 B`, `1.5 kB`, `6.2 GB`."""
    if octets < 1000:
        return f"{octets} B"
    amount = float(octets)
    unit = "B"
    for unit in _UNITS:  # noqa: B007 - the last unit tried is the one that is said
        amount /= 1000
        if amount < 999.5:
            break
    return f"{amount:.1f} {unit}" if amount < 99.95 else f"{amount:.0f} {unit}"


def moment(at: float, zone: tzinfo = UTC) -> str:
    """Say a Unix time as `2026-11-21 10:05:33` in a zone."""
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")


def clock(at: float, zone: tzinfo = UTC) -> str:
    """Say a Unix time's hour as `10:05:33` in a zone."""
    return datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")


def zone_name(at: float, zone: tzinfo = UTC) -> str:
    """Name a zone as it is called at that time: `UTC`, `CET`."""
    return datetime.fromtimestamp(at, zone).tzname() or "UTC"


def many(count: int, thing: str) -> str:
    """Count things whose name takes an s: `1 step`, `3 steps`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def printable(text: str) -> str:
    """Give a text that is safe on a terminal: what is not printable becomes a middle dot.

    A machine's words may hold escape sequences that rewrite the screen or its title.
    """
    return "".join(letter if letter.isprintable() else "·" for letter in text)
