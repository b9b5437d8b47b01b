"""s7: Vms → Cluster: RKE2 or K3s by Ansible, its health read from its own API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.cluster.health import Health, health
from appliance.cluster.inventory import TOKEN_VARIABLE
from appliance.cluster.kubeconfig import fetch_kubeconfig
from appliance.errors import DeadlineError
from appliance.flow.ansible_events import tell_task
from appliance.flow.context import Context
from appliance.flow.inventories import cluster_images, cluster_inventory
from appliance.flow.s6_vms import Vms
from appliance.flow.secrets import kubernetes_token, site_secrets
from appliance.flow.services import Services
from appliance.flow.step import Done, NotYet, Step
from appliance.flow.tending import Say, Tending
from appliance.site.plan import Plan
from appliance.tools import data
from appliance.tools.ansible import PlaybookResult, SshAccess, run_playbook
from appliance.tools.ansible_events import AnsibleEvent, Outcome
from appliance.tools.redact import Redactor
from appliance.values import Secret
from appliance.vms.cloud_init import USER

_HEALTH_SECONDS = 900.0
KUBECONFIG = "kubeconfig"
JOINING = "Start the service, or start it anew, and see it join"
"""The task of `playbooks/roles/cluster` after which a machine is in the cluster."""


@dataclass(frozen=True, slots=True)
class ClusterWanted:
    """What s7 is given."""

    plan: Plan
    services: Services
    vms: Vms


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster as its own API shows it; None where the site has none or keeps it stopped."""

    plan: Plan
    health: Health | None


class ClusterStep(Step[ClusterWanted, Cluster]):
    """Installs what is missing on each machine, and waits until the cluster is healthy."""

    name = "s7"
    title = "make the cluster"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: ClusterWanted) -> str:
        """Name what the playbook is given."""
        if given.plan.cluster is None:
            return "none"
        text = json.dumps(
            cluster_inventory(given.plan, self._context.paths), sort_keys=True, default=str
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, given: ClusterWanted) -> Done[Cluster] | NotYet:
        """Done where none is wanted, or the same was made before and is healthy now."""
        cluster = given.plan.cluster
        if cluster is None:
            return Done(Cluster(given.plan, None), {"cluster": "none wanted"})
        inputs = self.digest(given)
        made = [each for each in self._context.journal.steps() if each.name == self.name]
        if not any(each.outcome == "done" and each.inputs == inputs for each in made[-3:]):
            return NotYet("it was not made from these inputs yet")
        kubeconfig = self._context.vault.get(KUBECONFIG)
        if kubeconfig is None or not cluster.active:
            return NotYet("its kubeconfig is not here yet" if cluster.active else "it is stopped")
        found = health(kubeconfig, given.plan)
        return _done(given.plan, found) if found.ok else NotYet("; ".join(found.reasons))

    def run(self, given: ClusterWanted) -> Done[Cluster]:
        """Run the playbook, fetch the kubeconfig, see every node Ready. Raises StepError."""
        context, plan = self._context, given.plan
        cluster = plan.cluster
        if cluster is None:
            return Done(Cluster(plan, None))
        if not cluster.active:
            # Terraform has its machines stopped: each shuts its service down on its own.
            return Done(Cluster(plan, None), {"cluster": "stopped, as the site file says"})
        tending = Tending(context, given.services)
        tasks = tending.work(self._playbook(given))
        login = site_secrets(context.vault).ssh_key
        kubeconfig = tending.work(lambda _say: fetch_kubeconfig(plan, login, given.vms.known_hosts))
        context.vault.put(KUBECONFIG, kubeconfig)
        images = tending.work(lambda _say: cluster_images(plan, context.paths))
        found = self._await_health(tending, kubeconfig, plan, images)
        return _done(plan, found, changed=tasks.changed)

    def _playbook(self, given: ClusterWanted) -> Callable[[Say], PlaybookResult]:
        """Give the playbook's run, with all that is taken from the stores taken before."""
        context, plan = self._context, given.plan
        secret = {TOKEN_VARIABLE: kubernetes_token(context.vault)}
        ssh = SshAccess(USER, site_secrets(context.vault).ssh_key, given.vms.known_hosts)
        context.redactor = Redactor(context.vault.all())

        def play(say: Say) -> PlaybookResult:
            result = run_playbook(
                data.path("playbooks") / "cluster.yml",
                cluster_inventory(plan, context.paths),
                folder=context.site_paths.folder / "ansible",
                ssh=ssh,
                secret_vars=secret,
                on_event=lambda event: _tell(event, say),
                stop=context.stop,
            )
            result.raise_for_failure()
            return result

        return play

    def _await_health(
        self, tending: Tending, kubeconfig: Secret, plan: Plan, images: frozenset[str]
    ) -> Health:
        found = health(kubeconfig, plan, images)
        told: set[str] = set()

        def is_healthy() -> bool:
            nonlocal found
            found = health(kubeconfig, plan, images)
            for name in found.ready:
                if name not in told:
                    told.add(name)
                    self._context.tell(
                        "node",
                        f"{name} is in the cluster, Ready",
                        machine=name,
                        data={"now": "joined"},
                    )
            return found.ok

        if not tending.wait(is_healthy, seconds=_HEALTH_SECONDS):
            raise DeadlineError(
                "the cluster is not healthy",
                where=", ".join(plan.cluster.members) if plan.cluster else "",
                why="; ".join(found.reasons),
                fix="look at the machines named; run again to continue",
            )
        return found


def _done(plan: Plan, found: Health, *, changed: int = 0) -> Done[Cluster]:
    evidence: Mapping[str, Any] = {"nodes": dict.fromkeys(found.ready, "Ready"), "changed": changed}
    return Done(Cluster(plan, found), evidence)


def _tell(event: AnsibleEvent, say: Say) -> None:
    tell_task(event, say)
    if event.task.endswith(JOINING) and event.outcome is Outcome.CHANGED:
        text = f"{event.host} has joined the cluster"
        say("node", text, machine=event.host, data={"now": "joined"})
