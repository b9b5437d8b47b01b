"""How the modules of the lab that `python -m` starts end: an error is a line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

from appliance.errors import BridgeheadError


def ended(work: Callable[[], object]) -> int:
    """Do the work; give the exit code, with the error said on standard error if it raised one."""
    try:
        work()
    except BridgeheadError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0
