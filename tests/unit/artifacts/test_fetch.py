"""Downloads from a mirror on loopback: working, empty, and broken in many ways."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from appliance.artifacts.catalog import Trust, Wanted
from appliance.artifacts.depot import Depot
from appliance.artifacts.fetch import Fetcher, Patience, full_disk
from appliance.errors import ArtifactError, StopRequestedError
from appliance.tools.http_client import HttpClient
from appliance.values import Digest

BODY = bytes(range(256)) * 4096
NAME = "harvester-v1.8.2-vmlinuz-amd64"
DIGEST = Digest("sha512", hashlib.sha512(BODY).hexdigest())


class MirrorLike(Protocol):
    """What these tests touch of the mirror of conftest.py."""

    files: dict[str, bytes]
    statuses: list[int]
    cut_after: list[int | None]
    etag: str | None
    ranges: bool
    if_range: bool
    length: bool
    stall: threading.Event | None
    asked: list[tuple[str, str | None]]
    url: str


def content(depot: Depot) -> bytes:
    """Read the file back through the servers' own door."""
    with depot.open_by_name(NAME) as handle:
        return handle.read()


def want(mirror: MirrorLike) -> Wanted:
    """Want the one file from this mirror."""
    return Wanted(NAME, f"{mirror.url}/{NAME}", "a test", Trust.SUMS, sums="list")


class Pauses:
    """Notes the pauses instead of resting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Note one."""
        self.seconds.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    """Give a fresh note of pauses."""
    return Pauses()


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """Give an empty depot."""
    return Depot(tmp_path / "depot")


def fetcher(depot: Depot, pauses: Pauses, tries: int = 4) -> Fetcher:
    """Give a fetcher of so many tries."""
    return Fetcher(depot, HttpClient(timeout=5), pauses, patience=Patience(tries=tries))


def test_a_file_is_fetched_verified_and_admitted(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """The working mirror: the depot holds the very bytes, and nothing unfinished is left."""
    mirror.files[NAME] = BODY
    file = fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 1000.0)
    assert (file.size, file.digest, file.verified_at) == (len(BODY), DIGEST, 1000.0)
    assert content(depot) == BODY
    assert list(depot.incoming.iterdir()) == []
    assert pauses.seconds == []


def test_a_broken_download_goes_on_where_it_stopped(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """Cut off twice: each try asks only for the rest, and the pauses double."""
    mirror.files[NAME] = BODY
    mirror.cut_after = [100_000, 200_000]
    fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert [asked[1] for asked in mirror.asked] == [None, "bytes=100000-", "bytes=300000-"]
    assert pauses.seconds == [1.0, 2.0]
    assert content(depot) == BODY


def test_a_later_run_goes_on_from_the_kept_part(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """A run that gave up keeps what came; the next one takes up there, digest and all."""
    mirror.files[NAME] = BODY
    mirror.cut_after = [50_000]
    with pytest.raises(ArtifactError, match="50000 octets are kept"):
        fetcher(depot, pauses, tries=1).fetch(want(mirror), (DIGEST,), 0)
    file = fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert mirror.asked[-1][1] == "bytes=50000-"
    assert file.digest == DIGEST


def test_a_server_without_ranges_costs_the_whole_file_again(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """A server that ignores Range answers 200: the part is begun anew, never glued."""
    mirror.files[NAME] = BODY
    mirror.ranges = False
    mirror.cut_after = [100_000]
    fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert content(depot) == BODY


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_that_changed_upstream_is_begun_anew(
    mirror: MirrorLike, depot: Depot, pauses: Pauses, *, honest: bool
) -> None:
    """Another ETag: with If-Range honoured or ignored, two versions are never glued together."""
    mirror.files[NAME] = b"old" * 100_000
    mirror.cut_after = [100_000]
    with pytest.raises(ArtifactError):
        fetcher(depot, pauses, tries=1).fetch(want(mirror), (DIGEST,), 0)
    mirror.files[NAME], mirror.etag, mirror.if_range = BODY, '"two"', honest
    fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert content(depot) == BODY


def test_without_a_validator_nothing_is_continued(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """No ETag and no date: what is there may be of another version, so it is fetched whole."""
    mirror.files[NAME], mirror.etag = BODY, None
    mirror.cut_after = [100_000]
    fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert [asked[1] for asked in mirror.asked] == [None, None]


def test_a_part_longer_than_the_file_is_dropped(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """416: what was kept cannot be the beginning of this file."""
    mirror.files[NAME] = BODY * 2
    mirror.cut_after = [len(BODY) + 10]
    with pytest.raises(ArtifactError):
        fetcher(depot, pauses, tries=1).fetch(want(mirror), (DIGEST,), 0)
    mirror.files[NAME] = BODY
    fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert content(depot) == BODY


def test_a_wrong_checksum_is_one_clear_error_and_nothing_is_kept(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """It names the file, both checksums and the way out; no second try, no part, no file."""
    mirror.files[NAME] = BODY[:-1] + b"x"
    with pytest.raises(ArtifactError) as caught:
        fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    got = hashlib.sha512(mirror.files[NAME]).hexdigest()
    assert NAME in str(caught.value)
    assert DIGEST.hex in str(caught.value)
    assert got in str(caught.value)
    assert caught.value.fix
    assert len(mirror.asked) == 1
    assert depot.get(NAME) is None
    assert list(depot.incoming.iterdir()) == []


@pytest.mark.parametrize(("status", "word"), [(404, "version"), (403, "proxy"), (410, "folder")])
def test_a_refusal_is_not_tried_again(
    mirror: MirrorLike, depot: Depot, pauses: Pauses, status: int, word: str
) -> None:
    """An empty mirror: one request, and a fix that fits the status."""
    mirror.statuses = [status]
    with pytest.raises(ArtifactError) as caught:
        fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert str(status) in caught.value.why
    assert word in caught.value.fix
    assert len(mirror.asked) == 1


def test_a_busy_server_is_asked_again(mirror: MirrorLike, depot: Depot, pauses: Pauses) -> None:
    """503 and 429 pass."""
    mirror.files[NAME] = BODY
    mirror.statuses = [503, 429]
    assert fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0).size == len(BODY)
    assert len(mirror.asked) == 3


def test_a_silent_server_ends_in_an_error(mirror: MirrorLike, depot: Depot, pauses: Pauses) -> None:
    """A line that falls silent is left after the time-out; what came is kept."""
    mirror.files[NAME] = BODY
    mirror.cut_after = [1000]
    mirror.stall = threading.Event()
    impatient = Fetcher(depot, HttpClient(timeout=0.3), pauses, patience=Patience(tries=1))
    with pytest.raises(ArtifactError, match="could not be fetched"):
        impatient.fetch(want(mirror), (DIGEST,), 0)
    assert (depot.incoming / f"{NAME}.part").stat().st_size == 1000


def test_no_server_at_all(depot: Depot, pauses: Pauses) -> None:
    """Nobody listens: as many tries as agreed, then an error that says so."""
    nobody = Wanted(NAME, f"http://127.0.0.1:1/{NAME}", "a test", Trust.SUMS)
    with pytest.raises(ArtifactError, match="3 tries"):
        fetcher(depot, pauses, tries=3).fetch(nobody, (DIGEST,), 0)
    assert pauses.seconds == [1.0, 2.0]


def test_a_try_that_brought_much_sets_the_count_back(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """A poor line that drops more often than there are tries still ends."""
    mirror.files[NAME] = BODY
    mirror.cut_after = [100_000] * 9
    patient = Fetcher(
        depot, HttpClient(timeout=5), pauses, patience=Patience(tries=2, worth=100_000)
    )
    assert patient.fetch(want(mirror), (DIGEST,), 0).digest == DIGEST


def test_a_body_without_length_is_proven_by_its_checksum(
    mirror: MirrorLike, depot: Depot, pauses: Pauses
) -> None:
    """No Content-Length: whole or not shows in the digest alone."""
    mirror.files[NAME], mirror.length = BODY, False
    assert fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0).size == len(BODY)


def test_first_use_takes_what_comes(mirror: MirrorLike, depot: Depot, pauses: Pauses) -> None:
    """Where nothing vouches for a file, its SHA-256 is what the depot then holds it to."""
    mirror.files[NAME] = BODY
    file = fetcher(depot, pauses).fetch(want(mirror), (), 0)
    assert file.digest == Digest("sha256", hashlib.sha256(BODY).hexdigest())


def test_the_operator_may_stop_and_go_on(mirror: MirrorLike, depot: Depot, pauses: Pauses) -> None:
    """What progress raises goes through, and the part stays."""
    mirror.files[NAME] = BODY * 4

    def stop(_name: str, done: int, total: int | None) -> None:
        assert total == 4 * len(BODY)
        if done > len(BODY):
            raise StopRequestedError("stopped as asked")

    stopping = Fetcher(depot, HttpClient(timeout=5), pauses, progress=stop)
    with pytest.raises(StopRequestedError):
        stopping.fetch(want(mirror), (DIGEST,), 0)
    assert (depot.incoming / f"{NAME}.part").stat().st_size > len(BODY)


def test_more_than_agreed_is_refused(mirror: MirrorLike, depot: Depot, pauses: Pauses) -> None:
    """A size limit holds, with the length told and without."""
    mirror.files[NAME] = BODY
    for told in (True, False):
        mirror.length = told
        small = Fetcher(depot, HttpClient(timeout=5), pauses, max_octets=1000)
        with pytest.raises(ArtifactError, match="larger than"):
            small.fetch(want(mirror), (DIGEST,), 0)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB: a disk that is really full."""
    place = tmp_path / "tiny"
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)], check=True, timeout=20
    )
    yield place
    subprocess.run(["umount", str(place)], check=True, timeout=20)


@pytest.mark.root
@pytest.mark.parametrize("told", [True, False])
def test_a_full_disk_is_named(
    mirror: MirrorLike, pauses: Pauses, tiny: Path, *, told: bool
) -> None:
    """Known before where the size is told, met on the way (ENOSPC) where it is not."""
    mirror.files[NAME], mirror.length = BODY, told
    depot = Depot(tiny / "depot")
    with pytest.raises(ArtifactError, match="no room") as caught:
        fetcher(depot, pauses).fetch(want(mirror), (DIGEST,), 0)
    assert caught.value.fix
    assert pauses.seconds == []


def test_full_disk_says_how_much(tmp_path: Path) -> None:
    """The numbers are there in GB."""
    assert "7.00 GB are needed" in str(full_disk(tmp_path / "x", NAME, 7_000_000_000))
    assert errno.ENOSPC


def test_another_place_is_tried_where_the_first_has_no_such_file(
    mirror: MirrorLike, tmp_path: Path
) -> None:
    """A mirror has folders of versions, or none; the depot notes where it came from."""
    mirror.files[NAME] = BODY
    depot = Depot(tmp_path / "depot")
    fetcher = Fetcher(depot, HttpClient(timeout=5), Pauses(), patience=Patience(tries=1))
    there = replace(
        want(mirror), source=f"{mirror.url}/v1/{NAME}", elsewhere=(want(mirror).source,)
    )
    assert fetcher.fetch(there, (DIGEST,), 1.0).source == f"{mirror.url}/{NAME}"
    nowhere = replace(there, elsewhere=(f"{mirror.url}/v2/{NAME}",))
    assert fetcher.fetch_if_there(nowhere, (DIGEST,), 2.0) is None
    with pytest.raises(ArtifactError, match="cannot be fetched") as caught:
        fetcher.fetch(nowhere, (DIGEST,), 2.0)
    assert "404" in caught.value.why
