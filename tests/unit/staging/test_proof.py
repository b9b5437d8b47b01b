"""Everything is asked of the staging machine itself, and what is wrong is said in words."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.lab import site_image
from appliance.staging.config import Ports, ServeConfig, StagedFile
from appliance.staging.inventory import serve_config
from appliance.staging.proof import Asked, Proof, Service, prove
from appliance.staging.push import push
from appliance.staging.registry import Registry
from appliance.staging.serve import Server, listen
from appliance.tools.clock import Clock
from tests.plans import plan
from tests.staged import staged
from tests.unit.staging.little_registry import Store, little_registry, nobody
from tests.unit.staging.test_serve import free_port

PLAN = staged(images=(site_image.ARCHIVE,))
CLOCK = Clock.of_this_machine()


def staged_file(path: Path, content: bytes) -> StagedFile:
    """Write a file, and say what it is."""
    path.write_bytes(content)
    return StagedFile(path.name, len(content), hashlib.sha256(content).hexdigest())


@dataclass
class Site:
    """A staging machine on the loopback, and what it is expected to be."""

    files: dict[str, StagedFile]
    archive: Path
    folder: Path
    asked: Asked
    store: Store = field(default_factory=Store)

    def proofs(self, **changes: object) -> dict[Service, Proof]:
        """Ask it all."""
        asked = replace(self.asked, **changes)  # type: ignore[arg-type]
        found = prove(PLAN, self.files, [self.archive], utc=CLOCK.utc, asked=asked)
        return {each.service: each for each in found}


@contextmanager
def running(config: ServeConfig) -> Iterator[None]:
    """Serve while the block runs."""
    sockets = listen(config)
    server = Server(config, sockets, CLOCK)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()
        for each in (sockets.dns_udp, sockets.dns_tcp, sockets.ntp, sockets.http):
            each.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """All of it as it should be."""
    files = {
        name: staged_file(tmp_path / name, name.encode())
        for name in ("rke2.linux-amd64.tar.gz", "kubectl-v1.36.3-linux-amd64")
    }
    archive = site_image.build(tmp_path / "cache") / site_image.ARCHIVE
    address = IPv4Address("127.0.0.1")
    ports = Ports(dns=free_port(), ntp=free_port(), http=free_port())
    config = replace(serve_config(PLAN, files), address=address, ports=ports, folder=str(tmp_path))
    with little_registry() as (where, store), running(config):
        push(archive, Registry(where))
        asked = Asked(address, CLOCK.utc, ports, int(where.partition(":")[2]), timeout=2.0)
        yield Site(files, archive, tmp_path, asked, store)


def test_all_is_as_it_should_be(site: Site) -> None:
    """Each service says what was seen."""
    found = site.proofs()
    assert [each.ok for each in found.values()] == [True] * 4, found
    assert found[Service.NAMES].text == "7 names looked up, both ways"
    assert "stratum 10" in found[Service.TIME].text
    assert "2 files there, rke2.linux-amd64.tar.gz read" in found[Service.FILES].text
    assert found[Service.REGISTRY].text == "pulled whole: site-hello:1"


def test_a_clock_that_goes_wrong_is_found(site: Site) -> None:
    """Apart from the laptop's by more than certificates stand."""
    found = site.proofs(utc=lambda: time.monotonic() + 2_000_000_000.0)
    assert not found[Service.TIME].ok
    assert "apart" in found[Service.TIME].text


def test_a_file_that_is_another_is_found(site: Site) -> None:
    """Of another size; of the same size with other octets."""
    path = site.folder / "rke2.linux-amd64.tar.gz"
    path.write_bytes(b"x" * path.stat().st_size)
    assert "its octets are others" in site.proofs()[Service.FILES].text
    path.write_bytes(b"short")
    assert "rke2.linux-amd64.tar.gz: 500" in site.proofs()[Service.FILES].text


def test_an_image_that_is_not_whole_is_found(site: Site) -> None:
    """A layer is missing, a layer is another, the tag is another image's, there is none."""
    repository, layer = next(iter(site.store.blobs))
    site.store.blobs[repository, layer] = b"other"
    assert "octets are others" in site.proofs()[Service.REGISTRY].text
    del site.store.blobs[repository, layer]
    assert "404" in site.proofs()[Service.REGISTRY].text
    kind, body = site.store.manifests[repository, "1"]
    site.store.manifests[repository, "1"] = (kind, body + b" ")
    assert "is another image" in site.proofs()[Service.REGISTRY].text
    site.store.manifests.clear()
    assert not site.proofs()[Service.REGISTRY].ok


def test_a_name_that_is_missing_is_found(site: Site) -> None:
    """One of the cluster's servers, say, is not given."""
    more = replace(PLAN, hosts=(*PLAN.hosts, ("cluster", IPv4Address("10.20.0.24"))))
    found = prove(more, site.files, [], utc=CLOCK.utc, asked=site.asked)
    assert not found[0].ok
    assert "cluster is 10.20.0.2" in found[0].text
    assert found[3].text == "the registry answers; it is to hold nothing"


def test_a_machine_that_is_off_has_no_proof_at_all(site: Site) -> None:
    """Each service says so, nothing is raised."""
    off = Ports(dns=free_port(), ntp=free_port(), http=free_port())
    registry = int(nobody().partition(":")[2])
    found = site.proofs(ports=off, registry=registry, timeout=0.2)
    assert [each.ok for each in found.values()] == [False] * 4
    assert all(each.text for each in found.values())


def test_a_site_without_a_staging_machine_cannot_be_asked() -> None:
    """There is nobody."""
    with pytest.raises(InputError, match="no staging machine"):
        prove(plan(), {}, [], utc=CLOCK.utc)
