"""Tiny files for a whole site with virtual machines, as upstream publishes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.site.artifact_names import (
    DistributionFiles,
    provider_files_for,
    registry_files,
    terraform_files,
    upstream_name,
)
from appliance.site.freeze import propose
from appliance.site.make_plan import make_plan
from appliance.site.plan import Plan
from tests.sites import machine, site

RKE2 = "v1.36.3+rke2r1"


def whole_plan(**changes: object) -> Plan:
    """Give the Plan of one machine, a cluster of three servers and an agent, a plain machine."""
    said = {
        "cluster": {"rke2": RKE2, "servers": "3", "agents": "1"},
        "vms": {"app1": {}},
        **changes,
    }
    made = site({"hv1": machine(1)}, **said)
    return make_plan(made, propose(made))


def shelf(folder: Path, sums: str, names: tuple[str, ...], *, algorithm: str = "sha256") -> Path:
    """Make a folder of files with their list, under these names; each holds its own name."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in names:
        body = name.encode()
        (folder / name).write_bytes(body)
        lines.append(f"{hashlib.new(algorithm, body).hexdigest()} *{name}\n")
    (folder / sums).write_text("".join(lines))
    return folder


def media(root: Path, plan: Plan) -> tuple[Path, ...]:
    """Make all of a site's files, in a folder for each of upstream's projects."""
    folders = [_harvester(root / "harvester", plan)]
    for image in plan.images:
        name = image.url.rpartition("/")[2]
        folders.append(shelf(root / f"image-{image.name}", "SHA256SUMS", (name,)))
    if plan.vms:
        for files in (terraform_files(), provider_files_for(plan.hypervisor.harvester)):
            folders.append(shelf(root / files.archive, files.sums, (files.archive,)))
    if plan.cluster is not None:
        files_of = DistributionFiles.of(plan.cluster.distribution, plan.cluster.version)
        names = tuple(upstream_name(name) for name in (files_of.program, *files_of.images))
        folders.append(shelf(root / "cluster", upstream_name(files_of.sums), names))
        (root / "cluster" / "install.sh").write_text("#!/bin/sh\n")
    if plan.staging is not None:
        files = registry_files()
        folders.append(shelf(root / "registry", files.sums, (files.archive,)))
        for name in plan.staging.images:
            (root / "registry" / name).write_bytes(name.encode())
    return tuple(folders)


def _harvester(folder: Path, plan: Plan) -> Path:
    names = plan.artifacts
    files = (names.kernel, names.initrd, names.rootfs, names.iso)
    shelf(folder, names.sums, files, algorithm="sha512")
    for name in ("snponly.efi", "ipxe.efi", "undionly.kpxe", "ipxe.iso"):
        (folder / name).write_bytes(name.encode())
    return folder
