"""Site file to Site, or every problem of it in one pass, each with its line and column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from appliance import advice
from appliance.errors import InputError, SiteFileError
from appliance.site.model import Site
from appliance.site.places import Finding, Mark, Path, Places, path_text
from appliance.site.rules import broken_rules
from appliance.site.scalars import WRONG, nearest
from appliance.site.versions import nearest_known
from appliance.site.yaml_text import MAX_OCTETS, Value, read_yaml

_KEY_MARK = "[key]"
"""pydantic puts this last in the location of an error in a map's key."""

_STAND_INS: dict[Path, str] = {
    ("site",): "site",
    ("hypervisor", "harvester"): nearest_known(""),
}
"""What holds the place of a required value that is wrong, so that the rules can still look."""


@dataclass(frozen=True, slots=True)
class LoadedSite:
    """A valid site and where each of its values stands in its file."""

    site: Site
    places: Places


def load_file(path: FilePath) -> LoadedSite:
    """Read a site file.

    Raises InputError where there is no readable text, SiteFileError with all problems of one.
    """
    return load_text(_read(path), str(path))


def load_text(text: str, file: str = "site.yaml") -> LoadedSite:
    """Read a site from text. Raises SiteFileError with all its problems."""
    read = read_yaml(text, file)
    if read.data is None:
        nothing = Finding((), "the file says nothing", "begin with: site: a-name", mark=Mark(1, 1))
        raise SiteFileError(read.places.problems(read.findings or (nothing,)))
    if not isinstance(read.data, dict):
        fix = "begin with: site: a-name"
        raise SiteFileError(
            read.places.problems([Finding((), "this is no map of keys and values", fix)])
        )
    site, findings = _validate(read.data, read.findings)
    if site is None or findings:
        raise SiteFileError(read.places.problems(findings))
    return LoadedSite(site, read.places)


def _read(path: FilePath) -> str:
    example = "see examples/minimal.yaml"
    try:
        with path.open("rb") as stream:
            octets = stream.read(MAX_OCTETS + 1)
    except IsADirectoryError:
        raise InputError(
            "this is a folder", where=str(path), fix="name the site file in it"
        ) from None
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path), fix=example) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            "the file cannot be read",
            where=str(path),
            why=reason,
            fix="let this user read it, or run as root",
        ) from error
    if len(octets) > MAX_OCTETS:
        raise InputError(
            "the file is larger than 1 MiB", where=str(path), why="no site file is", fix=example
        )
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise InputError(
            "the file is not UTF-8 text",
            where=f"{path}:{line}",
            why=f"octet {octets[error.start]:#04x}",
            fix="save it as UTF-8",
        ) from error


def _validate(
    data: dict[str, Value], syntax: tuple[Finding, ...]
) -> tuple[Site | None, tuple[Finding, ...]]:
    try:
        site = Site.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
    else:
        return site, (*syntax, *broken_rules(site))
    findings = _without_repeats(syntax, [_finding(each) for each in details])
    wrong = tuple(finding.path for finding in findings)
    repaired = _repaired(data, details)
    if repaired is not None:
        findings += [each for each in broken_rules(repaired) if not _follows(each, wrong)]
    return None, tuple(findings)


def _without_repeats(syntax: tuple[Finding, ...], of_model: list[Finding]) -> list[Finding]:
    """Say once what stands in the text and is missed by the model: a key without its value."""
    unsaid = [each.path for each in syntax]
    missing = {each.path for each in of_model if each.what == _MISSING}
    return [
        *(
            replace(each, fix=_missing_fix(each.path)) if each.path in missing else each
            for each in syntax
        ),
        *(
            each
            for each in of_model
            if not (each.what == _MISSING and each.path in unsaid)
            and not (each.what == _EMPTY and any(p[: len(each.path)] == each.path for p in unsaid))
        ),
    ]


def _follows(finding: Finding, wrong: tuple[Path, ...]) -> bool:
    mine = (finding.path, *finding.related)
    return any(path[: len(bad)] == bad for path in mine for bad in wrong if bad)


def _repaired(data: dict[str, Value], details: list[ErrorDetails]) -> Site | None:
    for each in details:
        _cut(data, _path_of(each)[0])
    for path, stand_in in _STAND_INS.items():
        holder: Any = data
        for part in path[:-1]:
            holder = holder.setdefault(part, {}) if isinstance(holder, dict) else {}
        if isinstance(holder, dict):
            holder.setdefault(path[-1], stand_in)
    try:
        return Site.model_validate(data)
    except ValidationError:
        return None


def _cut(data: dict[str, Value], path: Path) -> None:
    holder: Any = data
    for depth, part in enumerate(path):
        if isinstance(holder, list):
            # Cutting one item would renumber the others: the list goes as a whole.
            _cut(data, path[:depth])
            return
        if not isinstance(holder, dict) or part not in holder:
            return
        if depth == len(path) - 1:
            del holder[part]
            return
        holder = holder[part]


_MISSING = "this key is missing"
_EMPTY = "nothing is in it"
_TYPES = {
    "missing": (_MISSING, "write it"),
    "model_type": ("keys and values belong here", "write a map, one 'key: value' a line"),
    "dict_type": ("keys and values belong here", "write a map, one 'key: value' a line"),
    "tuple_type": ("a list belongs here", "write [one, another]"),
    "too_short": (_EMPTY, "write at least one"),
}


def _path_of(details: ErrorDetails) -> tuple[Path, bool]:
    """Give the path of an error, and whether it is about the key itself."""
    location = details["loc"]
    of_key = details["type"] == WRONG and location[-1:] == (_KEY_MARK,)
    return (location[:-1] if of_key else location), of_key


def _finding(details: ErrorDetails) -> Finding:
    path, of_key = _path_of(details)
    kind = details["type"]
    if kind == "extra_forbidden":
        return Finding(path, "no such key", _known_key_fix(path), of_key=True)
    if kind == WRONG:
        context = details.get("ctx", {})
        return Finding(path, str(context["what"]), str(context["fix"]), of_key=of_key)
    what, fix = _TYPES.get(kind, (details["msg"], "see docs/settings.md"))
    if kind == "missing":
        fix = _missing_fix(path)
    return Finding(path, what, fix)


def _missing_fix(path: Path) -> str:
    model = model_at(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    example = f" {field.examples[0]}" if field and field.examples else " …"
    return f"write {path[-1]}:{example}"


_SECRETS = ("password", "passwd", "passphrase", "secret", "token")


def _known_key_fix(path: Path) -> str:
    if str(path[-1]).lower() in _SECRETS:
        return (
            "no secret belongs in a site file: take it out; the password of a BMC "
            f"{advice.password_elsewhere()}"
        )
    model = model_at(path[:-1])
    if model is None:
        return "see docs/settings.md"
    key = str(path[-1])
    near = nearest(key, model.model_fields)
    if near:
        return f"did you mean {near}?"
    elsewhere = [where for where in _all_keys(Site) if where[-1] == key]
    if elsewhere:
        return f"it belongs at {path_text(elsewhere[0])}"
    return f"known here: {', '.join(model.model_fields)}"


def model_at(path: Path) -> type[BaseModel] | None:
    """Find the model that describes what is at a path."""
    model: type[BaseModel] | None = Site
    parts = list(path)
    while parts and model is not None:
        field = model.model_fields.get(str(parts.pop(0)))
        if field is None:
            return None
        model, is_map = _model_in(field.annotation)
        if is_map and parts:
            parts.pop(0)
    return model


def _model_in(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    """Find the model in an annotation (`X | None`, `dict[Label, X]`), and whether it is a map."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    is_map = get_origin(annotation) is dict
    for part in get_args(annotation):
        model, _ = _model_in(part)
        if model is not None:
            return model, is_map
    return None, is_map


def _all_keys(model: type[BaseModel], path: Path = ()) -> Iterator[Path]:
    for name, field in model.model_fields.items():
        yield (*path, name)
        inner, is_map = _model_in(field.annotation)
        if inner is not None:
            yield from _all_keys(inner, (*path, name, "<name>") if is_map else (*path, name))
