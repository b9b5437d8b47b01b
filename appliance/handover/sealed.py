"""A file that only a passphrase opens: scrypt, then AES-256-GCM over the whole content.

Layout: one JSON line that says how it was sealed, a newline, the ciphertext. The line is bound to
the ciphertext as associated data, so that no part can be exchanged. Cost: 128 MiB and about a
second a try (RFC 7914, section 2, N=2^17, r=8, p=1).
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from appliance import advice
from appliance.errors import InputError
from appliance.values import Secret

FORMAT = "bridgehead-sealed-1"
LEAST_CHARACTERS = 12
_COST = {"n": 1 << 17, "r": 8, "p": 1}
_HEADER_LIMIT = 4096


def seal(content: bytes, passphrase: Secret, *, about: dict[str, str]) -> bytes:
    """Seal content. `about` is readable by anybody and cannot be changed.

    Raises InputError for a passphrase of fewer than 12 characters.
    """
    if len(passphrase.reveal()) < LEAST_CHARACTERS:
        raise InputError(
            "the passphrase is too short",
            why=f"whoever finds the file may try for ever; {LEAST_CHARACTERS} characters at least",
            fix="take five or six words",
        )
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    header = {
        "format": FORMAT,
        "kdf": {"name": "scrypt", **_COST, "salt": base64.b64encode(salt).decode()},
        "nonce": base64.b64encode(nonce).decode(),
        "about": about,
    }
    line = json.dumps(header, sort_keys=True).encode()
    return line + b"\n" + AESGCM(_key(passphrase, salt)).encrypt(nonce, content, line)


def unseal(sealed: bytes, passphrase: Secret, *, where: str = "") -> bytes:
    """Open what `seal` made. Raises InputError: not such a file, a wrong passphrase, damaged."""
    line, newline, ciphertext = sealed.partition(b"\n")
    header = _header(line if newline and len(line) <= _HEADER_LIMIT else b"", where)
    try:
        salt, nonce = (base64.b64decode(each) for each in (header["kdf"]["salt"], header["nonce"]))
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, ciphertext, line)
    except (KeyError, TypeError, ValueError) as error:
        raise _no_such_file(where) from error
    except InvalidTag as error:
        raise InputError(
            "the file does not open",
            where=where,
            why="the passphrase is another one, or the file is damaged",
            fix="try the passphrase again; if it is right, bring the file once more",
        ) from error


def about(sealed: bytes, *, where: str = "") -> dict[str, str]:
    """Give what anybody may read of a sealed file. Raises InputError if it is none."""
    said = _header(sealed.partition(b"\n")[0][:_HEADER_LIMIT], where).get("about", {})
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def _header(line: bytes, where: str) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError as error:
        raise _no_such_file(where) from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _no_such_file(where)
    return header


def _no_such_file(where: str) -> InputError:
    return InputError(
        "this is no sealed state of a site",
        where=where,
        why=f"its first line does not say {FORMAT}",
        fix=advice.sealed_state(),
    )


def _key(passphrase: Secret, salt: bytes) -> bytes:
    # The cost is ours, not the file's: a forged header must not make us take gigabytes.
    return Scrypt(salt=salt, length=32, **_COST).derive(passphrase.reveal().encode())
