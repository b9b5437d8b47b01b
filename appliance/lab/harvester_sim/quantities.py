"""Kubernetes quantities: `512Mi`, `2G`, `500m`. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>[KMGTPE]i|[kMGTPE]|m|)")
_UNITS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
    **{f"{letter}i": 1 << 10 * (power + 1) for power, letter in enumerate("KMGTPE")},
}


def milli(text: str) -> int:
    """Give a quantity in thousandths. Raises ValueError for what is none."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(
            f"quantities must match the regular expression of resource.Quantity: {text!r}"
        )
    number = Decimal(match["number"])
    unit = match["unit"]
    return int(number if unit == "m" else number * _UNITS[unit] * 1000)


def whole(text: str) -> int:
    """Give a quantity in units (octets, processors), rounded up. Raises ValueError."""
    return -(-milli(text) // 1000)


def binary(octets: int) -> str:
    """Give octets in the largest binary unit that keeps them whole, as the server writes them."""
    for power in range(len("KMGTPE"), 0, -1):
        if octets and octets % (1 << 10 * power) == 0:
            return f"{octets >> 10 * power}{'KMGTPE'[power - 1]}i"
    return str(octets)


def thousandths(count: int) -> str:
    """Give thousandths of a processor: `125m`, or `2` where they are whole."""
    return f"{count}m" if count % 1000 else str(count // 1000)
