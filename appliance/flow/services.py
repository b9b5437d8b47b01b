"""The boot services as the flow holds them: started, told, watched, re-opened, stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address

from appliance.boot.control import Event, Order, RecordChanged, Reported
from appliance.boot.model import BootMachine, BootNetwork, ServedFile
from appliance.boot.process import BootProcess
from appliance.boot.sockets import SERVICES_NAMES, open_sockets
from appliance.errors import PreflightError, StepError
from appliance.flow.boot_machines import boot_network
from appliance.flow.context import Context
from appliance.flow.services_address import ServicesAddress
from appliance.machines.state import Evidence
from appliance.site.artifact_names import BOOT_DISC, STAGE1_FILES
from appliance.site.plan import Plan
from appliance.tools.interface import index_of, set_address


class Services:
    """One site's boot services on one interface."""

    def __init__(
        self,
        context: Context,
        plan: Plan,
        files: tuple[ServedFile, ...],
        machines: tuple[BootMachine, ...],
    ) -> None:
        self._context = context
        self._plan = plan
        self._files = files
        self._machines = machines
        self._services_address = ServicesAddress(context, plan)
        self._index: int | None = None
        self._sockets: dict[str, socket.socket] = {}
        self._process: BootProcess | None = None

    @property
    def running(self) -> bool:
        """Whether the services are there to be talked to."""
        return self._process is not None

    @property
    def boot_pid(self) -> int | None:
        """The unprivileged child's process id while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def has_stage1(self) -> bool:
        """Whether machines can be asked what they are."""
        return has_stage1(self._files)

    @property
    def boot_disc(self) -> str:
        """The URL of the boot disc for BMCs, empty where it is not among the files."""
        there = BOOT_DISC in {each.name for each in self._files}
        return f"http://{self._plan.provisioning.bridge}/a/{BOOT_DISC}" if there else ""

    def start(self) -> None:
        """Open the sockets and start the unprivileged child. Raises PreflightError, StepError."""
        options = self._context.options
        network = self._network()
        self._sockets = self._open_sockets(options.interface, network.bridge)
        self._index = index_of(options.interface)
        process = BootProcess(clock=self._context.clock)
        process.set_machines(self._machines)
        try:
            process.start(
                self._sockets,
                self._context.site_paths.boot,
                network,
                self._files,
                after=self._context.journal.last_mark(),
            )
        except StepError:
            self._close_sockets()
            raise
        self._process = process

    def _open_sockets(self, interface: str, bridge: IPv4Address) -> dict[str, socket.socket]:
        opened = open_sockets(interface, bridge)
        try:
            if self._services_address.take():
                opened |= open_sockets(interface, self._plan.services, names=SERVICES_NAMES)
        except BaseException:
            self._services_address.give_back()
            for each in opened.values():
                each.close()
            raise
        return opened

    def release_services_address(self) -> None:
        """Let go of the services address for the rest of this run; nothing is sent from it after.

        Called just before the staging machine starts. Does nothing where it is not held.
        """
        if self._process is not None:
            self._process.release(SERVICES_NAMES)
        for name in SERVICES_NAMES:
            if (opened := self._sockets.pop(name, None)) is not None:
                opened.close()
        self._services_address.release()

    def replan(self, plan: Plan) -> None:
        """Take a plan with more machines: their names are looked up from now on."""
        self._plan = plan
        if self._process is not None:
            self._process.configure(self._network(), self._files)

    def _network(self) -> BootNetwork:
        options = self._context.options
        return boot_network(
            self._plan, options.interface, proxy=options.proxy, single_port=options.tftp_single_port
        )

    def set_machines(self, machines: tuple[BootMachine, ...]) -> None:
        """Tell boot of every machine anew, if anything changed."""
        if machines != self._machines:
            self._machines = machines
            if self._process is not None:
                self._process.set_machines(machines)

    def inject(self, evidence: Evidence) -> None:
        """Tell boot of something that main saw."""
        if self._process is not None:
            self._process.inject(evidence)

    def order(self, order: Order) -> None:
        """Have a machine that runs stage-1 do something."""
        if self._process is not None:
            self._process.order(order)

    def messages(self, seconds: float) -> list[Event | RecordChanged | Reported]:
        """Give what boot says, waiting up to so many seconds for the first.

        Raises StepError if the child died too often to be started once more.
        """
        return [] if self._process is None else list(self._process.events(seconds))

    def keep_open(self, tell: Callable[[str], None]) -> None:
        """Open everything again once an unplugged adapter is back: it is a new interface then."""
        interface = self._context.options.interface
        index = index_of(interface)
        if index == self._index and self._process is not None:
            if self._services_address.is_contested():
                self.release_services_address()
            return
        if self._process is not None:
            self.stop()
            tell(f"{interface} is gone: plug the network adapter in again")
        if index is None:
            return
        network = self._plan.provisioning
        try:
            set_address(interface, network.bridge, network.cidr.prefixlen)
            self.start()
        except PreflightError:
            return  # it is only half there yet; the next look tries again
        tell(f"{interface} is back: the boot services run again")

    def stop(self) -> None:
        """End the child, close what it held, and give the services address back."""
        if self._process is not None:
            self._process.stop()
            self._process = None
        self._close_sockets()

    def _close_sockets(self) -> None:
        for each in self._sockets.values():
            each.close()
        self._sockets = {}
        self._services_address.give_back()


def has_stage1(files: Iterable[ServedFile]) -> bool:
    """Whether our small Linux is among the files, so that machines can be asked what they are."""
    return {each.name for each in files} >= {*STAGE1_FILES}
