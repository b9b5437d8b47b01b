"""This machine as its node shows it: kernel, system, ids, size, and the address it stands at."""

from __future__ import annotations

import os
import platform
import secrets
import uuid
from pathlib import Path
from typing import Any

from . import preflight
from .certificates import write_private
from .images import Image
from .log import FatalError
from .options import Options, Product

STAND_IN = "lab.bridgehead/stand-in"
_ROLE = "node-role.kubernetes.io"


def node_password(etc: Path) -> str:
    """Give the secret that ties a node's name to its machine; made at first use."""
    path = etc / "rancher" / "node" / "password"
    if not path.is_file():
        write_private(path, f"{secrets.token_hex(16)}\n".encode())
    return path.read_text(encoding="ascii").strip()


def address(options: Options) -> str:
    """Give the node's address. Raises FatalError if there is none."""
    given = options.texts("node-ip")
    found = given[0] if given else preflight.source_address(options.around.proc)
    if not found:
        raise FatalError("unable to select an IP from default routes.")
    return found


def labels(options: Options) -> dict[str, str]:
    """Read `node-label`, and add what a kubelet sets itself."""
    name, product = options.node_name, options.product.name
    found = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": product,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": product,
    }
    if options.is_server:
        found[f"{_ROLE}/control-plane"] = "true"
        if options.keeps_members:
            found[f"{_ROLE}/etcd"] = "true"
    for each in options.texts("node-label"):
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise FatalError(f"invalid argument {each!r} for --node-labels: not key=value")
        found[key] = value
    return found


def taints(options: Options) -> list[dict[str, str]]:
    """Read `node-taint`. Raises FatalError for one that is not `key=value:effect`."""
    found = []
    for each in options.texts("node-taint"):
        pair, colon, effect = each.rpartition(":")
        key, equals, value = pair.partition("=")
        if not colon or effect not in {"NoSchedule", "PreferNoSchedule", "NoExecute"}:
            raise FatalError(f"invalid taint spec: {each}")
        found.append({"key": key, "effect": effect, **({"value": value} if equals else {})})
    return found


def record(options: Options, images: tuple[Image, ...]) -> dict[str, Any]:
    """Give all that a node says of itself when it registers."""
    return {
        "name": options.node_name,
        "role": options.command,
        "address": address(options),
        "labels": labels(options),
        "taints": taints(options),
        "annotations": {
            STAND_IN: options.product.version,
            f"{options.product.name}.io/internal-ip": address(options),
        },
        "boot": _boot(options.around.proc),
        "info": _info(options.product, options.around.proc, options.around.etc),
        "capacity": _capacity(options.around.proc),
        "images": [{"names": [i.reference], "digest": i.digest, "size": i.size} for i in images],
    }


def _boot(proc: Path) -> str:
    return _read(proc / "sys" / "kernel" / "random" / "boot_id")


def _info(product: Product, proc: Path, etc: Path) -> dict[str, str]:
    machine = _read(etc / "machine-id") or uuid.uuid5(uuid.NAMESPACE_DNS, platform.node()).hex
    pretty = "Linux"
    for line in _read(etc / "os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            pretty = line.partition("=")[2].strip('"')
    return {
        "architecture": "amd64",
        "bootID": _boot(proc),
        "containerRuntimeVersion": "containerd://none",
        "kernelVersion": platform.release(),
        "kubeProxyVersion": product.version,
        "kubeletVersion": product.version,
        "machineID": machine,
        "operatingSystem": "linux",
        "osImage": pretty,
        "systemUUID": str(uuid.UUID(machine)) if len(machine) == 32 else machine,
    }


def _capacity(proc: Path) -> dict[str, str]:
    lines = _read(proc / "meminfo").splitlines()
    memory = next((line.split()[1] for line in lines if line.startswith("MemTotal")), "0")
    return {"cpu": str(os.cpu_count() or 1), "memory": f"{memory}Ki", "pods": "110"}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
