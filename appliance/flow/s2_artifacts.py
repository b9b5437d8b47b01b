"""s2: Plan → Depot: every file the site needs is there, verified, and of one version."""

from __future__ import annotations

import shutil
from collections.abc import Collection

from appliance import advice
from appliance.artifacts.depot import Depot
from appliance.boot.model import ServedFile
from appliance.errors import ArtifactError
from appliance.flow.context import Context
from appliance.flow.step import Done, NotYet, Step
from appliance.flow.stocking import wants_of
from appliance.machines.state import Seen
from appliance.site.artifact_names import STAGE1_UKI, terraform_files, tofu_files
from appliance.site.plan import Plan

_ORIGINS = {
    "upstream": "real",
    "package": "real",
    "built": "real: built from upstream's source",
    "stand-in": "stand-in: made for rehearsals, same name and contract",
}


class ArtifactsStep(Step[Plan, tuple[ServedFile, ...]]):
    """Checks again, when a run starts, all that will be served."""

    name = "s2"
    title = "check every file that will be served"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._depot = Depot(context.paths.depot)

    def digest(self, given: Plan) -> str:
        """Name the version and the wanted files."""
        return " ".join(sorted(each.name for each in wants_of(given)))

    def check(self, given: Plan) -> Done[tuple[ServedFile, ...]] | NotYet:
        """Files are checked anew each run."""
        del given
        return NotYet("files are checked anew each run")

    def run(self, given: Plan) -> Done[tuple[ServedFile, ...]]:
        """Verify the wanted files. Raises ArtifactError naming each that is missing or damaged.

        Gives those that machines may ask for: Terraform, say, is for this laptop alone.
        """
        there = {each.name for each in self._depot.files()}
        wants = [each for each in wants_of(given) if each.needed or each.name in there]
        kept = {each.name: each for each in self._depot.verify_again(each.name for each in wants)}
        _check_terraform(given, there)
        files = tuple(
            ServedFile(
                name=want.name,
                path=str(self._depot.path_of(want.name)),
                size=kept[want.name].size,
                digest=str(kept[want.name].digest),
                proves=_proof(want.name, given),
            )
            for want in wants
            if want.served
        )
        real = {name: _ORIGINS[origin] for name, origin in self._depot.real_legs(kept).items()}
        self._context.tell("real", "which files are real", data={"real": real})
        return Done(files, {"files": {name: str(each.digest) for name, each in kept.items()}})


def _check_terraform(plan: Plan, there: Collection[str]) -> None:
    """Refuse before anything is touched what would otherwise end after the machines are built."""
    archives = [files.archive for files in (terraform_files(), tofu_files())]
    if not plan.vms or any(each in there for each in archives):
        return
    if any(shutil.which(program) for program in ("terraform", "tofu")):
        return
    raise ArtifactError(
        "Terraform is missing: it makes the virtual machines",
        where=archives[0],
        why="neither it nor OpenTofu is among the files, nor installed on this laptop",
        fix=advice.fetch_or_import("it"),
    )


def _proof(name: str, plan: Plan) -> Seen | None:
    """Say what a whole transfer of this file proves of the machine that took it."""
    artifacts = plan.artifacts
    return {
        STAGE1_UKI: Seen.STAGE1_SENT,
        artifacts.kernel: Seen.KERNEL_SENT,
        artifacts.initrd: Seen.INITRD_SENT,
        artifacts.rootfs: Seen.ROOTFS_SENT,
        artifacts.iso: Seen.IMAGE_SENT,
    }.get(name, Seen.BOOTLOADER_SENT if name.endswith((".efi", ".kpxe")) else None)
