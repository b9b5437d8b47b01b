"""Downloads that can be continued, verified while they stream, admitted only when right.

A download lives in `incoming/<name>.part` with a note of its URL and validator beside it. It goes
on with `Range` and `If-Range` (RFC 9110, 13.1.5 and 14.2), so that a file which changed upstream
is begun anew instead of glued together. A server that ignores `Range` costs the whole file again
and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from appliance import advice
from appliance.artifacts.catalog import Wanted, fix_for
from appliance.artifacts.depot import (
    READ_SIZE,
    Depot,
    DepotFile,
    Origin,
    Progress,
    plain_name,
    silent,
)
from appliance.errors import ArtifactError
from appliance.tools.http_client import Answer, HttpClient
from appliance.values import Digest

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_WORTH_A_RETRY = frozenset({408, 425, 429, 500, 502, 503, 504})
SPARE_OCTETS = 64 << 20
"""Left free on the depot's disk: a full disk breaks more than a download."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a download is tried again, and how long it rests before: doubling, in seconds.

    A try that brought at least `worth` octets sets the count back: a poor line still ends.
    """

    tries: int = 6
    first: float = 1.0
    longest: float = 30.0
    worth: int = 8 << 20


class _Again(Exception):  # noqa: N818 - no error for people: the loop's own signal
    """This try ended, another may do better."""


class _NotThere(Exception):  # noqa: N818 - as above
    """The server has no such file; another place may."""


@dataclass(slots=True)
class _Part:
    """An unfinished download: its file and what is known of where it came from."""

    path: Path
    url: str
    algorithm: str
    running: hashlib._Hash = field(init=False)
    hashed: int = 0

    def __post_init__(self) -> None:
        self.running = hashlib.new(self.algorithm)

    @property
    def note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self) -> str | None:
        """Give the strong validator of what is there, if it came from the same URL."""
        try:
            note = json.loads(self.note.read_text("utf-8"))
            return str(note["validator"]) if note["url"] == self.url else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, validator: str | None) -> None:
        """Start from zero."""
        self.drop()
        self.running, self.hashed = hashlib.new(self.algorithm), 0
        if validator is not None:
            self.note.write_text(json.dumps({"url": self.url, "validator": validator}), "utf-8")

    def catch_up(self, until: int) -> None:
        """Take into the digest what an earlier try or run has left."""
        if self.hashed == until:
            return
        self.running, self.hashed = hashlib.new(self.algorithm), 0
        with self.path.open("rb") as file:
            while block := file.read(READ_SIZE):
                self._take(block)

    def append(self, file: FileIO, block: bytes) -> None:
        """Write a block and take it into the digest."""
        view = memoryview(block)
        while view:
            written = file.write(view)
            self._take(view[:written])
            view = view[written:]

    def _take(self, block: bytes | memoryview) -> None:
        self.running.update(block)
        self.hashed += len(block)

    def drop(self) -> None:
        """Remove it and its note."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


class Fetcher:
    """Downloads wanted files into a depot. `pause` waits so many seconds."""

    def __init__(
        self,
        depot: Depot,
        http: HttpClient,
        pause: Callable[[float], None],
        *,
        patience: Patience | None = None,
        progress: Progress = silent,
        max_octets: int | None = None,
    ) -> None:
        self._depot = depot
        self._http = http
        self._pause = pause
        self._patience = patience or Patience()
        self._progress = progress
        self._max_octets = max_octets

    def fetch(self, want: Wanted, accepted: tuple[Digest, ...], now: float) -> DepotFile:
        """Download a file, verify it and admit it. An empty `accepted` takes it at first use.

        Where `source` has no such file, `elsewhere` is tried in turn.

        Raises ArtifactError: refused by the server, wrong checksum (what came is removed), full
        disk, or too many tries (what came is kept, and the next run goes on from there).
        """
        file = self.fetch_if_there(want, accepted, now)
        if file is None:
            raise _refused(want, 404)
        return file

    def fetch_if_there(
        self, want: Wanted, accepted: tuple[Digest, ...], now: float
    ) -> DepotFile | None:
        """Do as `fetch` does, but give None where no place has such a file."""
        path = self._depot.incoming / f"{plain_name(want.name)}.part"
        algorithm = accepted[0].algorithm if accepted else "sha256"
        part = self._download_from_any(want, path, algorithm)
        if part is None:
            return None
        digest = Digest(part.algorithm, part.running.hexdigest())
        if accepted and not any(digest.matches(each) for each in accepted):
            part.drop()
            raise wrong_checksum(want, accepted, digest)
        part.note.unlink(missing_ok=True)
        return self._depot.admit(
            part.path, want.name, digest, origin=Origin.UPSTREAM, source=part.url, now=now
        )

    def _download_from_any(self, want: Wanted, path: Path, algorithm: str) -> _Part | None:
        for url in (want.source, *want.elsewhere):
            part = _Part(path, url, algorithm)
            try:
                self._download(want, part)
            except _NotThere:
                continue
            return part
        return None

    def _download(self, want: Wanted, part: _Part) -> None:
        failures, rest = 0, self._patience.first
        while True:
            before = part.size()
            try:
                self._try(want, part)
                return
            except (_Again, OSError) as error:
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise full_disk(part.path, want.name, None) from error
                if part.size() - before >= self._patience.worth:
                    failures, rest = 0, self._patience.first
                failures += 1
                if failures >= self._patience.tries:
                    raise _gave_up(want, part, failures, error) from error
            self._pause(rest)
            rest = min(rest * 2, self._patience.longest)

    def _try(self, want: Wanted, part: _Part) -> None:
        have, validator = part.size(), part.validator()
        headers = {}
        if have and validator is not None:
            headers = {"Range": f"bytes={have}-", "If-Range": validator}
        with self._http.get(part.url, headers) as answer:
            if answer.status == 416:
                # What we have is longer than what there is: it is something else.
                part.drop()
                raise _Again("the server has no such range")
            if answer.status in _WORTH_A_RETRY:
                raise _Again(f"the server answers {answer.status}")
            if answer.status == 404:
                raise _NotThere
            if answer.status not in (200, 206):
                raise _refused(want, answer.status)
            start, total = _extent(answer, have if headers else 0)
            if start and _validator(answer) not in (None, validator):
                part.drop()  # a server that ignores If-Range
                raise _Again("the file changed upstream")
            if start == 0:
                part.begin(_validator(answer))
            part.catch_up(start)
            self._receive(want, part, answer, start, total)

    def _receive(
        self, want: Wanted, part: _Part, answer: Answer, start: int, total: int | None
    ) -> None:
        self._check_room(want, part, start, total)
        done = start
        with FileIO(part.path, "a") as file:
            while block := answer.read(READ_SIZE):
                done += len(block)
                self._check_size(want, done)
                part.append(file, block)
                self._progress(want.name, done, total)
        if total is not None and done != total:
            raise _Again(f"{done} of {total} octets came")

    def _check_room(self, want: Wanted, part: _Part, start: int, total: int | None) -> None:
        if total is None:
            return
        self._check_size(want, total)
        if shutil.disk_usage(part.path.parent).free < total - start + SPARE_OCTETS:
            raise full_disk(part.path, want.name, total - start)

    def _check_size(self, want: Wanted, octets: int) -> None:
        if self._max_octets is not None and octets > self._max_octets:
            raise ArtifactError(
                f"{want.name} is larger than anything expected",
                where=want.source,
                why=f"more than {self._max_octets} octets",
                fix="see what the server really sends",
            )


def wrong_checksum(want: Wanted, accepted: tuple[Digest, ...], got: Digest) -> ArtifactError:
    """Make the one error of a file that is not what it should be."""
    expected = " or ".join(str(each) for each in accepted)
    return ArtifactError(
        f"{want.name} has the wrong checksum: expected {expected}, got {got}",
        where=want.source,
        why="it is damaged, of another version, or not what it claims to be; it was not kept",
        fix=fix_for(want),
    )


def full_disk(path: Path, name: str, octets: int | None) -> ArtifactError:
    """Make the one error of a disk without room; `octets` is what is still to come, if known."""
    free = shutil.disk_usage(path.parent).free
    need = f"{octets / 1e9:.2f} GB are needed and " if octets is not None else ""
    return ArtifactError(
        f"the disk has no room for {name}",
        where=str(path.parent),
        why=f"{need}{free / 1e9:.2f} GB are free",
        fix=f"make room and {advice.run_again()}: what came so far is kept",
    )


def _validator(answer: Answer) -> str | None:
    """Give a strong validator; a weak ETag or a date alone does not prove the same octets."""
    etag = answer.headers.get("ETag")
    if etag and not etag.startswith("W/"):
        return str(etag)
    # Object stores without ETag: the date will do, since a checksum follows.
    return answer.headers.get("Last-Modified")


def _extent(answer: Answer, asked: int) -> tuple[int, int | None]:
    """Give where the body begins in the file, and the file's whole size if it is told."""
    length = answer.headers.get("Content-Length")
    if answer.status == 200:
        return 0, int(length) if length and length.isdigit() else None
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != asked:
        raise _Again(f"the server sent another range than bytes={asked}-")
    return asked, int(match[2]) if match[2] != "*" else None


def _refused(want: Wanted, status: int) -> ArtifactError:
    hints = {
        404: "the file does not exist there: is the version in the site file right?",
        403: "the server refuses: a proxy or a firewall on the way?",
        407: "a proxy wants a login: set https_proxy with it",
    }
    return ArtifactError(
        f"{want.name} cannot be fetched",
        where=want.source,
        why=f"the server answers {status}",
        fix=hints.get(status, "see what the server says, or import the file from a folder"),
    )


def _gave_up(want: Wanted, part: _Part, tries: int, cause: BaseException) -> ArtifactError:
    return ArtifactError(
        f"{want.name} could not be fetched in {tries} tries",
        where=want.source,
        why=str(cause) or type(cause).__name__,
        fix=f"{advice.run_again()}: {part.size()} octets are kept and it goes on from there",
    )
