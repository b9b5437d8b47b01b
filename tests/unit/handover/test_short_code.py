"""Eight symbols over a telephone: read back as they were meant, or refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.errors import InputError
from appliance.handover.short_code import (
    OUTCOMES,
    STATES,
    STEPS,
    Standing,
    decode_short_code,
    short_code,
    worst,
)
from appliance.machines.state import State

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
standings = st.builds(
    Standing,
    outcome=st.sampled_from(OUTCOMES),
    step=st.sampled_from(STEPS),
    state=st.sampled_from(STATES),
    error=st.integers(0, 999),
    machines=st.integers(0, 31),
    not_ready=st.integers(0, 15),
)


@given(standings)
def test_what_is_read_out_is_what_was_meant(standing: Standing) -> None:
    """Each standing has its own code, and the code gives it back."""
    code = short_code(standing)
    assert decode_short_code(code) == standing
    assert len(code) == 9
    assert set(code.replace("-", "")) <= set(SYMBOLS)


@given(standings)
def test_a_code_is_read_as_people_write_it(standing: Standing) -> None:
    """Small letters, no dash, spaces between, O for zero, I or L for one."""
    code = short_code(standing)
    lazy = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert decode_short_code(f"  {lazy} ") == standing
    assert decode_short_code(code.replace("1", "I").replace("-", "")) == standing


@given(standings, st.integers(0, 7), st.sampled_from(SYMBOLS))
def test_one_wrong_symbol_is_noticed(standing: Standing, place: int, wrong: str) -> None:
    """Wherever it stands, the check symbol included."""
    code = short_code(standing).replace("-", "")
    assume(code[place] != wrong)
    with pytest.raises(InputError):
        decode_short_code(code[:place] + wrong + code[place + 1 :])


@given(standings, st.integers(0, 7), st.integers(0, 7))
def test_two_swapped_symbols_are_noticed(standing: Standing, one: int, two: int) -> None:
    """Neighbours or not."""
    symbols = list(short_code(standing).replace("-", ""))
    assume(symbols[one] != symbols[two])
    symbols[one], symbols[two] = symbols[two], symbols[one]
    with pytest.raises(InputError):
        decode_short_code("".join(symbols))


@given(st.text(max_size=12))
def test_garbage_is_read_or_refused(text: str) -> None:
    """With the one error that an operator can read, and nothing else."""
    with suppress(InputError):
        assert decode_short_code(text).outcome in OUTCOMES


def test_a_code_of_another_table_is_refused() -> None:
    """All zeros are a valid sum, but no table has the number 0."""
    with pytest.raises(InputError, match="table 0"):
        decode_short_code("0000-0000")


def test_what_no_table_knows_is_said_as_unknown() -> None:
    """Large numbers are said as the largest there is."""
    code = short_code(Standing("exploded", "s99", "melted", 5000, 99, 99))
    assert decode_short_code(code) == Standing("unknown", "none", "none", 1023, 31, 15)


def test_a_code_does_not_change_between_versions() -> None:
    """Who decodes may have a newer program than who reads out: the tables only grow."""
    assert short_code(Standing("failed", "s4", "rootfs", 401, 3, 1)) == GOLDEN


GOLDEN = "2J4P-8HHX"


def test_every_state_of_a_machine_is_in_the_table() -> None:
    """A new state is added at the end of the table."""
    assert {state.value for state in State} == set(STATES) - {"none"}


def test_the_worst_machine_counts() -> None:
    """Failed before held before those that are on their way."""
    assert worst(["ready", "image", "held"]) == "held"
    assert worst(["ready", "kernel", "image"]) == "kernel"
    assert worst(["ready", "not installed: no disk"]) == "ready"
    assert worst(["script", "discovered", "ready"]) == "discovered"
    assert worst(["discovered", "discovering", "waiting"]) == "waiting"
    assert worst(["discovered", "discovering"]) == "discovering"
    assert worst([]) == "none"
