"""What a Plan needs to be served: each file's name, where it comes from, what vouches for it.

Pure. The iPXE builds come in as the text of `ipxe/binaries.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from appliance import advice
from appliance.artifacts.sums import SumList
from appliance.errors import ArtifactError
from appliance.site.artifact_names import BOOT_DISC, STAGE1_FILES
from appliance.site.plan import Plan
from appliance.values import Digest

HARVESTER_BASE = "https://releases.rancher.com/harvester"
"""Upstream's public place of releases (Harvester docs, "PXE Boot Installation")."""

IPXE_NAMES = ("snponly.efi", "ipxe.efi", "undionly.kpxe")


class Trust(StrEnum):
    """What vouches for a file.

    `SUMS`: upstream's list of checksums. `SIGNED`: upstream's signature. `RECORDED`: a checksum
    that this project keeps. `GIVEN`: one that stands in the site file. `BUILT`: this computer made
    it. `FIRST_USE`: nothing but where it came from (HTTPS, or the operator's medium); its digest is
    kept in the depot and held to from then on.
    """

    SUMS = "sums"
    SIGNED = "signed"
    RECORDED = "recorded"
    GIVEN = "given"
    BUILT = "built"
    FIRST_USE = "first-use"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that will be served, or that vouches for one.

    `source` is an `https://` URL, or the path of a file that a package of this system brings, or
    empty for what can only be imported; `elsewhere` are URLs to try where `source` has no such
    file. `sums` names the list that holds its checksum; `accepted` are recorded or given
    checksums, any of which will do. `signature` names the wanted file that signs this one.

    `upstream` is what it is called where it is published, if not `name`, and `folder` the folder of
    its version there. `aliases` are further names it goes by. Upstream's name is believed only in
    a folder that also holds one of `beside`: `SHA256SUMS` are many.

    Without `needed` a folder need not hold it. `import_only`: it is never fetched by itself.
    `served`: machines may ask for it.
    """

    name: str
    source: str
    why: str
    trust: Trust
    sums: str | None = None
    accepted: tuple[Digest, ...] = ()
    elsewhere: tuple[str, ...] = ()
    signature: str | None = None
    upstream: str = ""
    folder: str = ""
    aliases: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    needed: bool = True
    import_only: bool = False
    served: bool = True

    @property
    def published_as(self) -> str:
        """What it is called where it is published, and in upstream's lists."""
        return self.upstream or self.name

    @property
    def is_remote(self) -> bool:
        """Whether it comes by HTTP, rather than from this system."""
        return "://" in self.source


@dataclass(frozen=True, slots=True)
class IpxeBuild:
    """One recorded build of one iPXE program."""

    name: str
    package: str
    path: str
    digest: Digest


def read_builds(text: str) -> tuple[IpxeBuild, ...]:
    """Read `ipxe/binaries.toml`. Raises ArtifactError if it is not as it should be."""
    try:
        entries: list[dict[str, Any]] = tomllib.loads(text)["binary"]
        return tuple(
            IpxeBuild(
                str(each["name"]),
                str(each["package"]),
                str(each["path"]),
                Digest("sha256", str(each["sha256"])),
            )
            for each in entries
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            "the list of iPXE builds cannot be read", where="ipxe/binaries.toml", why=str(error)
        ) from error


def wanted(
    plan: Plan, builds: Iterable[IpxeBuild] = (), *, accept_ipxe: bool = False
) -> tuple[Wanted, ...]:
    """Give all that a plan needs, lists of checksums before the files they vouch for.

    With `accept_ipxe` an iPXE program of an unrecorded build is taken as it is. Raises
    ArtifactError for a machine whose iPXE program has no known place.
    """
    return (*_harvester(plan), *_ipxe(plan, tuple(builds), accept_ipxe=accept_ipxe))


def _harvester(plan: Plan) -> tuple[Wanted, ...]:
    names, version = plan.artifacts, plan.hypervisor.harvester
    listed = (
        (names.kernel, "the live system's kernel"),
        (names.initrd, "the live system's first root"),
        (names.rootfs, "the live system"),
        (names.iso, "what the installer puts on the disk"),
    )
    files = tuple(
        Wanted(
            name,
            f"{HARVESTER_BASE}/{version}/{name}",
            why,
            Trust.SUMS,
            sums=names.sums,
            folder=version,
        )
        for name, why in listed
    )
    sums = Wanted(
        names.sums,
        f"{HARVESTER_BASE}/{version}/{names.sums}",
        f"upstream's checksums of Harvester {version}",
        Trust.FIRST_USE,
        folder=version,
    )
    return (sums, *files)


def _ipxe(plan: Plan, builds: tuple[IpxeBuild, ...], *, accept_ipxe: bool) -> tuple[Wanted, ...]:
    # All three are kept: which firmware a machine really has is known when it asks.
    names = dict.fromkeys((*IPXE_NAMES, *(machine.ipxe for machine in plan.machines)))
    programs = tuple(_one_ipxe(name, builds, accept_ipxe=accept_ipxe) for name in names)
    disc = _one_ipxe(BOOT_DISC, builds, accept_ipxe=accept_ipxe)
    # A depot that was filled without it serves all but the machines that need a disc.
    return (*programs, replace(disc, why="the network boot program on a disc", needed=False))


def _one_ipxe(name: str, known: tuple[IpxeBuild, ...], *, accept_ipxe: bool) -> Wanted:
    builds = [each for each in known if each.name == name]
    if not builds and name not in (*IPXE_NAMES, BOOT_DISC):
        raise ArtifactError(
            f"no build of the iPXE program {name} is known",
            where="ipxe/binaries.toml",
            fix=f"use one of {', '.join(IPXE_NAMES)}, or add this one with its checksum",
        )
    return Wanted(
        name,
        builds[0].path if builds else f"/usr/lib/ipxe/{name}",
        "the network boot program",
        Trust.FIRST_USE if accept_ipxe else Trust.RECORDED,
        accepted=() if accept_ipxe else tuple(each.digest for each in builds),
    )


def wanted_stage1() -> tuple[Wanted, ...]:
    """Give our small Linux, without which machines are installed as the site file alone says."""
    why = "tells what a machine is, before anything is installed"
    return tuple(
        Wanted(name, "", why, Trust.FIRST_USE, needed=False, import_only=True)
        for name in STAGE1_FILES
    )


def built_here(want: Wanted, path: str, digest: Digest) -> Wanted:
    """Want a file that this computer built: these very bytes, in place of older ones."""
    return replace(want, source=path, trust=Trust.BUILT, accepted=(digest,))


def accepted_digests(want: Wanted, lists: Mapping[str, SumList]) -> tuple[Digest, ...]:
    """Give the digests any of which a file may have; none means first use.

    Raises ArtifactError if the file's list is missing or does not name it.
    """
    if want.trust in (Trust.FIRST_USE, Trust.SIGNED):
        return ()
    if want.trust in (Trust.GIVEN, Trust.BUILT):
        return want.accepted
    if want.trust is Trust.RECORDED:
        if not want.accepted:
            raise ArtifactError(
                f"no checksum of {want.name} is recorded", where="ipxe/binaries.toml", fix=IPXE_FIX
            )
        return want.accepted
    found = lists.get(want.sums or "")
    if found is None:
        raise ArtifactError(
            f"{want.name} cannot be verified",
            where=want.name,
            why=f"its list of checksums {want.sums} is not there",
            fix="fetch the list first, or put it beside the file",
        )
    return (found.digest_of(want.published_as),)


IPXE_FIX = (
    "install a package version that ipxe/binaries.toml records, or take this build as it is "
    f"{advice.accept_ipxe()}"
)


def fix_for(want: Wanted) -> str:
    """Say what to do about a file that does not match what vouches for it."""
    if want.trust is Trust.RECORDED:
        return IPXE_FIX
    if want.trust is Trust.GIVEN:
        return "is the checksum in the site file that of this very file? else bring it again"
    if want.trust is Trust.BUILT:
        return "it was changed while it was copied: fetch again"
    if not want.source:
        return "bring it again, together with the list of the same version"
    return f"fetch it again from {want.source}, together with the list of the same version"
