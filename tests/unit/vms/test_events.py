"""Terraform's stream: recorded from real runs, and whatever else may stand there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import StepError
from appliance.vms.events import Counts, Kind, TfEvent, parse

CAPTURES = Path(__file__).parents[2] / "captures" / "terraform"


def recorded(name: str) -> list[TfEvent]:
    """Read a recorded stream."""
    return [parse(line) for line in (CAPTURES / name).read_text().splitlines()]


def kinds(name: str) -> list[Kind]:
    """Give the kinds of a recorded stream, each once, in order."""
    return list(dict.fromkeys(event.kind for event in recorded(name)))


def test_a_plan() -> None:
    """Which Terraform, what is planned, how much of it."""
    version, first, second, summary, _ = recorded("plan.jsonl")
    assert (version.kind, version.version) == (Kind.VERSION, "1.11.4")
    assert (first.what, first.action) == ("terraform data srv1", "create")
    assert second.address == 'terraform_data.machine["srv2"]'
    assert summary.counts == Counts(add=2)
    assert str(summary.counts) == "2 to make, 0 to alter, 0 to remove"


def test_an_apply() -> None:
    """Begun, done, with the id and the seconds it took; what is not known is left alone."""
    assert kinds("apply.jsonl") == [
        Kind.VERSION,
        Kind.PLANNED_CHANGE,
        Kind.APPLY_START,
        Kind.OTHER,
        Kind.APPLY_COMPLETE,
        Kind.CHANGE_SUMMARY,
        Kind.OUTPUTS,
    ]
    done = [event for event in recorded("apply.jsonl") if event.kind is Kind.APPLY_COMPLETE]
    assert {event.what for event in done} == {"terraform data srv1", "terraform data srv2"}
    assert all(event.object_id and event.seconds == 0 for event in done)


def test_a_failure() -> None:
    """The resource that failed, and what was said of it."""
    events = recorded("failed.jsonl")
    (errored,) = (event for event in events if event.kind is Kind.APPLY_ERRORED)
    (said,) = (event.diagnostic for event in events if event.diagnostic)
    assert errored.address == said.address == 'terraform_data.machine["bad"]'
    assert (said.is_error, said.summary) == (True, "local-exec provisioner error")
    assert (said.file, said.line) == ("main.tf", 7)
    assert "exit status 1" in said.detail


def test_an_interrupt() -> None:
    """It is told, and what was under way says so."""
    events = recorded("interrupted.jsonl")
    order = [event.kind for event in events]
    told = next(i for i, event in enumerate(events) if event.text.startswith("Interrupt received"))
    assert events[told].kind is Kind.LOG
    assert order.index(Kind.APPLY_ERRORED) > told


def test_opentofu_names_itself_otherwise() -> None:
    """The same stream with `tofu` in place of `terraform`."""
    line = {"@message": "OpenTofu 1.10.6", "tofu": "1.10.6", "type": "version", "ui": "1.2"}
    assert parse(json.dumps(line)).version == "1.10.6"


@pytest.mark.parametrize("ui", ["2.0", "0.1", "", None])
def test_an_unknown_major_is_refused(ui: str | None) -> None:
    """Nothing is guessed about a stream of another major."""
    line = json.dumps({"@message": "x", "type": "version", "terraform": "9.0.0", "ui": ui})
    with pytest.raises(StepError, match="of its event stream"):
        parse(line)


def test_a_later_minor_and_unknown_types_are_taken() -> None:
    """As the interface's documentation asks."""
    later = {"@message": "hm", "type": "ephemeral_op_start", "hook": {"new": []}}
    assert parse(json.dumps(later)) == TfEvent(Kind.OTHER, "hm")
    version = {"@message": "v", "type": "version", "terraform": "1.99.0", "ui": "1.9", "more": 1}
    assert parse(json.dumps(version)).version == "1.99.0"


@pytest.mark.parametrize("line", ["panic: runtime error", "", "{", "[1]", "7", '{"a": 1}', "null"])
def test_what_is_no_message_is_kept_as_text(line: str) -> None:
    """Providers and the Go runtime write there too."""
    assert parse(f"{line}\n") == TfEvent(Kind.TEXT, line)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["@message", "@level", "type", "hook", "change", "changes", "diagnostic", "resource", "ui"]
)
TYPES = st.sampled_from([kind.value for kind in Kind])


@given(st.dictionaries(KEYS, VALUES), TYPES)
def test_any_shape_is_an_event_or_refused(message: dict[str, object], kind: str) -> None:
    """Garbage is an event or the one refusal, nothing else."""
    line = json.dumps({"@message": "x", **message, "type": kind})
    if kind == Kind.VERSION and not (
        isinstance(message.get("ui"), str) and str(message["ui"]).partition(".")[0] == "1"
    ):
        with pytest.raises(StepError, match="event stream"):
            parse(line)
    else:
        assert parse(line).kind in {Kind(kind), Kind.OTHER}
