"""How a run stands in eight symbols that can be read over a telephone. Pure.

Crockford's base 32 (no I, L, O, U; case and dashes do not matter). Seven symbols carry 35 bits;
the eighth checks them: over GF(32) each place has another weight, so that every single wrong
symbol and every swap of two symbols is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.errors import InputError

VERSION = 1
"""Of the tables below. They only ever grow at their ends; anything else needs a new version."""

OUTCOMES = ("unknown", "done", "failed", "interrupted", "killed", "running", "never run")
STEPS = ("none", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8")
STATES = (
    "none",
    "failed",
    "held",
    "expected",
    "firmware",
    "bootloader",
    "waiting",
    "script",
    "kernel",
    "rootfs",
    "config",
    "started",
    "image",
    "own-disk",
    "installed",
    "rebooted",
    "ready",
    "discovering",
    "discovered",
)
"""From the worst to the best, but for `none` and those of `_BEFORE`. It only grows at its end."""

_BEFORE = {"discovering": "script", "discovered": "script"}
"""States that were added later, and which one they come just before."""

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110", "- ")
_LENGTH = 8
_POLYNOMIAL = 0b100101  # x⁵ + x² + 1, primitive over GF(2)
_WIDTHS = (4, 3, 4, 5, 10, 5, 4)  # bits of: version, outcome, step, state, error, total, unready


@dataclass(frozen=True, slots=True)
class Standing:
    """What the code says. `state` is that of the worst machine.

    `error` is the number of the last error code (BH401 → 401), 0 for none. `machines` counts to
    31 and `not_ready` to 15; more is said as that.
    """

    outcome: str = "unknown"
    step: str = "none"
    state: str = "none"
    error: int = 0
    machines: int = 0
    not_ready: int = 0


def short_code(standing: Standing) -> str:
    """Give the code, such as `2M40-1C3X`. What no table knows is said as unknown or none."""
    values = (
        VERSION,
        _index(OUTCOMES, standing.outcome),
        _index(STEPS, standing.step),
        _index(STATES, standing.state),
        standing.error,
        standing.machines,
        standing.not_ready,
    )
    number = 0
    for value, width in zip(values, _WIDTHS, strict=True):
        number = number << width | min(max(value, 0), (1 << width) - 1)
    digits = [number >> 5 * place & 31 for place in reversed(range(_LENGTH - 1))]
    text = "".join(_SYMBOLS[digit] for digit in (*digits, _check(digits)))
    return f"{text[:4]}-{text[4:]}"


def decode_short_code(text: str) -> Standing:
    """Read a code back. Raises InputError if it was misread or misheard."""
    symbols = text.strip().upper().translate(_MISREAD)
    if len(symbols) != _LENGTH or not set(symbols) <= set(_SYMBOLS):
        raise _refusal(text, f"a short code has {_LENGTH} letters and digits, and no U")
    *digits, check = map(_SYMBOLS.index, symbols)
    if _check(digits) != check:
        raise _refusal(text, "its last symbol does not fit the others")
    number = 0
    for digit in digits:
        number = number << 5 | digit
    values = []
    for width in reversed(_WIDTHS):
        values.append(number & ((1 << width) - 1))
        number >>= width
    not_ready, machines, error, state, step, outcome, version = values
    if version != VERSION:
        raise _refusal(text, f"it is of code table {version}, and this program knows {VERSION}")
    return Standing(
        outcome=_name(OUTCOMES, outcome),
        step=_name(STEPS, step),
        state=_name(STATES, state),
        error=error,
        machines=machines,
        not_ready=not_ready,
    )


def worst(states: Sequence[str]) -> str:
    """Name the state of the machine that is worst off; states unknown to the table do not count."""
    known = [state for state in states if _index(STATES, state)]
    return min(known, key=_rank, default=STATES[0])


def _rank(state: str) -> tuple[int, int]:
    before = _BEFORE.get(state)
    if before is None:
        return STATES.index(state), 0
    return STATES.index(before) - 1, STATES.index(state)


def _index(table: Sequence[str], name: str) -> int:
    return table.index(name) if name in table else 0


def _name(table: Sequence[str], index: int) -> str:
    return table[index] if index < len(table) else table[0]


def _check(digits: Sequence[int]) -> int:
    """Give Σ αⁱ·digit over GF(32); the check symbol itself has the weight 1."""
    total = 0
    for digit in digits:
        total = _times_alpha(total ^ digit)
    return total


def _times_alpha(element: int) -> int:
    doubled = element << 1
    return doubled ^ _POLYNOMIAL if doubled & 0b100000 else doubled


def _refusal(text: str, why: str) -> InputError:
    return InputError(
        f"{text.strip()[:20]!r} is no short code", why=why, fix="have it read out once more"
    )
