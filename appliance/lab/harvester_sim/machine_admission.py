"""What KubeVirt and Harvester fill in and refuse when a virtual machine is written."""

from __future__ import annotations

import json
import uuid
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.quantities import binary, milli, thousandths, whole
from appliance.lab.harvester_sim.refusals import denied

Json = dict[str, Any]

CLAIM_TEMPLATES = "harvesterhci.io/volumeClaimTemplates"
REMOVED_CLAIMS = "harvesterhci.io/removedPersistentVolumeClaims"
RESERVED_MEMORY = "harvesterhci.io/reservedMemory"
IMAGE_ID = "harvesterhci.io/imageId"
SSH_NAMES = "harvesterhci.io/sshNames"
FINALIZER = "kubevirt.io/virtualMachineControllerFinalize"
STRATEGIES = ("Always", "RerunOnFailure", "Manual", "Halted", "Once")
OVERCOMMIT = {"cpu": 1600, "memory": 150, "storage": 200}
"""Harvester's default of the setting `overcommit-config`, in per cent."""

_MUTATOR = "mutator.harvesterhci.io"
_VALIDATOR = "validator.harvesterhci.io"
_KUBEVIRT = "virtualmachine-validator.kubevirt.io"
_RESERVED = 100 << 20  # for QEMU itself (harvester#1234)
_MIB = 1 << 20


def complete_machine(store: ObjectStore, new: Json, old: Json | None) -> None:
    """Complete a VirtualMachine in place, or refuse it. Raises RefusedError."""
    spec = new["spec"]
    inner = spec.get("template", {}).get("spec")
    if not isinstance(inner, dict) or "domain" not in inner:
        raise denied(_KUBEVIRT, "spec.template is required")
    if "running" not in spec:
        spec.setdefault("runStrategy", "Halted")
        if spec["runStrategy"] not in STRATEGIES:
            raise denied(_KUBEVIRT, f"Invalid RunStrategy ({spec['runStrategy']})")
    elif "runStrategy" in spec:
        raise denied(_KUBEVIRT, "Running and RunStrategy are mutually exclusive")
    domain = inner["domain"]
    # The provider reads machine.type, cpu and the EFI's secureBoot through pointers, unlooked-at.
    domain.setdefault("machine", {})
    domain["machine"]["type"] = domain["machine"].get("type") or "q35"
    domain.setdefault("cpu", {}).setdefault("cores", 1)
    inner.setdefault("architecture", "amd64")
    inner.setdefault("evictionStrategy", "LiveMigrateIfPossible")
    inner.setdefault("terminationGracePeriodSeconds", 120)
    _firmware(domain, old)
    _resources(new, domain)
    _devices(domain, inner)
    _networks(store, new, inner)
    _annotations(new)
    meta = new["metadata"]
    if old is None:
        meta["finalizers"] = sorted({*meta.get("finalizers", []), FINALIZER})
    new.setdefault("status", {})


def run_strategy(machine: Json) -> str:
    """Give a machine's strategy, also where the older `running` is used."""
    spec = machine["spec"]
    if "running" in spec:
        return "Always" if spec["running"] else "Halted"
    return str(spec.get("runStrategy", "Halted"))


def networks(machine: Json) -> set[tuple[str, str]]:
    """Give namespace and name of each network attachment that a machine uses."""
    namespace = machine["metadata"].get("namespace", "default")
    found = set()
    for network in machine["spec"]["template"]["spec"].get("networks") or []:
        if words := (network.get("multus") or {}).get("networkName", ""):
            before, _, name = words.rpartition("/")
            found.add((before or namespace, name))
    return found


def attached_claims(machine: Json) -> list[str]:
    """Give the names of the claims that a machine's volumes use."""
    volumes = machine["spec"]["template"]["spec"].get("volumes") or []
    claims = [(each.get("persistentVolumeClaim") or {}).get("claimName", "") for each in volumes]
    return [claim for claim in claims if claim]


def claim_templates(machine: Json) -> list[Json]:
    """Give the claims that Harvester makes for a machine. Raises ValueError for what is none."""
    text = (machine["metadata"].get("annotations") or {}).get(CLAIM_TEMPLATES, "") or "[]"
    found = json.loads(text)
    if not isinstance(found, list) or not all("metadata" in each for each in found):
        raise ValueError("not a list of claims")
    return found


def _firmware(domain: Json, old: Json | None) -> None:
    firmware = domain.get("firmware") or {}
    before: Json = {}
    if old is not None:
        before = old["spec"]["template"]["spec"]["domain"].get("firmware") or {}
    for key in ("uuid", "serial"):
        firmware[key] = firmware.get(key) or before.get(key) or str(uuid.uuid4())
    efi = (firmware.get("bootloader") or {}).get("efi")
    if efi is not None:
        efi.setdefault("secureBoot", True)  # KubeVirt's default where EFI is asked for
        smm = ((domain.get("features") or {}).get("smm") or {}).get("enabled")
        if efi["secureBoot"] and not smm:
            raise denied(_KUBEVIRT, "EFI SecureBoot requires SMM to be enabled")
    domain["firmware"] = firmware


def _resources(new: Json, domain: Json) -> None:
    resources = domain.setdefault("resources", {})
    limits = resources.setdefault("limits", {})
    reserved = (new["metadata"].get("annotations") or {}).get(RESERVED_MEMORY, "")
    try:
        memory = whole(str(limits.get("memory", "0")))
        cpu = milli(str(limits.get("cpu", "0")))
        kept = whole(reserved) if reserved else _RESERVED
    except ValueError as error:
        raise denied(_MUTATOR, str(error)) from error
    requests = resources.setdefault("requests", {})
    if cpu:
        requests["cpu"] = thousandths(cpu * 100 // OVERCOMMIT["cpu"])
    if memory:
        requests["memory"] = binary(memory * 100 // OVERCOMMIT["memory"] // _MIB * _MIB)
        if memory <= kept:
            said = f"guest memory is under the minimum requirement {binary(kept)}"
            raise denied(_VALIDATOR, said)
        domain["memory"] = {**(domain.get("memory") or {}), "guest": binary(memory - kept)}


def _devices(domain: Json, inner: Json) -> None:
    devices = domain.setdefault("devices", {})
    disks = {disk["name"] for disk in devices.get("disks") or []}
    for place, volume in enumerate(inner.get("volumes") or []):
        if volume["name"] not in disks:
            said = f"spec.template.spec.volumes[{place}].name '{volume['name']}' not found."
            raise denied(_KUBEVIRT, said)
    for disk in devices.get("disks") or []:
        if not {"disk", "cdrom", "lun"} & disk.keys():
            disk["disk"] = {}
    named = {network["name"] for network in inner.get("networks") or []}
    for place, interface in enumerate(devices.get("interfaces") or []):
        if interface["name"] not in named:
            said = f"spec.template.spec.domain.devices.interfaces[{place}].name "
            raise denied(_KUBEVIRT, said + f"'{interface['name']}' not found.")


def _networks(store: ObjectStore, new: Json, inner: Json) -> None:
    """Refuse a network that is not there, and bind the machine to nodes that have its cable."""
    keys = set()
    for namespace, name in sorted(networks(new)):
        found = store.find(kinds.NETWORK, namespace, name)
        if found is None:
            said = f'network-attachment-definitions.k8s.cni.cncf.io "{name}" not found'
            raise denied(_MUTATOR, said)
        labels = found["metadata"].get("labels", {})
        keys.add(labels.get("network.harvesterhci.io/clusternetwork", ""))
    affinity = inner.setdefault("affinity", {})
    if not keys - {""}:
        return
    expressions = [
        {"key": f"network.harvesterhci.io/{key}", "operator": "In", "values": ["true"]}
        for key in sorted(keys - {""})
    ]
    node = affinity.setdefault("nodeAffinity", {})
    required = node.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    required["nodeSelectorTerms"] = [{"matchExpressions": expressions}]


def _annotations(new: Json) -> None:
    try:
        claim_templates(new)
    except ValueError as error:
        raise denied(_VALIDATOR, f"invalid {CLAIM_TEMPLATES}: {error}") from error
    meta = new["spec"]["template"].setdefault("metadata", {})
    annotations = meta.setdefault("annotations", None) or {}
    # The provider reads this as JSON whether it is there or not.
    text = annotations.setdefault(SSH_NAMES, "[]")
    try:
        json.loads(text)
    except ValueError as error:
        raise denied(_VALIDATOR, f"invalid {SSH_NAMES}: {error}") from error
    meta["annotations"] = annotations
