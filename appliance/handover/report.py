"""The as-built report: one page of HTML that needs nothing else, from what the journal holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any

from appliance.handover.timeline import LEGEND, Axis, Change, Leg, Span, attempts, legs
from appliance.site.plan import MachinePlan, Plan, VmPlan
from appliance.store.journal import Event, Journal, RunEntry, StepEntry
from appliance.tools import words
from appliance.tools.templates import load

TROUBLES = ("step-failed", "overdue")
VM_EVENTS = ("vm", "node")
"""Events whose `now` says where a virtual machine is: created, answers, ready; joined, left."""
_SHOWN_ITEMS = 6


Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that was served, with its checksum (`sha512:…`) and its size in octets if known."""

    name: str
    digest: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing seen of a machine at a Unix time: its kind, and in words."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class MachineReport:
    """What is known of one machine. `installers` counts installers that began.

    `facts` are what it is by its own report and its BMC, as pairs of label and text.
    """

    name: str
    hostname: str
    role: str
    macs: tuple[str, ...]
    address: str
    disk: str
    state: str
    legs: tuple[Leg, ...] = ()
    seen: tuple[Seen, ...] = ()
    installers: int = 0
    facts: Facts = ()


@dataclass(frozen=True, slots=True)
class VmReport:
    """What is known of one virtual machine. Times are Unix seconds, None: not yet.

    `joined` is when the cluster first listed it as Ready; only cluster machines have it.
    """

    name: str
    kind: str
    address: str
    mac: str
    cpus: int
    memory: int
    disk: int
    state: str
    created: float | None = None
    answered: float | None = None
    joined: float | None = None


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of one run. `outcome` may be skipped: it was proven already."""

    run: int
    name: str
    title: str
    started: float
    ended: float | None
    outcome: str
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong or was late, and what was advised."""

    at: float
    what: str
    where: str = ""
    why: str = ""
    fix: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found beside the job, how often, and first when (Unix time)."""

    at: float
    text: str
    machine: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class ReportInput:
    """All that the page says. Times are Unix seconds, shown in `zone`.

    `legs`: which parts were real, as (name, how): "real", "real: …" or "stand-in: …". `actions`:
    what the field engineer had to do, one line an action; None if nobody counted.
    """

    site: str
    versions: tuple[tuple[str, str], ...]
    interface: str
    plan_digest: str
    made_at: float
    outcome: str
    runs: tuple[RunEntry, ...]
    spans: tuple[Span, ...]
    steps: tuple[StepReport, ...]
    machines: tuple[MachineReport, ...]
    vms: tuple[VmReport, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    legs: tuple[tuple[str, str], ...] = ()
    troubles: tuple[Trouble, ...] = ()
    findings: tuple[Finding, ...] = ()
    actions: tuple[str, ...] | None = None
    zone: tzinfo = field(default=UTC)


def render(report: ReportInput) -> str:
    """Give the page. Pure but for reading its template."""
    zone = report.zone
    axis = Axis(report.spans)
    return load("report/report.html.j2").render(
        report=report,
        axis=axis,
        legend=LEGEND,
        total=sum(span.end - span.start for span in report.spans),
        zone_name=words.zone_name(report.made_at, zone),
        real=[name for name, how in report.legs if how.startswith("real")],
        stand_ins=[name for name, how in report.legs if not how.startswith("real")],
        duration=words.duration,
        size=words.size,
        moment=_in_zone(words.moment, zone),
        clock=_in_zone(words.clock, zone),
    )


def _in_zone(say: Callable[[float, tzinfo], str], zone: tzinfo) -> Callable[[float], str]:
    return lambda at: say(at, zone)


def gather(
    journal: Journal,
    plan: Plan,
    artifacts: Iterable[Artifact] = (),
    *,
    now: float,
    zone: tzinfo = UTC,
    actions: Sequence[str] | None = None,
    outcome: str | None = None,
) -> ReportInput:
    """Collect from the journal what the page says. `now` is Unix seconds.

    All runs of the site are in it; the outcome is that of the newest one unless the caller knows
    better: the report is written by a step of a run that goes on still.
    """
    events = tuple(journal.events())
    runs = journal.runs()
    spans = _spans(runs, events, now)
    last = runs[-1] if runs else None
    end = last.ended if last is not None and last.ended is not None else now
    return ReportInput(
        site=plan.site_id,
        versions=_versions(plan, last),
        interface=last.interface if last else "",
        plan_digest=plan.digest(),
        made_at=now,
        outcome=outcome or _outcome(last),
        runs=runs,
        spans=spans,
        steps=tuple(_step(entry, events) for entry in journal.steps()),
        machines=tuple(_machine(machine, events, end) for machine in plan.machines),
        vms=tuple(_vm(vm, events) for vm in plan.vms),
        artifacts=tuple(artifacts),
        legs=_legs_of(events),
        troubles=tuple(_trouble(event) for event in events if event.kind in TROUBLES),
        findings=_findings(events),
        actions=None if actions is None else tuple(actions),
        zone=zone,
    )


def with_facts(report: ReportInput, facts: Mapping[str, Facts]) -> ReportInput:
    """Add what machines are, by name."""
    machines = (replace(each, facts=facts.get(each.name, ())) for each in report.machines)
    return replace(report, machines=tuple(machines))


def _versions(plan: Plan, run: RunEntry | None) -> tuple[tuple[str, str], ...]:
    versions = [
        ("Bridgehead", run.version if run else "unknown"),
        ("Harvester", plan.hypervisor.harvester),
    ]
    if plan.cluster is not None:
        versions.append((plan.cluster.distribution.value.upper(), plan.cluster.version))
    return tuple(versions)


def _outcome(run: RunEntry | None) -> str:
    if run is None:
        return "never run"
    return run.outcome or "running"


def _spans(runs: Sequence[RunEntry], events: Sequence[Event], now: float) -> tuple[Span, ...]:
    """Say when runs went on. A killed run lasted until the last thing that was kept of it."""
    spans = []
    for number, run in enumerate(runs):
        following = runs[number + 1].started if number + 1 < len(runs) else None
        end = run.ended
        if end is None:
            before = following if following is not None else now
            kept = [event.at for event in events if run.started <= event.at < before]
            end = now if following is None else max(kept, default=run.started)
        spans.append(Span(run.started, end))
    return tuple(spans)


def _machine(machine: MachinePlan, events: Sequence[Event], end: float) -> MachineReport:
    own = [event for event in events if event.machine == machine.name]
    changes = [
        Change(event.at, str(event.data["state"]))
        for event in own
        if event.kind == "state" and "state" in event.data
    ]
    waits = f"not installed: {machine.not_armed}" if machine.not_armed else "expected"
    return MachineReport(
        name=machine.name,
        hostname=machine.hostname,
        role=str(machine.role),
        macs=tuple(map(str, machine.macs)),
        address=str(machine.address),
        disk=str(machine.disk) if machine.disk else "",
        state=changes[-1].state if changes else waits,
        legs=legs(changes, end),
        seen=tuple(
            Seen(event.at, str(event.data.get("seen", event.kind)), event.text)
            for event in own
            if event.kind in ("evidence", "overdue", "power", "power-told")
        ),
        installers=attempts(changes),
    )


def _vm(vm: VmPlan, events: Sequence[Event]) -> VmReport:
    own = [event for event in events if event.machine == vm.name and event.kind in VM_EVENTS]
    first: dict[str, float] = {}
    for event in own:
        first.setdefault(str(event.data.get("now")), event.at)
    return VmReport(
        name=vm.name,
        kind=vm.kind.value,
        address=str(vm.address) if vm.address else "its own",
        mac=str(vm.mac),
        cpus=vm.cpus,
        memory=vm.memory,
        disk=vm.disk,
        state=str(own[-1].data.get("now")) if own else "planned",
        created=first.get("created"),
        answered=first.get("answers"),
        joined=first.get("joined"),
    )


def _step(entry: StepEntry, events: Sequence[Event]) -> StepReport:
    own = [
        event
        for event in events
        if event.step == entry.name and entry.started <= event.at <= (entry.ended or event.at)
    ]
    title = next((event.text for event in own if event.kind == "step-started"), "")
    skipped = any(event.kind == "step-skipped" for event in own)
    return StepReport(
        run=entry.run,
        name=entry.name,
        title=title,
        started=entry.started,
        ended=entry.ended,
        outcome="skipped" if skipped else entry.outcome or "running",
        evidence=() if entry.outcome == "failed" else _flat(entry.evidence),
    )


def _flat(evidence: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(key), _words(value)) for key, value in evidence.items())


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        if len(value) > _SHOWN_ITEMS:
            return f"{len(value)} entries"
        return ", ".join(f"{key}: {_words(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value)) if len(value) <= _SHOWN_ITEMS else f"{len(value)}"
    return str(value)


def _legs_of(events: Iterable[Event]) -> tuple[tuple[str, str], ...]:
    """Say of each leg what the newest event that named it said: real, or a stand-in."""
    known: dict[str, str] = {}
    for event in events:
        real = event.data.get("real")
        if isinstance(real, Mapping):
            known.update({str(leg): str(how) for leg, how in real.items()})
    return tuple(known.items())


def _trouble(event: Event) -> Trouble:
    data = event.data
    if event.kind == "overdue":
        return Trouble(
            event.at,
            what=f"overdue: {data.get('next', event.text)}",
            where=event.machine or "",
            why=event.text,
            fix=str(data.get("advice", "")),
        )
    return Trouble(
        event.at,
        what=str(data.get("what", event.text)),
        where=str(data.get("where", "")),
        why=str(data.get("why", "")),
        fix=str(data.get("fix", "")),
        code=str(data.get("code", "")),
    )


def _findings(events: Iterable[Event]) -> tuple[Finding, ...]:
    """Give each finding once, in the order of first sight."""
    found: dict[tuple[str, str], Finding] = {}
    for event in events:
        if event.kind != "finding":
            continue
        key = (event.machine or "", event.text)
        before = found.get(key)
        found[key] = Finding(
            at=before.at if before else event.at,
            text=event.text,
            machine=event.machine or "",
            count=before.count + 1 if before else 1,
        )
    return tuple(found.values())
