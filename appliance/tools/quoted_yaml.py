"""YAML for readers of other programs, old ones included: every text is quoted."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from appliance.values import Secret


def dump_quoted(document: dict[str, Any]) -> Secret:
    """Write a document as YAML. What is a Secret in it is laid open in the text, which is one.

    YAML 1.1 readers take `52:54:00:12:34:56` for a number and `on` for a truth.
    """
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 1 << 20
    stream = StringIO()
    yaml.dump(_quoted(document), stream)
    return Secret(stream.getvalue())


def _quoted(value: Any) -> Any:
    match value:
        case Secret():
            return DoubleQuotedScalarString(value.reveal())
        case str():
            return DoubleQuotedScalarString(value)
        case dict():
            return {key: _quoted(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_quoted(inner) for inner in value]
        case _:
            return value
