"""Outside programs that run to their end: one door, always with a time limit, never a shell."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.errors import StepError


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        """Whether it ended with 0."""
        return self.code == 0


def run(argv: Sequence[str], *, seconds: float = 30, text_in: str | None = None) -> Result:
    """Run a program to its end. Raises StepError if it is missing or takes too long.

    Nothing secret may be in `argv`: every user of the machine can read it.
    """
    try:
        done = subprocess.run(  # noqa: TID251 - this is the adapter
            list(argv),
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            input=text_in,
            stdin=subprocess.DEVNULL if text_in is None else None,
        )
    except FileNotFoundError as error:
        raise StepError(
            f"the program {argv[0]!r} is not installed", fix="run the set-up of this laptop again"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise StepError(
            f"{argv[0]!r} did not end within {seconds:g} s", why=" ".join(argv)
        ) from error
    return Result(done.returncode, done.stdout, done.stderr)
