"""Harvester's objects as its API gives them: virtual machines and images, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import quote


class ImageState(StrEnum):
    """How far an image has come."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """An image as the hypervisor sees it. `progress` is in percent; `reason` says why it failed."""

    name: str
    state: ImageState
    progress: int
    size: int
    reason: str = ""

    def __str__(self) -> str:
        if self.state is ImageState.FAILED:
            return f"image {self.name} failed: {self.reason}"
        if self.state is ImageState.READY:
            return f"image {self.name} is ready"
        return f"image {self.name} is fetched, {self.progress} %"


@dataclass(frozen=True, slots=True)
class VmSeen:
    """A virtual machine as the hypervisor sees it.

    `status` is KubeVirt's word (Running, Stopped, Starting, ErrorUnschedulable, …), `addresses`
    what a guest agent told, `host` where it runs, `reason` why it does not.
    """

    name: str
    status: str
    running: bool
    addresses: tuple[IPv4Address, ...] = ()
    host: str = ""
    reason: str = ""

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        why = f": {self.reason}" if self.reason else ""
        return f"virtual machine {self.name} is {self.status or 'unknown'}{where}{why}"


def image_seen(document: Mapping[str, Any]) -> ImageSeen:
    """Read a VirtualMachineImage."""
    status = _mapping(document, "status")
    conditions = {str(each.get("type")): each for each in _list(status, "conditions")}
    reason = _image_failure(conditions)
    ready = _is(conditions, "Imported", "True")
    state = ImageState.WAITING
    if reason:
        state = ImageState.FAILED
    elif ready:
        state = ImageState.READY
    return ImageSeen(
        name=_name(document),
        state=state,
        progress=100 if ready else _number(status, "progress"),
        size=_number(status, "size"),
        reason=reason,
    )


def images_seen(images: Mapping[str, Any]) -> tuple[ImageSeen, ...]:
    """Read a list of VirtualMachineImages."""
    return tuple(image_seen(each) for each in _list(images, "items"))


def _image_failure(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    """Say why an import failed for good, "" while it goes on.

    Initialized that is not True with a message, Imported False, or the end of all tries
    (facts: harvester-rke2 3.4).
    """
    initialized = conditions.get("Initialized", {})
    if initialized.get("status") != "True" and initialized.get("message"):
        return _words(initialized)
    if _is(conditions, "RetryLimitExceeded", "True"):
        return _words(conditions["RetryLimitExceeded"])
    if _is(conditions, "RetryLimitExceeded", "False"):
        return ""  # it is tried again
    imported = conditions.get("Imported", {})
    if imported.get("status") == "False" and (imported.get("message") or imported.get("reason")):
        return _words(imported)
    return ""


def vms_seen(machines: Mapping[str, Any], instances: Mapping[str, Any]) -> tuple[VmSeen, ...]:
    """Read the lists of VirtualMachines and VirtualMachineInstances, by name."""
    running = {_name(each): each for each in _list(instances, "items")}
    found = (_vm(each, running.get(_name(each), {})) for each in _list(machines, "items"))
    return tuple(sorted(found, key=lambda vm: vm.name))


def _vm(machine: Mapping[str, Any], instance: Mapping[str, Any]) -> VmSeen:
    said, live = _mapping(machine, "status"), _mapping(instance, "status")
    phase = str(live.get("phase") or "")
    running = phase == "Running"
    bad = [
        _words(each)
        for each in (*_list(said, "conditions"), *_list(live, "conditions"))
        if each.get("status") == "False" and each.get("message")
    ]
    return VmSeen(
        name=_name(machine),
        status=str(said.get("printableStatus") or phase),
        running=running,
        addresses=tuple(dict.fromkeys(_addresses(live))),
        host=str(live.get("nodeName") or ""),
        reason="" if running or not bad else bad[0],
    )


def _addresses(live: Mapping[str, Any]) -> Iterator[IPv4Address]:
    for interface in _list(live, "interfaces"):
        several = interface.get("ipAddresses")
        for text in (interface.get("ipAddress"), *(several if isinstance(several, list) else ())):
            try:
                address = IPv4Address(str(text).partition("/")[0])
            except ValueError:
                continue
            if not address.is_link_local:
                yield address


_PATHS = {
    "harvester_cloudinit_secret": "/api/v1/namespaces/{}/secrets/{}",
    "harvester_image": "/apis/harvesterhci.io/v1beta1/namespaces/{}/virtualmachineimages/{}",
    "harvester_network": "/apis/k8s.cni.cncf.io/v1/namespaces/{}/network-attachment-definitions/{}",
    "harvester_virtualmachine": "/apis/kubevirt.io/v1/namespaces/{}/virtualmachines/{}",
}
_TAG = "tag.harvesterhci.io/"


def object_path(kind: str, namespace: str, name: str) -> str | None:
    """Give the path of what a Terraform resource of this kind makes; None for another kind."""
    path = _PATHS.get(kind)
    return path and path.format(quote(namespace), quote(name))


def has_tags(document: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    """Whether an object has these tags, as the Terraform provider writes them into its labels."""
    return bool(tags) and all(label(document, f"{_TAG}{key}") == tags[key] for key in tags)


def is_going(document: Mapping[str, Any]) -> bool:
    """Whether an object is being removed."""
    return bool(_mapping(document, "metadata").get("deletionTimestamp"))


def label(document: Mapping[str, Any], name: str) -> str:
    """Give one label of any object, "" where it has none of this name."""
    return str(_mapping(_mapping(document, "metadata"), "labels").get(name) or "")


def _words(condition: Mapping[str, Any]) -> str:
    return " ".join(str(condition.get("message") or condition.get("reason") or "").split())


def _is(conditions: Mapping[str, Mapping[str, Any]], name: str, status: str) -> bool:
    return conditions.get(name, {}).get("status") == status


def _name(document: Mapping[str, Any]) -> str:
    return str(_mapping(document, "metadata").get("name") or "")


def _number(document: Mapping[str, Any], key: str) -> int:
    found = document.get(key)
    return found if isinstance(found, int) else 0


def _mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _list(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = document.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
