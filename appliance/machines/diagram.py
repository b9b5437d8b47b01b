"""The diagram of the machine states, drawn from the table. Pure.

`python -m appliance.machines.diagram FILE` rewrites the diagram between its marks in a document.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

from appliance.machines.state import TRANSITIONS, Seen, State

BEGIN = "<!-- states: drawn from appliance/machines/state.py, do not edit -->"
END = "<!-- states: end -->"

_FROM_ANY = 4
"""Transitions from so many states or more are drawn as one, from "any state"."""


def mermaid() -> str:
    """Give the table as a Mermaid state diagram, in a fenced block."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> expected"]
    lines += [f'    state "{each.value}" as {_id(each)}' for each in State if "-" in each.value]
    for (source, target), seen in _edges().items():
        words = "\\n".join(sorted(each.value for each in seen))
        lines.append(f"    {_id(source)} --> {_id(target)}: {words}")
    lines.append("    ready --> [*]")
    lines.append("```")
    return "\n".join(lines)


def from_many() -> str:
    """Give, as a list, the transitions that many states share and the drawing leaves out."""
    lines = []
    for seen, target in _shared():
        sources = [each for each in State if TRANSITIONS.get((each, seen)) is target]
        names = ", ".join(each.value for each in sources if each is not target)
        lines.append(f"- `{seen.value}` leads to **{target.value}** from {names}.")
    return "\n".join(lines)


def in_document(text: str) -> str:
    """Give a document with the diagram between its marks. Raises ValueError without marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{mermaid()}\n\n{from_many()}\n\n{END}{after}"


def main() -> None:
    """Rewrite the diagram in the named document."""
    path = Path(sys.argv[1])
    path.write_text(in_document(path.read_text("utf-8")), "utf-8")


def _id(state: State) -> str:
    return state.value.replace("-", "_")


def _shared() -> list[tuple[Seen, State]]:
    counts: dict[tuple[Seen, State], int] = {}
    for (source, seen), target in TRANSITIONS.items():
        if source is not target:
            counts[seen, target] = counts.get((seen, target), 0) + 1
    return sorted(pair for pair, count in counts.items() if count >= _FROM_ANY)


def _edges() -> dict[tuple[State, State], list[Seen]]:
    shared = set(_shared())
    edges: dict[tuple[State, State], list[Seen]] = {}
    for (source, seen), target in sorted(TRANSITIONS.items(), key=_order):
        # The shared ones are drawn once, along the way of a good installation.
        if source is not target and ((seen, target) not in shared or _is_good(source, target)):
            edges.setdefault((source, target), []).append(seen)
    return edges


_GOOD_WAY = (
    State.EXPECTED,
    State.FIRMWARE,
    State.BOOTLOADER,
    State.SCRIPT,
    State.KERNEL,
    State.ROOTFS,
    State.CONFIG,
    State.STARTED,
    State.IMAGE,
    State.INSTALLED,
    State.REBOOTED,
    State.READY,
)


def _is_good(source: State, target: State) -> bool:
    return (source, target) in set(pairwise(_GOOD_WAY))


def _order(entry: tuple[tuple[State, Seen], State]) -> tuple[int, int, str]:
    (source, seen), target = entry
    states = list(State)
    return states.index(source), states.index(target), seen.value


if __name__ == "__main__":
    main()
