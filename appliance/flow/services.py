"""The boot services as the flow holds them: started, told, watched, re-opened, stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from appliance.boot.model import BootEvent, BootMachine, ServedFile
from appliance.boot.process import BootProcess, RecordChanged
from appliance.boot.sockets import open_sockets
from appliance.errors import StepError
from appliance.flow.boot_machines import boot_network
from appliance.flow.context import Context
from appliance.machines.state import Evidence
from appliance.site.plan import Plan
from appliance.tools.interface import index_of, set_address

Message = BootEvent | RecordChanged


class Services:
    """One site's boot services on one interface."""

    def __init__(self, context: Context, plan: Plan, files: tuple[ServedFile, ...]) -> None:
        self._context = context
        self._plan = plan
        self._files = files
        self._machines: tuple[BootMachine, ...] = ()
        self._index: int | None = None
        self._process: BootProcess | None = None

    def start(self) -> None:
        """Open the sockets and start the unprivileged child. Raises PreflightError, StepError."""
        options = self._context.options
        network = boot_network(
            self._plan, options.interface, proxy=options.proxy, single_port=options.tftp_single_port
        )
        self._index = index_of(options.interface)
        with ExitStack() as opened:
            sockets = open_sockets(options.interface, network.bridge)
            for each in sockets.values():
                opened.callback(each.close)
            self._process = BootProcess.start(
                sockets=sockets,
                state_dir=self._context.site_paths.boot,
                network=network,
                files=self._files,
            )
        if self._machines:
            self._process.set_machines(self._machines)

    @property
    def running(self) -> bool:
        """Whether the child is there to be talked to."""
        return self._process is not None and self._index is not None

    def set_machines(self, machines: tuple[BootMachine, ...]) -> None:
        """Tell boot of every machine anew, if anything changed."""
        if machines != self._machines:
            self._machines = machines
            self._running().set_machines(machines)

    def inject(self, evidence: Evidence) -> None:
        """Tell boot of something that main saw."""
        self._running().inject(evidence)

    def messages(self, seconds: float) -> list[Message]:
        """Give what boot says, waiting up to so many seconds for the first."""
        return list(self._running().events(seconds))

    def keep_alive(self, tell: Callable[[str], None]) -> None:
        """Open everything again if the adapter was unplugged and is back, or the child died."""
        interface = self._context.options.interface
        index = index_of(interface)
        if index is None:
            if self._index is not None:
                tell(f"{interface} is gone: plug the network adapter in again")
                self._index = None
            return
        alive = self._process is not None and self._process.alive
        if index == self._index and alive:
            return
        tell(
            f"{interface} is back: the boot services are opened again"
            if index != self._index
            else "the boot services ended unasked and are started again"
        )
        network = self._plan.provisioning
        self.stop()
        set_address(interface, network.bridge, network.cidr.prefixlen)
        self.start()

    def stop(self) -> None:
        """End the child and close what it held."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _running(self) -> BootProcess:
        if self._process is None:
            raise StepError(
                "the boot services are not running",
                why=f"{self._context.options.interface} is unplugged or they were stopped",
                fix="plug the adapter in again",
            )
        return self._process
