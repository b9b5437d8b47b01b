"""In front of every request: who may call by which name, from where, and what a browser may do.

Host allow-list against DNS rebinding; Sec-Fetch-Site and Origin against forged posts, after
datasette's csrf.py and the algorithm in https://words.filippo.io/csrf/; headers that leave a page
no script, style, frame or connection but this server's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, urlsplit

from flask import Flask, Response, redirect, request
from werkzeug.exceptions import RequestEntityTooLarge

from appliance.errors import AccessError
from appliance.web.deps import Deps, Listen
from appliance.web.refusals import is_api, refuse
from appliance.web.sessions import Sessions

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PARTS = frozenset({"door"})
"""Blueprints that answer before anyone has signed in."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def allowed_hosts(listen: Listen) -> frozenset[str]:
    """Give the names by which this wizard may be called, without ports."""
    names = {listen.host, *listen.names}
    if listen.loopback or listen.everywhere:
        names |= {"localhost", "127.0.0.1", "::1"}
    return frozenset(name.lower().rstrip(".") for name in names)


def host_is_allowed(header: str, listen: Listen) -> bool:
    """Judge a Host header. The port is not looked at: a tunnel may end at another one."""
    host = _host_of(header)
    if host is None:
        return False
    if host in allowed_hosts(listen):
        return True
    # Who is called by an address was not led here by a name: there is nothing to rebind.
    return listen.everywhere and _is_address(host)


def is_forged(method: str, site: str | None, origin: str | None, host: str) -> bool:
    """Whether another site's page has the browser send this.

    `site` is the header Sec-Fetch-Site, which no page can set. Browsers without it send Origin
    with every post; a program sends neither.
    """
    if method in SAFE_METHODS:
        return False
    if site is not None:
        return site not in {"same-origin", "none"}
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != host.lower() or not host
    except ValueError:
        return True


def _host_of(header: str) -> str | None:
    if not header or any(c in header for c in "/@\\?#, \t"):
        return None
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    return (parts.hostname or "").rstrip(".") or None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def install(app: Flask, deps: Deps, sessions: Sessions) -> None:
    """Put the guard in front of an app, and its headers on every answer."""

    def check() -> Response | None:
        refusal = _refusal(deps.listen)
        if refusal is not None:
            deps.log(f"web: refused {_who()}: {refusal.what} ({refusal.why})")
            return refuse(refusal, 400 if refusal.where == "Host" else 403)
        if (request.content_length or 0) > (app.config["MAX_CONTENT_LENGTH"] or 0):
            deps.log(f"web: refused {_who()}: {request.content_length} octets are too many")
            raise RequestEntityTooLarge
        if request.endpoint == "static" or request.blueprint in OPEN_PARTS:
            return None
        return None if sessions.is_signed_in() else _to_the_door()

    app.before_request(check)
    app.after_request(_with_headers)


def _refusal(listen: Listen) -> AccessError | None:
    host = request.headers.get("Host", "")
    if not host_is_allowed(host, listen):
        return AccessError(
            "the wizard is not called by this name",
            where="Host",
            why=repr(host[:100]),
            fix=f"open {listen.url()}",
        )
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if is_forged(request.method, site, origin, host):
        return AccessError(
            "this came from another site's page",
            where="Origin",
            why=repr((origin or site or "")[:100]),
            fix=f"open {listen.url()} and do it there",
        )
    return None


def _to_the_door() -> Response:
    if is_api():
        refusal = AccessError("nobody is signed in", fix="sign in first: POST /api/session")
        return refuse(refusal, 401)
    there = request.full_path.rstrip("?") if request.method in SAFE_METHODS else "/"
    # 303: what was posted is not posted again to the door.
    return redirect(f"/login?next={quote(there, safe='/')}", 303)  # type: ignore[return-value]


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-cache" if request.endpoint == "static" else "no-store"
    return response


def _who() -> str:
    return f"{request.remote_addr} {request.method} {request.path[:100]!r}"


# ---------------------------------------------------------------- the throttle

FREE_ATTEMPTS = 5
FIRST_WAIT = 2.0
LONGEST_WAIT = 300.0
FORGIVEN_AFTER = 3600.0
REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class _Attempts:
    count: int
    last: float


class LoginThrottle:
    """How soon a client may try a password again. Times are monotonic seconds, given.

    Five attempts are free; then each waits twice as long as the one before, five minutes at most.
    An attempt counts when it begins, so that many at once gain nothing. Not safe between threads:
    `door` holds a lock around it.
    """

    def __init__(self) -> None:
        self._of: dict[str, _Attempts] = {}

    def begin(self, client: str, now: float) -> float:
        """Begin an attempt: 0.0 if it may go on, else the seconds to wait; then it counts not."""
        key = _network_of(client)
        known = self._of.get(key)
        if known is None or now - known.last > FORGIVEN_AFTER:
            known = _Attempts(0, now)
        wait = known.last + _pause(known.count) - now
        if wait > 0:
            return wait
        self._of.pop(key, None)
        self._of[key] = _Attempts(known.count + 1, now)
        while len(self._of) > REMEMBERED:
            del self._of[next(iter(self._of))]
        return 0.0

    def succeeded(self, client: str) -> None:
        """Forget the attempts of a client that knew the password."""
        self._of.pop(_network_of(client), None)


def _pause(count: int) -> float:
    if count < FREE_ATTEMPTS:
        return 0.0
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(count - FREE_ATTEMPTS, 20))


def _network_of(client: str) -> str:
    """Give what one person can hold: an IPv4 address, but a whole IPv6 /64."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
