"""One site's Terraform as the flow uses it: program, provider, kubeconfig and state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from appliance.artifacts.depot import Depot
from appliance.errors import PreflightError
from appliance.flow.context import Context
from appliance.flow.outside_programs import unpacked
from appliance.flow.tending import Say
from appliance.hypervisor.api import HarvesterApi
from appliance.site.plan import Plan
from appliance.tools.secret_folder import secret_folder, write_secret
from appliance.vms.changes import Changes, ResourceChange
from appliance.vms.driver import Driver
from appliance.vms.events import Kind, TfEvent
from appliance.vms.variables import variables

KUBECONFIG = "harvester-kubeconfig"
"""Harvester's own kubeconfig in the vault."""

_TOLD = frozenset({Kind.APPLY_START, Kind.APPLY_COMPLETE, Kind.APPLY_ERRORED, Kind.TEXT})


class SiteTerraform:
    """Plans and applies for one site. Use it inside `opened`."""

    def __init__(self, context: Context, plan: Plan, api: HarvesterApi | None) -> None:
        self._context = context
        self._plan = plan
        self._api = api
        self._say: Say | None = None
        self._driver: Driver | None = None

    @contextmanager
    def opened(self) -> Iterator[SiteTerraform]:
        """Unpack the programs and lay out the kubeconfig, which is gone again at the end.

        Raises PreflightError without a kubeconfig, ArtifactError for a missing program.
        """
        kubeconfig = self._context.vault.get(KUBECONFIG)
        if kubeconfig is None:
            raise PreflightError(
                "Harvester's kubeconfig is not here yet",
                where=str(self._context.site_paths.folder),
                fix="run the site first",
            )
        programs = unpacked(self._context.paths, self._plan)
        folder = self._context.site_paths.folder
        with secret_folder(folder) as private:
            self._driver = Driver(
                folder / "terraform",
                programs.terraform,
                programs.mirror,
                write_secret(private / "kubeconfig", kubeconfig),
                self._hear,
                self._context.stop,
            )
            yield self

    def plan(self, say: Say, *, destroy: bool = False) -> Changes:
        """Work out what is to be done. Raises as `Driver.plan` does."""
        driver = self._ready(say)
        return driver.plan(destroy=destroy, existing=self._existing)

    def apply(self, changes: Changes, say: Say) -> None:
        """Do that very plan. Raises as `Driver.apply` does, and at once for a hopeless image."""
        self._say = say
        self._opened().apply(changes, hopeless=self._api.failed_images if self._api else None)

    def attach_devices(self) -> tuple[str, ...]:
        """Give machines the host's devices that the provider cannot; name those it changed.

        They take them at their next start. Raises StepError.
        """
        api = self._api
        if api is None or not any(vm.pci_devices or vm.usb_devices for vm in self._plan.vms):
            return ()
        wanted: Mapping[str, list[dict[str, str]]] = self._opened().outputs()["host_devices"]
        return tuple(
            name
            for name, devices in sorted(wanted.items())
            if api.attach_devices(name, {each["name"]: each["device_name"] for each in devices})
        )

    def drift(self, say: Say) -> Changes:
        """Look what differs, changing nothing. Raises as `Driver.drift` does."""
        return self._ready(say).drift()

    def _ready(self, say: Say) -> Driver:
        self._say = say
        driver = self._opened()
        driver.prepare(variables(self._plan, self._digests()))
        return driver

    def _opened(self) -> Driver:
        if self._driver is None:
            raise ValueError("Terraform was not opened")
        return self._driver

    def _digests(self) -> Mapping[str, str]:
        depot = Depot(self._context.paths.depot)
        return {image.file: depot.digests(image.file)["sha512"].hex for image in self._plan.images}

    def _existing(self, change: ResourceChange) -> str | None:
        return self._api.existing(change.kind, change.values or {}) if self._api else None

    def _hear(self, event: TfEvent) -> None:
        if self._say is not None and event.kind in _TOLD:
            self._say("terraform", event.text, data={"address": event.address})
