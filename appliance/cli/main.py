"""The `provision` command: begins, and ends with an exit code and never with a traceback."""

from __future__ import annotations

import sys
import traceback

from appliance import advice
from appliance.cli.printing import print_error
from appliance.errors import BridgeheadError, PreflightError, StopRequestedError


def main() -> None:
    """Run the command line; exit with a code that `docs/errors.md` has."""
    arguments = sys.argv[1:] or ["--help"]
    if arguments[0].endswith((".yaml", ".yml")):
        arguments = ["run", *arguments]
    wrong: BridgeheadError
    try:
        # What the verbs stand on takes seconds to load, and Ctrl-C may come within them.
        from appliance.cli.verbs import obey  # noqa: PLC0415

        sys.exit(obey(arguments))
    except BridgeheadError as error:
        wrong = error
    except KeyboardInterrupt:
        wrong = StopRequestedError("stopped as asked", fix=advice.continue_run())
    except PermissionError as error:
        wrong = PreflightError(
            "this user may not do that",
            where=str(error.filename or ""),
            why=error,
            fix=advice.other_state(),
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, people are told what to do
        wrong = _fault(error)
    print_error(wrong, as_json="--json" in arguments)
    sys.exit(wrong.exit_code)


def _fault(error: Exception) -> BridgeheadError:
    """Give what nobody has foreseen a code, and what its finder needs: where it came up."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if "/appliance/" in each.filename] or frames
    return BridgeheadError(
        "something happened that Bridgehead did not expect",
        where=f"{own[-1].filename.rpartition('/appliance/')[2]}:{own[-1].lineno}",
        why=f"{type(error).__name__}: {error}",
        fix=f"{advice.continue_run()}; if it comes again, {advice.support()}",
    )
