"""The operator's password, and the one-time code with which it is set.

All of it is in one file, 0600, read anew at each question: a reset at the laptop's own console is
true for a wizard that is running. Only argon2 hashes are kept.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance import advice
from appliance.errors import AccessError, InputError, PreflightError
from appliance.tools.private_file import write_private
from appliance.values import Secret

MIN_LENGTH = 10
MAX_LENGTH = 256
_CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0 O 1 I L: it is read off one screen and typed into another."""
_CODE_GROUPS = (4, 4, 4)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the file holds. `epoch` changes with the password: sessions name theirs."""

    key: str
    epoch: str
    password: str = ""
    code: str = ""


class PasswordStore:
    """The one operator's password in a file of the state folder. Safe to use from any thread."""

    def __init__(self, file: Path, hasher: PasswordHasher | None = None) -> None:
        self._file = file
        self._hasher = hasher or PasswordHasher()
        self._alone = Lock()
        """One hash at a time: each takes 64 MiB, and a stranger may ask for many."""
        self._beginning = Lock()

    @property
    def is_set(self) -> bool:
        """Whether the operator has chosen a password. Raises PreflightError."""
        return bool(self._read().password)

    def session_key(self) -> Secret:
        """Give the key that signs sessions. It stays, so that a restart ends nobody's session."""
        return Secret(self._read().key)

    def epoch(self) -> str:
        """Give what a session must name to be good: another one with each new password."""
        return self._read().epoch

    def new_code(self) -> Secret:
        """Make a one-time code; the one before is void. For first use, the password unset."""
        code = "-".join(
            "".join(secrets.choice(_CODE_LETTERS) for _ in range(size)) for size in _CODE_GROUPS
        )
        with self._alone:
            kept = self._read()
            hashed = self._hasher.hash(_plain_code(code))
            self._write(_Kept(kept.key, kept.epoch, kept.password, hashed))
        return Secret(code)

    def reset(self) -> Secret:
        """Forget the password, end all sessions; give the code with which a new one is set."""
        with self._alone:
            self._write(_Kept(self._read().key, secrets.token_hex(16)))
        return self.new_code()

    def verify(self, password: Secret) -> bool:
        """Whether this is the password. False while none is set."""
        with self._alone:
            return self._matches(self._read().password, password.reveal())

    def set_first(self, code: Secret, password: Secret) -> None:
        """Set the password with the one-time code, which is spent by it.

        Raises AccessError for a wrong or spent code, InputError for a password that will not do.
        """
        check_password(password)
        with self._alone:
            kept = self._read()
            if kept.password or not self._matches(kept.code, _plain_code(code.reveal())):
                raise AccessError(
                    "this is not the one-time code",
                    where="code",
                    fix="read it again, on the screen where the wizard was started or in the "
                    "journal of its service; a new start gives a new code",
                )
            self._set(password)

    def change(self, old: Secret, new: Secret) -> None:
        """Change the password; all sessions end. Raises AccessError or InputError."""
        check_password(new)
        with self._alone:
            if not self._matches(self._read().password, old.reveal()):
                raise AccessError(
                    "this is not the password",
                    where="current",
                    fix=f"type it again; if it is lost: {advice.new_password()}",
                )
            self._set(new)

    def _set(self, password: Secret) -> None:
        hashed = self._hasher.hash(password.reveal())
        self._write(_Kept(self._read().key, secrets.token_hex(16), hashed))

    def _matches(self, hashed: str, given: str) -> bool:
        if not hashed or len(given) > MAX_LENGTH:
            return False
        try:
            return self._hasher.verify(hashed, given)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    def _read(self) -> _Kept:
        try:
            return _Kept(**json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return self._begin()
        except OSError as error:
            raise _unreadable(self._file, str(error)) from error
        except (ValueError, TypeError) as error:
            raise _unreadable(self._file, "it is damaged") from error

    def _begin(self) -> _Kept:
        with self._beginning:
            if self._file.exists():  # another thread was first
                return self._read()
            made = _Kept(secrets.token_hex(32), secrets.token_hex(16))
            self._write(made)
            return made

    def _write(self, kept: _Kept) -> None:
        write_private(self._file, (json.dumps(asdict(kept), indent=1) + "\n").encode())


def check_password(password: Secret) -> None:
    """Raise InputError for a password that will not do."""
    text = password.reveal()
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        short = len(text) < MIN_LENGTH
        raise InputError(
            f"the password is too {'short' if short else 'long'}",
            where="password",
            fix=f"take {MIN_LENGTH} characters or more: three or four words are good"
            if short
            else f"take at most {MAX_LENGTH} characters",
        )
    if not text.isprintable():
        raise InputError(
            "the password holds a character that cannot be typed everywhere",
            where="password",
            fix="take letters, digits, spaces and signs",
        )
    if len(set(text)) < 4:
        raise InputError(
            "the password repeats the same few characters",
            where="password",
            fix="take three or four words",
        )


def _plain_code(code: str) -> str:
    """Give a code as it is hashed: however it was typed."""
    return "".join(code.upper().split()).replace("-", "")


def _unreadable(file: Path, why: str) -> PreflightError:
    return PreflightError(
        "the operator's password cannot be read",
        where=str(file),
        why=why,
        fix="run as the user who started the wizard before; a damaged file may be removed: "
        "a new password is then set",
    )
