"""The laptop may leave only when nothing that was seen speaks against it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from appliance.handover.unplug import TAKEN_OVER, Evidence, NotYet, Safe, Seen, judge, names
from appliance.site.plan import Plan
from tests.plans import plan
from tests.staged import staged

SITE = staged()
GOOD = Evidence(
    answers=tuple(Seen(each, ok=True, text="it answers") for each in TAKEN_OVER),
    documents={"hv1": "dns: 10.20.0.5", "server1": "nameservers: [10.20.0.5]\nhost: 10.20.0.21"},
    leased=(),
    api=Seen("the API", ok=True, text="4 nodes Ready"),
    laptop="",
)


def reasons(evidence: Evidence, of: Plan = SITE) -> tuple[str, ...]:
    """Judge, and give why not."""
    found = judge(of, evidence)
    return found.reasons if isinstance(found, NotYet) else ()


def test_it_is_safe_when_all_was_seen() -> None:
    """And what was seen is said."""
    found = judge(SITE, GOOD)
    assert isinstance(found, Safe)
    assert str(found) == "safe to unplug"
    assert "the API: 4 nodes Ready" in found.because
    assert found.because[-1] == "none of 2 configurations names 10.20.0.2"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answers": GOOD.answers[1:]}, "names was not asked of staging"),
        (
            {"answers": (Seen("time", ok=False, text="no answer"), *GOOD.answers)},
            "time: no answer",
        ),
        ({"documents": {"hv1": "ntp: 10.20.0.2,"}}, "hv1 names the laptop's address 10.20.0.2"),
        ({"leased": ("app1",)}, "app1 has an address of the laptop's pool"),
        ({"laptop": "p0"}, "this laptop itself has the services address 10.20.0.5, on p0"),
        ({"api": None}, "the cluster's API was not asked"),
        ({"api": Seen("the API", ok=False, text="3 of 4 nodes Ready")}, "3 of 4 nodes"),
    ],
)
def test_one_thing_is_enough_to_keep_it(change: dict[str, Any], words: str) -> None:
    """Each with its reason."""
    found = reasons(replace(GOOD, **change))
    assert len(found) == 1
    assert words in found[0]


def test_every_reason_is_given_at_once() -> None:
    """One visit is enough to mend them."""
    bad = replace(GOOD, leased=("a", "b"), laptop="p0")
    assert len(reasons(bad)) == 3
    assert str(judge(SITE, bad)).startswith("not yet safe to unplug: a has")


def test_a_plan_that_needs_the_laptop_is_never_safe() -> None:
    """Names, time, and the route."""
    laptop = SITE.provisioning.bridge
    network = replace(SITE.provisioning, dns=(laptop,), ntp=(laptop,), gateway=laptop)
    assert reasons(GOOD, replace(SITE, networks=(network,))) == (
        "machines on main ask the laptop for names",
        "machines on main ask the laptop for time",
        "the laptop is the default route of main",
    )


def test_a_site_with_services_of_its_own_needs_no_staging_machine() -> None:
    """Nor an API where it has no cluster, nor one that is stopped."""
    bare = Evidence(answers=(), documents={}, leased=(), api=None, laptop="")
    assert isinstance(judge(plan(), bare), Safe)
    assert SITE.cluster is not None
    stopped = replace(SITE, cluster=replace(SITE.cluster, active=False))
    assert isinstance(judge(stopped, replace(GOOD, api=None)), Safe)


def test_a_member_without_an_address_is_a_reason() -> None:
    """Its lease would end with the laptop."""
    moving = replace(SITE, vms=(replace(SITE.vms[1], address=None), *SITE.vms[2:]))
    assert "server1 has no address of its own" in reasons(GOOD, moving)[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.20.0.2", True),
        ("http://10.20.0.2/a/x", True),
        ("10.20.0.2:5000", True),
        ("at 10.20.0.2.", True),
        ("10.20.0.21", False),
        ("110.20.0.2", False),
        ("10.20.0.2.in", True),
        ("1.10.20.0.2", False),
    ],
)
def test_an_address_is_found_as_a_whole(text: str, found: bool) -> None:  # noqa: FBT001
    """One that begins or ends with it is another."""
    assert names(text, IPv4Address("10.20.0.2")) is found
