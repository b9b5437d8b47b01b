"""Machines that show themselves: whose turn is which boot file, who holds which token.

Pure: random tokens and the time (monotonic seconds) come in as arguments. Nothing here outlives a
restart of the boot process: stage-1 is then told that its token is unknown, and begins again.

A discovery token is bound to one network card. It lets that card's machine report and ask for
orders, and opens no document: what installs gets a token of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from appliance.boot.control import Order
from appliance.boot.tokens import Refusal, Refused, digest_of
from appliance.values import Mac

MAX_MACS = 512
REPORT_SECONDS = 5.0
"""At most one report of a card is read in this time. Stage-1 itself leaves 10 s between two."""

SILENT_SECONDS = 60.0
"""A card that was silent for so long makes room for another where there are MAX_MACS."""

ORDER_SECONDS = 60.0
"""An order that was not fetched by then is forgotten: nobody expects it any more."""

_NEVER = float("-inf")


@dataclass(slots=True)
class Visit:
    """One network card that was sent to stage-1, or whose stage-1 called.

    `direct` is whether firmware is given stage-1 itself and not iPXE; `pointed` is whether it was
    given either, and has not called since. `ended` says why its token is over.
    """

    mac: Mac
    heard_at: float
    digest: str = ""
    ended: str = ""
    direct: bool = True
    pointed: bool = False
    read_at: float = _NEVER
    facts: bytes = b""
    alive_at: float = _NEVER


class Discoveries:
    """All visits, at most MAX_MACS. Not thread-safe: Stage1 holds its lock around every call.

    `of_site` says whether a card is a machine's of the site: it is never pushed out by a stranger.
    """

    def __init__(self, of_site: Callable[[Mac], bool]) -> None:
        self._of_site = of_site
        self._visits: dict[Mac, Visit] = {}
        self._by_token: dict[str, Visit] = {}
        self._orders: dict[Mac, tuple[Order, float]] = {}

    def __len__(self) -> int:
        return len(self._visits)

    # ---------------------------------------------------------------- from power-on to stage-1

    def boots(self, mac: Mac, *, firmware: bool) -> None:
        """A firmware (or a boot loader) begins to boot: its token is over.

        A firmware that was given a boot file, and begins again without a word from stage-1, could
        not start it: iPXE and stage-1 itself take turns.
        """
        visit = self._visits.get(mac)
        if visit is None:
            return
        if visit.digest:
            visit.ended = visit.ended or "the machine booted again"
        if firmware and visit.pointed:
            visit.pointed = False
            visit.direct = not visit.direct

    def is_direct(self, mac: Mac) -> bool:
        """Say whether a firmware is to be given stage-1 itself, and not iPXE."""
        visit = self._visits.get(mac)
        return visit is None or visit.direct

    def pointed(self, mac: Mac, now: float) -> None:
        """Note that a firmware was told, for good, what to boot."""
        visit = self._visit(mac, now)
        if visit is not None:
            visit.pointed = True

    # ---------------------------------------------------------------- tokens

    def call(self, token: str, mac: Mac, now: float) -> Refused | None:
        """Give a card a new token, which ends its last; or say why not."""
        visit = self._visit(mac, now)
        if visit is None:
            return Refused(Refusal.FULL, f"{MAX_MACS} machines are being looked at already")
        self._by_token.pop(visit.digest, None)
        visit.digest, visit.ended, visit.pointed = digest_of(token), "", False
        visit.heard_at = now
        self._by_token[visit.digest] = visit
        return None

    def of_token(self, token: str) -> Visit | Refused:
        """Give the visit of a living token, or say why there is none."""
        visit = self._by_token.get(digest_of(token))
        if visit is None:
            return Refused(Refusal.UNKNOWN, "no stage-1 of this site has this token")
        if visit.ended:
            return Refused(Refusal.ENDED, f"this token is over: {visit.ended}")
        return visit

    # ---------------------------------------------------------------- reports

    def may_report(self, visit: Visit, now: float) -> Refused | None:
        """Take note of a report that is about to be read, or say why it is not read now."""
        visit.heard_at = now
        if now - visit.read_at < REPORT_SECONDS:
            return Refused(Refusal.TOO_SOON, f"one report in {REPORT_SECONDS:.0f} s is read")
        visit.read_at = now
        return None

    @staticmethod
    def is_news(visit: Visit, facts: bytes) -> bool:
        """Say whether a card reports other facts than it did before; remember them."""
        digest = hashlib.sha256(facts).digest()
        news, visit.facts = digest != visit.facts, digest
        return news

    # ---------------------------------------------------------------- orders

    def order(self, order: Order, now: float) -> None:
        """Keep an order until the machine asks; it replaces one that was not fetched yet."""
        self._orders[order.mac] = (order, now + ORDER_SECONDS)
        if len(self._orders) > MAX_MACS:
            del self._orders[next(iter(self._orders))]

    def take_order(self, visit: Visit, now: float) -> Order | None:
        """Give what the machine was ordered, once."""
        visit.heard_at = now
        order, until = self._orders.pop(visit.mac, (None, _NEVER))
        return order if now < until else None

    # ---------------------------------------------------------------- inside

    def _visit(self, mac: Mac, now: float) -> Visit | None:
        visit = self._visits.get(mac)
        if visit is None and self._has_room(mac, now):
            visit = self._visits[mac] = Visit(mac, now)
        return visit

    def _has_room(self, mac: Mac, now: float) -> bool:
        if len(self._visits) < MAX_MACS:
            return True
        strangers = [each for each in self._visits.values() if not self._of_site(each.mac)]
        # First one that never ran stage-1: made-up addresses cost a packet each.
        oldest = min(strangers, key=lambda each: (bool(each.digest), each.heard_at), default=None)
        if oldest is None:
            return False
        silent = not oldest.digest or now - oldest.heard_at >= SILENT_SECONDS
        if not silent and not self._of_site(mac):
            return False
        del self._visits[oldest.mac]
        self._by_token.pop(oldest.digest, None)
        return True
