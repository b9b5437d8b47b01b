"""The calls of the site file: forms as keys of `site.yaml`, verdicts, the file itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from flask import Blueprint, Response

from appliance.errors import InputError, Problem
from appliance.web.actions import Actions
from appliance.web.api import answer, body, download
from appliance.web.deps import Deps
from appliance.web.laptop import ChosenInterface, clock_now, conflicts, ports
from appliance.web.models import DoneAnswer
from appliance.web.site_file import SiteFile
from appliance.web.site_models import (
    SITE_CALLS,
    BeginAsked,
    CheckAsked,
    ChecksAnswer,
    FieldProblem,
    FormAnswer,
    PortAsked,
    PortsAnswer,
    ReviewAnswer,
    SaveAsked,
    TakeAsked,
)
from appliance.web.site_work import FormView, ReviewView, SiteWork, power_key
from appliance.web.watching import Watching
from appliance.web.wording import for_field

_SAVED = "the site file is saved"


def routes(deps: Deps) -> Blueprint:
    """Give the calls below `/api/` that are about the site file."""
    part = Blueprint("site_api", __name__)
    calls = _Calls(deps, SiteWork(deps))
    for call in SITE_CALLS:
        view = getattr(calls, call.name)
        path = call.path.replace("{", "<").replace("}", ">")
        part.add_url_rule(path, call.name, view, methods=[call.method.upper()])
    return part


class _Calls:
    """One method for each call, named as it."""

    def __init__(self, deps: Deps, work: SiteWork) -> None:
        self._deps = deps
        self._work = work
        self._interface = ChosenInterface(deps.paths, deps.interface)

    def site(self) -> Response:
        return self._form("site")

    def cluster(self) -> Response:
        return self._form("cluster")

    def save_site(self) -> Response:
        return self._save("site")

    def save_cluster(self) -> Response:
        return self._save("cluster")

    def check_site(self) -> Response:
        return self._check("site")

    def check_cluster(self) -> Response:
        return self._check("cluster")

    def bmc(self, which: str) -> Response:
        return self._form(power_key(which))

    def save_bmc(self, which: str) -> Response:
        return self._save(power_key(which))

    def check_bmc(self, which: str) -> Response:
        return self._check(power_key(which))

    def take_site(self) -> Response:
        said = body(TakeAsked)
        octets = said.text.encode("utf-8", "surrogatepass")
        return answer(None, DoneAnswer(self._work.take(said.digest, octets, replace=said.replace)))

    def review(self) -> Response:
        view = self._work.review()
        lost = Actions(self._deps, Watching(self._deps)).lost() if view.plan else ()
        return answer(ReviewAnswer, _review(view, lost, clock_now(self._deps.clock.utc())))

    def begin(self) -> Response:
        said = body(BeginAsked)
        actions = Actions(self._deps, Watching(self._deps))
        digest = actions.digest()  # before it is judged: another one is not run
        missing = self._work.unconfirmed(said.digest, said.erase, clock=said.clock)
        if missing:
            raise InputError(
                f"not everything is confirmed: {', '.join(missing)}",
                where=next(iter(missing)),
                why="; ".join(each.what for each in missing.values()),
                fix="; ".join(each.fix for each in missing.values()),
            )
        return answer(None, DoneAnswer(actions.start(digest, said.lose)))

    def site_file(self) -> Response:
        return file_download(self._work.file)

    def ports(self) -> Response:
        found, plan = ports(self._interface.name()), None
        with suppress(InputError):  # the file's own page says what is wrong with it
            plan = self._work.view("site").plan
        return answer(None, PortsAnswer(list(found), list(conflicts(plan, found)) if plan else []))

    def choose_port(self) -> Response:
        name = body(PortAsked).interface
        self._interface.choose(name)
        return answer(None, DoneAnswer(f"{name or 'the only fitting one'} leads to the machines"))

    def _form(self, key: str) -> Response:
        return answer(FormAnswer, _form(self._work.view(key)))

    def _save(self, key: str) -> Response:
        said = body(SaveAsked)
        self._work.save(key, said.digest, said.fields)
        return answer(None, DoneAnswer(_SAVED))

    def _check(self, key: str) -> Response:
        said = body(CheckAsked)
        view = self._work.view(key, said.fields)
        own, others = view.form.sorted_out(self._work.check(key, said.fields), said.fields)
        return answer(None, ChecksAnswer(_problems(own, others)))


def file_download(file: SiteFile) -> Response:
    """Give the site file to keep, to the octet."""
    return download(file.read().text.encode(), "site.yaml", "application/yaml")


def _form(view: FormView) -> FormAnswer:
    return FormAnswer(
        digest=view.digest,
        fields=dict(view.values),
        proposed={each.name: each.proposed for each in view.form.fields if each.proposed},
        problems=_problems(view.problems, (each.problem for each in view.elsewhere)),
    )


def _review(view: ReviewView, lost: Iterable[str], clock: str) -> ReviewAnswer:
    return ReviewAnswer(
        digest=view.digest,
        problems=[_problem(each.page.partition("#")[2], each.problem) for each in view.problems],
        rules=list(view.rules),
        notes=list(view.plan.notes) if view.plan else [],
        erased=list(view.erased),
        not_armed=dict(view.held),
        lost=list(lost),
        clock=clock,
        clock_is_kept=view.clock_is_kept,
    )


def _problems(
    own: Mapping[str, Iterable[Problem]], others: Iterable[Problem]
) -> list[FieldProblem]:
    at_fields = [
        _problem(name, for_field(each)) for name, several in own.items() for each in several
    ]
    return [*at_fields, *(_problem("", each) for each in others)]


def _problem(field: str, problem: Problem) -> FieldProblem:
    return FieldProblem(field, problem.key, problem.line, problem.what, problem.fix)
