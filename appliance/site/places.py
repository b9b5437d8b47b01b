"""Findings about a site, and where in its file each belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.errors import Problem

Path = tuple[str | int, ...]
"""The way to a value: `("hypervisor", "machines", "hv1", "macs", 0)`."""

MAX_SHOWN = 300
"""Characters of a message or a key: what was written may be a megabyte without a break."""


VIP_PATH: Path = ("hypervisor", "vip")


def network_path(name: str, *keys: str) -> Path:
    """The path to a network or a key of it."""
    return ("networks", name, *keys)


def machine_path(name: str, *keys: str) -> Path:
    """The path to a machine or a key of it."""
    return ("hypervisor", "machines", name, *keys)


def vm_path(name: str, *keys: str) -> Path:
    """The path to a virtual machine beside the cluster, or a key of it."""
    return ("vms", name, *keys)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text. Lines and columns count from 1; 0 means the whole file."""

    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the value at a path, in words, and what to do.

    `related` are the other values it was found by: where one of those is itself wrong, this
    finding may be no more than its consequence, and is kept back.
    `of_key`: it is about the key rather than the value. `mark` is its place where the path
    does not tell it.
    """

    path: Path
    what: str
    fix: str
    related: tuple[Path, ...] = ()
    of_key: bool = False
    mark: Mark | None = None


def path_text(path: Path) -> str:
    """Write a path for people: `hypervisor.machines.hv1.macs[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return _short(text.removeprefix("."))


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the keys and values of one file stand. Without marks, everything is the whole file."""

    file: str
    values: Mapping[Path, Mark] = field(default_factory=dict)
    keys: Mapping[Path, Mark] = field(default_factory=dict)

    def mark(self, path: Path, *, of_key: bool = False) -> Mark:
        """Find a value's place; for what is not written, that of the key it is missing under."""
        if not of_key and path in self.values:
            return self.values[path]
        while path:
            if path in self.keys:
                return self.keys[path]
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return Mark(1, 1) if self.values else Mark()

    def problem(self, finding: Finding) -> Problem:
        """Give a finding its place."""
        mark = finding.mark or self.mark(finding.path, of_key=finding.of_key)
        key, what = path_text(finding.path), _short(finding.what)
        return Problem(self.file, mark.line, mark.column, key, what, finding.fix)

    def problems(self, findings: Iterable[Finding]) -> tuple[Problem, ...]:
        """Give findings their places, in the order of the file, each once."""
        found = {self.problem(finding) for finding in findings}
        return tuple(sorted(found, key=lambda each: (each.line, each.column, each.key, each.what)))


def nowhere(file: str = "site.yaml") -> Places:
    """Places of a site that was made without a file."""
    return Places(file)
