"""Who is signed in: a signed cookie that names the password's epoch.

It carries no time: a clock that is set during the work signs nobody out. A new password does.
"""

from __future__ import annotations

import hmac

from flask import Response, request
from itsdangerous import BadSignature, URLSafeSerializer

from appliance.web.password import PasswordStore

_WEEK = 7 * 24 * 3600


class Sessions:
    """Gives and reads the cookie. `secure` where the wizard speaks TLS."""

    def __init__(self, store: PasswordStore, *, secure: bool) -> None:
        self._store = store
        self._secure = secure
        # RFC 6265bis, 4.1.3.2: no other host and no unprotected answer can set such a cookie.
        self.cookie = "__Host-bridgehead" if secure else "bridgehead"

    def is_signed_in(self) -> bool:
        """Whether the request at hand comes from the operator."""
        cookie = request.cookies.get(self.cookie, "")
        if not cookie or not self._store.is_set:
            return False
        try:
            epoch = self._signer().loads(cookie)
        except BadSignature:
            return False
        return isinstance(epoch, str) and hmac.compare_digest(
            epoch.encode(), self._store.epoch().encode()
        )

    def sign_in(self, response: Response) -> None:
        """Have the browser come back as the operator."""
        response.set_cookie(
            self.cookie,
            str(self._signer().dumps(self._store.epoch())),
            max_age=_WEEK,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Strict",
        )

    def sign_out(self, response: Response) -> None:
        """Have the browser forget."""
        response.delete_cookie(
            self.cookie, path="/", secure=self._secure, httponly=True, samesite="Strict"
        )

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self._store.session_key().reveal(), salt="bridgehead-operator")
