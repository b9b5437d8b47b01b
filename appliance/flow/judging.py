"""The site's machines against those that reported: asked of `discover.match` with what is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from appliance.artifacts.depot import Depot
from appliance.discover.match import Found, Matching, Wanted, match
from appliance.flow.binding import kept_frozen
from appliance.flow.context import Context
from appliance.flow.reports import KnownMachine, newest_reports, report_from
from appliance.site.plan import MachinePlan, MatchRule, Plan
from appliance.values import Mac

_ANEW = "it reported to an earlier run: it is to show once more what it is"


@dataclass(frozen=True, slots=True)
class Held:
    """Who may not be installed as things are, by name, with the reason.

    `refused`: a boot under way ends. `paused`: it goes on, and no other begins.
    """

    refused: Mapping[str, str]
    paused: Mapping[str, str]


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
    installer = installer_size(context, plan)
    for machine in plan.machines:
        wanted = replace(wanted_of(plan, machine, agreed), installer=installer)
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


def hold_back(
    context: Context, plan: Plan, matching: Matching, *, heard: Collection[Mac], can_ask: bool
) -> Held:
    """Say who is held, and who only begins no installation.

    What machines say of each other ends no boot: nothing has changed on the disk of the one that
    was judged before. Who reported to an earlier run reports to this one, from a card of `heard`,
    where `can_ask` it: since then its disk may have come to hold somebody's data.
    """
    refused = refusals(context, plan, matching)
    paused: dict[str, str] = {}
    for machine in plan.machines:
        if machine.not_armed is not None or has_begun(context, machine.name):
            continue
        known = any(report_from(context, mac) for mac in machine.macs)
        if machine.name in refused:
            if not _refused_alone(context, plan, machine):
                paused[machine.name] = refused.pop(machine.name)
        elif can_ask and known and not set(machine.macs) & set(heard):
            paused[machine.name] = _ANEW
    return Held(refused, paused)


def _refused_alone(context: Context, plan: Plan, machine: MachinePlan) -> bool:
    """Whether its own report speaks against it, or its disk holds what nobody agreed to lose.

    That its file lets all on its disk go was said of the one machine, and here others claim to be.
    """
    wanted = replace(
        Wanted.of(machine, plan.hypervisor),
        match=MatchRule(macs=machine.macs),
        said=None,
        erase=_may_go(machine, context.agreed.all()),
        installer=installer_size(context, plan),
    )
    own = [each for each in newest_reports(context) if each.mac in machine.macs]
    return machine.name in _match([wanted], own).refused


def has_begun(context: Context, name: str) -> bool:
    """Whether an installation of this machine began, or is proven."""
    proven = context.proven.get(name)
    return proven.installed is not None or bool(proven.record.get("installs", 0))


def wanted_of(plan: Plan, machine: MachinePlan, agreed: Mapping[str, str]) -> Wanted:
    """Give what is wanted of a machine, with what people agreed may be erased: one very disk."""
    wanted = Wanted.of(machine, plan.hypervisor)
    return replace(wanted, erase=wanted.erase or _may_go(machine, agreed))


def _may_go(machine: MachinePlan, agreed: Mapping[str, str]) -> bool:
    path = machine.disk.path if machine.disk is not None else None
    return path is not None and agreed.get(machine.name) == path


def installer_size(context: Context, plan: Plan) -> int:
    """Give the octets that a machine's memory holds while its installer starts; 0 while unknown."""
    files = {each.name: each.size for each in Depot(context.paths.depot).files()}
    names = (plan.artifacts.kernel, plan.artifacts.initrd, plan.artifacts.rootfs)
    return sum(files[name] for name in names) if files.keys() >= {*names} else 0


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
