"""What stage-1 reports, taken into a site while s4 watches: matched, judged, frozen, told.

A machine that matches and that nothing speaks against is bound to its name and its disk, and the
plan is made anew with it. What speaks against one is a sentence: on its screen, in its status.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from appliance.boot.control import Order, Reported
from appliance.boot.model import OrderKind
from appliance.discover.match import Bound, Matching
from appliance.errors import InputError, SiteFileError, StoreFullError
from appliance.flow.binding import bind_machine, is_by_hand, whole_site
from appliance.flow.context import Context
from appliance.flow.judging import Held, has_begun, hold_back, judge_all
from appliance.flow.reports import KnownMachine, newest_reports, report_from, take_report
from appliance.flow.s1_site import propose_again
from appliance.flow.services import Services
from appliance.site.load import load_file
from appliance.site.plan import MachinePlan, Plan
from appliance.values import Mac

_TOLD_OF_ONE = 64
"""Findings of one machine in one run: a liar's report may say something else every 5 s."""


class Discovering:
    """One watch's part that hears machines out.

    A report of an earlier run may hold a machine, and arms none: since then its disk may have come
    to hold somebody's data. A machine that waits reports again to the run that serves it now.
    """

    def __init__(self, context: Context, services: Services, plan: Plan) -> None:
        self._context = context
        self._services = services
        self._unjudged = True
        self._heard: set[Mac] = set()
        self._held = self._hold_back(plan, judge_all(context, plan))
        self._told: dict[str, set[str]] = {}
        with suppress(StoreFullError):
            context.stage1_orders.take()  # what was ordered before this run is over

    @property
    def held(self) -> Held:
        """Who may not be installed as things are; not those whose installation began."""
        refused, paused = (
            {name: why for name, why in each.items() if not has_begun(self._context, name)}
            for each in (self._held.refused, self._held.paused)
        )
        return Held(refused, paused)

    def _hold_back(self, plan: Plan, matching: Matching) -> Held:
        asks = self._services.has_stage1
        return hold_back(self._context, plan, matching, heard=self._heard, can_ask=asks)

    def take(self, message: Reported, plan: Plan) -> None:
        """Hear a machine out."""
        take_report(self._context, message)
        self._heard.add(message.mac)
        self._unjudged = True
        self._send_home(message, plan)

    def _send_home(self, message: Reported, plan: Plan) -> None:
        """An installed machine that started from another card of its own belongs on its disk."""
        known = report_from(self._context, message.mac)
        cards = frozenset(known.report.macs if known is not None else ()) - {message.mac}
        for machine in plan.machines:
            installed = self._context.proven.get(machine.name).installed is not None
            if installed and message.mac not in machine.macs and cards & frozenset(machine.macs):
                self._services.order(Order(message.mac, OrderKind.OWN_DISK))

    def turn(self, plan: Plan, *, anew: bool) -> bool:
        """Pass orders on and judge what was reported; give whether the plan must be made anew.

        `anew`: the plan is another than at the last turn.
        """
        with suppress(StoreFullError):  # then they are passed on once there is room
            for each in self._context.stage1_orders.take():
                self._services.order(Order(each.mac, OrderKind(each.order), each.seconds))
        if not (self._unjudged or anew):
            return False
        self._unjudged = False
        return self._judge(plan)

    def _judge(self, plan: Plan) -> bool:
        matching = judge_all(self._context, plan)
        waiting = [each for each in plan.machines if not has_begun(self._context, each.name)]
        self._held = self._hold_back(plan, matching)
        self._tell(matching, {each.name for each in waiting})
        known = {
            each.mac: each for each in newest_reports(self._context) if each.mac in self._heard
        }
        changed = False
        for machine in waiting:
            mac = matching.matched.get(machine.name)
            if mac in known and self._is_news(machine, matching):
                changed |= self._bind(machine, known[mac], matching.bound.get(machine.name))
        return changed

    @staticmethod
    def _is_news(machine: MachinePlan, matching: Matching) -> bool:
        """Whether the plan does not have its card or its disk yet.

        A card that it has stays: a report that names it from another is no proof.
        """
        return machine.not_armed is not None and (
            machine.name in matching.bound or not machine.macs
        )

    def _bind(self, machine: MachinePlan, found: KnownMachine, bound: Bound | None) -> bool:
        """Keep who it is; with its disk, where nothing speaks against it. Give whether it is kept.

        Without its disk it is known by name all the same: its state, and the sentence on its
        screen, are the machine's own.
        """
        context, name = self._context, machine.name
        macs = bound.macs if bound is not None else (found.mac, *found.report.macs)
        disk = bound.disk if bound is not None else None
        try:
            loaded = load_file(context.site_file)
            whole = whole_site(context, loaded)
            proposed = propose_again(context, whole, loaded.places)
            by_hand = is_by_hand(proposed, name)
            news = bind_machine(context, whole, proposed, name, macs, disk, by_hand=by_hand)
        except (InputError, StoreFullError) as error:
            # The file may be half written just now, the disk full: others are being installed.
            self._unjudged |= isinstance(error, SiteFileError | StoreFullError)
            self._say(name, name, f"{name} reported, and cannot join yet: {error}")
            return False
        if not news:
            return False
        words = f"{name} is {found.text}"
        words += f"; it is installed on {disk}" if disk else ""
        data = {"mac": str(found.mac), "disk": disk or ""}
        context.tell("identified", words, machine=name, data=data)
        return True

    def _tell(self, matching: Matching, waiting: Collection[str]) -> None:
        """Tell once what speaks against machines that wait, and what people should know of any."""
        for key, against in matching.refused.items():
            if key in waiting or ":" in key:
                # One that was sent to its installer before another claimed its name goes on.
                how = "begins no installation" if key in self._held.paused else "is held"
                for each in against:
                    self._say(key, key if key in waiting else None, f"{key} {how}: {each}")
        for key, told in matching.told.items():
            for each in told:
                self._say(key, key if key in waiting else None, f"{key}: {each}")

    def _say(self, key: str, machine: str | None, text: str) -> None:
        told = self._told.setdefault(key, set())
        if text not in told and len(told) < _TOLD_OF_ONE:
            told.add(text)
            self._context.tell("finding", text, machine=machine)
