"""The second disk of a cloud machine: what cloud-init is told, as KubeVirt makes it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.objects import ObjectStore

Json = dict[str, Any]

_KEYS = {"userData": ("userdata", "userData"), "networkData": ("networkdata", "networkData")}


_WITH_PREFIX = re.compile(r"\b((?:\d{1,3}\.){3}\d{1,3})/\d{1,2}\b")


class MissingSecretError(Exception):
    """A secret that the machine names is not there; a machine waits for it."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What cloud-init reads. `config_drive` says which of its two forms the disk has."""

    user_data: bytes
    network_data: bytes
    instance_id: str
    hostname: str
    config_drive: bool = False

    def files(self) -> dict[str, bytes]:
        """Give the files of the disk, by their path on it."""
        if self.config_drive:
            meta = {"uuid": self.instance_id, "hostname": self.hostname, "name": self.hostname}
            files = {
                "openstack/latest/meta_data.json": json.dumps(meta).encode(),
                "openstack/latest/user_data": self.user_data,
                "openstack/latest/network_data.json": self.network_data,
            }
        else:
            # KubeVirt writes meta-data as JSON, which is YAML too (pkg/cloud-init/cloud-init.go).
            meta = {"instance-id": self.instance_id, "local-hostname": self.hostname}
            files = {
                "meta-data": json.dumps(meta).encode(),
                "user-data": self.user_data,
                "network-config": self.network_data,
            }
        # An empty network-config would be an answer; none leaves the machine its own.
        return {path: content for path, content in files.items() if content or path == "user-data"}


def read_seed(store: ObjectStore, machine: Json, volume: Json) -> Seed:
    """Give the seed of a machine's cloud-init volume. Raises MissingSecretError."""
    source = volume.get("cloudInitNoCloud") or volume.get("cloudInitConfigDrive") or {}
    meta, inner = machine["metadata"], machine["spec"]["template"]["spec"]
    return Seed(
        _read(store, meta["namespace"], source, "userData"),
        _read(store, meta["namespace"], source, "networkData"),
        # As KubeVirt names it: the same through restarts, so that nothing is set up twice.
        f"{meta['name']}.{meta['namespace']}",
        inner.get("hostname") or meta["name"],
        config_drive="cloudInitConfigDrive" in volume,
    )


def _read(store: ObjectStore, namespace: str, source: Json, name: str) -> bytes:
    reference = (source.get(f"{name}SecretRef") or source.get("secretRef")) if source else None
    if reference and (name == "userData" or f"{name}SecretRef" in source):
        secret = store.find(kinds.SECRET, namespace, reference["name"])
        if secret is None:
            raise MissingSecretError(f'secret "{reference["name"]}" not found')
        data = secret.get("data") or {}
        for key in _KEYS[name]:
            if key in data:
                return base64.b64decode(data[key])
        raise MissingSecretError(
            f"no cloud-init {name} found at key {' or '.join(_KEYS[name])} "
            f"of the secret {reference['name']}"
        )
    if source.get(f"{name}Base64"):
        return base64.b64decode(source[f"{name}Base64"])
    return str(source.get(name) or "").encode()


def addresses_in(seed: Seed) -> tuple[str, ...]:
    """Give the IPv4 addresses that the network data gives the machine: those with a prefix."""
    found = _WITH_PREFIX.findall(seed.network_data.decode(errors="replace"))
    return tuple(dict.fromkeys(found))


def write_seed(seed: Seed, target: Path) -> None:
    """Write the disk, an ISO 9660 file system with the label cloud-init looks for."""
    tree = target.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(mode=0o700, parents=True)
    try:
        for path, content in seed.files().items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        label = "config-2" if seed.config_drive else "cidata"
        target.unlink(missing_ok=True)
        subprocess.run(
            ["xorriso", "-as", "mkisofs", "-quiet", "-J", "-r", "-V", label, "-o", target, tree],
            check=True,
            capture_output=True,
        )
        target.chmod(0o600)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
