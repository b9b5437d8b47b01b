"""s2: Plan → Depot: every file the site needs is there, verified, and of one version."""

from __future__ import annotations

from appliance.artifacts.depot import Depot
from appliance.boot.model import ServedFile
from appliance.flow.context import Context
from appliance.flow.step import Done, NotYet, Step
from appliance.flow.stocking import wants_of
from appliance.machines.state import Seen
from appliance.site.plan import Plan

_ORIGINS = {
    "upstream": "real",
    "package": "real",
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
        """Verify the wanted files. Raises ArtifactError naming each that is missing or damaged."""
        names = tuple(each.name for each in wants_of(given))
        kept = self._depot.verify_again(names)
        files = tuple(
            ServedFile(
                name=each.name,
                path=str(self._depot.path_of(each.name)),
                size=each.size,
                digest=str(each.digest),
                proves=_proof(each.name, given),
            )
            for each in kept
        )
        real = {name: _ORIGINS[origin] for name, origin in self._depot.real_legs(names).items()}
        self._context.tell("real", "which files are real", data={"real": real})
        return Done(files, {"files": {each.name: each.digest for each in files}})


def _proof(name: str, plan: Plan) -> Seen | None:
    """Say what a whole transfer of this file proves of the machine that took it."""
    artifacts = plan.artifacts
    return {
        artifacts.kernel: Seen.KERNEL_SENT,
        artifacts.initrd: Seen.INITRD_SENT,
        artifacts.rootfs: Seen.ROOTFS_SENT,
        artifacts.iso: Seen.IMAGE_SENT,
    }.get(name, Seen.BOOTLOADER_SENT if name.endswith((".efi", ".kpxe")) else None)
