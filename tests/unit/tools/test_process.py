"""Outside programs run to their end, with a limit."""

from __future__ import annotations

import pytest

from appliance.errors import StepError
from appliance.tools.process import run


def test_output_and_code_come_back() -> None:
    """Both streams and the exit code are given."""
    result = run(["sh", "-c", "cat; echo wrong >&2; exit 3"], text_in="in")
    assert (result.code, result.out, result.err, result.ok) == (3, "in", "wrong\n", False)


def test_a_missing_program_is_named() -> None:
    """The error names the program and what to do."""
    with pytest.raises(StepError, match="no-such-program") as caught:
        run(["no-such-program"])
    assert caught.value.fix


def test_a_program_that_hangs_is_ended() -> None:
    """The limit holds, and the error says how long it was."""
    with pytest.raises(StepError, match=r"0\.2 s"):
        run(["sleep", "60"], seconds=0.2)
