"""Upstream's lists of checksums: `sha256sum`, `sha512sum` and BSD forms. Pure.

A list names more files than a site needs (Harvester's also names the net-install ISO), so one
asks it for a file; what it lists beyond that is not missed (`sha512sum --ignore-missing`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.errors import ArtifactError
from appliance.values import Digest

_GNU = re.compile(r"(?P<hex>[0-9a-fA-F]{64}|[0-9a-fA-F]{128})[ \t]+\*?(?P<name>\S.*)")
_BSD = re.compile(r"(?P<algorithm>SHA256|SHA512) ?\((?P<name>.+)\) ?= ?(?P<hex>[0-9a-fA-F]+)")
_BARE = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{128}")
_BEGINS_OTHERWISE = ("#", "-----BEGIN", "Hash:")

MAX_LIST_OCTETS = 1 << 20
"""Harvester's lists have under ten lines; a longer text is some other file."""


@dataclass(frozen=True, slots=True)
class SumList:
    """The digests of a list by base name. `name` is the list's own file name."""

    name: str
    digests: dict[str, Digest]

    def digest_of(self, file: str) -> Digest:
        """Give the digest of a file. Raises ArtifactError if the list does not name it."""
        digest = self.digests.get(file)
        if digest is None:
            listed = ", ".join(sorted(self.digests)[:4]) or "nothing"
            raise ArtifactError(
                f"{self.name} has no checksum of {file}",
                where=self.name,
                why=f"it lists {listed}",
                fix="take the list of the same version as the file",
            )
        return digest


def parse_sums(name: str, text: str, *, of: str = "") -> SumList:
    """Read a list of checksums, in text (`  `) or binary (` *`) mode, paths cut to base names.

    A list that is one bare checksum is of the file `of` (dl.k8s.io publishes such).
    Raises ArtifactError for a line that is no checksum (a download page saved by mistake, say),
    for an empty list, and for one file with two different checksums.
    """
    digests: dict[str, Digest] = {}
    if of and _BARE.fullmatch(text.strip()):
        return SumList(name, {of: Digest.parse(text.strip().lower())})
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip().lstrip("\ufeff")
        if not stripped or stripped.startswith(_BEGINS_OTHERWISE):
            continue
        file, digest = _entry(name, number, stripped)
        if digests.setdefault(file, digest) != digest:
            raise _fault(name, number, f"{file} has two different checksums")
    if not digests:
        raise _fault(name, 0, "it holds no checksum at all")
    return SumList(name, digests)


def _entry(name: str, number: int, line: str) -> tuple[str, Digest]:
    match = _GNU.fullmatch(line) or _BSD.fullmatch(line)
    if match is None:
        raise _fault(name, number, f"{line[:60]!r} is not a checksum and a file name")
    algorithm = match.groupdict().get("algorithm")
    digits = match["hex"].lower()
    try:
        digest = Digest(algorithm.lower(), digits) if algorithm else Digest.parse(digits)
    except ValueError as error:
        raise _fault(name, number, str(error)) from error
    return re.split(r"[/\\]", match["name"].strip())[-1], digest


def _fault(name: str, number: int, why: str) -> ArtifactError:
    return ArtifactError(
        "the list of checksums cannot be used",
        where=f"{name}:{number}" if number else name,
        why=why,
        fix="fetch the list again, straight from upstream",
    )
