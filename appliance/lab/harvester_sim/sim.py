"""The stand-in, whole: its objects, what looks after them, its doors."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from appliance.errors import InputError
from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.accounts import Accounts
from appliance.lab.harvester_sim.admission import admit
from appliance.lab.harvester_sim.cables import Neighbours
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.first_objects import first_objects
from appliance.lab.harvester_sim.hardware import Hardware
from appliance.lab.harvester_sim.hosts import Hosts
from appliance.lab.harvester_sim.images import Images
from appliance.lab.harvester_sim.machines import Machines
from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.rancher import Rancher
from appliance.lab.harvester_sim.refusals import RefusedError
from appliance.lab.harvester_sim.rest import KubernetesApi
from appliance.lab.harvester_sim.server import certified, listen, listen_here, serve
from appliance.lab.harvester_sim.volumes import Volumes
from appliance.lab.harvester_sim.web import Web
from appliance.lab.qemu import DEFAULT_LIMIT_S

Json = dict[str, Any]

DEFAULT_HARVESTER = "v1.8.2"
CONTROL_SOCKET = "control.sock"
_ROUND_S = 0.5
_HOSTS_ROUND_S = 5.0


@dataclass(frozen=True, slots=True)
class SimOptions:
    """How the stand-in is set up.

    `state` keeps the objects and the control socket, `place` images, volumes and machines. `vip`
    is the address the world knows it by: it is in the kubeconfig, and is asked for the members of
    the hypervisor. `nodes` are members that are there without being asked for. `tls`: serve TLS
    at the door itself. `bridge`: of the lab's switch, in this network namespace; empty: machines
    run with their cables out. `quick_firmware`: see `virtual_machine.firmware_of`.
    """

    state: Path
    place: Path
    listen: tuple[str, int] = ("127.0.0.1", 0)
    vip: str = ""
    bridge: str = ""
    tls: bool = False
    harvester: str = DEFAULT_HARVESTER
    rke2: str = "v1.35.2+rke2r1"
    nodes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    faults: tuple[str, ...] = ()
    quick_firmware: bool = False
    limit_s: float = DEFAULT_LIMIT_S
    retry_pause_s: float = 2.0


class HarvesterSim:
    """One stand-in. A context manager: machines are off when it ends, and on again at its start."""

    def __init__(self, options: SimOptions) -> None:
        options.state.mkdir(parents=True, exist_ok=True)
        options.place.mkdir(parents=True, exist_ok=True)
        self._options = options
        self.faults = Faults()
        for text in options.faults:
            self.faults.add(text)
        self.store = ObjectStore(options.state / "objects.db")
        self._furnish()
        self.accounts = Accounts(self.store)
        self.hosts = Hosts(self.store, options.vip, self._nodes(), options.rke2)
        self._images = Images(
            self.store, options.place / "images", self.faults, pause_s=options.retry_pause_s
        )
        self._volumes = Volumes(self.store, self._images, options.place / "volumes")
        self._neighbours = Neighbours(options.bridge, options.listen[0]) if options.bridge else None
        hardware = Hardware(
            self.store,
            self._volumes,
            self.faults,
            options.place / "machines",
            bridge=options.bridge,
            quick=options.quick_firmware,
        )
        self.machines = Machines(
            self.store,
            hardware,
            self._neighbours,
            nodes=self.hosts.ready,
            limit_s=options.limit_s,
        )
        self.hardware = hardware
        self.web = self._web()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._due: dict[str, float] = {}

    def _nodes(self) -> Mapping[str, str]:
        """Give the nodes to begin with: without a hypervisor in the lab there is one of ours."""
        return self._options.nodes or ({} if self._options.vip else {"standin": "127.0.0.1"})

    def _furnish(self) -> None:
        for kind, body in first_objects(self._options.harvester):
            if self.store.find(kind, "", body["metadata"]["name"]) is None:
                admit(self.store, kind, body, None)
                self.store.create(kind, body)

    def _web(self) -> Web:
        self._tls, own = None, ""
        if self._options.tls:
            name = self._options.vip or self._options.listen[0]
            self._tls, own = certified(self._options.state, (name, "localhost"))
        rancher = Rancher(self.accounts, lambda: own or self.hosts.certificate(), self._options.vip)
        kubernetes = KubernetesApi(self.store, self.machines.act)
        return Web(kubernetes, rancher, self.accounts, self.faults, self._options.rke2)

    # --- running

    def start(self) -> Self:
        """Open the doors and start what ran before. Raises OSError where a door is taken."""
        self.machines.recover()
        self._door = listen(self._options.listen, self.web.answer, self._tls)
        self._control = listen_here(self._options.state / CONTROL_SOCKET, self.control)
        self._threads = [serve(self._door), serve(self._control)]
        for work, pause in ((self._round, _ROUND_S), (self.hosts.look, _HOSTS_ROUND_S)):
            thread = threading.Thread(target=self._repeat, args=(work, pause), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    @property
    def port(self) -> int:
        """The port of the door."""
        return int(self._door.server_address[1])

    @property
    def url(self) -> str:
        """Where the door is."""
        scheme = "https" if self._options.tls else "http"
        return f"{scheme}://{self._options.listen[0]}:{self.port}"

    def close(self) -> None:
        """Cut the power of all machines and close the doors. What is kept stays."""
        self._stop.set()
        for server in (self._door, self._control):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join(30)
        self.machines.close()
        self._images.close()
        if self._neighbours is not None:
            self._neighbours.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repeat(self, work: Any, pause: float) -> None:
        while not self._stop.is_set():
            try:
                work()
            except Exception:  # noqa: BLE001 - the next round may do better; the log has it
                traceback.print_exc()
            self._stop.wait(pause)

    def _round(self) -> None:
        self._images.look()
        self._volumes.look()
        self.machines.look()
        self._finalize()

    def _finalize(self) -> None:
        """Let go what is deleted and has no cleaner of its own."""
        for kind in kinds.KINDS:
            if not kind.finalize_s:
                continue
            for found in self.store.all(kind):
                name = found["metadata"]["name"]
                if "deletionTimestamp" not in found["metadata"]:
                    self._due.pop(name, None)
                elif time.monotonic() > self._due.setdefault(
                    name, time.monotonic() + kind.finalize_s
                ):
                    self.store.remove(kind, found["metadata"].get("namespace", ""), name)

    # --- the lab's own door

    def control(self, request: Request) -> Answer:
        """Answer the lab: what runs, and what is to go wrong."""
        try:
            return self._controlled(request)
        except RefusedError as refused:
            return Answer(refused.code, refused.as_status())
        except InputError as error:
            return Answer(HTTPStatus.BAD_REQUEST, error.as_dict())

    def _controlled(self, request: Request) -> Answer:
        query = request.query
        verb = (request.method, request.path)
        if verb == ("GET", "/lab/status"):
            return Answer(HTTPStatus.OK, self._status())
        if verb == ("POST", "/lab/faults"):
            self.faults.add(query.get("add", ""))
            return Answer(HTTPStatus.OK, self.faults.as_json())
        if verb == ("DELETE", "/lab/faults"):
            self.faults.clear()
            return Answer(HTTPStatus.OK, self.faults.as_json())
        if verb == ("POST", "/lab/kill"):
            namespace, name = query.get("namespace", "default"), query.get("name", "")
            killed = self.machines.kill(namespace, name, hold=query.get("hold") == "true")
            return Answer(HTTPStatus.OK, {"killed": killed})
        if verb == ("POST", "/lab/release"):
            self.machines.release()
            return Answer(HTTPStatus.OK, {})
        return Answer(HTTPStatus.NOT_FOUND, {"what": f"no such thing: {verb}"})

    def _status(self) -> Json:
        return {
            "url": self.url,
            "faults": self.faults.as_json(),
            "nodes": self.hosts.ready(),
            "running": self.machines.running(),
            "machines": {
                each["metadata"]["name"]: (each.get("status") or {}).get("printableStatus", "")
                for each in self.store.all(kinds.MACHINE)
            },
            "addresses": {
                each["metadata"]["name"]: [
                    str(interface["ipAddress"])
                    for interface in each["status"].get("interfaces") or []
                    if interface.get("ipAddress")
                ]
                for each in self.store.all(kinds.INSTANCE)
            },
        }
