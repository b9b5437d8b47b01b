"""Secrets of one site, sealed in main.db with AES-256-GCM.

The key is derived (HKDF-SHA256) from the host's credential secret where systemd keeps one, else
from a key file of our own, root's and 0600; both stay on the laptop, so that a copied main.db
tells nothing and an unattended resume still works. The name of a secret is bound to it as
associated data: a sealed value moved under another name does not open.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import string
import tempfile
from contextlib import closing, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance import advice
from appliance.errors import PreflightError
from appliance.store.database import open_copy
from appliance.values import Secret

_SYSTEMD_SECRET = Path("/var/lib/systemd/credential.secret")
_KEY_CHARACTERS = 64
_BRING_BACK = (
    "bring the file back from a backup; without it the vaults of this laptop stay shut: "
    f"to begin anew {advice.state_folder()}"
)
_LETTERS = string.ascii_letters + string.digits


def host_key(own: Path, systemd: Path = _SYSTEMD_SECRET) -> Secret:
    """Give the laptop's key: systemd's credential secret, else `own`, made if it is missing.

    Raises PreflightError if the key cannot be read, is damaged, or is missing where a vault beside
    it was sealed with it: a new one would open none of them.
    """
    if not own.exists() and os.access(systemd, os.R_OK):
        return Secret(systemd.read_bytes().hex())
    try:
        if not own.exists():
            _refuse_if_lost(own)
            _make_key(own)
        own.chmod(0o600)
        key = own.read_text()
    except OSError as error:
        raise PreflightError(
            "the laptop's key cannot be read",
            where=str(own),
            why=error,
            fix=advice.other_state(),
        ) from error
    if len(key) < _KEY_CHARACTERS:
        raise PreflightError(
            "the laptop's key is damaged",
            where=str(own),
            why=f"it has {len(key)} characters, not {_KEY_CHARACTERS}",
            fix=_BRING_BACK,
        )
    return Secret(key)


def holds_secrets(connection: sqlite3.Connection) -> bool:
    """Say whether anything is sealed in a main.db."""
    return connection.execute("SELECT 1 FROM vault LIMIT 1").fetchone() is not None


def _refuse_if_lost(own: Path) -> None:
    for database in own.parent.glob("*/main.db"):
        with closing(open_copy(database)) as copy:
            if holds_secrets(copy):
                raise PreflightError(
                    "the laptop's key is gone",
                    where=str(own),
                    why=f"the secrets in {database} were sealed with it",
                    fix=_BRING_BACK,
                )


def _make_key(own: Path) -> None:
    """Make a random key: on disk whole or not at all, and never in place of another's."""
    own.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    descriptor, draft = tempfile.mkstemp(dir=own.parent, prefix=own.name)  # made 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_KEY_CHARACTERS // 2))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, own)
    finally:
        Path(draft).unlink()


class Vault:
    """Names to secrets. Nothing in it leaves but by `get`."""

    def __init__(self, connection: sqlite3.Connection, key: Secret) -> None:
        self._db = connection
        material = HKDF(SHA256(), 32, salt=None, info=b"bridgehead vault 1")
        self._cipher = AESGCM(material.derive(key.reveal().encode()))

    def get(self, name: str) -> Secret | None:
        """Give a secret, or None. Raises PreflightError if it was sealed on another laptop."""
        row = self._db.execute("SELECT nonce, sealed FROM vault WHERE name=?", (name,)).fetchone()
        if row is None:
            return None
        try:
            return Secret(self._cipher.decrypt(row["nonce"], row["sealed"], name.encode()).decode())
        except InvalidTag as error:
            raise PreflightError(
                f"the vault does not open its secret {name!r}",
                why="it was sealed with another laptop's key, or it is damaged",
                fix="run on the laptop that made it, or bring that laptop's host.key over as well",
            ) from error

    def put(self, name: str, secret: Secret) -> None:
        """Seal a secret under a name, replacing what was there."""
        nonce = secrets.token_bytes(12)
        sealed = self._cipher.encrypt(nonce, secret.reveal().encode(), name.encode())
        self._db.execute(
            "INSERT OR REPLACE INTO vault (name, nonce, sealed) VALUES (?, ?, ?)",
            (name, nonce, sealed),
        )

    def get_or_make(self, name: str, characters: int = 32) -> Secret:
        """Give a secret, making a random one of letters and digits at first use."""
        found = self.get(name)
        if found is None:
            # No dash and no underscore: a leading dash reads as an option to a program.
            found = Secret("".join(secrets.choice(_LETTERS) for _ in range(characters)))
            self.put(name, found)
        return found

    def all(self) -> tuple[Secret, ...]:
        """Give every secret, for the filters that keep them out of logs."""
        names = [row["name"] for row in self._db.execute("SELECT name FROM vault")]
        return tuple(found for name in names if (found := self.get(name)) is not None)
