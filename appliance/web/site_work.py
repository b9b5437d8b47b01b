"""What the pages of the site file do, said in the same words by pages and calls.

Whatever the command refuses is refused here, with its sentence at the field. What was wrong before
on another page does not keep this one from being saved: a file is mended page by page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from appliance.discover.report import Report
from appliance.errors import BridgeheadError, InputError, Problem, SiteFileError, StaleError
from appliance.flow.found_bmcs import FoundBmc
from appliance.flow.looking import Look
from appliance.flow.reports import newest_reports
from appliance.site.places import machine_path
from appliance.site.plan import Plan
from appliance.site.yaml_text import Value
from appliance.tools.clock import as_text
from appliance.tools.host_clock import synchronised
from appliance.web.bmc_form import BmcForm, bmc_form, filled
from appliance.web.deps import Deps
from appliance.web.drawing import Shown
from appliance.web.forms import Form, Kind
from appliance.web.review import (
    INSTALLED,
    Erasure,
    RuleVerdict,
    erasures,
    not_armed,
    rule_verdicts,
    unconfirmed,
)
from appliance.web.site_file import Changes, Seen, SiteFile, Verdict, value_at
from appliance.web.site_forms import cluster_form, site_form
from appliance.web.wording import for_field

MakeForm = Callable[[Value, Plan | None], Form]
FORMS: Mapping[str, MakeForm] = {"site": site_form, "cluster": cluster_form}
_POWER = ("machines/", "/power")
_KINDS = {"ready": "good", "installed": "good", "failed": "bad", "held": "warn"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A problem and the field that it is mended at: its page, and what it is called there.

    Both are empty where no form has it.
    """

    problem: Problem
    page: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class FormView:
    """A form as a page shows it. `elsewhere` are problems that no field of it has.

    `unreadable`: the file is no YAML, and no form can change it.
    """

    key: str
    form: Form
    digest: str
    values: Mapping[str, str]
    problems: Mapping[str, list[Problem]]
    elsewhere: tuple[Placed, ...]
    plan: Plan | None
    refusal: BridgeheadError | None = None
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class ReviewView:
    """The fifth page. `digest` names the plan that would be run; `erased` what it would erase."""

    text: str
    problems: tuple[Placed, ...]
    rules: tuple[RuleVerdict, ...]
    refusal: BridgeheadError | None
    plan: Plan | None
    digest: str
    erased: tuple[Erasure, ...]
    held: tuple[tuple[str, str], ...]
    states: Mapping[str, Shown]
    clock_is_kept: bool
    has_run: bool


class SiteWork:
    """The site file of one wizard. Safe to use from any thread."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._file = SiteFile(deps.site_file or deps.paths.web_site_file, deps.paths)

    @property
    def file(self) -> SiteFile:
        """The file itself."""
        return self._file

    # ---------------------------------------------------------------- forms

    def view(self, key: str, given: Mapping[str, str] | None = None) -> FormView:
        """Show a form: what the file says and what is wrong with it, or else what was typed."""
        seen = self._file.read()
        make = _maker(key, seen.data)
        verdict = self._judged(seen)
        form = make(seen.data, verdict.plan)
        own, others = form.sorted_out(verdict.problems, {})
        return FormView(
            key=key,
            form=form,
            digest=seen.digest,
            values=form.values(seen.data) | _typed(form, given or {}),
            problems={} if given is not None else _worded(own),
            elsewhere=tuple(_placed(seen.data, each) for each in others),
            plan=verdict.plan,
            refusal=verdict.refusal,
            unreadable=bool(seen.syntax) and not seen.data,
        )

    def view_found(self, key: str, found: FoundBmc) -> FormView:
        """Show the form of a machine's switch, filled in for a BMC that was found."""
        view = self.view(key)
        if view.plan is None or not isinstance(view.form, BmcForm):
            return view
        return self.view(key, filled(view.form, view.values, found, view.plan))

    def refused(self, key: str, given: Mapping[str, str], error: SiteFileError) -> FormView:
        """Show a form that was refused: what was typed, and each problem at its field."""
        view, data = self.view(key, given), self._file.read().data
        own, others = view.form.sorted_out(error.problems, given)
        return FormView(
            key=key,
            form=view.form,
            digest=view.digest,
            values=view.values,
            problems=_worded(own),
            elsewhere=tuple(_placed(data, each) for each in others),
            plan=view.plan,
        )

    def save(self, key: str, digest: str, given: Mapping[str, str]) -> Seen:
        """Write what was typed into the file that `digest` names.

        Raises SiteFileError for what the command would refuse, StaleError where the file is
        another by now, InputError for what is no field or cannot be written.
        """
        return self._file.save(
            digest,
            lambda seen: self._changes(key, seen, given),
            lambda before, after: self._allow(key, given, before, after),
        )

    def take(self, digest: str, octets: bytes, *, replace: bool) -> str:
        """Open another site file in the place of the one that `digest` names; say what was done.

        Raises as `SiteFile.take` does.
        """
        stamp = as_text(self._deps.clock.utc()).replace(":", "")
        kept = self._file.take(digest, octets, agreed=replace, stamp=stamp)
        return f"the one that was here is kept as {kept}" if kept else "the site file is taken"

    def check(self, key: str, given: Mapping[str, str]) -> tuple[Problem, ...]:
        """Give what would be refused; nothing is written. Raises InputError as `save` does."""
        seen = self._file.read()
        try:
            self._file.try_out(
                seen,
                self._changes(key, seen, given),
                lambda before, after: self._allow(key, given, before, after),
            )
        except SiteFileError as error:
            return error.problems
        return ()

    def _changes(self, key: str, seen: Seen, given: Mapping[str, str]) -> Changes:
        form = _maker(key, seen.data)(seen.data, None)
        unknown = form.unknown(given)
        if unknown:
            raise InputError(
                f"there is no field {unknown[0]!r}", where=unknown[0], fix="reload the page"
            )
        taken = form.taken(seen.data, given)
        if taken:
            raise SiteFileError(tuple(taken.values()))
        changes = form.changes(seen.data, given)
        needed = form.needed()
        if needed and not changes and not seen.data and not seen.syntax:
            raise SiteFileError(needed)
        return changes

    def _allow(self, key: str, given: Mapping[str, str], before: Verdict, after: Verdict) -> None:
        data = self._file.read().data
        form = _maker(key, data)(data, None)
        own, others = form.sorted_out(after.problems, given)
        was = {(each.key, each.what) for each in before.problems}
        new = [each for each in others if (each.key, each.what) not in was]
        found = (*(each for several in own.values() for each in several), *new)
        if found:
            raise SiteFileError(found)
        if isinstance(after.refusal, InputError) and not isinstance(before.refusal, InputError):
            raise after.refusal

    def _judged(self, seen: Seen) -> Verdict:
        """An empty file is not wrong, only not begun."""
        return self._file.judge(seen.text) if seen.text.strip() else Verdict()

    # ---------------------------------------------------------------- review

    def review(self) -> ReviewView:
        """Look at all that a run would go by."""
        seen = self._file.read()
        verdict = self._file.judge(seen.text)
        plan = verdict.plan
        states, reports, has_run = self._known(plan) if plan else ({}, {}, False)
        installed = {name for name, each in states.items() if each in INSTALLED}
        return ReviewView(
            text=seen.text,
            problems=tuple(_placed(seen.data, each) for each in verdict.problems),
            rules=rule_verdicts(seen.text, str(self._file.path)),
            refusal=verdict.refusal,
            plan=plan,
            digest=plan.digest() if plan else "",
            erased=erasures(plan, reports, installed) if plan else (),
            held=not_armed(plan) if plan else (),
            states=_shown(plan, states) if plan else {},
            clock_is_kept=synchronised(),
            has_run=has_run,
        )

    def unconfirmed(
        self, digest: str, typed: Mapping[str, str], *, clock: bool
    ) -> dict[str, Problem]:
        """Give what a run asks and was not answered: by machine; `clock` is the clock's.

        Raises SiteFileError for a file that is not right, StaleError where the plan is another
        than the one that was shown.
        """
        view = self.review()
        if view.plan is None:
            if view.refusal is not None:
                raise view.refusal
            raise SiteFileError(tuple(each.problem for each in view.problems))
        if digest != view.digest:
            raise StaleError(
                "the plan has changed since this page was shown; nothing was begun",
                where=str(self._file.path),
                fix="look through it again, then start",
            )
        missing = unconfirmed(view.erased, typed)
        if not clock and not view.clock_is_kept:
            what, fix = "nobody said that date and time are right", "compare them with your watch"
            missing["clock"] = Problem("", 0, 0, "clock", what, fix)
        return missing

    def _known(self, plan: Plan) -> tuple[dict[str, str], dict[str, Report], bool]:
        """States and newest reports of the machines, by their names; whether a run ever began."""
        look = Look(self._file.path, self._deps.paths, plan)
        status = look.status()["machines"]
        states = {name: str(each["state"]) for name, each in status.items()}
        with look.reading() as context:
            found, has_run = newest_reports(context), bool(context.journal.runs())
        reports = {
            machine.name: each.report
            for machine in plan.machines
            for each in found
            if each.mac in (*machine.macs, *machine.other_macs)
        }
        return states, reports, has_run


def _worded(own: Mapping[str, list[Problem]]) -> dict[str, list[Problem]]:
    return {name: [for_field(each) for each in several] for name, several in own.items()}


def _typed(form: Form, given: Mapping[str, str]) -> dict[str, str]:
    return {each.name: given[each.name] for each in form.fields if each.name in given}


def _placed(data: Value, problem: Problem) -> Placed:
    """Find the field of a problem in the forms of all pages."""
    machines = value_at(data, machine_path("")[:-1])
    names = machines if isinstance(machines, dict) else {}
    pages = {**dict.fromkeys(FORMS, ""), **{power_key(name): f"Power of {name}" for name in names}}
    for key, title in pages.items():
        form = _maker(key, data)(data, None)
        own, _ = form.sorted_out([problem], {})
        for group in form.groups:
            for each in group.fields:
                if each.name in own:
                    label = f"{title or group.title}: {each.label}"
                    return Placed(problem, f"/{quote(key)}#{each.name}", label)
    return Placed(problem)


def power_key(name: str) -> str:
    """Name the form of how a machine is switched; it is the path of its page."""
    return name.join(_POWER)


def _maker(key: str, data: Value) -> MakeForm:
    """Give what makes a form. Raises InputError for a machine that is not in the file."""
    if key in FORMS:
        return FORMS[key]
    name = key.removeprefix(_POWER[0]).removesuffix(_POWER[1])
    if value_at(data, machine_path(name)) is None:
        raise InputError(
            f"{name[:60]} is not in the site file",
            where="hypervisor.machines",
            why="how a machine is switched is said in the file, and one that was approved on the "
            "page Machines alone is not there",
            fix="write it there in an editor, with its MAC address and its disk",
        )
    return partial(_power_form, name)


def _power_form(name: str, _data: Value, _plan: Plan | None) -> Form:
    return bmc_form(name)


def unsaved(view: FormView, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Give what was typed and is not in the file as it is now, by the fields' labels."""
    labels = {each.name: each.label for each in view.form.fields}
    return [
        (labels[name], value)
        for name, value in given.items()
        if name in labels and _plain(value) != _plain(view.values[name])
    ]


def _plain(text: str) -> str:
    ticks = {"yes": "true", "no": "false"}
    return " ".join(ticks.get(text, text).replace(",", " ").split())


def _shown(plan: Plan, states: Mapping[str, str]) -> dict[str, Shown]:
    shown = {}
    for each in plan.machines:
        state = states.get(each.name, "expected")
        if each.not_armed is None and state != "expected":
            shown[each.name] = Shown(state, _KINDS.get(state, "info"))
    return shown


def is_ticked(kind: Kind, value: str) -> bool:
    """Whether a box is shown as ticked."""
    return kind in (Kind.FLAG, Kind.REMOVE) and value in ("true", "yes", "on")
