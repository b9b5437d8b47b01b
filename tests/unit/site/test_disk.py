"""Disks: stable paths, selectors and what they match, sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.site.disk import (
    DiskFacts,
    DiskTextError,
    Sign,
    SizeTerm,
    TextFact,
    TextTerm,
    Trait,
    TraitTerm,
    parse_disk,
    parse_path,
    parse_selector,
    parse_size,
)

GIB = 2**30
NVME = DiskFacts(
    size=960 * 10**9, path="/dev/nvme0n1", model="SAMSUNG MZQL2960HCJR", serial="S64F", bus="nvme"
)
STICK = DiskFacts(size=32 * GIB, path="/dev/sdb", model="Ultra Fit", bus="usb", removable=True)
PLATTER = DiskFacts(size=4 * 10**12, path="/dev/sda", model="WDC", bus="sata", rotational=True)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("64G", 64 * GIB),
        ("64 GiB", 64 * GIB),
        ("64g", 64 * GIB),
        ("500GB", 500 * 10**9),
        ("1.5T", 3 * 2**39),
        ("512M", 512 * 2**20),
    ],
)
def test_sizes(text: str, octets: int) -> None:
    """G and GiB are binary, GB is what vendors print."""
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "64", "G", "-1G", "0G", "64X", "1e3G", "64G or so"])
def test_what_is_no_size(text: str) -> None:
    """A size needs its unit and is more than nought."""
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


def test_terms_are_typed() -> None:
    """The grammar's example becomes typed terms."""
    selector = parse_selector(
        "size >= 200G, not usb and rotational, model ~ \"WD C\", serial = 'x'"
    )
    assert selector.terms == (
        SizeTerm(Sign.AT_LEAST, 200 * GIB),
        TraitTerm(Trait.USB, wanted=False),
        TraitTerm(Trait.ROTATIONAL, wanted=True),
        TextTerm(TextFact.MODEL, Sign.CONTAINS, "WD C"),
        TextTerm(TextFact.SERIAL, Sign.EQUAL, "x"),
    )


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("size >= 250G, not usb", [NVME, PLATTER]),
        ("size<=32G", [STICK]),
        ("size > 32G", [NVME, PLATTER]),
        ("size < 32G", []),
        ("size = 32G", [STICK]),
        ("size != 32G", [NVME, PLATTER]),
        ("nvme", [NVME]),
        ("usb", [STICK]),
        ("removable", [STICK]),
        ("ssd, not removable", [NVME]),
        ("not ssd", [PLATTER]),
        ("rotational", [PLATTER]),
        ('model ~ "samsung mz"', [NVME]),
        ("model !~ samsung", [STICK, PLATTER]),
        ("serial = s64f", [NVME]),
        ("serial != S64F", [STICK, PLATTER]),
        ("path = /dev/sda", [PLATTER]),
        ("bus = SATA", [PLATTER]),
    ],
)
def test_what_a_selector_matches(text: str, matching: list[DiskFacts]) -> None:
    """Every term must hold; case does not count."""
    selector = parse_selector(text)
    assert [disk for disk in (NVME, STICK, PLATTER) if selector.matches(disk)] == matching


def test_a_selector_must_match_exactly_one_disk() -> None:
    """None and several are refused in words that name them."""
    disks = (NVME, STICK, PLATTER)
    assert parse_selector("nvme").only_match(disks) is NVME
    assert parse_selector("sas").only_match(disks) == "no disk matches 'sas'"
    assert (
        parse_selector("not usb").only_match(disks)
        == "2 disks match 'not usb': /dev/nvme0n1, /dev/sda"
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "empty term"),
        ("size >= 250G,", "empty term"),
        ("size ~ 250G", "size cannot be compared with '~'"),
        ("size >= many", "'many' is not a size"),
        ("model > x", "model cannot be compared with '>'"),
        ('model = ""', "model is compared with nothing"),
        ("fast", "'fast' is no term"),
        ("not not usb", "no term"),
        ('model ~ "x', "cannot read"),
        ("x" * 501, "501 characters"),
    ],
)
def test_what_is_no_selector(text: str, what: str) -> None:
    """Each refusal says what cannot be read and what may stand there."""
    with pytest.raises(DiskTextError, match=what.replace("(", r"\(")) as caught:
        parse_selector(text)
    assert caught.value.fix


@pytest.mark.parametrize(
    "path",
    [
        "/dev/disk/by-id/virtio-BH-HV1-0",
        "/dev/disk/by-id/wwn-0x5002538e00000000",
        "/dev/disk/by-path/pci-0000:01:00.0-nvme-1",
    ],
)
def test_stable_paths(path: str) -> None:
    """by-id and by-path name the same disk at every boot."""
    assert parse_path(path) == path
    assert parse_disk(path).path == path


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/dev/sda", "another disk at the next boot"),
        ("/dev/disk/by-uuid/1", "another disk at the next boot"),
        ("/dev/disk/by-id/", "not the name of one disk"),
        ("/dev/disk/by-id/../sda", "not the name of one disk"),
        ("/dev/disk/by-id/a b", "not the name of one disk"),
        ("/dev/disk/by-id/nvme-x-part1", "partition"),
    ],
)
def test_unstable_paths(path: str, what: str) -> None:
    """Kernel names change between boots; other folders do not name whole disks."""
    with pytest.raises(DiskTextError, match=what):
        parse_path(path)


def test_what_is_no_path_is_a_selector() -> None:
    """Blanks are made regular, so that the same selector has one text."""
    disk = parse_disk("  size  >= 250G,  not usb ")
    assert disk.path is None
    assert disk.selector == "size >= 250G, not usb"


@given(st.text(max_size=80))
def test_garbage_is_a_selector_or_refused(text: str) -> None:
    """Nothing but DiskTextError comes out of garbage."""
    try:
        parse_disk(text)
    except DiskTextError:
        return
