"""The routes of stage-1 in the boot HTTP app: its token, its report, its orders."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, request

from appliance.boot.http_reply import client_address, document, plain, refuse
from appliance.boot.script import base_url, screen_text
from appliance.boot.stage1 import Stage1, Told
from appliance.boot.state import BootState
from appliance.boot.throttle import Throttle
from appliance.boot.tokens import Refusal, Refused
from appliance.discover.report import MAX_REPORT
from appliance.errors import WireError
from appliance.values import Mac

LOGGED_REFUSALS = 5
"""Lines a minute of one address: stage-1 asks again every few seconds, for ever."""

_STATUS = {
    Refusal.UNKNOWN: 404,
    Refusal.WRONG_ADDRESS: 403,
    Refusal.ENDED: 410,
    Refusal.TOO_SOON: 429,
    Refusal.FULL: 503,
}
_USUAL = (Refusal.UNKNOWN, Refusal.ENDED, Refusal.TOO_SOON)


def add_routes(app: Flask, state: BootState, stage1: Stage1, *, port: int) -> None:
    """Serve `/d/…` in an app that is reached at `port`."""
    routes = _Routes(state, stage1, port, Throttle(state.monotonic, lines=LOGGED_REFUSALS))
    app.add_url_rule("/d/<mac>", "stage1_token", routes.token)
    app.add_url_rule("/d/<token>/report", "stage1_report", routes.report, methods=["POST"])
    app.add_url_rule("/d/<token>/orders", "stage1_orders", routes.orders)


@dataclass(frozen=True, slots=True)
class _Routes:
    state: BootState
    stage1: Stage1
    port: int
    throttle: Throttle

    def token(self, mac: str) -> Response:
        if request.method == "HEAD":
            return refuse(405, "a token is given to GET alone")
        try:
            card = Mac.parse(mac)
        except ValueError as error:
            return refuse(404, str(error))
        given = self.stage1.call(card, client_address())
        if isinstance(given, Refused):
            return self._refuse(given, f"a token for {card}")
        return plain(f"{given}\n")

    def report(self, token: str) -> Response:
        length = request.content_length
        if length is None:
            return refuse(411, "a report needs a Content-Length")
        if length > MAX_REPORT:
            return self._unread(413, f"a report has at most {MAX_REPORT} octets, not {length}")
        visit = self.stage1.may_report(token, client_address())
        if isinstance(visit, Refused):
            return self._refuse(visit, "a report")
        try:
            raw = request.stream.read(length)
        except OSError:
            raw = b""  # it stalled or hung up
        if len(raw) < length:
            return self._unread(400, f"the report ended before its {length} octets")
        try:
            news = self.stage1.report(visit, raw, client_address())
        except WireError as error:
            return self._unread(400, str(error))
        return plain("taken\n" if news else "taken before\n")

    def orders(self, token: str) -> Response:
        told = self.stage1.orders(token, client_address())
        if isinstance(told, Refused):
            return self._refuse(told, "its orders")
        return document(self._words(told))

    def _words(self, told: Told) -> dict[str, object]:
        words: dict[str, object] = {
            "order": told.order,
            "name": told.name,
            "state": told.state,
            "reason": screen_text(told.reason),
        }
        if told.seconds:
            words["seconds"] = told.seconds
        if told.boot is not None and told.boot.arguments is not None:
            files = f"{base_url(self.state.network.bridge, self.port)}/a"
            words["kernel"] = f"{files}/{told.boot.kernel}"
            words["initrd"] = f"{files}/{told.boot.initrd}"
            words["arguments"] = told.boot.arguments.reveal()
        return words

    def _refuse(self, refused: Refused, what: str) -> Response:
        # After a restart every stage-1 comes with a token that nobody knows: that is as it should.
        kind = "http" if refused.refusal in _USUAL else "finding"
        self._log(kind, f"{what} was refused to {client_address()}: {refused.reason}")
        return refuse(_STATUS[refused.refusal], refused.reason)

    def _unread(self, status: int, reason: str) -> Response:
        self._log("finding", f"a report from {client_address()} was refused: {reason}")
        return refuse(status, reason)

    def _log(self, kind: str, words: str) -> None:
        address = client_address()
        if not self.throttle.allows(address):
            return
        owner = self.state.owner_of(address)
        name = owner.name if owner is not None else None
        self.state.say(kind, words, machine=name, data=(("address", str(address)),))
