"""What a plan wants, and what vouches for each file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.artifacts.catalog import (
    IPXE_NAMES,
    Trust,
    Wanted,
    accepted_digests,
    built_here,
    fix_for,
    read_builds,
    wanted,
    wanted_stage1,
)
from appliance.artifacts.sums import parse_sums
from appliance.errors import ArtifactError
from appliance.site.artifact_names import BOOT_DISC
from appliance.site.plan import Plan
from appliance.values import Digest

ROOT = Path(__file__).parents[3]
BUILDS = (ROOT / "ipxe" / "binaries.toml").read_text("utf-8")
A = "a" * 128


def test_harvesters_five_the_three_of_ipxe_and_its_disc(plan: Plan) -> None:
    """All by name, the list before what it vouches for, from upstream's documented place."""
    wants = wanted(plan, read_builds(BUILDS))
    assert [each.name for each in wants] == [
        "harvester-v1.8.2-amd64.sha512",
        "harvester-v1.8.2-vmlinuz-amd64",
        "harvester-v1.8.2-initrd-amd64",
        "harvester-v1.8.2-rootfs-amd64.squashfs",
        "harvester-v1.8.2-amd64.iso",
        *IPXE_NAMES,
        BOOT_DISC,
    ]
    assert wants[1].source == (
        "https://releases.rancher.com/harvester/v1.8.2/harvester-v1.8.2-vmlinuz-amd64"
    )
    assert {each.trust for each in wants[1:5]} == {Trust.SUMS}
    assert all(each.why for each in wants)
    assert [each.is_remote for each in wants] == [True] * 5 + [False] * 4
    assert [each.name for each in wants if not each.needed] == [BOOT_DISC]


def test_our_small_linux_is_wanted_and_not_needed() -> None:
    """It is imported where it is; what this computer built is held to its very bytes."""
    wants = wanted_stage1()
    assert [each.name for each in wants] == [
        "stage1-amd64.efi",
        "stage1-amd64.vmlinuz",
        "stage1-amd64.initrd",
    ]
    assert not any(each.needed or each.is_remote for each in wants)
    assert all(each.served for each in wants)
    built = built_here(wants[0], "/there/stage1-amd64.efi", Digest("sha256", "b" * 64))
    assert accepted_digests(built, {}) == (Digest("sha256", "b" * 64),)
    assert "fetch again" in fix_for(built)


def test_names_need_no_list_of_builds(plan: Plan) -> None:
    """The flow asks only for names: the depot has verified the rest."""
    assert [each.name for each in wanted(plan)] == [
        each.name for each in wanted(plan, read_builds(BUILDS))
    ]


def test_recorded_builds_are_of_the_names_we_hand_out() -> None:
    """Each of the four has a recorded SHA-256 and says which package it is of."""
    builds = read_builds(BUILDS)
    assert {each.name for each in builds} == {*IPXE_NAMES, BOOT_DISC}
    assert all(re.search(r"ipxe \d", each.package) for each in builds)


def test_an_unrecorded_build_is_refused_with_the_fix(plan: Plan) -> None:
    """No recorded checksum: refused, unless the operator takes the build as it is."""
    refused = wanted(plan)[-1]
    with pytest.raises(ArtifactError, match="--accept-ipxe"):
        accepted_digests(refused, {})
    taken = wanted(plan, read_builds(BUILDS), accept_ipxe=True)[-1]
    assert taken.trust is Trust.FIRST_USE
    assert accepted_digests(taken, {}) == ()
    assert "--accept-ipxe" in fix_for(refused)


def test_a_file_is_held_to_the_list_of_its_version(plan: Plan) -> None:
    """The digest comes from the list; without the list, or its line, the file is refused."""
    kernel = wanted(plan)[1]
    listed = parse_sums("harvester-v1.8.2-amd64.sha512", f"{A}  {kernel.name}\n")
    assert accepted_digests(kernel, {listed.name: listed})[0].hex == A
    with pytest.raises(ArtifactError, match="cannot be verified"):
        accepted_digests(kernel, {})
    other = parse_sums("harvester-v1.8.2-amd64.sha512", f"{A}  harvester-v1.8.1-vmlinuz-amd64\n")
    with pytest.raises(ArtifactError, match="no checksum"):
        accepted_digests(kernel, {other.name: other})
    assert kernel.source in fix_for(kernel)


@pytest.mark.parametrize("text", ["", "[[binary]]\nname='x'\n", "not toml", "binary = 3"])
def test_a_broken_list_of_builds_is_an_error_of_its_own(text: str) -> None:
    """It names the file."""
    with pytest.raises(ArtifactError, match=r"binaries\.toml"):
        read_builds(text)


def test_wanted_is_a_plain_value() -> None:
    """Two equal wants are one."""
    one = Wanted("a", "https://x/a", "why", Trust.FIRST_USE)
    assert len({one, Wanted("a", "https://x/a", "why", Trust.FIRST_USE)}) == 1
