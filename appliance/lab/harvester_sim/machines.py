"""Keeps virtual machines as their objects want them: starts, restarts, ends and describes them.

After KubeVirt's controller (pkg/virt-controller/watch/vm): the VirtualMachine says what is
wanted, its VirtualMachineInstance is there while one runs or is to run.
"""

from __future__ import annotations

import contextlib
import copy
import json
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from appliance.errors import MachineError
from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.admission import admit
from appliance.lab.harvester_sim.cables import Neighbours
from appliance.lab.harvester_sim.hardware import Hardware, WaitingError, interfaces_of, mac_of
from appliance.lab.harvester_sim.images import set_condition
from appliance.lab.harvester_sim.machine_admission import (
    REMOVED_CLAIMS,
    claim_templates,
    run_strategy,
)
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.refusals import RefusedError
from appliance.lab.harvester_sim.virtual_machine import VirtualMachine
from appliance.lab.qemu import DEFAULT_LIMIT_S

Json = dict[str, Any]

FINAL = ("Succeeded", "Failed")
BEFORE_START = ("Pending", "Scheduling", "Scheduled")
MAC_ANNOTATION = "harvesterhci.io/mac-address"
_LONGEST_GRACE_S = 60.0
_LONGEST_PAUSE_S = 30.0
_ASK_PAUSE_S = 2.0


class Machines:
    """All virtual machines. `look` is one round of looking after them; one thread calls it.

    `neighbours` hears the addresses of the machines' cards; None: nothing is heard. `nodes` gives
    the names of the nodes that are ready.
    """

    def __init__(
        self,
        store: ObjectStore,
        hardware: Hardware,
        neighbours: Neighbours | None,
        *,
        nodes: Callable[[], list[str]],
        limit_s: float = DEFAULT_LIMIT_S,
    ) -> None:
        self._store = store
        self._hardware = hardware
        self._nodes = nodes
        self._limit_s = limit_s
        self._neighbours = neighbours
        self._on: dict[str, VirtualMachine] = {}
        self._stopping: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._waiting: dict[str, WaitingError] = {}
        self._held: set[str] = set()
        self._ask_again: dict[str, float] = {}
        self._lock = threading.RLock()

    # --- from outside

    def recover(self) -> None:
        """Take note, before the first round, that everything is off after a power cut."""
        for instance in self._store.all(kinds.INSTANCE):
            meta = instance["metadata"]
            machine = self._store.find(kinds.MACHINE, meta["namespace"], meta["name"])
            if machine is None or instance["status"]["phase"] not in FINAL:
                self._store.remove(kinds.INSTANCE, meta["namespace"], meta["name"])

    def look(self) -> None:
        """Bring every machine one step nearer to what is wanted."""
        with self._lock:
            for machine in self._store.all(kinds.MACHINE):
                try:
                    self._look_at(machine)
                except Exception:  # noqa: BLE001 - one odd object holds no other machine up
                    traceback.print_exc()

    def act(self, action: str, namespace: str, name: str) -> None:
        """Start, stop or restart a machine. Raises RefusedError: conflict."""
        with self._lock:
            machine = self._store.get(kinds.MACHINE, namespace, name)
            instance = self._store.find(kinds.INSTANCE, namespace, name)
            runs = instance is not None and instance["status"]["phase"] not in FINAL
            if action == "start" and runs:
                raise _state_conflict(name, "VM is already running")
            if action in ("stop", "restart") and not runs:
                raise _state_conflict(name, "VM is not running")
            if action == "restart":
                self._begin_stop(machine)
                return
            if action == "start" and instance is not None:
                self._store.remove(kinds.INSTANCE, namespace, name)
            self._store.edit(kinds.MACHINE, namespace, name, _asked(action))

    def kill(self, namespace: str, name: str, *, hold: bool) -> bool:
        """Cut one machine's power, as a fault; tell whether it was on.

        `hold` keeps it off until `release`; else it starts again as its strategy says.
        """
        with self._lock:
            machine = self._store.get(kinds.MACHINE, namespace, name)
            uid = machine["metadata"]["uid"]
            if hold:
                self._held.add(uid)
            process = self._on.get(uid)
        if process is None or not process.is_on:
            return False
        process.power_off()
        return True

    def release(self) -> None:
        """Let all machines that are held off start again."""
        with self._lock:
            self._held.clear()

    def running(self) -> list[str]:
        """Give the names of the machines that are on."""
        with self._lock:
            return sorted(each.name for each in self._on.values() if each.is_on)

    def close(self) -> None:
        """Cut the power of all machines at once, as a power cut at the site does."""
        with self._lock:
            for process in self._on.values():
                process.power_off()
            self._on.clear()

    # --- one machine, one round

    def _look_at(self, machine: Json) -> None:
        meta = machine["metadata"]
        namespace, name, uid = meta["namespace"], meta["name"], meta["uid"]
        if "deletionTimestamp" in meta:
            self._demolish(machine)
            return
        self._make_claims(machine)
        process = self._on.get(uid)
        if process is not None and not process.is_on:
            self._note_end(machine, process)
        instance = self._store.find(kinds.INSTANCE, namespace, name)
        wanted = _is_wanted(machine, instance)
        if instance is not None and not wanted:
            self._let_go(machine, instance)
        elif wanted and instance is None and time.monotonic() >= self._not_before.get(uid, 0.0):
            self._store.create(kinds.INSTANCE, _instance(machine))
        if wanted and uid not in self._held:
            self._start(machine)
        self._press_on(uid)
        self._describe(machine)

    def _make_claims(self, machine: Json) -> None:
        """Make the claims that the annotation lists (Harvester's VM controller)."""
        namespace = machine["metadata"]["namespace"]
        for template in claim_templates(machine):
            claim = {**copy.deepcopy(template), "apiVersion": "v1", "kind": kinds.CLAIM.kind}
            claim["metadata"]["namespace"] = namespace
            if self._store.find(kinds.CLAIM, namespace, claim["metadata"]["name"]) is None:
                claim.pop("status", None)
                with contextlib.suppress(RefusedError):  # the machine then says what it waits for
                    admit(self._store, kinds.CLAIM, claim, None)
                    self._store.create(kinds.CLAIM, claim)

    def _note_end(self, machine: Json, process: VirtualMachine) -> None:
        """A machine went off: by itself, by us, or by a fault."""
        meta = machine["metadata"]
        uid = meta["uid"]
        del self._on[uid]
        self._forget_addresses(process)
        ours = self._stopping.pop(uid, None) is not None
        phase = "Succeeded" if process.exit_code == 0 else "Failed"
        failed_by_itself = phase == "Failed" and (process.exit_code or 0) > 0
        self._failures[uid] = self._failures.get(uid, 0) + 1 if failed_by_itself else 0
        if failed_by_itself:
            pause = min(2.0 ** self._failures[uid], _LONGEST_PAUSE_S)
            self._not_before[uid] = time.monotonic() + pause
        strategy = run_strategy(machine)
        again = strategy == "Always" or (strategy == "RerunOnFailure" and phase == "Failed")
        if ours or again:
            self._store.remove(kinds.INSTANCE, meta["namespace"], meta["name"])
        else:
            self._set_phase(machine, phase)

    def _let_go(self, machine: Json, instance: Json) -> None:
        meta = machine["metadata"]
        if meta["uid"] in self._on:
            if meta["uid"] not in self._stopping:
                self._begin_stop(machine)
        elif run_strategy(machine) == "Halted" or instance["status"]["phase"] not in FINAL:
            self._store.remove(kinds.INSTANCE, meta["namespace"], meta["name"])

    def _begin_stop(self, machine: Json) -> None:
        """Press the button; after the grace that the machine has the power is cut."""
        inner = machine["spec"]["template"]["spec"]
        grace = min(float(inner.get("terminationGracePeriodSeconds", 30)), _LONGEST_GRACE_S)
        uid = machine["metadata"]["uid"]
        self._stopping[uid] = time.monotonic() + grace
        if process := self._on.get(uid):
            with contextlib.suppress(MachineError, OSError):  # it just went off
                process.press_power_button()

    def _press_on(self, uid: str) -> None:
        process = self._on.get(uid)
        if process is not None and time.monotonic() > self._stopping.get(uid, float("inf")):
            process.power_off()

    def _start(self, machine: Json) -> None:
        meta = machine["metadata"]
        instance = self._store.find(kinds.INSTANCE, meta["namespace"], meta["name"])
        if instance is None or instance["status"]["phase"] not in BEFORE_START:
            return
        uid = meta["uid"]
        try:
            node = self._schedule(machine)
            folder = self._hardware.folder(meta["namespace"], meta["name"])
            process = VirtualMachine(self._hardware.build(machine), folder, limit_s=self._limit_s)
            process.start()
        except WaitingError as waiting:
            self._waiting[uid] = waiting
            self._set_phase(machine, "Scheduling")
            return
        except MachineError as error:
            self._waiting[uid] = WaitingError("CrashLoopBackOff", "Synchronized", str(error))
            self._set_phase(machine, "Scheduled")
            return
        self._waiting.pop(uid, None)
        self._on[uid] = process
        self._set_phase(machine, "Running", node)

    def _schedule(self, machine: Json) -> str:
        nodes = self._nodes()
        devices = machine["spec"]["template"]["spec"]["domain"]["devices"]
        asked = [*(devices.get("hostDevices") or []), *(devices.get("gpus") or [])]
        if asked:
            said = f"0/{len(nodes)} nodes are available: Insufficient {asked[0]['deviceName']}."
            raise WaitingError("ErrorUnschedulable", "Unschedulable", said)
        if not nodes:
            said = "0 nodes are available: node(s) were not ready."
            raise WaitingError("ErrorUnschedulable", "Unschedulable", said)
        return nodes[0]

    def _demolish(self, machine: Json) -> None:
        """Take a machine away: its power, its instance, the volumes it names, itself.

        The power is cut without asking the guest: what it would still write goes away with it.
        """
        meta = machine["metadata"]
        namespace, name, uid = meta["namespace"], meta["name"], meta["uid"]
        if process := self._on.pop(uid, None):
            process.power_off()
            self._forget_addresses(process)
        self._store.remove(kinds.INSTANCE, namespace, name)
        self._hardware.take_apart(machine)
        removed = (meta.get("annotations") or {}).get(REMOVED_CLAIMS, "")
        for claim in filter(None, removed.split(",")):
            self._store.remove(kinds.CLAIM, namespace, claim)
        self._stopping.pop(uid, None)
        self._store.remove(kinds.MACHINE, namespace, name)

    # --- what the objects say

    def _forget_addresses(self, process: VirtualMachine) -> None:
        if self._neighbours is not None:
            for card in process.spec.cards:
                self._neighbours.forget(card.mac)

    def _set_phase(self, machine: Json, phase: str, node: str = "") -> None:
        meta = machine["metadata"]
        waiting = self._waiting.get(meta["uid"])

        def change(found: Json) -> None:
            status = found["status"]
            status["phase"] = phase
            if node:
                status["nodeName"] = node
                found["metadata"].setdefault("labels", {})["kubevirt.io/nodeName"] = node
            why, reason = (str(waiting), waiting.reason) if waiting else ("", "")
            runs = phase == "Running"
            set_condition(found, "Ready", "True" if runs else "False", reason, why)
            scheduled = "False" if phase in ("Pending", "Scheduling") else "True"
            set_condition(found, "PodScheduled", scheduled, reason, why)

        self._store.edit(kinds.INSTANCE, meta["namespace"], meta["name"], change)

    def _describe(self, machine: Json) -> None:
        """Write what the machine is: its status, and the addresses of its cards."""
        meta = machine["metadata"]
        instance = self._store.find(kinds.INSTANCE, meta["namespace"], meta["name"])
        if instance is not None:
            interfaces = self._interfaces(machine, instance)
            self._store.edit(
                kinds.INSTANCE,
                meta["namespace"],
                meta["name"],
                lambda found: found["status"].update(interfaces=interfaces),
            )
        runs = instance is not None and instance["status"]["phase"] == "Running"
        printable = self._printable(machine, instance)
        waiting = self._waiting.get(meta["uid"])
        template = machine["spec"]["template"]["spec"]

        def change(found: Json) -> None:
            status = found.setdefault("status", {})
            if run_strategy(found) in ("Halted", "Always"):
                status.pop("stateChangeRequests", None)
            status.update(created=instance is not None, ready=runs, printableStatus=printable)
            status.update(runStrategy=run_strategy(found))
            why = str(waiting) if waiting and not runs else ""
            set_condition(found, "Ready", "True" if runs else "False", "", why)
            stale = instance is not None and instance["spec"] != template
            set_condition(found, "RestartRequired", "True" if stale else "False", "", "")
            macs = {each["name"]: mac_of(machine, each) for each in interfaces_of(machine)}
            annotations = found["metadata"].setdefault("annotations", {})
            annotations[MAC_ANNOTATION] = json.dumps(macs, sort_keys=True)

        self._store.edit(kinds.MACHINE, meta["namespace"], meta["name"], change)

    def _printable(self, machine: Json, instance: Json | None) -> str:
        uid = machine["metadata"]["uid"]
        if instance is None:
            return "Starting" if _is_wanted(machine, None) else "Stopped"
        phase = instance["status"]["phase"]
        if uid in self._stopping:
            return "Stopping"
        if phase in BEFORE_START:
            waiting = self._waiting.get(uid)
            return waiting.printable if waiting else "Starting"
        return {"Running": "Running", "Failed": "CrashLoopBackOff"}.get(phase, "Stopped")

    def _asked_for(self, machine: Json) -> tuple[str, ...]:
        """Ask for what a silent machine should have; its answer is heard by the next rounds."""
        uid, now = machine["metadata"]["uid"], time.monotonic()
        if self._neighbours is not None and now >= self._ask_again.get(uid, 0.0):
            self._ask_again[uid] = now + _ASK_PAUSE_S
            for address in self._hardware.addresses_told(machine):
                self._neighbours.ask(address)
        return ()

    def _interfaces(self, machine: Json, instance: Json) -> list[Json]:
        told = []
        for interface in interfaces_of(machine):
            mac = mac_of(machine, interface)
            said: Json = {"name": interface["name"], "mac": mac, "infoSource": "domain"}
            addresses: tuple[str, ...] = ()
            if self._neighbours is not None and instance["status"]["phase"] == "Running":
                addresses = self._neighbours.addresses(mac) or self._asked_for(machine)
            if addresses:
                said.update(ipAddress=addresses[0], ipAddresses=list(addresses))
            told.append(said)
        return told


def _is_wanted(machine: Json, instance: Json | None) -> bool:
    strategy = run_strategy(machine)
    requests = (machine.get("status") or {}).get("stateChangeRequests") or []
    asked = requests[-1]["action"] if requests else ""
    phase = instance["status"]["phase"] if instance else ""
    if strategy == "Halted" or (asked == "Stop" and strategy != "Always"):
        return False
    if strategy == "Manual":
        return asked == "Start" and phase not in FINAL
    return not (strategy in ("RerunOnFailure", "Once") and phase == "Succeeded")


def _asked(action: str) -> Callable[[Json], None]:
    """Give the change of a machine's object that a start or stop makes (KubeVirt's virt-api)."""

    def change(machine: Json) -> None:
        strategy = run_strategy(machine)
        if action == "start" and strategy == "Halted":
            machine["spec"].pop("running", None)
            machine["spec"]["runStrategy"] = "RerunOnFailure"  # Harvester's (kubevirt#7295)
        elif action == "stop" and strategy == "Always":
            machine["spec"].pop("running", None)
            machine["spec"]["runStrategy"] = "Halted"
        else:
            status = machine.setdefault("status", {})
            status["stateChangeRequests"] = [{"action": action.capitalize()}]

    return change


def _instance(machine: Json) -> Json:
    meta, template = machine["metadata"], machine["spec"]["template"]
    inner = template.get("metadata") or {}
    return {
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": dict(inner.get("labels") or {}),
            "annotations": dict(inner.get("annotations") or {}),
            "ownerReferences": [
                {
                    "apiVersion": kinds.MACHINE.api_version,
                    "kind": kinds.MACHINE.kind,
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": copy.deepcopy(template["spec"]),
        "status": {"phase": "Pending", "conditions": [], "interfaces": []},
    }


def _state_conflict(name: str, why: str) -> RefusedError:
    said = f'Operation cannot be fulfilled on virtualmachine.kubevirt.io "{name}": {why}'
    return RefusedError(409, "Conflict", said)
