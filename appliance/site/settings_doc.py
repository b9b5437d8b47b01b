"""Writes docs/settings.md from the models: `python -m appliance.site.settings_doc`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.site import disk
from appliance.site.model import Site

DOC = Path("docs/settings.md")

_HEAD = """# Settings: what `site.yaml` may say

<!-- Written by `python -m appliance.site.settings_doc` from appliance/site/model.py. -->

The site file says what is true of the site, and nothing of one laptop: no interface, no folder, no
secret. What is left out has the default named here. Proposed values are shown by `provision plan`
and kept from their first use on: the order of the file never matters, and a new machine moves
nobody. An unknown key is refused with its line, its column and the nearest key there is.

A value is read by its key: `serial: 0012` keeps its noughts, and `mac: 52:54:00:12:34:56` is no
number. Quotes are needed only where a value holds YAML's own signs, such as a comma inside braces.
Sizes are written `64G`; `G` and `GiB` are 2³⁰ octets, `GB`
is 10⁹, as disks are sold. YAML anchors and tags are refused.

`provision schema` gives the same as a JSON Schema, for editors. `examples/` has whole files.
"""

_TAIL = """## Disk selectors

A selector is terms joined by commas, all of which must hold, and exactly one disk of the machine
must match: of two, none is guessed. The machine reports its disks when it boots from the network;
until then it is not armed. USB and removable disks match only where the selector asks for them, by
`usb`, `removable` or `bus = usb`. What was chosen is kept, shown by `provision plan`, and chosen
anew where the selector is changed.

| term | holds for |
| --- | --- |
| `size >= 250G` | disks of that size or larger; also `<=`, `>`, `<`, `=`, `!=` |
| `model ~ "PM9A3"` | disks whose model contains the text, in any case; also `!~`, `=`, `!=` |
| `serial = S64FNE0R501234` | the same for {facts} |
| `usb`, `not usb` | disks on that bus, or not: {traits} |
"""


def settings_text() -> str:
    """Write the whole page."""
    schema = Site.model_json_schema()
    facts = ", ".join(f"`{fact}`" for fact in disk.TextFact)
    traits = ", ".join(f"`{trait}`" for trait in disk.Trait)
    tail = _TAIL.format(facts=facts, traits=traits)
    return "\n".join([_HEAD, *_sections(schema, schema["$defs"], "", "The file"), tail])


def _sections(
    schema: dict[str, Any], models: dict[str, Any], path: str, title: str
) -> Iterator[str]:
    required = schema.get("required", [])
    rows = ["| key | what it is | left out | type |", "| --- | --- | --- | --- |"]
    rows += [
        _row(name, field, required=name in required) for name, field in schema["properties"].items()
    ]
    yield f"## {title}\n\n{schema['description']}\n\n" + "\n".join(rows) + "\n"
    for name, field in schema["properties"].items():
        reference = _reference(field)
        if reference is not None:
            here = f"{path}{name}.<name>" if _is_map(field) else f"{path}{name}"
            yield from _sections(models[reference], models, f"{here}.", f"`{here}`")


def _row(name: str, field: dict[str, Any], *, required: bool) -> str:
    left_out = "**must be given**" if required else _left_out(field)
    cells = (f"`{name}`", str(field.get("description", "")), left_out, _kind(field))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _left_out(field: dict[str, Any]) -> str:
    if "unsaid" in field:
        return str(field["unsaid"])
    default = field.get("default")
    if isinstance(default, dict):
        return "all its defaults"
    if default is None or default == []:
        return "none"
    return f"`{_yaml(default)}`"


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_yaml(each) for each in value)}]"
    return str(value)


def _kind(field: dict[str, Any]) -> str:
    if _reference(field) is not None:
        return "maps by name" if _is_map(field) else "map"
    if field.get("type") == "array":
        return f"list: {_kind(field['items'])}"
    if _is_map(field):
        return f"map by name: {_kind(next(iter(field['patternProperties'].values())))}"
    inner = next((each for each in field.get("anyOf", ()) if "kind" in each), field)
    return str(inner["kind"])


def _is_map(field: dict[str, Any]) -> bool:
    return "patternProperties" in field


def _reference(field: dict[str, Any]) -> str | None:
    """Name the model that a key's value is described by, if it is one."""
    held = next(iter(field.get("patternProperties", {}).values()), field)
    for each in (held, *held.get("anyOf", ())):
        if "$ref" in each:
            return str(each["$ref"]).rpartition("/")[2]
    return None


def main() -> None:
    """Write the page where it stands in the project, seen from the project's folder."""
    DOC.write_text(settings_text(), encoding="utf-8")
    sys.stdout.write(f"{DOC} written\n")


if __name__ == "__main__":
    main()
