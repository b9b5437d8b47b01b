"""Which reported machine is which: frozen once matched, in force while the file asks the same."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import InputError, SiteFileError
from appliance.site.discovered import asked_text, bind, discovery_in_force, identity_text, unbind
from appliance.site.freeze import propose
from appliance.site.frozen import Frozen
from appliance.site.make_plan import make_plan
from appliance.site.model import Site
from appliance.site.plan import MachinePlan
from appliance.values import Mac
from tests.sites import site

MAC, OTHER, THIRD = (Mac.parse(f"52:54:00:aa:00:0{number}") for number in (1, 2, 3))
DISK = "/dev/disk/by-id/nvme-PM9A3_S64"
SELECTOR = "size >= 250G, not usb"


def asking(**hv1: Any) -> Site:
    """Give a site of two machines told by their serial numbers; `hv1` changes the first."""
    first = {"match": {"serial": "A1"}, "disk": SELECTOR, **hv1}
    second = {"match": {"serial": "A2"}, "disk": SELECTOR}
    return site({"hv1": first, "hv2": second})


def bound(of: Site, *macs: Mac, disk: str | None = DISK, by_hand: bool = False) -> Frozen:
    """Freeze what is proposed, and that hv1 is the machine with these cards."""
    return bind(of, propose(of), "hv1", macs or (MAC, OTHER), disk, by_hand=by_hand)


def planned(of: Site, frozen: Frozen) -> MachinePlan:
    """Give hv1 as it is planned, after a proposal that keeps what is frozen."""
    machine = make_plan(of, propose(of, frozen)).machine("hv1")
    assert machine is not None
    return machine


def test_a_machine_without_mac_waits_for_its_report() -> None:
    """The plan says what is missing and how it comes about."""
    machine = planned(asking(), propose(asking()))

    assert machine.macs == ()
    assert machine.not_armed is not None
    assert "it has not reported yet (serial number A1)" in machine.not_armed
    assert "its disk is a selector ('size >= 250G, not usb')" in machine.not_armed
    assert "it has not reported yet" in machine.discover


def test_what_is_bound_is_armed() -> None:
    """With the card that it reported by, and the disk that was chosen; the file stays as it is."""
    of = asking()
    machine = planned(of, bound(of))

    assert machine.not_armed is None
    assert machine.discover == ""
    assert machine.macs == (MAC,)
    assert machine.other_macs == (OTHER,)
    assert machine.disk is not None
    assert (machine.disk.path, machine.disk.selector) == (DISK, SELECTOR)
    assert machine.serial == "A1"


def test_it_comes_back_from_the_store() -> None:
    """And a site frozen before there was discovery is read."""
    of = asking()
    frozen = bound(of)
    values = frozen.as_json()

    assert Frozen.from_json(values) == frozen
    del values["discovered"]
    assert Frozen.from_json(values) == propose(of)


def test_a_bound_machine_without_disk_is_still_asked_for_one() -> None:
    """Its cards are known, so that it can be told what it waits for."""
    of = asking()
    machine = planned(of, bound(of, disk=None))

    assert machine.macs == (MAC,)
    assert machine.not_armed is not None
    assert machine.discover == f"its disk is a selector ('{SELECTOR}')"


def test_a_path_in_the_file_is_no_leave_to_erase() -> None:
    """Who it is can be known while what is on its disk still speaks against it."""
    of = asking(disk="/dev/disk/by-id/own", expect={"cpus": "16"})
    held = planned(of, bound(of, disk=None))

    assert held.macs == (MAC,)
    assert held.not_armed is not None
    assert "nothing in its report may speak against it" in held.not_armed
    assert "what came is to be compared with what was ordered" in held.discover
    assert planned(of, bound(of, disk="/dev/disk/by-id/own")).not_armed is None
    pointed_out = planned(of, bound(of, disk=None, by_hand=True))
    assert pointed_out.not_armed == held.not_armed


def test_a_file_that_names_another_machine_undoes_the_binding() -> None:
    """The serial number was mistyped, and is put right."""
    machine = planned(asking(match={"serial": "A9"}), bound(asking()))

    assert machine.macs == ()
    assert "it has not reported yet (serial number A9)" in (machine.not_armed or "")


@pytest.mark.parametrize(
    "changed",
    [{"disk": "size >= 1T"}, {"expect": {"memory": "64G"}}],
)
def test_a_file_that_asks_other_hardware_has_it_judged_again(changed: dict[str, Any]) -> None:
    """It stays the same machine, but its disk is chosen anew."""
    machine = planned(asking(**changed), bound(asking()))

    assert machine.macs == (MAC,)
    assert machine.disk is not None
    assert machine.disk.path is None
    assert machine.not_armed is not None


def test_what_people_said_needs_no_identifier() -> None:
    """A replaced board has another serial number; the file may still say the old one."""
    of = asking()
    frozen = bound(of, by_hand=True)

    assert planned(of, frozen).not_armed is None
    assert planned(asking(match={"serial": "A9"}), frozen).not_armed is None


def test_a_path_in_the_file_stands_above_what_was_chosen() -> None:
    """What the file says outright wins, as everywhere."""
    of = asking(disk="/dev/disk/by-id/own")
    machine = planned(of, bound(of))

    assert machine.disk is not None
    assert machine.disk.path == "/dev/disk/by-id/own"


def test_cards_in_the_file_stay_those_it_is_installed_with() -> None:
    """The others of its report are known as well, and Harvester's network is not put on them."""
    of = asking(mac=str(THIRD))
    machine = planned(of, bound(of, THIRD, MAC))

    assert machine.macs == (THIRD,)
    assert machine.other_macs == (MAC,)


def test_what_was_ordered_is_compared_before_anything_is_installed() -> None:
    """A machine with MAC and disk waits for its report where `expect` stands."""
    of = asking(mac=str(MAC), match=None, disk=DISK, expect={"cpus": "16"})

    machine = planned(of, propose(of))
    assert machine.discover == "what came is to be compared with what was ordered"
    assert machine.not_armed == f"{machine.discover}, when it has reported"
    assert planned(of, bound(of, MAC)).not_armed is None


def test_a_kind_beside_a_mac_is_compared_too() -> None:
    """The MAC may have been read from the wrong box."""
    of = asking(mac=str(MAC), match={"product": "R650"}, disk=DISK)

    assert "it is to report that it is the one" in planned(of, propose(of)).discover
    assert planned(of, bound(of, MAC)).not_armed is None


def test_two_names_never_have_one_machine() -> None:
    """Neither by what is bound nor by what the file says."""
    of = asking()
    frozen = bound(of)
    with pytest.raises(InputError, match="is hv1 already"):
        bind(of, frozen, "hv2", (MAC,), DISK)
    with pytest.raises(InputError, match="is hv1 already"):
        bind(of, frozen, "hv2", (OTHER,), DISK)
    said = site({"hv1": {"mac": str(MAC)}, "hv2": {}})
    with pytest.raises(InputError, match="is hv1 already"):
        bind(said, propose(said), "hv2", (MAC,), DISK)


def test_swapped_boxes_are_unbound_and_bound_again() -> None:
    """Who had the name loses it, and may take the other."""
    of = asking()
    frozen = bound(of)

    swapped = bind(of, unbind(frozen, "hv1"), "hv2", (MAC, OTHER), DISK)
    again = bind(of, swapped, "hv1", (THIRD,), DISK)

    assert planned(of, again).macs == (THIRD,)
    assert unbind(unbind(again, "hv1"), "hv2") == propose(of)
    assert unbind(frozen, "hv7") == frozen


def test_a_card_that_is_anothers_too_is_left_out() -> None:
    """Boards of one vendor share the address of the card to their own BMC."""
    of = asking()
    frozen = bind(of, bound(of, MAC, OTHER), "hv2", (THIRD, OTHER), DISK)

    assert frozen.discovered["hv2"].macs == (str(THIRD),)


def test_names_and_cards_must_be_there() -> None:
    """A name that the site has not, and a machine without a card."""
    of = asking()
    with pytest.raises(InputError, match="no machine hv9"):
        bind(of, propose(of), "hv9", (MAC,), DISK)
    with pytest.raises(InputError, match="without a network card"):
        bind(of, propose(of), "hv1", (), DISK)


def test_an_installed_machine_stays_the_one_it_is() -> None:
    """A change of the file that would lose it is refused, at its name."""
    frozen = bound(asking())
    for changed in ({"match": {"serial": "A9"}}, {"disk": "size >= 1T"}):
        with pytest.raises(SiteFileError) as caught:
            propose(asking(**changed), frozen, built=frozenset({"hv1"}))
        assert f"hv1 is installed as the machine with the card {MAC}" in str(caught.value)
        assert "provision identify" in str(caught.value)
    assert propose(asking(), frozen, built=frozenset({"hv1"})).discovered == frozen.discovered


def test_a_machine_that_left_the_file_is_kept_for_its_return() -> None:
    """As its address is."""
    frozen = bound(asking())
    without = site({"hv2": {"match": {"serial": "A2"}, "disk": SELECTOR}})

    assert propose(without, frozen).discovered == frozen.discovered


def test_what_the_file_says_in_words() -> None:
    """The texts that a binding is held against."""
    machine = asking(expect={"cpus": "8"}).hypervisor.machines["hv1"]

    assert identity_text(machine) == "serial number A1"
    assert asked_text(machine) == f'{SELECTOR}; ; {{"cpus":8}}'
    assert discovery_in_force(machine, None) is None
