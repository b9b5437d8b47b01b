"""Small files that only their owner may read, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from appliance import advice
from appliance.errors import PreflightError
from appliance.tools.whole_file import whole


def write_private(path: Path, content: bytes) -> None:
    """Write a file, 0600 from its first moment; a kill leaves the old one or the new one.

    Its folder is made where it is not there. Raises PreflightError if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        with whole(path) as file:
            file.write(content)
    except OSError as error:
        raise PreflightError(
            "a private file cannot be written",
            where=str(path),
            why=error,
            fix=advice.other_state(),
        ) from error
