"""The diagram is the table's, and the document's is the diagram."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.machines.diagram import BEGIN, END, from_many, in_document, mermaid
from appliance.machines.state import TRANSITIONS, Seen, State

DOCUMENT = Path(__file__).parents[3] / "docs" / "how-a-boot-works.md"


def test_the_document_is_up_to_date() -> None:
    """Else: `python -m appliance.machines.diagram docs/how-a-boot-works.md`."""
    text = DOCUMENT.read_text("utf-8")
    assert in_document(text) == text


def test_every_state_and_every_evidence_of_the_table_is_shown() -> None:
    """Nothing of the table is lost between drawing and list."""
    shown = mermaid() + from_many()
    used = {seen for (source, seen), target in TRANSITIONS.items() if source is not target}
    assert all(seen.value in shown for seen in used)
    assert all(
        state.value.replace("-", "_") in mermaid() or state.value in shown for state in State
    )


def test_every_evidence_is_named_in_the_document() -> None:
    """Those that only remark on a machine are left out."""
    text = DOCUMENT.read_text("utf-8")
    silent = {Seen.DEADLINE}
    assert {seen.value for seen in Seen if f"`{seen.value}`" not in text} <= {
        each.value for each in silent | _DRAWN
    }


_DRAWN = {Seen.SYSTEM_DHCP, Seen.INSTALL_LIMIT, Seen.REINSTALL_ORDERED}


def test_the_good_way_is_drawn() -> None:
    """From power-on to ready, one arrow after the other."""
    drawn = mermaid()
    for arrow in ("expected --> firmware", "bootloader --> script", "rebooted --> ready"):
        assert f"{arrow}: " in drawn


def test_a_document_without_marks_is_refused() -> None:
    """Nothing is written into a document that has no place for it."""
    with pytest.raises(ValueError, match="has no"):
        in_document("# Title\n")
    assert mermaid() in in_document(f"a\n{BEGIN}\nold\n{END}\nb\n")
