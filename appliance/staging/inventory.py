"""The Plan as what `playbooks/staging.yml` is given: one host, and all that is put on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance import advice
from appliance.errors import InputError
from appliance.site.artifact_names import kubectl_files, kubernetes_version, registry_files
from appliance.site.plan import Plan, StagingPlan
from appliance.staging.config import (
    REGISTRY_PORT,
    FillConfig,
    ImageSource,
    ServeConfig,
    StagedFile,
)
from appliance.staging.registry_settings import registry_settings

FILES_FOLDER = "/var/lib/bridgehead/files"
PROGRAMS_FOLDER = "/opt/bridgehead"
STORE_FOLDER = "/var/lib/bridgehead-registry"


def inventory(
    plan: Plan, files: Mapping[str, StagedFile], *, bundle: str, bundle_sha256: str
) -> dict[str, Any]:
    """Give the inventory: the group `staging_machines` with its one host, nothing of it secret.

    `files` are the depot's, by name; `bundle` is the path on this laptop of what
    `appliance.staging.bundle.make` wrote. Raises InputError where the plan has no staging
    machine, or where a file it needs is not among those given.
    """
    staging = staging_of(plan)
    archive = registry_files().archive
    fetched = [_file(files, archive), *_staying(plan, files)]
    registry = f"{PROGRAMS_FOLDER}/{archive.partition('_linux')[0]}"
    variables = {
        "ansible_host": str(staging.address),
        "staging_address": str(staging.address),
        "staging_site": plan.site_id,
        "staging_bundle": bundle,
        "staging_programs": f"{PROGRAMS_FOLDER}/staging-{bundle_sha256[:12]}",
        "staging_files": [
            {"name": each.name, "url": _url(plan, each.name), "sha256": each.sha256}
            for each in fetched
        ],
        "staging_registry": registry,
        "staging_registry_archive": f"{FILES_FOLDER}/{archive}",
        "staging_serve_config": serve_config(plan, files).as_json(),
        "staging_fill_config": fill_config(plan, files, f"{registry}/registry").as_json(),
        "staging_registry_config": registry_settings(
            STORE_FOLDER, f":{REGISTRY_PORT}", readonly=True
        ),
    }
    return {"staging_machines": {"hosts": {staging.vm: variables}}}


def staging_of(plan: Plan) -> StagingPlan:
    """Give the plan's staging machine. Raises InputError where it has none."""
    if plan.staging is None:
        raise InputError("the site has no staging machine", fix="write staging: in the site file")
    return plan.staging


def staged_names(plan: Plan) -> tuple[str, ...]:
    """Name the files that stay on the site: what another member of the cluster needs one day."""
    if plan.cluster is None:
        return ()
    kubectl = kubectl_files(kubernetes_version(plan.cluster.version)).archive
    return (*plan.cluster.artifacts, kubectl)


def _staying(plan: Plan, files: Mapping[str, StagedFile]) -> tuple[StagedFile, ...]:
    """Give the files that stay; kubectl only where it was fetched, since no machine needs it."""
    needed = plan.cluster.artifacts if plan.cluster is not None else ()
    names = (name for name in staged_names(plan) if name in files or name in needed)
    return tuple(_file(files, name) for name in names)


def serve_config(plan: Plan, files: Mapping[str, StagedFile]) -> ServeConfig:
    """Say what is answered: the site's names but for the laptop's, which leaves, and its files."""
    staging = staging_of(plan)
    laptop = plan.provisioning.bridge
    return ServeConfig(
        zone=plan.zone,
        name=staging.vm,
        address=staging.address,
        hosts=tuple(each for each in plan.hosts if each[1] != laptop),
        networks=tuple(each.cidr for each in plan.networks),
        folder=FILES_FOLDER,
        files=_staying(plan, files),
    )


def fill_config(plan: Plan, files: Mapping[str, StagedFile], program: str) -> FillConfig:
    """Say what the registry is filled with: the archives, as this laptop serves them."""
    images = (_file(files, name) for name in staging_of(plan).images)
    sources = (ImageSource(each.name, _url(plan, each.name), each.sha256) for each in images)
    return FillConfig(program=program, root=STORE_FOLDER, images=tuple(sources))


def _url(plan: Plan, name: str) -> str:
    return f"{plan.base_url}/a/{name}"


def _file(files: Mapping[str, StagedFile], name: str) -> StagedFile:
    if name not in files:
        raise InputError(
            f"nothing vouches for {name}", where="depot", fix=f"{advice.fetch()} first"
        )
    return files[name]
