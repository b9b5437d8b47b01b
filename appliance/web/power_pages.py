"""The power of machines in the wizard: one page a machine, a line on Machines, and the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, make_response, redirect, request

from appliance.errors import BridgeheadError, InputError, SiteFileError, StaleError
from appliance.flow.found_bmcs import FoundBmc, found_bmcs
from appliance.flow.looking import Look
from appliance.flow.switchboard import Switchboard
from appliance.values import Secret
from appliance.web.api import answer, body
from appliance.web.deps import Deps
from appliance.web.laptop import ChosenInterface
from appliance.web.models import DoneAnswer
from appliance.web.power_models import POWER_CALLS, PasswordAsked, PowerAnswer, PowerAsked
from appliance.web.refusals import status_of
from appliance.web.showing import as_typed, back, blocked, field, form, show
from appliance.web.site_work import FormView, SiteWork, is_ticked, power_key, unsaved
from appliance.web.watching import Watching, stored

_VERBS: Mapping[str, Callable[[Switchboard, str, str], str]] = {
    "on": lambda board, name, _typed: board.on(name),
    "off": lambda board, name, typed: board.off(name, typed),
    "cycle": lambda board, name, typed: board.cycle(name, typed),
    "ask": lambda board, name, _typed: _asked(board, name),
    "new-certificate": lambda board, name, _typed: _met_anew(board, name),
}
_SAID = {"on": "power-on", "off": "power-off", "cycle": "power-cycle"}


def routes(deps: Deps) -> Blueprint:
    """Give the page, the calls, and what the page Machines shows of each machine's power."""
    part = Blueprint("power_pages", __name__)
    power = _Power(deps)
    pages, calls = _Pages(power, SiteWork(deps)), _Calls(power)
    part.add_url_rule("/machines/<which>/power", "page", pages.page)
    part.add_url_rule("/machines/<which>/power", "act", pages.act, methods=["POST"])
    part.add_url_rule("/machines/<which>/bmc", "save", pages.save, methods=["POST"])
    part.add_url_rule("/bmc", "choose", pages.choose)
    for call in POWER_CALLS:
        path = call.path.replace("{", "<").replace("}", ">")
        view = getattr(calls, call.name)
        part.add_url_rule(path, f"call_{call.name}", view, methods=[call.method.upper()])

    @part.app_context_processor
    def switches() -> dict[str, Any]:
        return {"switches": power.all, "bmcs": power.found}

    return part


class _Power:
    """What pages and calls do."""

    def __init__(self, deps: Deps) -> None:
        self._watching = Watching(deps)
        self._interface = ChosenInterface(deps.paths, deps.interface)

    def all(self) -> dict[str, PowerAnswer]:
        """Give what was last known of each machine's switch; none where the file is wrong."""
        with suppress(BridgeheadError):  # the page itself says what is wrong
            look = self._watching.look()
            with self._board(look) as board:
                return {each.name: _answer(board, each.name) for each in look.plan.machines}
        return {}

    def found(self) -> tuple[FoundBmc, ...]:
        """Give the BMCs that asked for an address; none where the file is wrong."""
        with suppress(BridgeheadError):  # the page itself says what is wrong
            return self.heard()
        return ()

    def heard(self) -> tuple[FoundBmc, ...]:
        """Give the BMCs that asked for an address. Raises InputError."""
        look = self._watching.look()
        with stored(look) as context:
            return found_bmcs(context, look.plan)

    def one(self, name: str) -> PowerAnswer:
        """Give what was last known of one machine's switch. Raises InputError."""
        with self._board(self._watching.look()) as board:
            return _answer(board, name)

    def act(self, name: str, verb: str, typed: str) -> str:
        """Do what a verb says; give it in words. Raises InputError and PowerError."""
        do = _VERBS.get(verb)
        if do is None:
            raise InputError(f"there is no {verb[:20]!r}", where="verb", fix="reload the page")
        with self._board(self._watching.look(), keep=True) as board:
            return do(board, name, typed)

    def put_password(self, name: str, password: str) -> str:
        """Keep a password. Raises InputError."""
        with self._board(self._watching.look(), keep=True) as board:
            return board.put_password(name, Secret(password))

    @contextmanager
    def _board(self, look: Look, *, keep: bool = False) -> Iterator[Switchboard]:
        with look.writing() if keep else stored(look) as context:
            yield Switchboard(context, look.plan, interface=self._interface.name())


def _answer(board: Switchboard, name: str) -> PowerAnswer:
    return PowerAnswer.of(board.kept(name), board.needs_name(name))


def _asked(board: Switchboard, name: str) -> str:
    seen = board.status(name)
    if not seen.error:
        board.inventory(name)
    return seen.text


def _met_anew(board: Switchboard, name: str) -> str:
    words = board.meet_anew(name)
    return f"{words}; {_asked(board, name)}"


class _Pages:
    """The page of one machine's power."""

    def __init__(self, power: _Power, work: SiteWork) -> None:
        self._power = power
        self._work = work

    def page(self, which: str, error: BridgeheadError | None = None) -> Response:
        found, view, outside = None, None, None
        try:
            one = self._power.one(which)
            mac = request.args.get("bmc", "")
            found = next((each for each in self._power.found() if each.mac == mac), None)
        except BridgeheadError as broken:
            return blocked("machines", "Machines", broken)
        try:
            key = power_key(which)
            view = self._work.view_found(key, found) if found else self._work.view(key)
        except InputError as absent:
            outside = absent
        return self._show(one, view, error=error, found=found, outside=outside)

    def _show(
        self,
        one: PowerAnswer,
        view: FormView | None,
        *,
        error: BridgeheadError | None = None,
        refused: BridgeheadError | None = None,
        **more: Any,
    ) -> Response:
        """Show the page. `refused` is what became of the form of how it is switched."""
        shown: dict[str, Any] = {"found": None, "outside": None, "typed": [], **more}
        shown["asked"] = {key: value for key, value in form().items() if key != "password"}
        shown |= {"one": one, "view": view, "refused": refused, "is_ticked": is_ticked}
        page = show("power", error, key="machines", live=False, **shown)
        if refused is not None:
            page.status_code = int(status_of(refused))
        return page

    def save(self, which: str) -> Response:
        """Write how it is switched into the site file."""
        key, given = power_key(which), form()
        digest = given.pop("digest", "")
        try:
            one = self._power.one(which)
            try:
                self._work.save(key, digest, given)
            except SiteFileError as error:
                return self._show(one, self._work.refused(key, given, error), refused=error)
            except StaleError as error:
                view = self._work.view(key)
                return self._show(one, view, refused=error, typed=unsaved(view, given))
        except BridgeheadError as error:
            return self.page(which, error)
        return back(_path(which), "bmc")

    def choose(self) -> Response:
        """Lead from a BMC that was found to the form of the machine that it switches."""
        which, mac = request.args.get("which", ""), request.args.get("mac", "")
        return make_response(redirect(f"{_path(which)}?bmc={quote(mac, safe='')}#switched", 303))

    def act(self, which: str) -> Response:
        try:
            if field("verb") == "password":
                name = which if field("whose") == "one" else ""
                self._power.put_password(name, as_typed("password"))
                self._power.act(which, "ask", "")
            else:
                self._power.act(which, field("verb"), field("confirm"))
        except BridgeheadError as error:
            return self.page(which, error)
        said = _SAID.get(field("verb"), "power")
        return back(_path(which), said)


def _path(which: str) -> str:
    return f"/machines/{quote(which, safe='')}/power"


class _Calls:
    """One method for each call, named as it."""

    def __init__(self, power: _Power) -> None:
        self._power = power

    def bmcs(self) -> Response:
        return answer(tuple[FoundBmc, ...], self._power.heard())

    def power(self, which: str) -> Response:
        return answer(PowerAnswer, self._power.one(which))

    def switch(self, which: str) -> Response:
        said = body(PowerAsked)
        words = self._power.act(which, said.verb, said.confirm)
        return answer(DoneAnswer, DoneAnswer(words))

    def bmc_password(self) -> Response:
        said = body(PasswordAsked)
        words = self._power.put_password(said.machine, said.password)
        return answer(DoneAnswer, DoneAnswer(words))
