"""The Plan as the JSON of Terraform's variables. Pure: `terraform/variables.tf` is the contract.

Nothing secret is in it: user data is named, never given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from appliance import advice
from appliance.errors import ArtifactError
from appliance.site.plan import ImagePlan, NetworkPlan, Plan, VmPlan
from appliance.vms.cloud_init import network_data, user_secret_name

NAMESPACE = "default"
_MIB = 1 << 20
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def variables(plan: Plan, image_digests: Mapping[str, str]) -> dict[str, Any]:
    """Give the variables of a site, ready for `terraform.tfvars.json`.

    `image_digests` are the SHA-512 in hex of the images by their names in the depot. Raises
    ArtifactError for an image without one.
    """
    devices = any(vm.pci_devices or vm.usb_devices for vm in plan.vms)
    return {
        "site_id": plan.site_id,
        "namespace": NAMESPACE,
        "images": {image.name: _image(plan, image, image_digests) for image in _images(plan)},
        "networks": {name: _network(plan.network(name)) for name in _networks(plan)},
        "vms": {vm.name: _vm(plan, vm) for vm in plan.vms},
        # The provider attaches devices of the host from 1.9 on; until then the API does.
        "attach_host_devices_by_api": devices,
    }


def _images(plan: Plan) -> tuple[ImagePlan, ...]:
    """Give the images that a machine starts from, or is installed with."""
    used = {name for vm in plan.vms for name in (vm.image, vm.iso, vm.driver_disk)}
    return tuple(image for image in plan.images if image.name in used)


def _networks(plan: Plan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(vm.network for vm in plan.vms))


def _image(plan: Plan, image: ImagePlan, digests: Mapping[str, str]) -> dict[str, Any]:
    digest = digests.get(image.file)
    if digest is None:
        raise ArtifactError(
            f"the image {image.name} has no SHA-512",
            where=image.file,
            why="the hypervisor checks what it fetches by nothing else",
            fix=f"{advice.fetch_again()}: it works the sum out",
        )
    # Shown to people in a label, which takes 63 characters of a few kinds.
    shown = {"file": image.file} if _LABEL.fullmatch(image.file) else {}
    return {**shown, "url": f"{plan.base_url}/a/{image.file}", "sha512": digest}


def _network(network: NetworkPlan) -> dict[str, Any]:
    """Give one network. All lie on the cluster network `mgmt`, which is always there."""
    return {
        "vlan": network.vlan or 0,
        "cidr": str(network.cidr),
        "gateway": str(network.gateway),
    }


def _vm(plan: Plan, vm: VmPlan) -> dict[str, Any]:
    return {
        "kind": vm.kind.value,
        "cpus": vm.cpus,
        "memory": _whole(vm.memory),
        "disk": _whole(vm.disk),
        "network": vm.network,
        "mac": str(vm.mac),
        "image": vm.image,
        "iso": vm.iso,
        "driver_disk": vm.driver_disk,
        "efi": vm.efi,
        "secure_boot": vm.secure_boot,
        "tpm": vm.tpm,
        "running": vm.running,
        **_hardware(vm),
        **_cloud_init(plan, vm),
    }


def _hardware(vm: VmPlan) -> dict[str, Any]:
    """Give what an installer must find drivers for, and the host's devices.

    An old installer knows no virtio disk and no virtio card; a CD with drivers brings them.
    """
    plain = vm.iso is not None and vm.driver_disk is None
    return {
        "disk_bus": "sata" if plain else "virtio",
        "nic_model": "e1000" if plain else "virtio",
        "host_devices": [
            {"name": f"{kind}-{number}", "device_name": device}
            for kind, devices in (("pci", vm.pci_devices), ("usb", vm.usb_devices))
            for number, device in enumerate(devices, 1)
        ],
    }


def _cloud_init(plan: Plan, vm: VmPlan) -> dict[str, Any]:
    """Give the machine's cloud-init disk; what is installed by hand has none."""
    if vm.image is None:
        return {}
    return {"user_data_secret": user_secret_name(vm), "network_data": network_data(plan, vm)}


def _whole(octets: int) -> int:
    """Round up to whole MiB, as the hypervisor counts."""
    return -(-octets // _MIB) * _MIB
