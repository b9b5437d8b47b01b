"""`provision fetch`: fills the depot from upstream, a mirror, a folder, or with stand-ins."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from appliance.artifacts.catalog import Wanted, built_here, read_builds, wanted, wanted_stage1
from appliance.artifacts.depot import Depot, Progress, silent
from appliance.artifacts.fetch import Fetcher
from appliance.artifacts.gather import Gathered, Sources, gather
from appliance.artifacts.importing import find_wanted
from appliance.artifacts.vm_catalog import wanted_for_vms
from appliance.errors import ArtifactError, InputError
from appliance.paths import Paths
from appliance.site.artifact_names import STAGE1_FILES
from appliance.site.plan import Plan
from appliance.site.show import ShownFile
from appliance.store.lock import FILES_HELD, hold
from appliance.tools import data
from appliance.tools.clock import Clock, as_text
from appliance.tools.http_client import HttpClient, is_web_address
from appliance.values import Digest


def wants_of(plan: Plan, *, accept_ipxe: bool = False, mirror: str = "") -> tuple[Wanted, ...]:
    """Give all that the plan wants; from `mirror`, a base URL, if given.

    A mirror holds upstream's names in a folder a version, or the depot's names without one.
    Raises InputError for one that is no URL.
    """
    builds = read_builds(data.path("ipxe/binaries.toml").read_text("utf-8"))
    wants = (
        *wanted(plan, builds, accept_ipxe=accept_ipxe),
        *wanted_stage1(),
        *wanted_for_vms(plan),
    )
    if not mirror:
        return wants
    if not is_web_address(mirror):
        raise InputError(
            "a mirror is an http or https URL", where=mirror, fix="write http://SERVER/FOLDER"
        )
    return tuple(_mirrored(each, mirror.rstrip("/")) for each in wants)


def shown_files(plan: Plan) -> tuple[ShownFile, ...]:
    """Give all that the plan wants, as `provision plan` lists it."""
    wants = wants_of(plan, accept_ipxe=True)
    return tuple(ShownFile(each.name, each.why, each.needed) for each in wants)


def _mirrored(want: Wanted, base: str) -> Wanted:
    if not want.is_remote and want.source:
        return want
    flat = f"{base}/{want.name}"
    if not want.folder:
        return replace(want, source=flat, import_only=False)
    layout = f"{base}/{quote(want.folder)}/{want.published_as}"
    return replace(want, source=layout, elsewhere=(flat,))


def fetching(paths: Paths, site_id: str) -> AbstractContextManager[None]:
    """Hold the site's files while the block brings them. Raises as `store.lock.hold`."""
    now = as_text(Clock.of_this_machine().utc())
    lock = paths.site(site_id).files_lock
    return hold(lock, who="provision fetch", since=now, what=FILES_HELD)


def stock(  # noqa: PLR0913 - an argument for each option of the verb
    plan: Plan,
    paths: Paths,
    *,
    folder: Path | Sequence[Path] | None = None,
    mirror: str = "",
    accept_ipxe: bool = False,
    stand_ins: bool = False,
    built: Collection[str] = (),
    stage1: Path | None = None,
    keyring: Path | None = None,
    progress: Progress = silent,
) -> tuple[Gathered, ...]:
    """Bring all that the plan wants into the depot: kept, imported from `folder`, or fetched.

    With `folder`, one or several in the order they are looked into, nothing is downloaded. Signed
    lists are checked with `keyring`, or with the laptop's own where there is one. `stage1` is the
    folder of our small Linux as it was built here. Raises ArtifactError as `gather`.
    """
    depot = Depot(paths.depot)
    folders = (folder,) if isinstance(folder, Path) else tuple(folder or ())
    fetcher = None
    if not folders:
        fetcher = Fetcher(depot, HttpClient(), time.sleep, progress=progress)
    wants = wants_of(plan, accept_ipxe=accept_ipxe, mirror=mirror)
    return gather(
        wants if stage1 is None else tuple(_from_stage1(x, stage1, folders) for x in wants),
        depot,
        Sources(folders, fetcher, stand_ins, _keyring(paths, keyring), built),
        now=Clock.of_this_machine().utc(),
        progress=progress,
    )


def _from_stage1(want: Wanted, folder: Path, imported: tuple[Path, ...]) -> Wanted:
    """What was brought on a medium is taken from there, as all else is."""
    path = folder / want.name
    if want.name not in STAGE1_FILES or not path.is_file() or find_wanted(imported, want):
        return want
    with path.open("rb") as opened:
        digest = Digest("sha256", hashlib.file_digest(opened, "sha256").hexdigest())
    return built_here(want, str(path), digest)


def _keyring(paths: Paths, said: Path | None) -> Path | None:
    if said is not None and not said.is_file():
        raise ArtifactError(
            "the keyring is not there",
            where=str(said),
            fix="name the file that 'gpg --export' wrote",
        )
    own = paths.image_keyring
    return said or (own if own.is_file() else None)


def image_digests(plan: Plan, depot: Depot) -> dict[str, str]:
    """Give the SHA-512 of each image, hex, by its name in the depot, as Harvester asks for it."""
    return {each.file: depot.digest(each.file, "sha512").hex for each in plan.images}
