"""Terraform and its provider, unpacked from the depot: the very bytes that were verified there.

Everything lies under the laptop's state, in folders named by the archive's checksum, so that a
broken-off unpacking is seen and another version gets another folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from appliance import advice
from appliance.artifacts.depot import Depot
from appliance.errors import ArtifactError
from appliance.paths import Paths
from appliance.site.artifact_names import (
    PROVIDER_SOURCE,
    ReleaseFiles,
    provider_files,
    terraform_files,
    tofu_files,
)
from appliance.site.plan import Plan
from appliance.site.versions import TERRAFORM, TOFU, line_of

_PROGRAMS = ("terraform", "tofu")
_PROVIDER = "terraform-provider-harvester"


@dataclass(frozen=True, slots=True)
class Programs:
    """`terraform` is Terraform or OpenTofu; `mirror` is a filesystem mirror with the provider."""

    terraform: Path
    mirror: Path


def unpacked(paths: Paths, plan: Plan) -> Programs:
    """Unpack what the plan needs where it is not yet. Raises ArtifactError for what is missing."""
    depot = Depot(paths.depot)
    root = paths.root / "programs"
    return Programs(_terraform(depot, root), _mirror(depot, root, plan))


def _terraform(depot: Depot, root: Path) -> Path:
    wanted = (terraform_files(TERRAFORM), tofu_files(TOFU))
    found = next((each for each in wanted if depot.get(each.archive) is not None), wanted[0])
    folder = root / _stem(depot, found)
    ready = [folder / each for each in _PROGRAMS if (folder / each).exists()]
    if ready:
        return ready[0]
    draft = _draft(root)
    try:
        with depot.open_by_name(found.archive) as archive, zipfile.ZipFile(archive) as content:
            name = next((each for each in content.namelist() if each in _PROGRAMS), None)
            if name is None:
                raise _damaged(found.archive, f"it holds none of {', '.join(_PROGRAMS)}")
            content.extract(name, draft)
            (draft / name).chmod(0o755)
        _settle(draft, folder)
    except zipfile.BadZipFile as error:
        raise _damaged(found.archive, str(error)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder / name


def _mirror(depot: Depot, root: Path, plan: Plan) -> Path:
    """Lay the provider out as a mirror in "unpacked" layout, from which Terraform only links.

    Terraform, "Provider Installation": HOSTNAME/NAMESPACE/TYPE/VERSION/TARGET.
    """
    line = line_of(plan.hypervisor.harvester)
    if line is None:
        raise ArtifactError(f"Harvester {plan.hypervisor.harvester} is not known")
    files = provider_files(line.provider)
    folder = root / _stem(depot, files)
    place = Path(PROVIDER_SOURCE, files.version, "linux_amd64")
    if (folder / place).exists():
        return folder
    draft = _draft(root)
    try:
        with depot.open_by_name(files.archive) as archive, zipfile.ZipFile(archive) as content:
            names = [each for each in content.namelist() if each.startswith(_PROVIDER)]
            if len(names) != 1:
                raise _damaged(files.archive, f"it holds {len(names)} programs {_PROVIDER}…")
            content.extract(names[0], draft / place)
            (draft / place / names[0]).chmod(0o755)
        _settle(draft, folder)
    except zipfile.BadZipFile as error:
        raise _damaged(files.archive, str(error)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _stem(depot: Depot, files: ReleaseFiles) -> str:
    kept = depot.get(files.archive)
    if kept is None:
        raise ArtifactError(
            f"{files.archive} is not in the depot",
            where=files.archive,
            fix=advice.fetch_or_import_it(),
        )
    return f"{files.archive}.{str(kept.digest).partition(':')[2][:16]}"


def _draft(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True, mode=0o711)
    return Path(tempfile.mkdtemp(dir=root, prefix=".unpacking-"))


def _settle(draft: Path, folder: Path) -> None:
    """Put the whole folder in its place; another run that was quicker made the same."""
    draft.chmod(0o755)
    try:
        os.rename(draft, folder)  # noqa: PTH104 - atomic, and fails if the folder is there
    except OSError:
        if not folder.is_dir():
            raise


def _damaged(name: str, why: str) -> ArtifactError:
    return ArtifactError(
        f"{name} is not the archive it should be", where=name, why=why, fix="fetch it again"
    )
