"""Reports and support files of a site, from what its stores hold."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path

from appliance.artifacts.depot import Depot
from appliance.boot.model import ServedFile
from appliance.discover.words import Facts
from appliance.flow.context import Context
from appliance.flow.known_machine import facts_of, report_of_any
from appliance.flow.looking import Look
from appliance.flow.stocking import wants_of
from appliance.handover.report import Artifact, gather, render, with_facts
from appliance.handover.sheet import make_sheet, render_sheet
from appliance.handover.support import Support, SupportSources, write_support
from appliance.site.plan import Plan
from appliance.tools.clock import as_text
from appliance.tools.whole_file import asked_for, whole

_READABLE = 0o666  # less the umask: who may come to where it lies may read it

_ACTIONS = {
    "run-started": "ran the command",
    "confirmed": "confirmed date and time",
    "approved": "approved a machine",
    "pointed-out": "said which machine is which",
    "power-told": "switched a machine",
    "bmc-password": "gave a BMC's password",
    "reinstall-ordered": "ordered a machine to be installed again",
}
"""Events that were somebody's doing, in words."""


def write_report(
    context: Context, plan: Plan, files: tuple[ServedFile, ...], *, outcome: str | None = None
) -> Path:
    """Write the report into the site's reports folder; give its path."""
    artifacts = [Artifact(each.name, each.digest, each.size) for each in files]
    name = f"report-{as_text(context.clock.utc()).replace(':', '')}.html"
    return _keep(context, name, _page(context, plan, artifacts, outcome))


def write_sheet(
    context: Context,
    plan: Plan,
    *,
    not_safe: tuple[str, ...],
    fingerprints: tuple[tuple[str, str], ...],
) -> Path:
    """Write the hand-over sheet into the site's reports folder; give its path."""
    now = context.clock.utc()
    sheet = make_sheet(
        plan, made_at=now, not_safe=not_safe, fingerprints=fingerprints, zone=_zone(now)
    )
    return _keep(context, "hand-over.html", render_sheet(sheet))


def report_of(look: Look, out: Path | None) -> Path:
    """Write the report of a site that is looked at; to `out` if given.

    Raises InputError where `out` cannot be written.
    """
    depot = Depot(look.paths.depot)
    kept = {each.name: each for each in depot.files()}
    artifacts = [
        Artifact(each.name, str(kept[each.name].digest), kept[each.name].size)
        for each in wants_of(look.plan, accept_ipxe=True)
        if each.name in kept
    ]
    with look.writing() as context:
        page = _page(context, look.plan, artifacts, None)
        if out is None:
            return _keep(context, "report.html", page)
    with asked_for(out, _READABLE) as file:
        file.write(page.encode())
    return out


def support_of(look: Look, out: Path | None) -> Support:
    """Write the redacted support file of a site; to `out` if given. Raises as `report_of`."""
    with look.writing() as context:
        stamp = as_text(context.clock.utc()).replace(":", "")
        name = f"support-{look.plan.site_id}-{stamp}.tar.gz"
        sources = SupportSources(
            journal=context.journal,
            plan=look.plan,
            reports=context.site_paths.reports,
            boot_database=context.site_paths.boot / "boot.db",
            clock=context.clock,
            secrets=context.vault.all(),
        )
        return write_support(sources, out or Path(name))


def _page(context: Context, plan: Plan, artifacts: list[Artifact], outcome: str | None) -> str:
    now = context.clock.utc()
    report = gather(
        context.journal,
        plan,
        artifacts,
        now=now,
        zone=_zone(now),
        actions=[
            _ACTIONS[event.kind] for event in context.journal.events() if event.kind in _ACTIONS
        ],
        outcome=outcome,
    )
    return render(with_facts(report, _facts(context, plan)))


def _facts(context: Context, plan: Plan) -> dict[str, Facts]:
    return {
        each.name: facts_of(context, each, report_of_any(context, plan, each.name))
        for each in plan.machines
    }


def _zone(now: float) -> tzinfo:
    return datetime.fromtimestamp(now, UTC).astimezone().tzinfo or UTC


def _keep(context: Context, name: str, text: str) -> Path:
    """Write a page into the site's reports folder; give its path."""
    folder = context.site_paths.reports
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with whole(folder / name, _READABLE) as file:
        file.write(text.encode())
    return folder / name
