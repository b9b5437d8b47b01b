"""What a plan would do: `terraform show -json <plan>` to `Changes`. Pure.

The JSON of a plan is a versioned interface too (`format_version` "1.x").
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appliance.errors import StepError
from appliance.vms.events import Counts
from appliance.vms.words import resource_words

FORMAT_MAJOR = "1"
TAINTED = "replace_because_tainted"
_MACHINE = "harvester_virtualmachine"
_CLOUD_INIT_DISK = "cloudinitdisk"
_LONGEST = 60


class Action(StrEnum):
    """What is done to one resource, in an operator's word."""

    MAKE = "make"
    ALTER = "alter"
    REPLACE = "replace"
    REMOVE = "remove"
    ADOPT = "take over"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs, as texts short enough for a line; secrets are never in it."""

    setting: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What the plan does to one resource.

    `what` names it in words ("virtual machine srv1"); `kind` is its Terraform type; `values` what
    it will be (what it was, where it is removed), as the provider has it; `reason` Terraform's own
    word for why, such as `replace_because_tainted`. `adopted`: it exists, and Terraform takes it
    over instead of making it.
    """

    address: str
    kind: str
    what: str
    action: Action
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    values: Mapping[str, Any] | None = None
    adopted: bool = False

    def __str__(self) -> str:
        because = " (it was left half made)" if self.reason == TAINTED else ""
        because += " (it is there already)" if self.adopted else ""
        details = "; ".join(map(str, self.differences))
        shown = f": {details}" if details and self.action in {Action.ALTER, Action.REPLACE} else ""
        return f"{self.action} {self.what}{because}{shown}"


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that was altered or removed outside Terraform. `differences`: ours → found."""

    what: str
    gone: bool
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        if self.gone:
            return f"{self.what} is gone"
        return f"{self.what}: " + "; ".join(
            f"{each.setting} is {each.after}, was {each.before}" for each in self.differences
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """All that a plan would do. `plan` is the SHA-256 of its file: only that one is applied."""

    resources: tuple[ResourceChange, ...] = ()
    drift: tuple[Drift, ...] = ()
    plan: str = ""
    destroy: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether everything is as it should be."""
        return not self.resources

    @property
    def counts(self) -> Counts:
        """How many are made, altered, removed; what is replaced counts twice, as Terraform does."""

        def count(*actions: Action) -> int:
            return sum(1 for each in self.resources if each.action in actions)

        return Counts(
            add=count(Action.MAKE, Action.REPLACE),
            change=count(Action.ALTER),
            remove=count(Action.REMOVE, Action.REPLACE),
            adopt=sum(1 for each in self.resources if each.adopted),
        )

    def lines(self) -> tuple[str, ...]:
        """Say it, a line for each resource."""
        return tuple(str(each) for each in self.resources)

    def findings(self) -> tuple[str, ...]:
        """Say what differs from what was built, a line each: what was seen to change, first.

        A resource that differs though nobody was seen to touch it is told by what would be done.
        """
        told = tuple(str(each) for each in self.drift)
        known = {each.what for each in self.drift}
        rest = (f"to {each}" for each in self.resources if each.what not in known)
        return (*told, *rest)

    def __str__(self) -> str:
        return "nothing to do" if self.is_empty else str(self.counts)


def parse_plan(text: str, plan: str = "", *, destroy: bool = False) -> Changes:
    """Read what `show -json` said. Raises StepError for what is no plan of a known format."""
    shown = _plan(text)
    changes = [_change(each) for each in shown.get("resource_changes") or ()]
    resources = tuple(each for each in changes if each is not None)
    touched = {each.address for each in resources}
    # Computed values move by themselves (an address is leased, a state is running): only a change
    # that the plan would answer is somebody's doing.
    drift = tuple(
        _drift(each)
        for each in shown.get("resource_drift") or ()
        if str(each.get("address")) in touched
    )
    seen = tuple(each for each in drift if each.gone or each.differences)
    return Changes(resources, seen, plan, destroy)


def _plan(text: str) -> dict[str, Any]:
    try:
        shown = json.loads(text)
        major = str(shown["format_version"]).partition(".")[0]
    except (ValueError, KeyError, TypeError) as error:
        raise StepError(
            "Terraform's plan cannot be read", why=f"its JSON is not as documented: {error!r}"
        ) from error
    if major != FORMAT_MAJOR or not isinstance(shown, dict):
        raise StepError(
            f"Terraform's plan is of format {shown['format_version']}",
            why=f"only {FORMAT_MAJOR}.x is known here",
            fix="put a Terraform 1.x or OpenTofu 1.x into the depot",
        )
    return shown


def _change(said: Mapping[str, Any]) -> ResourceChange | None:
    """Give a change of a managed resource, None for one that is as it should be."""
    change = _without_phantom_disk(said)
    action = _action(change)
    if action is None or said.get("mode") != "managed":
        return None
    return ResourceChange(
        address=str(said.get("address", "")),
        kind=str(said.get("type", "")),
        what=_named(said),
        action=action,
        differences=_differences(change),
        reason=str(said.get("action_reason") or ""),
        values=change.get("after") or change.get("before") or {},
        adopted=bool(change.get("importing")),
    )


def _without_phantom_disk(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the change without a disk that is none: an update that is about no more is none either.

    Harvester's provider reads the cloud-init data back as one more disk, from 1.8.0 on and still in
    the first candidates of 1.9 (harvester#10728): every plan would take it away from every machine.
    """
    change: Mapping[str, Any] = said.get("change") or {}
    before, after = change.get("before"), change.get("after")
    if said.get("type") != _MACHINE or not before or not after:
        return change
    had, wanted = before.get("disk") or [], after.get("disk") or []
    real = [each for each in had if not _is_phantom(each)]
    if len(real) == len(had) or any(_is_phantom(each) for each in wanted):
        return change
    change = {**change, "before": {**before, "disk": real}}
    update = tuple(change.get("actions") or ()) == ("update",)
    return {**change, "actions": ["no-op"]} if update and not _differences(change) else change


def _is_phantom(disk: Mapping[str, Any]) -> bool:
    return disk.get("name") == _CLOUD_INIT_DISK


def _action(change: Mapping[str, Any]) -> Action | None:
    match tuple(change.get("actions") or ()):
        case ("create",):
            return Action.MAKE
        case ("update",):
            return Action.ALTER
        case ("delete", "create") | ("create", "delete"):
            return Action.REPLACE
        case ("delete",):
            return Action.REMOVE
        case ("forget",):
            return Action.FORGET
        case _:
            return Action.ADOPT if change.get("importing") else None


def _drift(said: Mapping[str, Any]) -> Drift:
    change = said.get("change") or {}
    gone = _action(change) is Action.REMOVE
    return Drift(_named(said), gone, () if gone else _differences(change))


def _named(said: Mapping[str, Any]) -> str:
    return resource_words(
        str(said.get("type", "")),
        said.get("index"),
        str(said.get("name", "")),
        str(said.get("module_address") or ""),
    )


def _differences(change: Mapping[str, Any]) -> tuple[Difference, ...]:
    before, after = change.get("before"), change.get("after")
    if before is None or after is None:
        return ()
    hidden = (change.get("before_sensitive"), change.get("after_sensitive"))
    return tuple(_walk("", before, after, change.get("after_unknown"), hidden))


def _walk(
    path: str, before: Any, after: Any, unknown: Any, hidden: tuple[Any, Any]
) -> Iterator[Difference]:
    """Give each leaf that differs. What is only known after the apply is no difference yet."""
    if unknown is True or (before == after and not isinstance(unknown, dict | list)):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            inner = f"{path}.{key}" if path else key
            shaded = (_within(hidden[0], key), _within(hidden[1], key))
            yield from _walk(inner, before.get(key), after.get(key), _within(unknown, key), shaded)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            inner = path if len(before) == 1 else f"{path}[{place}]"
            shaded = (_within(hidden[0], place), _within(hidden[1], place))
            yield from _walk(inner, old, new, _within(unknown, place), shaded)
    elif before != after:
        secret = bool(hidden[0]) or bool(hidden[1])
        shown = _short(before, secret=secret), _short(after, secret=secret)
        if secret or shown[0] != shown[1]:  # null and empty are the same to a reader
            yield Difference(path, *shown)


def _within(marks: Any, key: str | int) -> Any:
    """Go down in a tree of marks, which says True for all that is below."""
    if isinstance(marks, dict):
        return marks.get(str(key), False)
    if isinstance(marks, list) and isinstance(key, int):
        return marks[key] if key < len(marks) else False
    return marks is True


def _short(value: Any, *, secret: bool) -> str:
    if secret:
        return "******"
    if value is None or value in ("", [], {}):
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
