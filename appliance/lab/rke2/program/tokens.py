"""Join tokens: `K10<hash of the CA>::<user>:<secret>`, or the bare secret.

Pure. The hash is the SHA-256 of the CA's file as `/cacerts` gives it (k3s, `clientaccess`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from .log import FatalError

PREFIX = "K10"
_HASH_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Token:
    """A token's parts. `ca_hash` is empty in a short one, which pins nothing."""

    ca_hash: str
    user: str
    secret: str = field(repr=False)


def parse(text: str) -> Token:
    """Read a token. Raises FatalError in upstream's words."""
    if not text:
        raise FatalError("token must not be empty")
    if not text.startswith(PREFIX):
        return Token("", "", text)
    ca_hash, colons, rest = text.removeprefix(PREFIX).partition("::")
    if not colons:
        ca_hash, rest = "", ca_hash
    if ca_hash and len(ca_hash) != _HASH_LENGTH:
        raise FatalError("invalid token CA hash length")
    user, colon, secret = rest.partition(":")
    if not colon or not secret:
        raise FatalError("invalid token format")
    return Token(ca_hash, user, secret)


def hash_of(ca: bytes) -> str:
    """Give the hash that a token pins."""
    return hashlib.sha256(ca).hexdigest()


def check_pin(token: Token, ca: bytes) -> None:
    """Compare a server's CA with what the token pins. Raises FatalError if it is another."""
    found = hash_of(ca)
    if token.ca_hash and token.ca_hash != found:
        raise FatalError(
            "token CA hash does not match the Cluster CA certificate hash: "
            f"{token.ca_hash} != {found}"
        )


def full(ca: bytes, user: str, secret: str) -> str:
    """Write a token that pins its cluster."""
    return f"{PREFIX}{hash_of(ca)}::{user}:{secret}"
