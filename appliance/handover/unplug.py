"""May the laptop be unplugged? A judgement over what was seen, and nothing else. Pure.

It is safe only when nothing that was built refers to the laptop, every service that it gave is
answered by the staging machine, nobody's address is a lease of it, and the cluster answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.site.plan import Plan, VmKind

TAKEN_OVER = ("names", "time", "files", "registry")
"""The services that a staging machine takes over, as they are proven."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was looked at: whether it is as it should be, and what was seen, in words."""

    what: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen just before. All of it is needed: what was not looked at is not safe.

    `answers` are the staging machine's services, by the names of TAKEN_OVER. `documents` are the
    configurations that built things live by, by whose they are (what only an installer read
    is none). `leased` are the machines that still have an address of the laptop's pool. `api` is
    the cluster's API, None where the site has no cluster. `laptop` is its interface that has the
    services address, empty where none has: else all answers could be its own.
    """

    answers: tuple[Seen, ...]
    documents: Mapping[str, str]
    leased: tuple[str, ...]
    api: Seen | None
    laptop: str


@dataclass(frozen=True, slots=True)
class Safe:
    """It may go. `because` is what was seen."""

    because: tuple[str, ...]

    def __str__(self) -> str:
        return "safe to unplug"


@dataclass(frozen=True, slots=True)
class NotYet:
    """It may not: every reason, in words."""

    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"not yet safe to unplug: {'; '.join(self.reasons)}"


def judge(plan: Plan, evidence: Evidence) -> Safe | NotYet:
    """Say whether the laptop may be unplugged, with every reason."""
    reasons = (
        *_referring(plan, evidence),
        *_unanswered(plan, evidence),
        *(f"{each} has an address of the laptop's pool" for each in evidence.leased),
        *_moving(plan),
        *_staying(plan, evidence),
        *_cluster(plan, evidence),
    )
    if reasons:
        return NotYet(reasons)
    seen = (*evidence.answers, *((evidence.api,) if evidence.api else ()))
    nothing = f"none of {len(evidence.documents)} configurations names {plan.provisioning.bridge}"
    return Safe((*(f"{each.what}: {each.text}" for each in seen), nothing))


def names(text: str, address: IPv4Address) -> bool:
    """Say whether a text names an address: that very one, and not one that begins with it."""
    return re.search(rf"(?<![\d.]){re.escape(str(address))}(?!\.?\d)", text) is not None


def _referring(plan: Plan, evidence: Evidence) -> tuple[str, ...]:
    laptop = plan.provisioning.bridge
    of_plan = [
        f"machines on {network.name} ask the laptop for {kind}"
        for network in plan.networks
        for kind, servers in (("names", network.dns), ("time", network.ntp))
        if laptop in servers
    ]
    routes = [
        f"the laptop is the default route of {network.name}"
        for network in plan.networks
        if network.gateway == laptop
    ]
    documents = [
        f"{whose} names the laptop's address {laptop}"
        for whose, text in sorted(evidence.documents.items())
        if names(text, laptop)
    ]
    return (*of_plan, *routes, *documents)


def _unanswered(plan: Plan, evidence: Evidence) -> tuple[str, ...]:
    if plan.staging is None:
        return ()
    seen = {each.what: each for each in evidence.answers}
    missing = [
        f"{what} was not asked of {plan.staging.vm}" for what in TAKEN_OVER if what not in seen
    ]
    wrong = [f"{each.what}: {each.text}" for each in evidence.answers if not each.ok]
    return (*missing, *wrong)


def _moving(plan: Plan) -> tuple[str, ...]:
    """A machine that was installed by hand settles its own address: it may be a lease."""
    return tuple(
        f"{vm.name} has no address of its own in the plan"
        for vm in plan.vms
        if vm.address is None and vm.kind is not VmKind.PLAIN
    )


def _staying(plan: Plan, evidence: Evidence) -> tuple[str, ...]:
    on = evidence.laptop
    return (f"this laptop itself has the services address {plan.services}, on {on}",) if on else ()


def _cluster(plan: Plan, evidence: Evidence) -> tuple[str, ...]:
    if plan.cluster is None or not plan.cluster.active:
        return ()
    if evidence.api is None:
        return ("the cluster's API was not asked",)
    return () if evidence.api.ok else (f"{evidence.api.what}: {evidence.api.text}",)
