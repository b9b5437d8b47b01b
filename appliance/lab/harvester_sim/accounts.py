"""Who may come in: one user, its password and its tokens, as the Rancher in Harvester has it."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from http import HTTPStatus
from typing import Any

from appliance.lab.harvester_sim.objects import ObjectStore

Json = dict[str, Any]

USER = "admin"
FIRST_PASSWORD = "admin"
"""Harvester's own, known to all (facts: harvester-rke2 2.9)."""
SHORTEST_PASSWORD = 12
"""Rancher's setting `password-min-length`."""


class AccountError(Exception):
    """Rancher's answer to what it refuses: an HTTP code, its own code word, a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def as_json(self) -> Json:
        """Give the body of the answer."""
        return {
            "type": "error",
            "status": str(self.status),
            "code": self.code,
            "message": self.message,
        }


class Accounts:
    """Passwords and tokens, of which only digests are kept."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._lock = threading.Lock()

    def log_in(self, name: str, password: str) -> Json:
        """Give Rancher's answer to a login, with a new token. Raises AccountError."""
        if name != USER or not self._is(password):
            raise AccountError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "authentication failed")
        token_id, token = self.new_token("token")
        return {
            "type": "token",
            "id": token_id,
            "token": token,
            "name": token_id,
            "userId": "user-standin",
            "authProvider": "local",
        }

    def change_password(self, current: str, new: str) -> None:
        """Change the user's password. Raises AccountError."""
        if not self._is(current):
            raise _invalid("invalid current password")
        if len(new) < SHORTEST_PASSWORD:
            raise _invalid(f"Password must be at least {SHORTEST_PASSWORD} characters")
        if new == USER:
            raise _invalid("Password cannot be the same as username")
        salt = secrets.token_hex(16)
        self._store.keep_fact("password", f"{salt}:{_digest(salt, new)}")

    def new_token(self, prefix: str) -> tuple[str, str]:
        """Give a new token's name and the token itself, which contains it."""
        name = f"{prefix}-{secrets.token_hex(3)}"
        token = f"{name}:{secrets.token_urlsafe(40)}"
        with self._lock:
            known = self._tokens()
            known[name] = hashlib.sha256(token.encode()).hexdigest()
            self._store.keep_fact("tokens", json.dumps(known))
        return name, token

    def knows(self, authorization: str) -> bool:
        """Tell whether a header's token is one of ours."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer":
            return False
        kept = self._tokens().get(token.partition(":")[0], "")
        return hmac.compare_digest(kept, hashlib.sha256(token.encode()).hexdigest())

    def _tokens(self) -> dict[str, str]:
        known: dict[str, str] = json.loads(self._store.fact("tokens") or "{}")
        return known

    def _is(self, password: str) -> bool:
        salt, _, digest = self._store.fact("password").partition(":")
        if not digest:
            return hmac.compare_digest(password.encode(), FIRST_PASSWORD.encode())
        return hmac.compare_digest(_digest(salt, password), digest)


def _invalid(why: str) -> AccountError:
    return AccountError(HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidBodyContent", why)


def _digest(salt: str, password: str) -> str:
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=1024, r=8, p=1).hex()


def kubeconfig(server: str, token: str, ca: bytes = b"") -> str:
    """Give a kubeconfig as Rancher writes one. `ca` is the certificate in base64, or nothing."""
    authority = f'    certificate-authority-data: "{ca.decode("ascii")}"\n' if ca else ""
    return (
        "apiVersion: v1\nkind: Config\nclusters:\n"
        f'- name: "local"\n  cluster:\n    server: "{server}"\n{authority}'
        f'\nusers:\n- name: "local"\n  user:\n    token: "{token}"\n\n'
        'contexts:\n- name: "local"\n  context:\n    user: "local"\n    cluster: "local"\n\n'
        'current-context: "local"\n'
    )
