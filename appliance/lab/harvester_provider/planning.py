"""What Terraform is told will be, by the rules of the plugin SDK that upstream is built on.

Pure. A state is a dictionary of plain values; a value known only after the apply is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.lab.harvester_provider.schema import Block

State = dict[str, Any]


class _Unknown:
    """What is known only after the apply."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> _Unknown:
        return self

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self


UNKNOWN: Any = _Unknown()
_EMPTY: tuple[Any, ...] = (None, "", 0, False, {}, [])


def plan(block: Block, prior: State | None, proposed: State) -> State:
    """Say what a thing will be. `proposed` is Terraform's merge of configuration and `prior`."""
    planned = _attributes(block, prior, proposed)
    for name, inner in block.blocks.items():
        given = proposed.get(name)
        if inner.single or given is UNKNOWN:
            planned[name] = given
            continue
        before = (prior or {}).get(name) or []
        if inner.computed and not given:
            planned[name] = before
            continue
        planned[name] = [
            plan(inner, before[index] if index < len(before) else None, each)
            for index, each in enumerate(given or [])
        ]
    return planned


def replaced(block: Block, prior: State, planned: State) -> Iterator[str]:
    """Name the arguments whose change makes the thing anew."""
    for attribute in block.attributes:
        before, after = prior.get(attribute.name), planned.get(attribute.name)
        if attribute.force_new and before != after and not (_empty(before) and _empty(after)):
            yield attribute.name


def faults(block: Block, config: State, where: str = "") -> Iterator[tuple[str, str]]:
    """Give place and words of whatever is wrong with a configuration."""
    for attribute in block.attributes:
        value = config.get(attribute.name)
        if value is None or value is UNKNOWN:
            continue
        if said := attribute.fault(value):
            yield f"{where}{attribute.name}", said
    for name, inner in block.blocks.items():
        given = config.get(name)
        if inner.single or given is UNKNOWN:
            continue
        given = given or []
        if inner.maximum and len(given) > inner.maximum:
            yield f"{where}{name}", f"no more than {inner.maximum} {name} block is allowed"
        for each in given:
            yield from faults(inner, each, f"{where}{name}.")


def settled(value: Any) -> Any:
    """Replace what is still unknown by nothing: after an apply all is known."""
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return {key: settled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [settled(each) for each in value]
    return value


def aligned(block: Block, found: State, known: State) -> State:
    """Keep `known`'s way of saying nothing where `found` says nothing another way ("" for null).

    It gives every argument of the block a value, as the protocol wants it.
    """
    result: State = {}
    for attribute in block.attributes:
        value, before = found.get(attribute.name), known.get(attribute.name)
        same = _empty(value) and _empty(before) and before is not UNKNOWN
        result[attribute.name] = before if same else value
    for name, inner in block.blocks.items():
        if inner.single:
            result[name] = known.get(name)
            continue
        old = known.get(name) or []
        result[name] = [
            aligned(inner, each, old[index] if index < len(old) else {})
            for index, each in enumerate(found.get(name) or [])
        ]
    return result


def _attributes(block: Block, prior: State | None, proposed: State) -> State:
    planned: State = {}
    for attribute in block.attributes:
        value = proposed.get(attribute.name)
        before = None if prior is None else prior.get(attribute.name)
        if value is None and attribute.default is not None:
            value = attribute.default
        if value is None and attribute.computed and prior is None:
            value = UNKNOWN
        if prior is not None and value is not UNKNOWN and _empty(value) and _empty(before):
            value = before
        planned[attribute.name] = value
    return planned


def _empty(value: object) -> bool:
    return any(value is each or (value == each and type(value) is type(each)) for each in _EMPTY)
