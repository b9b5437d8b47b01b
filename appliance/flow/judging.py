"""The site's machines against those that reported: asked of `discover.match` with what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from appliance.discover.match import Found, Matching, Wanted, match
from appliance.flow.binding import kept_frozen
from appliance.flow.context import Context
from appliance.flow.reports import KnownMachine, newest_reports
from appliance.site.plan import MachinePlan, MatchRule, Plan
from appliance.values import Mac


def judge_all(context: Context, plan: Plan) -> Matching:
    """Match every machine of the plan with every report.

    A box that people pointed out is the machine they named and nobody else's, whatever the site
    file says of serial numbers.
    """
    frozen = kept_frozen(context)
    found = frozen.discovered if frozen is not None else {}
    by_hand = {name for name, each in found.items() if not each.identity}
    agreed = context.agreed.all()
    pointed, others = [], []
    for machine in plan.machines:
        wanted = wanted_of(plan, machine, agreed)
        if machine.name not in by_hand:
            others.append(wanted)
        elif machine.macs:
            pointed.append(replace(wanted, match=MatchRule(macs=machine.macs)))
    known = newest_reports(context)
    theirs = [each for one in pointed for each in _with_card(known, one.match.macs)]
    rest = [each for each in known if each not in theirs]
    return _together(_match(pointed, theirs), _match(others, rest))


def _with_card(known: Sequence[KnownMachine], macs: Sequence[Mac]) -> list[KnownMachine]:
    """Give what came from one of these cards; where nothing did, what names one."""
    own = [each for each in known if each.mac in macs]
    return own or [each for each in known if not set(macs).isdisjoint(each.report.macs)]


def refusals(context: Context, plan: Plan, matching: Matching) -> dict[str, str]:
    """Say of each machine that waits what speaks against it, in one sentence.

    One whose installer began does not: what is on its disk since is no reason to hold it.
    """
    return {
        each.name: "; ".join(map(str, matching.refused[each.name]))
        for each in plan.machines
        if each.name in matching.refused and not has_begun(context, each.name)
    }


def has_begun(context: Context, name: str) -> bool:
    """Whether an installation of this machine began, or is proven."""
    proven = context.proven.get(name)
    return proven.installed is not None or bool(proven.record.get("installs", 0))


def wanted_of(plan: Plan, machine: MachinePlan, agreed: Mapping[str, str]) -> Wanted:
    """Give what is wanted of a machine, with what people agreed may be erased: one very disk."""
    wanted = Wanted.of(machine, plan.hypervisor)
    path = machine.disk.path if machine.disk is not None else None
    may_go = path is not None and agreed.get(machine.name) == path
    return replace(wanted, erase=wanted.erase or may_go)


def judge_one(wanted: Wanted, found: KnownMachine) -> Matching:
    """Judge one report as that of the machine that people say it is."""
    return _match([replace(wanted, match=MatchRule(macs=(found.mac,)))], [found])


def _match(wanted: Sequence[Wanted], known: Sequence[KnownMachine]) -> Matching:
    # Its own clock was read when the report came first; later it only said the same again.
    return match(wanted, [Found(each.mac, each.report, each.first) for each in known])


def _together(one: Matching, other: Matching) -> Matching:
    return Matching(
        bound={**one.bound, **other.bound},
        refused={**one.refused, **other.refused},
        told={**one.told, **other.told},
        matched={**one.matched, **other.matched},
        unknown=one.unknown + other.unknown,
    )
