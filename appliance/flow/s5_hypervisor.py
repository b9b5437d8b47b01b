"""s5: installed nodes → Hypervisor: the VIP answers, and only we know the password behind it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.errors import DeadlineError, StepError
from appliance.flow.context import Context
from appliance.flow.s4_machines import Nodes
from appliance.flow.secrets import site_secrets
from appliance.flow.site_terraform import KUBECONFIG
from appliance.flow.step import Done, NotYet, Step
from appliance.hypervisor import kubeconfig as kubeconfigs
from appliance.hypervisor.access import Access, SshWay, gain_access, why_not_valid
from appliance.hypervisor.api import HarvesterApi
from appliance.hypervisor.ready import answers
from appliance.site.plan import Plan
from appliance.tools.ssh import UnknownHost
from appliance.values import Secret

_LIMIT_SECONDS = 1800.0
_PAUSE_SECONDS = 5.0
_LIVE_PASSWORD = "rancher"
"""Printed in Harvester's manual: nothing is given away with it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What s5 is given."""

    plan: Plan
    nodes: Nodes


@dataclass(frozen=True, slots=True)
class Hypervisor:
    """Where the hypervisor answers, the certificate it is known by, and its API for us."""

    vip: IPv4Address
    fingerprint: str
    nodes: tuple[str, ...]
    api: HarvesterApi


class HypervisorStep(Step[Installed, Hypervisor]):
    """Waits for the VIP, then for what stands behind it."""

    name = "s5"
    title = "see the hypervisor answer, and take it over"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: Installed) -> str:
        """Name the VIP and the nodes."""
        return f"{given.plan.hypervisor.vip} {' '.join(given.nodes.ready)}"

    def check(self, given: Installed) -> Done[Hypervisor] | NotYet:
        """Done when the VIP answers now as it is known, and the kubeconfig kept still serves."""
        answer = answers(given.plan.hypervisor.vip)
        if not answer.ok:
            return NotYet(answer.text)
        pinned, kubeconfig = self._pinned(), self._context.vault.get(KUBECONFIG)
        if pinned != answer.fingerprint or kubeconfig is None:
            return NotYet("it is not taken over yet")
        # Where nothing is to be made behind it, nothing is asked of it.
        why = why_not_valid(kubeconfig) if given.plan.vms else ""
        return NotYet(why) if why else _done(given, answer.fingerprint, kubeconfig, "kept")

    def run(self, given: Installed) -> Done[Hypervisor]:
        """Wait for the VIP and take the hypervisor over.

        Raises DeadlineError after half an hour, StepError if it is somebody else's.
        """
        self._await_vip(given)
        access = self._gain_access(given)
        self._context.vault.put(KUBECONFIG, access.kubeconfig)
        if access.password_changed:
            self._context.tell("hypervisor", "the first password of admin is changed")
        if access.note:
            self._context.tell("finding", f"the kubeconfig was read by SSH: {access.note}")
        if given.plan.vms:
            self._await_kinds(given, access.kubeconfig)
        return _done(given, access.front.fingerprint, access.kubeconfig, access.way)

    def _await_vip(self, given: Installed) -> None:
        vip, create = given.plan.hypervisor.vip, given.plan.create.name
        clock = self._context.clock.monotonic
        end = clock() + _LIMIT_SECONDS
        while not (answer := answers(vip)).ok:
            self._context.raise_if_stopped()
            if clock() > end:
                raise DeadlineError(
                    f"the VIP {vip} does not answer",
                    where=create,
                    why=answer.text,
                    fix=f"look at the screen of {create}; is the VIP taken?",
                )
            time.sleep(_PAUSE_SECONDS)
        self._context.raise_if_stopped()

    def _gain_access(self, given: Installed) -> Access:
        """Log in. What stands behind a VIP that has just begun to answer may need some minutes."""
        kept = self._context.vault.get(KUBECONFIG)
        clock = self._context.clock.monotonic
        end = clock() + _LIMIT_SECONDS
        while True:
            try:
                return gain_access(
                    given.plan.hypervisor.vip,
                    self._pinned(),
                    self._context.vault,
                    ssh=self._ssh(given),
                    authorities=_authorities(kept),
                )
            except StepError as error:
                if not _still_starting(error) or clock() > end:
                    raise
                self._context.raise_if_stopped()
                time.sleep(_PAUSE_SECONDS)

    def _ssh(self, given: Installed) -> SshWay:
        key = site_secrets(self._context.vault).ssh_key
        return SshWay(given.plan.create.address, UnknownHost(_LIVE_PASSWORD, key))

    def _pinned(self) -> str | None:
        """Give the fingerprint the hypervisor is known by: of first contact, or renewed since.

        One that was installed anew is known by nothing yet.
        """
        plan = self._context.plan
        proven = self._context.proven.get(plan.create.name) if plan is not None else None
        since = proven.installed if proven is not None and proven.installed is not None else 0.0
        known = [
            str(entry.evidence["certificate"])
            for entry in self._context.journal.steps()
            if entry.name == self.name
            and entry.outcome == "done"
            and entry.started >= since
            and "certificate" in entry.evidence
        ]
        return known[-1] if known else None

    def _await_kinds(self, given: Installed, kubeconfig: Secret) -> None:
        clock = self._context.clock.monotonic
        end = clock() + _LIMIT_SECONDS
        while why := why_not_valid(kubeconfig):
            self._context.raise_if_stopped()
            if clock() > end:
                raise DeadlineError(
                    "the hypervisor does not take virtual machines yet",
                    where=str(given.plan.hypervisor.vip),
                    why=why,
                    fix="look at Harvester's page; run again to go on waiting",
                )
            time.sleep(_PAUSE_SECONDS)


def _still_starting(error: StepError) -> bool:
    """Whether a refusal is one of the first minutes: a proxy without the server behind it."""
    return any(f"with {status}" in error.what for status in (404, 502, 503)) or (
        "does not answer" in error.what
    )


def _authorities(kubeconfig: Secret | None) -> str:
    return "" if kubeconfig is None else kubeconfigs.read(kubeconfig).authority


def _done(given: Installed, fingerprint: str, kubeconfig: Secret, way: str) -> Done[Hypervisor]:
    vip = given.plan.hypervisor.vip
    return Done(
        Hypervisor(vip, fingerprint, given.nodes.ready, HarvesterApi.by(kubeconfig)),
        {"vip": str(vip), "certificate": fingerprint, "kubeconfig": way},
    )
