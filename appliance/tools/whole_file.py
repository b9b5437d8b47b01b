"""Files that are written whole or not at all: what fails, or is killed, leaves the old one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

from appliance.errors import InputError


@contextmanager
def whole(path: Path, mode: int = 0o600) -> Iterator[BufferedWriter]:
    """Give a file to fill, which takes its place once it is on disk; `mode` as for `os.open`.

    A link that is there is replaced, not followed. No draft stays behind unless this process is
    killed. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def asked_for(path: Path, mode: int = 0o600) -> Iterator[BufferedWriter]:
    """Give a file to fill that somebody has named, as `whole` does; no folder is made for it.

    Raises InputError where it cannot be written.
    """
    if path.exists() and not path.is_file():
        raise _refusal(path, "that is a folder" if path.is_dir() else "that is no file")
    try:
        with whole(path, mode) as file:
            yield file
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from error


def _refusal(path: Path, why: str) -> InputError:
    fix = "name a file, in a folder that is there and that you may write to"
    return InputError("the file cannot be written", where=str(path), why=why, fix=fix)
