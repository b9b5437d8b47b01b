"""s5: installed nodes → Hypervisor: the VIP answers, and so does every node."""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.errors import DeadlineError
from appliance.flow.context import Context
from appliance.flow.s4_machines import Nodes
from appliance.flow.step import Done, NotYet, Step
from appliance.hypervisor.ready import Answer, answers
from appliance.site.plan import Plan

_LIMIT_SECONDS = 1800.0
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Installed:
    """What s5 is given."""

    plan: Plan
    nodes: Nodes


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """Where the hypervisor answers, and the fingerprint of the certificate it showed."""

    vip: IPv4Address
    fingerprint: str
    nodes: tuple[str, ...]


class HypervisorStep(Step[Installed, Hypervisor]):
    """Waits for the VIP."""

    name = "s5"
    title = "see the hypervisor answer"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: Installed) -> str:
        """Name the VIP and the nodes."""
        return f"{given.plan.hypervisor.vip} {' '.join(given.nodes.ready)}"

    def check(self, given: Installed) -> Done[Hypervisor] | NotYet:
        """Done when the VIP answers now."""
        answer = answers(given.plan.hypervisor.vip)
        return _done(given, answer) if answer.ok else NotYet(answer.text)

    def run(self, given: Installed) -> Done[Hypervisor]:
        """Wait for the VIP. Raises DeadlineError after half an hour."""
        clock = self._context.clock.monotonic
        end = clock() + _LIMIT_SECONDS
        while True:
            self._context.raise_if_stopped()
            answer = answers(given.plan.hypervisor.vip)
            if answer.ok:
                return _done(given, answer)
            if clock() > end:
                raise DeadlineError(
                    f"the VIP {given.plan.hypervisor.vip} does not answer",
                    where=given.plan.create.name,
                    why=answer.text,
                    fix=f"look at the screen of {given.plan.create.name}; is the VIP taken?",
                )
            time.sleep(_PAUSE_SECONDS)


def _done(given: Installed, answer: Answer) -> Done[Hypervisor]:
    vip = given.plan.hypervisor.vip
    return Done(
        Hypervisor(vip, answer.fingerprint, given.nodes.ready),
        {"vip": str(vip), "certificate": answer.fingerprint},
    )
