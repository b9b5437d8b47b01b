"""What the staging machine is asked before the laptop may leave: everything, at its own address.

Nothing is believed that was not answered just now: names both ways, time, a file with its digest,
and an image with all its layers.
"""

from __future__ import annotations

import hashlib
import http.client
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path

from appliance.errors import ArtifactError, StepError, WireError
from appliance.site.plan import Plan
from appliance.staging.archive import Archive, Image
from appliance.staging.config import REGISTRY_PORT, Ports, ServeConfig, StagedFile
from appliance.staging.inventory import serve_config, staging_of
from appliance.staging.registry import Registry
from appliance.wire import dns, dns_client, ntp

_TRIES = 3
_CLOCK_APART = 5.0
"""Seconds by which both clocks may differ: Kubernetes' own tolerance is of that size."""
_UNSYNCHRONISED = 3
_STRATA = range(1, 16)


class Service(StrEnum):
    """What the staging machine takes over."""

    NAMES = "names"
    TIME = "time"
    FILES = "files"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one service showed: whether it does all it should, and what was seen, in words."""

    service: Service
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the services are asked; `timeout` is seconds for each answer. `utc`: our clock."""

    address: IPv4Address
    utc: Callable[[], float]
    ports: Ports = field(default_factory=Ports)
    registry: int = REGISTRY_PORT
    timeout: float = 3.0


def prove(
    plan: Plan,
    files: Mapping[str, StagedFile],
    archives: Iterable[Path],
    *,
    utc: Callable[[], float],
    asked: Asked | None = None,
) -> tuple[Proof, ...]:
    """Ask every service of the plan's staging machine; give one proof of each. Raises nothing.

    `files` are the depot's by name, `archives` those of images. `asked` stands for another place.
    Raises InputError where the plan has no staging machine.
    """
    where = asked or Asked(staging_of(plan).address, utc)
    config = serve_config(plan, files)
    return (
        prove_names(where, config),
        prove_time(where),
        prove_files(where, config.files),
        prove_registry(where, archives),
    )


# -------------------------------------------------------------------- names


def prove_names(where: Asked, config: ServeConfig) -> Proof:
    """Look up every name, and in reverse every address of the site that is one machine's."""
    wrong: list[str] = []
    names, zone = dns.grouped(config.hosts), config.zone
    try:
        for name, wanted in names.items():
            all_wanted = wanted if isinstance(wanted, tuple) else (wanted,)
            reply = _ask_name(where, f"{name}.{zone}", "A")
            if set(reply.addresses) != set(all_wanted):
                wrong.append(f"{name} is {_list(reply.addresses) or reply.rcode}")
            if len(all_wanted) == 1 and any(all_wanted[0] in each for each in config.networks):
                back = _ask_name(where, dns_client.reverse_name(all_wanted[0]), "PTR")
                if f"{name}.{zone}".lower() not in back.names:
                    wrong.append(f"{all_wanted[0]} is {_list(back.names) or back.rcode}")
    except (OSError, WireError) as error:
        return Proof(Service.NAMES, ok=False, text=f"look-ups at {where.address}: {_said(error)}")
    if wrong:
        return Proof(Service.NAMES, ok=False, text=f"looked up wrongly: {'; '.join(wrong)}")
    return Proof(Service.NAMES, ok=True, text=f"{len(names)} names looked up, both ways")


def _ask_name(where: Asked, name: str, kind: str) -> dns_client.Reply:
    number = secrets.randbelow(1 << 16)
    raw = _exchange(where, where.ports.dns, dns_client.question(name, kind, number=number))
    return dns_client.read(raw, number=number)


# -------------------------------------------------------------------- time


def prove_time(where: Asked) -> Proof:
    """Ask the time, and see that the clock calls itself fit and is near to ours."""
    mark = secrets.randbits(64)
    sent = ntp.encode(ntp.NtpPacket(0, 4, ntp.Mode.CLIENT, 0, 6, 0, 0, 0, b"", 0, 0, 0, mark))
    try:
        given = ntp.decode(_exchange(where, where.ports.ntp, sent))
    except (OSError, WireError) as error:
        return Proof(Service.TIME, ok=False, text=f"time at {where.address}: {_said(error)}")
    if given.originate != mark or given.mode is not ntp.Mode.SERVER:
        return Proof(Service.TIME, ok=False, text="the time that came was no answer to us")
    if given.leap == _UNSYNCHRONISED or given.stratum not in _STRATA:
        return Proof(Service.TIME, ok=False, text="its clock calls itself unfit")
    now = where.utc()
    apart = ntp.to_unix(given.transmit, near=now) - now
    ok = abs(apart) <= _CLOCK_APART
    return Proof(
        Service.TIME,
        ok=ok,
        text=f"time of stratum {given.stratum}, {abs(apart):.1f} s apart from this laptop's",
    )


# -------------------------------------------------------------------- files


def prove_files(where: Asked, files: Iterable[StagedFile]) -> Proof:
    """Ask after every file, and read the smallest whole."""
    wanted = sorted(files, key=lambda each: (each.size, each.name))
    wrong: list[str] = []
    try:
        if _status(where, "/healthz") != 200:
            wrong.append("it is not well")
        for file in wanted:
            if (said := _ask_after(where, file)) is not None:
                wrong.append(f"{file.name}: {said}")
        if wanted and not wrong and _read_whole(where, wanted[0]) != wanted[0].sha256:
            wrong.append(f"{wanted[0].name}: its octets are others")
    except (OSError, http.client.HTTPException) as error:
        return Proof(Service.FILES, ok=False, text=f"files at {where.address}: {_said(error)}")
    if wrong:
        return Proof(Service.FILES, ok=False, text=f"not given: {'; '.join(wrong)}")
    read = f", {wanted[0].name} read and its digest right" if wanted else ""
    return Proof(Service.FILES, ok=True, text=f"{len(wanted)} files there{read}")


def _status(where: Asked, path: str) -> int:
    line = _line(where)
    try:
        line.request("GET", path)
        return line.getresponse().status
    finally:
        line.close()


def _ask_after(where: Asked, file: StagedFile) -> str | None:
    line = _line(where)
    try:
        line.request("HEAD", f"/a/{file.name}")
        answer = line.getresponse()
        if answer.status != 200:
            return f"{answer.status}"
        size = answer.headers.get("Content-Length")
        return None if size == str(file.size) else f"{size} octets instead of {file.size}"
    finally:
        line.close()


def _read_whole(where: Asked, file: StagedFile) -> str:
    digest = hashlib.sha256()
    line = _line(where)
    try:
        line.request("GET", f"/a/{file.name}")
        answer = line.getresponse()
        while part := answer.read(1 << 20):
            digest.update(part)
    finally:
        line.close()
    return digest.hexdigest()


def _line(where: Asked) -> http.client.HTTPConnection:
    # A slow machine may need its time for a file that is not in its memory.
    return http.client.HTTPConnection(
        str(where.address), where.ports.http, timeout=where.timeout * _TRIES
    )


# -------------------------------------------------------------------- registry


def prove_registry(where: Asked, archives: Iterable[Path]) -> Proof:
    """Pull every image of the archives: manifests and layers, each with its digest."""
    registry = Registry(f"{where.address}:{where.registry}", timeout=where.timeout * _TRIES)
    pulled: list[str] = []
    try:
        if not registry.answers():
            return Proof(Service.REGISTRY, ok=False, text=f"no registry at {registry.where}")
        for path in archives:
            with Archive(path) as archive:
                for image in archive.images():
                    _pull(registry, image)
                    pulled.append(str(image))
    except (StepError, ArtifactError) as error:
        return Proof(Service.REGISTRY, ok=False, text=f"pulling an image: {error}")
    if not pulled:
        return Proof(Service.REGISTRY, ok=True, text="the registry answers; it is to hold nothing")
    return Proof(Service.REGISTRY, ok=True, text=f"pulled whole: {', '.join(pulled)}")


def _pull(registry: Registry, image: Image) -> None:
    digest, _ = registry.manifest(image.repository, image.tag)
    if digest != image.digest:
        raise StepError(
            f"{image} is another image",
            where=registry.where,
            why=f"its tag stands for {digest}, not {image.digest}",
            fix="run again",
        )
    for manifest in image.manifests:
        registry.manifest(image.repository, manifest.digest)
    for blob in image.blobs:
        registry.check_blob(image.repository, blob)


# -------------------------------------------------------------------- inside


def _exchange(where: Asked, port: int, sent: bytes) -> bytes:
    """Send a datagram and give the answer; asked again, since any may be lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(where.timeout)
        line.connect((str(where.address), port))
        for left in reversed(range(_TRIES)):
            try:
                line.send(sent)
                return line.recv(4096)
            except OSError:
                if not left:
                    raise
                time.sleep(min(where.timeout, 0.2))
    raise TimeoutError  # never: the last try returns or raises


def _said(error: Exception) -> str:
    return "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__


def _list(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
