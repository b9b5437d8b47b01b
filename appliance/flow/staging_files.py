"""What the staging machine is given, from the Plan and the depot; and its playbook."""

from __future__ import annotations

from pathlib import Path

from appliance.artifacts.depot import Depot
from appliance.flow.ansible_events import tell_task
from appliance.flow.context import Context
from appliance.flow.secrets import site_secrets
from appliance.flow.tending import Say
from appliance.site.artifact_names import registry_files
from appliance.site.plan import Plan
from appliance.staging import bundle
from appliance.staging.config import StagedFile
from appliance.staging.inventory import inventory, staged_names, staging_of
from appliance.tools import data
from appliance.tools.ansible import PlaybookResult, SshAccess, run_playbook
from appliance.vms.cloud_init import USER


def staged_files(context: Context, plan: Plan) -> dict[str, StagedFile]:
    """Give all that the staging machine may be given, by name. Raises ArtifactError."""
    depot = Depot(context.paths.depot)
    needed = plan.cluster.artifacts if plan.cluster is not None else ()
    further = (name for name in staged_names(plan) if depot.get(name) is not None)
    names = (registry_files().archive, *needed, *further, *staging_of(plan).images)
    return {name: _file(depot, name) for name in dict.fromkeys(names)}


def archives(context: Context, plan: Plan) -> tuple[Path, ...]:
    """Give the archives of images that the registry is to hold."""
    depot = Depot(context.paths.depot)
    return tuple(depot.path_of(name) for name in staging_of(plan).images)


def _file(depot: Depot, name: str) -> StagedFile:
    digest = depot.digests(name)["sha256"].hex  # raises for what is not there
    return StagedFile(name, depot.path_of(name).stat().st_size, digest)


class Staging:
    """The staging machine's playbook, ready to be run on a thread of its own."""

    def __init__(self, context: Context, plan: Plan, known_hosts: str) -> None:
        self._context = context
        self._folder = context.site_paths.folder / "ansible"
        self._ssh = SshAccess(USER, site_secrets(context.vault).ssh_key, known_hosts)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = bundle.make(self._folder)
        self._inventory = inventory(
            plan, staged_files(context, plan), bundle=str(made.path), bundle_sha256=made.sha256
        )

    def set_up(self, say: Say) -> PlaybookResult:
        """Run the playbook; a second time nothing changes. Raises StepError."""
        result = run_playbook(
            data.path("playbooks") / "staging.yml",
            self._inventory,
            folder=self._folder,
            ssh=self._ssh,
            secret_vars={},
            on_event=lambda event: tell_task(event, say),
            stop=self._context.stop,
        )
        result.raise_for_failure()
        return result
