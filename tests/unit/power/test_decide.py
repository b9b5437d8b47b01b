"""What is asked of a switch: how often, in which order, and when a person is asked instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import (
    BmcCertificateError,
    BmcLoginError,
    BmcUnreachableError,
    PowerError,
)
from appliance.power.decide import Case, Next, Phase, decide, is_disc_over, network_of
from appliance.power.model import BootFrom, Contact, Power
from appliance.power.tried import (
    LIMITS,
    Act,
    Tried,
    took_act,
    took_contact,
    took_failure,
    took_power,
)

_BOOTS = (BootFrom.PXE, BootFrom.UEFI_HTTP, BootFrom.DISK)


@dataclass
class Bench:
    """A switch played by a test, second by second."""

    case: Case = field(default_factory=lambda: Case("hv1", Phase.WANTED, 0.0))
    power: Power = Power.OFF
    boots: tuple[BootFrom, ...] = _BOOTS
    obeys: bool = True
    fails: Callable[[Act, int], PowerError | None] = lambda _act, _number: None
    tried: Tried = field(default_factory=Tried)
    now: float = 0.0
    done: list[Act] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def run(self, seconds: float) -> list[Act]:
        """Play on; give what was asked, without the readings."""
        end = self.now + seconds
        while self.now < end:
            self._turn(decide(self.case, self.tried, self.now))
            self.now += 1.0
        return [each for each in self.done if each is not Act.READ]

    def _turn(self, asked: Next) -> None:
        act = asked.act
        if act is Act.WAIT:
            return
        self.done.append(act)
        self.words += [asked.words] if asked.words else []
        if act is Act.ASK:
            self.tried = took_act(self.tried, act, asked.words, self.now)
            return
        error = self.fails(act, self.done.count(act))
        if error is not None:
            self.tried = took_failure(self.tried, act, error, self.now)
            return
        if self.obeys and act in (Act.ON, Act.CYCLE) and self.power is not Power.UNKNOWN:
            self.power = Power.ON
        if act is Act.CONTACT:
            self.tried = took_contact(self.tried, Contact(self.power, boots=self.boots), self.now)
        elif act is Act.READ:
            self.tried = took_power(self.tried, self.power, self.now)
        else:
            self.tried = took_act(self.tried, act, asked.words, self.now)

    def asked(self) -> list[str]:
        """Give the words with which a person was asked."""
        return [each for each in self.words if "button" in each or "boot order" in each]


def _phase(phase: Phase, **changes: object) -> Case:
    return replace(Case("hv1", phase, 0.0), **changes)  # type: ignore[arg-type]


def test_a_machine_that_is_off_starts_from_the_network() -> None:
    """Looked at, asked what it is, set to the network once, switched on; then it is watched."""
    bench = Bench()
    assert bench.run(600) == [Act.CONTACT, Act.INVENTORY, Act.BOOT_NETWORK, Act.ON]
    assert bench.tried.power is Power.ON
    assert bench.asked() == []


def test_a_bmc_that_accepts_and_does_nothing_is_found_out_by_reading() -> None:
    """Still off a minute after each of three commands: it is said, then a person asked."""
    bench = Bench(obeys=False)
    acts = bench.run(3600)
    assert acts[2:] == [Act.BOOT_NETWORK, Act.ON] * 3 + [Act.ASK]
    (asked,) = bench.asked()
    assert asked.startswith("hv1: its BMC accepted the command, and the machine is still off")
    assert "after 3 tries" in asked


def test_a_machine_that_is_on_and_silent_is_started_again_and_then_left_to_people() -> None:
    """The BMC says on, no DHCP request came: bounded tries, a quarter of an hour each."""
    bench = Bench()
    acts = bench.run(4 * 3600)
    again = [Act.BOOT_NETWORK, Act.CYCLE]
    assert acts[2:] == [Act.BOOT_NETWORK, Act.ON, *again, *again, Act.ASK]
    (asked,) = bench.asked()
    assert "its BMC says that it is on, and no DHCP request came in 15 minutes" in asked


def test_a_machine_found_on_is_switched_off_only_where_it_is_certain_which_it_is() -> None:
    """And not at once: somebody may have pressed its button just now."""
    bench = Bench(power=Power.ON)
    assert bench.run(600) == [Act.CONTACT, Act.INVENTORY, Act.ASK]
    (asked,) = bench.asked()
    assert "not switched off unasked: 'provision power cycle SITE hv1 --yes'" in asked
    certain = Bench(_phase(Phase.WANTED, certain=True), power=Power.ON)
    assert certain.run(LIMITS.settle) == [Act.CONTACT, Act.INVENTORY]
    assert certain.run(60)[2:] == [Act.BOOT_NETWORK, Act.CYCLE]


def test_an_ordered_reinstallation_cycles_at_once() -> None:
    """It was told: the old system runs."""
    bench = Bench(_phase(Phase.ORDERED), power=Power.ON)
    assert bench.run(10) == [Act.CONTACT, Act.INVENTORY, Act.BOOT_NETWORK, Act.CYCLE]


def test_a_magic_packet_is_sent_and_nothing_is_read_from_it() -> None:
    """No next boot, no power: three packets, then the button. A running system it cannot stop."""
    bench = Bench(power=Power.UNKNOWN, boots=())
    assert bench.run(4 * 3600) == [Act.CONTACT, Act.INVENTORY, Act.ON, Act.ON, Act.ON, Act.ASK]
    ordered = Bench(_phase(Phase.ORDERED), power=Power.UNKNOWN, boots=())
    assert ordered.run(60) == [Act.CONTACT, Act.INVENTORY, Act.ASK]
    assert "cannot switch it off" in ordered.words[-1]


@pytest.mark.parametrize("power", [Power.ON, Power.UNKNOWN])
def test_a_machine_that_may_run_is_not_sent_to_the_network_at_once(power: Power) -> None:
    """Not even where people said so beforehand: a system that nobody here knows may answer."""
    bench = Bench(_phase(Phase.WANTED, certain=True, told=True), power=power)
    assert bench.run(44) == [Act.CONTACT, Act.INVENTORY]
    assert bench.run(20)[2:3] == [Act.BOOT_NETWORK]


def test_a_machine_that_may_have_run_all_along_is_not_cycled_later_either() -> None:
    """It did not say that it was on as it was switched on; nobody knows which machine it is."""
    bench = Bench(power=Power.UNKNOWN)
    assert Act.ON in bench.run(60)
    bench.power = Power.ON
    bench.run(3000)
    assert Act.CYCLE not in bench.done
    assert "not switched off unasked" in bench.asked()[0]


def test_a_wrong_password_is_tried_once() -> None:
    """A second try may lock the user out; a person is asked, and the run goes on."""
    for error in (BmcLoginError("a wrong password"), BmcCertificateError("another certificate")):
        bench = Bench(fails=lambda _act, _number, error=error: error)  # type: ignore[misc]
        assert bench.run(3600) == [Act.CONTACT, Act.ASK]
        (asked,) = bench.asked()
        assert asked.startswith(f"{error.what}; the run goes on without it: switch hv1 off and on")


def test_an_unreachable_bmc_is_tried_on_and_taken_up_when_it_answers() -> None:
    """With longer and longer pauses; a person is asked once, after three tries."""
    gone = BmcUnreachableError("nothing answers at 10.20.0.51")
    bench = Bench(fails=lambda act, number: gone if act is Act.CONTACT and number <= 5 else None)
    acts = bench.run(300)
    assert acts == [Act.CONTACT] * 3 + [Act.ASK] + [Act.CONTACT] * 3 + [
        Act.INVENTORY,
        Act.BOOT_NETWORK,
        Act.ON,
    ]
    assert len(bench.asked()) == 1


def test_a_command_that_broke_off_is_judged_by_what_the_power_is_then() -> None:
    """The BMC restarted in mid-command: obeyed or not is read, and never just sent again."""
    broken = BmcUnreachableError("the connection broke off")

    def breaks(act: Act, number: int) -> PowerError | None:
        return broken if act is Act.ON and number == 1 else None

    obeyed = Bench(fails=breaks)
    obeyed.run(3)
    obeyed.power = Power.ON
    assert obeyed.run(600)[2:] == [Act.BOOT_NETWORK, Act.ON]
    assert obeyed.done[4:6] == [Act.READ, Act.READ]
    not_obeyed = Bench(fails=breaks)
    assert not_obeyed.run(600)[2:] == [Act.BOOT_NETWORK, Act.ON, Act.ON]
    assert not_obeyed.done.index(Act.READ) < 5


def test_where_the_next_boot_cannot_be_set_the_machines_own_order_decides() -> None:
    """Two refusals; then it is switched on all the same."""
    refused = PowerError("the BMC refuses a boot device")
    bench = Bench(fails=lambda act, _number: refused if act is Act.BOOT_NETWORK else None)
    assert bench.run(120)[2:] == [Act.BOOT_NETWORK, Act.BOOT_NETWORK, Act.ON]


def test_an_inventory_that_is_refused_is_done_without() -> None:
    """It is asked for once."""
    refused = PowerError("the BMC does not know that resource")
    bench = Bench(fails=lambda act, _number: refused if act is Act.INVENTORY else None)
    assert bench.run(120)[1:] == [Act.INVENTORY, Act.BOOT_NETWORK, Act.ON]


def test_a_power_cut_after_the_next_boot_was_set_is_put_right() -> None:
    """Off before anything was seen, and off in the middle of the installer: set anew, and on."""
    bench = Bench()
    bench.run(30)
    bench.power = Power.OFF
    assert bench.run(200)[4:] == [Act.BOOT_NETWORK, Act.ON]
    bench.case = _phase(Phase.INSTALLING)
    bench.power = Power.OFF
    assert bench.run(200)[6:] == [Act.BOOT_NETWORK, Act.ON]


def test_a_machine_that_got_stuck_early_is_started_again_but_not_an_installer() -> None:
    """What may be writing to a disk is watched only."""
    bench = Bench()
    bench.run(30)
    bench.case = _phase(Phase.INSTALLING, late=True)
    assert len(bench.run(3600)) == 4
    bench.case = _phase(Phase.STARTING)
    assert len(bench.run(3600)) == 4
    bench.case = _phase(Phase.STARTING, late=True)
    assert bench.run(90)[4:] == [Act.BOOT_NETWORK, Act.CYCLE]


def test_after_success_the_disk_is_the_boot_device() -> None:
    """Once; a machine that stays off is switched on, never off."""
    bench = Bench()
    bench.run(30)
    bench.case = _phase(Phase.FINISHED)
    assert bench.run(600)[4:] == [Act.BOOT_DISK]
    bench.power = Power.OFF
    assert bench.run(300)[5:] == [Act.ON]


def test_an_installed_machine_that_is_dark_is_named_and_left_so() -> None:
    """Whoever switched it off may have a reason."""
    bench = Bench(_phase(Phase.SILENT))
    assert bench.run(59) == []
    assert bench.run(600) == [Act.CONTACT, Act.ASK]
    assert "hv1 is installed, and switched off: press its button, or" in bench.words[-1]
    on = Bench(_phase(Phase.SILENT), power=Power.ON)
    assert on.run(600) == [Act.CONTACT]
    gone = Bench(_phase(Phase.SILENT), fails=lambda _act, _n: BmcUnreachableError("silent"))
    assert set(gone.run(600)) == {Act.CONTACT}


@pytest.mark.parametrize("phase", [Phase.SILENT, Phase.LEFT_ALONE])
@pytest.mark.parametrize("power", list(Power))
def test_a_disk_that_an_earlier_run_owes_is_set_and_nothing_is_switched(
    phase: Phase, power: Power
) -> None:
    """On or off, answering or not: its disk, once, after it was seen which machine it is."""
    bench = Bench(_phase(phase, disk_due=True), power=power)
    acts = bench.run(600)
    assert acts[:3] == [Act.CONTACT, Act.INVENTORY, Act.BOOT_DISK]
    dark = phase is Phase.SILENT and power is Power.OFF
    assert acts[3:] == ([Act.ASK] if dark else [])


def test_a_disk_that_an_earlier_run_owes_and_nobody_can_set_is_said() -> None:
    """Once. A BMC of another machine is asked for nothing; one without such a setting neither."""
    gone = Bench(_phase(Phase.LEFT_ALONE, disk_due=True))
    gone.fails = lambda _act, _number: BmcUnreachableError("silent")
    assert gone.run(600) == [Act.CONTACT] * 3 + [Act.ASK]
    assert gone.words == [
        "hv1: silent; its disk was not set as its boot device: put the disk first in its boot order"
    ]
    other = Bench(_phase(Phase.SILENT, disk_due=True, against="it has other cards"))
    assert other.run(59) == [Act.ASK]
    without = Bench(_phase(Phase.LEFT_ALONE, disk_due=True), boots=(BootFrom.PXE,))
    assert without.run(600) == [Act.CONTACT]


def test_a_reinstallation_within_a_run_has_its_disk_set_anew() -> None:
    """What was set for the system before does not count."""
    bench = Bench(_phase(Phase.FINISHED), power=Power.ON)
    assert bench.run(10)[2:] == [Act.BOOT_DISK]
    bench.case = replace(_phase(Phase.ORDERED), since=bench.now)
    assert bench.run(10)[3:] == [Act.BOOT_NETWORK, Act.CYCLE]
    bench.case = _phase(Phase.FINISHED)
    assert bench.run(10)[5:] == [Act.BOOT_DISK]


def test_a_bmc_of_another_machine_is_asked_for_nothing() -> None:
    """Why is said once."""
    bench = Bench(_phase(Phase.WANTED, against="it has other cards"))
    assert bench.run(60) == [Act.ASK]
    assert bench.words[0].startswith("hv1: it has other cards; nothing is switched")


def test_a_disk_that_cannot_be_set_is_said_and_loses_nothing() -> None:
    """No button is asked for: the machine is installed."""
    bench = Bench(fails=lambda _act, _number: BmcUnreachableError("silent"))
    bench.case = _phase(Phase.FINISHED)
    bench.run(300)
    (asked,) = bench.asked()
    assert "put the disk first in its boot order" in asked
    assert "button" not in asked


@pytest.mark.parametrize(
    ("http", "boots", "expected"),
    [
        (False, _BOOTS, BootFrom.PXE),
        (True, _BOOTS, BootFrom.UEFI_HTTP),
        (True, (BootFrom.PXE,), BootFrom.PXE),
        (False, (BootFrom.UEFI_HTTP,), BootFrom.UEFI_HTTP),
        (False, (BootFrom.DISK,), None),
        (False, (), None),
    ],
)
def test_the_place_is_what_the_machine_supports(
    http: bool,  # noqa: FBT001 - a column of the table
    boots: tuple[BootFrom, ...],
    expected: BootFrom | None,
) -> None:
    """UEFI HTTP where the site says so and it can, else PXE."""
    looked = Tried(contact=Contact(Power.OFF, boots=boots))
    assert network_of(_phase(Phase.WANTED, http=http), looked) is expected


_DISC = (BootFrom.PXE, BootFrom.DISC, BootFrom.DISK)


def test_the_last_try_of_a_machine_that_no_network_boot_brings_is_the_boot_disc() -> None:
    """Two starts from the network, one from the disc; as soon as it is seen the disc is out."""
    bench = Bench(boots=_DISC)
    again = [Act.BOOT_NETWORK, Act.CYCLE]
    acts = [Act.CONTACT, Act.INVENTORY, Act.BOOT_NETWORK, Act.ON, *again]
    assert bench.run(2000) == [*acts, Act.BOOT_DISC, Act.CYCLE]
    bench.case = _phase(Phase.STARTING, since=bench.now)
    assert bench.run(60)[8:] == [Act.EJECT]
    bench.case = _phase(Phase.FINISHED, since=bench.now)
    assert bench.run(60)[9:] == [Act.BOOT_DISK]


def test_a_boot_disc_that_brings_nothing_stays_until_the_run_ends() -> None:
    """A person is asked to have it boot from the network; the disc may yet help."""
    bench = Bench(boots=_DISC)
    assert bench.run(4 * 3600)[-3:] == [Act.BOOT_DISC, Act.CYCLE, Act.ASK]
    assert bench.tried.disc_in


@pytest.mark.parametrize("boots", [(BootFrom.DISC, BootFrom.DISK), (BootFrom.DISC,)])
def test_a_machine_that_cannot_be_sent_to_the_network_starts_from_the_disc(
    boots: tuple[BootFrom, ...],
) -> None:
    """At once; if that brings nothing its own order has a turn, without the disc in the drive."""
    bench = Bench(boots=boots)
    assert bench.run(60)[2:] == [Act.BOOT_DISC, Act.ON]
    assert bench.run(1000)[4:] == [Act.EJECT, Act.CYCLE]
    assert bench.run(1000)[6:] == [Act.BOOT_DISC, Act.CYCLE]


def test_a_network_boot_that_is_refused_leaves_the_disc() -> None:
    """Two refusals; then the disc, rather than the machine's own order."""
    refused = PowerError("the BMC refuses a boot device")
    bench = Bench(
        boots=_DISC, fails=lambda act, _number: refused if act is Act.BOOT_NETWORK else None
    )
    assert bench.run(120)[2:] == [Act.BOOT_NETWORK, Act.BOOT_NETWORK, Act.BOOT_DISC, Act.ON]


def test_people_can_say_that_the_disc_comes_first() -> None:
    """The network has the second try."""
    bench = Bench(_phase(Phase.WANTED, disc=True), boots=_DISC)
    first = [Act.BOOT_DISC, Act.ON]
    assert bench.run(60)[2:] == first
    assert bench.run(1000)[4:] == [Act.EJECT, Act.BOOT_NETWORK, Act.CYCLE]


def test_a_disc_that_the_bmc_does_not_take_costs_nothing() -> None:
    """Refused once, say since another's image is in its drive: it starts as if there were none."""
    refused = PowerError("another image is in the BMC's virtual drive")
    bench = Bench(
        _phase(Phase.WANTED, disc=True),
        boots=_DISC,
        fails=lambda act, _number: refused if act is Act.BOOT_DISC else None,
    )
    assert bench.run(3000)[2:7] == [
        Act.BOOT_DISC,
        Act.EJECT,  # it may have come as far as the drive
        Act.BOOT_NETWORK,
        Act.ON,
        Act.BOOT_NETWORK,
    ]
    assert bench.done.count(Act.BOOT_DISC) == 1


def test_a_disc_that_does_not_come_out_is_left_until_the_run_ends() -> None:
    """All else goes on meanwhile."""
    refused = PowerError("the BMC was too busy")
    bench = Bench(
        _phase(Phase.WANTED, disc=True),
        boots=_DISC,
        fails=lambda act, _number: refused if act is Act.EJECT else None,
    )
    bench.run(30)
    bench.case = _phase(Phase.FINISHED, since=bench.now)
    assert bench.run(600)[4:] == [Act.EJECT, Act.BOOT_DISK]


def test_a_machine_that_loses_its_power_on_its_way_starts_from_what_brought_it() -> None:
    """The disc goes in again, and stays until the machine gets further."""
    bench = Bench(boots=(BootFrom.DISC,))
    bench.run(30)
    bench.case = _phase(Phase.STARTING, since=bench.now)
    bench.run(30)
    bench.power = Power.OFF
    assert bench.run(300)[4:] == [Act.EJECT, Act.BOOT_DISC, Act.ON]
    bench.case = _phase(Phase.INSTALLING, since=bench.now)
    assert bench.run(30)[7:] == [Act.EJECT]


@pytest.mark.parametrize("phase", [Phase.LEFT_ALONE, Phase.SILENT, Phase.FINISHED])
def test_a_disc_that_an_earlier_run_left_is_taken_out(phase: Phase) -> None:
    """Of an installed machine too, and nothing else is asked for it."""
    bench = Bench(_phase(phase, since=1e9), boots=_DISC, tried=Tried(disc_in=True, by_disc=True))
    assert bench.run(1) == [Act.EJECT]
    assert not is_disc_over(bench.case, bench.tried)


def test_a_disc_of_an_earlier_run_does_not_hinder_a_new_start() -> None:
    """The machine is wanted, and nobody knows how old that start is: the network, the disc out."""
    bench = Bench(boots=_DISC, tried=Tried(disc_in=True, by_disc=True))
    assert bench.run(60)[2:] == [Act.EJECT, Act.BOOT_NETWORK, Act.ON]


_TRIED = st.builds(
    Tried,
    contact=st.none()
    | st.builds(
        Contact,
        st.sampled_from(Power),
        boots=st.sampled_from([_BOOTS, (*_BOOTS, BootFrom.DISC), (BootFrom.DISC,), ()]),
    ),
    inventoried=st.booleans(),
    power=st.sampled_from(Power),
    read_at=st.floats(0, 5000),
    off_since=st.none() | st.floats(0, 5000),
    boot_set=st.booleans(),
    boot_failures=st.integers(0, 3),
    disk_set=st.booleans(),
    switched_at=st.none() | st.floats(0, 5000),
    tries=st.integers(0, 5),
    failures=st.integers(0, 5),
    error=st.just("it failed"),
    unsure=st.booleans(),
    barred=st.booleans(),
    ours=st.booleans(),
    disc_in=st.booleans(),
    by_disc=st.booleans(),
    disc_refused=st.booleans(),
    disc_stuck=st.booleans(),
)
_CASES = st.builds(
    Case,
    machine=st.just("hv1"),
    phase=st.sampled_from(Phase),
    since=st.floats(0, 5000),
    certain=st.booleans(),
    told=st.booleans(),
    against=st.sampled_from(["", "it is another machine"]),
    late=st.booleans(),
    own_disk=st.booleans(),
    disc=st.booleans(),
    disk_due=st.booleans(),
)
_HARMLESS = (Act.WAIT, Act.CONTACT, Act.INVENTORY, Act.READ, Act.ASK)


@given(_CASES, _TRIED, st.floats(0, 10_000))
def test_nothing_that_goes_wrong_leads_to_a_destructive_act(
    case: Case, tried: Tried, now: float
) -> None:
    """Whatever was tried: what is installed is never cycled, nor sent to the network or a disc."""
    asked = decide(case, tried, now)
    if case.phase in (Phase.SILENT, Phase.LEFT_ALONE):
        owed = (Act.INVENTORY, Act.BOOT_DISK) if case.disk_due else ()
        assert asked.act in (Act.WAIT, Act.CONTACT, Act.READ, Act.ASK, Act.EJECT, *owed)
    if case.against:
        assert asked.act in _HARMLESS
    if case.phase is Phase.FINISHED:
        assert asked.act not in (Act.CYCLE, Act.BOOT_NETWORK, Act.BOOT_DISC)
    if case.phase is Phase.INSTALLING:
        assert asked.act is not Act.CYCLE
        assert not (case.own_disk and asked.act in (Act.BOOT_NETWORK, Act.BOOT_DISC))
    if asked.act is Act.BOOT_DISC:
        assert tried.contact is not None
        assert BootFrom.DISC in tried.contact.boots
        assert not tried.disc_refused
    if asked.act is Act.EJECT:
        assert tried.disc_in
        assert not tried.barred
    if asked.act is Act.CYCLE:
        assert case.certain or case.told or case.phase is Phase.ORDERED or tried.ours
        assert not tried.barred
