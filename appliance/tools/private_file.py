"""Small files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from appliance import advice
from appliance.errors import PreflightError


def write_private(path: Path, content: bytes) -> None:
    """Write a file, 0600 from its first moment; a kill leaves the old one or the new one.

    Its folder is made where it is not there. Raises PreflightError if it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PreflightError(
            "a private file cannot be written",
            where=str(path),
            why=str(error),
            fix=advice.other_state(),
        ) from error
