"""What is known of each kind of BMC, as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.power.profiles import (
    NOTHING_KNOWN,
    Kind,
    Quirk,
    Tier,
    choose,
    load_profiles,
    read_profile,
)

ROOT = Path(__file__).resolve().parents[3]

PROFILES = load_profiles()


def test_the_vendors_that_are_promised_are_there() -> None:
    """One file each, named like its profile."""
    assert {profile.name for profile in PROFILES} == {
        *("ami-megarac", "dell-idrac", "fujitsu-irmc", "hpe-ilo", "lenovo-xcc"),
        *("openbmc", "supermicro", "sushy-tools"),
    }


def test_each_quirk_and_note_has_a_source() -> None:
    """A public page, or a test of this project that is there."""
    for profile in PROFILES:
        sources = [*(each.source for each in profile.known), *(n.source for n in profile.notes)]
        assert sources
        for source in sources:
            assert source.startswith("https://") or (ROOT / source).is_file()


def test_each_profile_is_in_the_docs() -> None:
    """With its tier, as it says itself."""
    page = (ROOT / "docs" / "bmc.md").read_text()

    for profile in PROFILES:
        assert f"| `{profile.name}` | {profile.tier} |" in page
        for each in profile.known:
            assert f"`{each.quirk}`" in page
    assert all(f"`{quirk}`" in page for quirk in Quirk)


def test_only_the_emulator_is_tested_here() -> None:
    """No profile claims more than this project has seen."""
    assert [p.name for p in PROFILES if p.tier is Tier.TESTED_HERE] == ["sushy-tools"]
    assert [p.name for p in PROFILES if p.tier is Tier.RECORDED] == []


@pytest.mark.parametrize(
    ("vendor", "product", "name"),
    [
        ("Dell Inc.", "16G Monolithic; PowerEdge R660", "dell-idrac"),
        ("HPE", "iLO 6; ProLiant DL380a Gen11", "hpe-ilo"),
        ("HP", "ProLiant DL360p Gen8", "hpe-ilo"),
        ("Hewlett Packard Enterprise", "", "hpe-ilo"),
        ("Supermicro", "Super Server", "supermicro"),
        ("Super Micro", "", "supermicro"),
        ("Lenovo", "Lenovo XClarity Controller", "lenovo-xcc"),
        ("FUJITSU", "iRMC S6", "fujitsu-irmc"),
        ("Fsas Technologies Inc.", "", "fujitsu-irmc"),
        ("ASRockRack", "MegaRAC", "ami-megarac"),
        ("GIGABYTE", "", "ami-megarac"),
        ("Foxconn", "OpenBmc", "openbmc"),
        ("Sushy Emulator", "Joo Janta 200", "sushy-tools"),
        ("Contoso", "3500", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_the_profile_that_fits(vendor: str, product: str, name: str) -> None:
    """By the names that BMC and machine give themselves."""
    assert choose(PROFILES, Kind(vendor, product)).name == name


def test_openbmc_in_a_vendors_box() -> None:
    """A profile that names the product goes before one that names the maker alone."""
    assert choose(PROFILES, Kind("Lenovo", "OpenBMC")).name == "openbmc"


def test_names_are_read_with_suspicion() -> None:
    """Whatever they are."""
    kind = Kind.of({"Vendor": 7}, {"Manufacturer": "Dell Inc."}, {"Model": None})

    assert kind == Kind("Dell Inc.", "")


def test_a_profile_says_what_it_is() -> None:
    """Its name and how it is known."""
    supermicro = choose(PROFILES, Kind("Supermicro", ""))

    assert str(supermicro) == "supermicro (reported)"
    assert supermicro.has(Quirk.MODE_WITH_TARGET)
    assert not supermicro.has(Quirk.SERIAL_IN_SKU)
    assert str(NOTHING_KNOWN) == "unknown (unknown)"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("- a\n", "a map of keys"),
        ("name: x\ntitle: y\ntier: reported\nvendor: z\nquirk: []\n", "unknown keys: quirk"),
        ("name: x\ntitle: y\ntier: sure\nvendor: z\n", "'sure' is not a valid Tier"),
        ("name: x\ntitle: y\ntier: reported\n", "it would fit every BMC"),
        ("name: x\ntier: reported\nvendor: z\n", "title is missing"),
        ("name: x\ntitle: y\ntier: reported\nvendor: '('\n", "missing"),
        (
            "{name: x, title: y, tier: unknown, vendor: z, quirks: [{quirk: serial-in-sku}]}",
            "why is missing",
        ),
        ("name: [\n", "p.yaml"),
    ],
)
def test_a_bad_profile_is_refused_by_name(tmp_path: Path, written: str, reason: str) -> None:
    """With the file's name and the reason."""
    path = tmp_path / "p.yaml"
    path.write_text(written)

    with pytest.raises(ValueError, match=r"^p\.yaml: ") as caught:
        read_profile(path)
    assert reason in str(caught.value)
