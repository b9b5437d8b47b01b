"""Names of Terraform's resources in an operator's words. Pure."""

from __future__ import annotations

import re

_TYPES = {
    "harvester_cloudinit_secret": "network data",
    "harvester_clusternetwork": "cluster network",
    "harvester_image": "image",
    "harvester_ippool": "address pool",
    "harvester_loadbalancer": "load balancer",
    "harvester_network": "network",
    "harvester_pcidevice": "PCI device",
    "harvester_ssh_key": "SSH key",
    "harvester_storageclass": "storage class",
    "harvester_virtualmachine": "virtual machine",
    "harvester_vlanconfig": "uplink",
    "harvester_volume": "volume",
}
_KEY = re.compile(r"\[(?:\"((?:[^\"\\]|\\.)*)\"|(\d+))\]")


def type_words(resource_type: str) -> str:
    """Give a type's word: `harvester_virtualmachine` is a "virtual machine"."""
    return _TYPES.get(resource_type) or resource_type.removeprefix("harvester_").replace("_", " ")


def resource_words(resource_type: str, key: object, name: str, module: str = "") -> str:
    """Name a resource: its own key, else the last key of its module's address, else its name."""
    keys = [text or number for text, number in _KEY.findall(module)]
    called = str(key) if key is not None else (keys[-1] if keys else name)
    return f"{type_words(resource_type)} {called}".strip()


def address_words(address: str) -> str:
    """Name a resource by its address alone, such as `module.vm["srv1"].harvester_virtualmachine.x`.

    A text that is no address is given back as it is.
    """
    outside = _KEY.sub("", address)
    parts = outside.split(".")
    if len(parts) < 2:
        return address
    keys = [text or number for text, number in _KEY.findall(address)]
    return f"{type_words(parts[-2])} {keys[-1] if keys else parts[-1]}"
