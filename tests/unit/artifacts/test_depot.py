"""The depot refuses whatever was not verified, and notices what changed since."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from appliance.artifacts.depot import Depot, DepotFile, Origin, digest_of, plain_name
from appliance.errors import ArtifactError
from appliance.values import Digest

BODY = b"kernel" * 1000


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """Give an empty depot."""
    return Depot(tmp_path / "depot")


def put(depot: Depot, name: str = "kernel", body: bytes = BODY) -> DepotFile:
    """Admit a file as fetch does."""
    part = depot.incoming / f"{name}.part"
    part.write_bytes(body)
    digest = Digest("sha256", hashlib.sha256(body).hexdigest())
    return depot.admit(part, name, digest, origin=Origin.UPSTREAM, source="https://x", now=5.0)


def test_what_was_admitted_is_served(depot: Depot) -> None:
    """By name, read-only, readable for the unprivileged boot process; known to a later process."""
    file = put(depot)
    with depot.open_by_name("kernel") as handle:
        assert handle.read() == BODY
        assert not handle.writable()
    assert depot.path_of("kernel").stat().st_mode & 0o777 == 0o644
    again = Depot(depot.root)
    assert again.files() == (file,)
    assert again.verify_again(("kernel",)) == (file,)
    assert again.real_legs(("kernel", "none")) == {"kernel": "upstream"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        ".hidden",
        "a\0b",
        "a\n",
        "x" * 201,
        "depot.json",
        "depot.json.new",
        "depot.lock",
        "incoming",
        "%2e%2e",
        "ä",
    ],
)
def test_names_are_plain_or_refused(depot: Depot, name: str) -> None:
    """No folder, no way up, no index, nothing that a shell or a URL reads otherwise."""
    put(depot)
    for ask in (depot.open_by_name, depot.get, depot.path_of, plain_name):
        with pytest.raises(ArtifactError):
            ask(name)


def test_a_link_in_place_of_a_file_is_refused(depot: Depot, tmp_path: Path) -> None:
    """Even one that leads to the very same bytes."""
    put(depot)
    (tmp_path / "elsewhere").write_bytes(BODY)
    depot.path_of("kernel").unlink()
    depot.path_of("kernel").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match="cannot be opened"):
        depot.open_by_name("kernel")
    with pytest.raises(ArtifactError):
        depot.verify_again(("kernel",))


def test_a_pipe_in_place_of_a_file_is_refused(depot: Depot) -> None:
    """Opening it must not hang either."""
    put(depot)
    depot.path_of("kernel").unlink()
    os.mkfifo(depot.path_of("kernel"))
    with pytest.raises(ArtifactError):
        depot.open_by_name("kernel")


def test_a_part_that_is_a_link_is_not_admitted(depot: Depot, tmp_path: Path) -> None:
    """What enters is a file of our own."""
    (tmp_path / "source").write_bytes(BODY)
    part = depot.incoming / "kernel.part"
    part.symlink_to(tmp_path / "source")
    digest = Digest("sha256", "0" * 64)
    with pytest.raises(OSError, match="symbolic"):
        depot.admit(part, "kernel", digest, origin=Origin.UPSTREAM, source="x", now=0)


def test_a_changed_file_is_read_again(depot: Depot) -> None:
    """Touched only: the index learns its new time. Changed: it is refused, and not served."""
    put(depot)
    path = depot.path_of("kernel")
    os.utime(path, ns=(1, 1))
    with pytest.raises(ArtifactError, match="changed"):
        depot.open_by_name("kernel")
    assert depot.verify_again(("kernel",))[0].mtime_ns == 1
    depot.open_by_name("kernel").close()
    path.write_bytes(BODY[:-1] + b"x")
    with pytest.raises(ArtifactError, match="instead of sha256"):
        depot.verify_again(("kernel",))


def test_a_change_that_hides_its_time_shows_in_full(depot: Depot) -> None:
    """Same size, inode and mtime: only the full reading sees it."""
    file = put(depot)
    path = depot.path_of("kernel")
    with path.open("r+b") as handle:
        handle.write(b"x")
    os.utime(path, ns=(file.mtime_ns, file.mtime_ns))
    assert depot.verify_again(("kernel",))
    with pytest.raises(ArtifactError, match="instead of"):
        depot.verify_again(("kernel",), full=True)


def test_all_faults_in_one_error(depot: Depot) -> None:
    """Missing, gone, cut short: each is named, with the way out."""
    put(depot, "gone")
    put(depot, "short")
    put(depot, "good")
    depot.path_of("gone").unlink()
    depot.path_of("short").write_bytes(b"")
    with pytest.raises(ArtifactError) as caught:
        depot.verify_again(("missing", "gone", "short", "good"))
    assert caught.value.what.startswith("3 of")
    for part in ("missing is missing", "gone is gone", "short has 0 octets"):
        assert part in caught.value.why
    assert "provision fetch" in caught.value.fix


def test_full_reading_tells_its_progress(depot: Depot) -> None:
    """A reading of gigabytes is not silent."""
    put(depot)
    told: list[tuple[str, int, int | None]] = []
    depot.verify_again(("kernel",), full=True, progress=lambda *each: told.append(each))
    assert told == [("kernel", len(BODY), len(BODY))]


@pytest.mark.parametrize(
    "index", ["", "[]", "{}", '{"files": {"../x": {}}}', '{"files": {"a": 3}}']
)
def test_a_broken_index_is_one_clear_error(depot: Depot, index: str) -> None:
    """It says which file and what to do; nothing is served from it."""
    put(depot)
    (depot.root / "depot.json").write_text(index)
    with pytest.raises(ArtifactError):
        depot.files()
    with pytest.raises(ArtifactError):
        depot.open_by_name("kernel")


def test_forgetting(depot: Depot) -> None:
    """Off the index and off the disk; twice is no error."""
    put(depot)
    depot.forget("kernel")
    depot.forget("kernel")
    assert depot.files() == ()
    assert not depot.path_of("kernel").exists()


def test_the_index_is_plain_json(depot: Depot) -> None:
    """A person can read what was verified, when, and from where."""
    put(depot)
    entry = json.loads((depot.root / "depot.json").read_text())["files"]["kernel"]
    assert entry["digest"].startswith("sha256:")
    assert (entry["source"], entry["verified_at"]) == ("https://x", 5.0)


def test_digest_of_reads_from_where_it_stands(depot: Depot) -> None:
    """It reads to the end of the file."""
    put(depot)
    with depot.open_by_name("kernel") as handle:
        got = digest_of(handle, "sha512", "kernel", None, lambda *_each: None)
    assert got.hex == hashlib.sha512(BODY).hexdigest()


def test_the_other_digest_is_computed_once_and_kept(depot: Depot) -> None:
    """Harvester asks for SHA-512 whatever upstream lists."""
    put(depot)
    expected = hashlib.sha512(BODY).hexdigest()
    assert depot.digest("kernel", "sha512").hex == expected
    (kept,) = Depot(depot.root).files()
    assert [str(each) for each in kept.also] == [f"sha512:{expected}"]
    assert {name: each.hex for name, each in depot.digests("kernel").items()} == {
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "sha512": expected,
    }
    again = put(depot, body=b"other")
    assert again.also == ()
    assert depot.digest("kernel", "sha512").hex == hashlib.sha512(b"other").hexdigest()


def test_no_digest_of_what_is_not_the_verified_file(depot: Depot) -> None:
    """Missing, or changed behind our back."""
    with pytest.raises(ArtifactError, match="is not in the depot"):
        depot.digest("kernel", "sha512")
    put(depot)
    depot.path_of("kernel").write_bytes(b"x" * len(BODY))
    with pytest.raises(ArtifactError, match="changed after"):
        depot.digest("kernel", "sha512")


def test_an_index_from_before_there_were_further_digests_is_read(depot: Depot) -> None:
    """A depot outlives a version of this program."""
    put(depot)
    index = depot.root / "depot.json"
    values = json.loads(index.read_text())
    del values["files"]["kernel"]["also"]
    index.write_text(json.dumps(values))
    assert depot.digest("kernel", "sha256").hex == hashlib.sha256(BODY).hexdigest()
