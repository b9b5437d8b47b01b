"""Complaints as one sentence with the machine, the last evidence and the next action."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.vms.events import Diagnostic, parse
from appliance.vms.failures import (
    busy,
    failure,
    fix_for,
    hopeless,
    is_locked,
    is_stale,
    one_line,
    stale,
)

CAPTURES = Path(__file__).parents[2] / "captures" / "terraform"
SRV1 = 'module.machine["srv1"].harvester_virtualmachine.this'
IMAGE = 'module.image["debian"].harvester_image.this'


def complaints(name: str) -> list[Diagnostic]:
    """Give the complaints of a recorded stream."""
    events = map(parse, (CAPTURES / name).read_text().splitlines())
    return [event.diagnostic for event in events if event.diagnostic]


def error(summary: str, detail: str = "", address: str = "") -> Diagnostic:
    """Give an error."""
    return Diagnostic("error", summary, detail, address)


def test_one_sentence() -> None:
    """What failed, which machine, why, what was seen last, how many more, what to do."""
    found = failure(
        "the apply",
        [
            Diagnostic("warning", "old argument"),
            error("timeout while waiting for state\n  to become 'Ready'", "", SRV1),
            error("image is not ready", "checksum\n mismatch", IMAGE),
        ],
        {SRV1: "Still creating... [20m0s elapsed]"},
    )
    assert str(found) == (
        "virtual machine srv1: the apply failed: timeout while waiting for state to become 'Ready' "
        "(last seen: Still creating... [20m0s elapsed]; 1 more: image debian) "
        "→ look at it on Harvester's own page; run again to go on waiting"
    )


def test_the_resource_comes_before_what_is_about_none() -> None:
    """A complaint with an address says more than one without; halted echoes say nothing."""
    found = failure(
        "the apply", [error("execution halted"), error("Error"), error("no", "", IMAGE)], {}
    )
    assert (found.where, found.what) == ("image debian", "the apply failed: no")
    assert found.why == "1 more"


def test_no_complaint_at_all() -> None:
    """A provider that crashed leaves its words beside the stream."""
    assert failure("the plan", [], {}, "panic: nil\n map").why == "panic: nil map"
    assert failure("the plan", [], {}).why == "Terraform left no word"


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ('virtualmachines "srv1" already exists', "taken over"),
        ("x509: certificate signed by unknown authority", "certificate"),
        ("Unauthorized", "a new kubeconfig"),
        ("dial tcp 10.20.0.10:443: connect: no route to host", "does the VIP answer"),
        ('Get "https://10.20.0.10/api": EOF', "does the VIP answer"),
        ("sha512 checksum mismatch", "fetch the image again"),
        ("context deadline exceeded", "run again to go on waiting"),
        ("write x: no space left on device", "make room"),
        ("Insufficient memory", "less memory"),
        ("something else", "run again to continue"),
    ],
)
def test_the_next_action(text: str, fix: str) -> None:
    """For what is known to happen."""
    assert fix in fix_for(text)


def test_a_stale_plan_is_known() -> None:
    """As Terraform says it."""
    assert is_stale(complaints("stale.jsonl"))
    assert not is_stale(complaints("locked.jsonl"))
    assert "planned anew" in stale().fix


def test_a_held_lock_names_its_holder() -> None:
    """What the kernel knows and what Terraform noted."""
    found = complaints("locked.jsonl")
    assert is_locked(found)
    told = busy(found, "process 4711").why
    assert told.startswith("process 4711, ")
    assert ", apply, since 20" in told
    assert told.endswith(" UTC")


def test_what_will_never_be_ready() -> None:
    """The first by name with its reason, the others by name."""
    found = hopeless({"image b": "no", "image a": "checksum\nmismatch"})
    assert (found.where, found.why) == ("image a", "checksum mismatch; 1 more: image b")
    assert "fetch the image again" in found.fix


def test_one_line() -> None:
    """Boxes are taken off, long texts cut."""
    assert one_line("╷\n│ Error: no\n│\n│   way\n╵") == "Error: no way"
    assert len(one_line("x" * 9999)) == 400
