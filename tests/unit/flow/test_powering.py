"""The power of a run's machines, with switches that a test scripts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.errors import BmcLoginError, BmcUnreachableError, PowerError
from appliance.flow.context import Context
from appliance.flow.power_phases import Noticed
from appliance.flow.powering import Powering
from appliance.flow.switchboard import Switchboard
from appliance.flow.switching import note, note_power, owes_disk
from appliance.machines.state import Evidence, Record, Seen, State, fold
from appliance.power.model import BootFrom, Inventory, Power, Way
from appliance.power.tried import Limits
from appliance.site.plan import BmcPlan, MachinePlan, Plan
from appliance.values import Mac, Secret
from tests.plans import machine, plan
from tests.unit.flow.scripted_switch import ScriptedSwitch, ScriptedSwitches
from tests.unit.flow.support import Ticks, context_in

_OURS = Mac("525400123401")
_DISC = "http://10.20.0.1/a/ipxe.iso"
_OUT = f"take out {_DISC}"


def _machine(number: int, bmc: BmcPlan | None = None) -> MachinePlan:
    own = BmcPlan(way=Way.REDFISH, address=f"https://10.20.0.{50 + number}", user="root")
    return machine(number, bmc=bmc or own)


class World:
    """A run's powering on a real store, turn by turn."""

    def __init__(
        self, context: Context, ticks: Ticks, of: Plan, switches: ScriptedSwitches
    ) -> None:
        self.context, self.ticks, self.plan, self.switches = context, ticks, of, switches
        self.records = {each.name: Record() for each in of.machines}
        self.answering: set[str] = set()
        self.patient = True
        context.vault.put("bmc", Secret("calvin"))
        self.begin()

    def begin(self) -> None:
        """Begin a run's powering."""
        self.powering = Powering(
            self.context,
            make=self.switches.make,
            disc=_DISC,
            limits=Limits(),
            pause=lambda _seconds: None,
        )

    def run(self, seconds: float) -> None:
        """Play turns of a second each; what is asked is answered before the next."""
        for _ in range(int(seconds)):
            self.turn()
            self.ticks.now += 1.0

    def turn(self) -> None:
        """Play one turn."""
        installed = {each.name for each in self.context.proven.all() if each.installed}
        noticed = {
            name: Noticed(record, installed=name in installed, answers=name in self.answering)
            for name, record in self.records.items()
        }
        self.powering.turn(self.plan, noticed)
        for switch in self.powering._switches.values() if self.patient else ():
            for _ in range(2000):
                if switch.answer is None or switch.answer.done():
                    break
                time.sleep(0.001)

    def see(self, name: str, *seen: Seen) -> None:
        """Have the boot services see something."""
        for each in seen:
            evidence = Evidence(name, each, self.ticks.now, str(each))
            self.records[name] = fold(self.records[name], evidence)

    def texts(self, kind: str = "power") -> list[str]:
        """Give the texts of the kept events of a kind."""
        return [each.text for each in self.context.journal.events() if each.kind == kind]


@contextmanager
def world_in(folder: Path, *machines: MachinePlan, **switches: ScriptedSwitch) -> Iterator[World]:
    """Open a site of these machines and switches."""
    ticks = Ticks()
    with context_in(folder, ticks=ticks) as context:
        world = World(context, ticks, plan(*machines), ScriptedSwitches(**switches))
        try:
            yield world
        finally:
            world.powering.stop()


_TO_SUCCESS = (Seen.FIRMWARE_DHCP, Seen.INSTALL_SCRIPT, Seen.CONFIG_SENT, Seen.HOOK_SUCCEEDED)


def test_a_machine_is_installed_without_a_hand(tmp_path: Path) -> None:
    """Off, to the network once, on; and its disk once it is installed. Each is an event."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        assert one.acts == ["boot pxe", "on"]
        world.see("hv1", *_TO_SUCCESS)
        world.run(5)
        assert one.acts == ["boot pxe", "on", "boot disk"]
        world.see("hv1", Seen.SYSTEM_ANSWERS)
        world.run(600)
        assert one.acts == ["boot pxe", "on", "boot disk"]
        told = world.texts()
        assert world.texts("finding") == []
        kept = world.context.switches.get("hv1")
    assert told == [
        "hv1: the BMC of hv1 at https://10.20.0.51 answers: off, scripted (tested-here)",
        f"hv1: its BMC shows the certificate sha256:{'ab' * 32}, and is known by it from now on",
        "hv1 is off: its next start is set: pxe, once",
        "hv1 is switched on: hv1 is off",
        "hv1: the BMC of hv1 at https://10.20.0.51 says that it is on",
        "hv1 is installed: its disk is its boot device: its disk",
    ]
    assert (kept["fingerprint"], kept["power"]) == ("ab" * 32, "on")
    assert [each.fingerprint for each in one.targets] == [None, "ab" * 32]
    assert one.targets[-1].password == Secret("calvin")


def test_a_machine_that_was_installed_before_is_never_switched(tmp_path: Path) -> None:
    """Dark and silent, that is said. One that is switched by hand has nobody to be asked."""
    one = ScriptedSwitch(power_now=Power.OFF)
    with world_in(tmp_path, _machine(1), machine(2), hv1=one) as world:
        world.records["hv1"] = Record(State.READY)
        world.run(30)
        assert one.asked == []
        world.run(600)
        assert set(one.asked) == {"contact", "power"}
        (told,) = world.texts("finding")
    assert told.startswith("hv1 is installed, and switched off")


def test_an_ordered_reinstallation_is_powered_by_the_next_run(tmp_path: Path) -> None:
    """Its old system runs: to the network, and off and on."""
    one = ScriptedSwitch(power_now=Power.ON)
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.records["hv1"] = Record(State.READY)
        world.see("hv1", Seen.REINSTALL_ORDERED)
        world.run(10)
        assert one.acts == ["boot pxe", "cycle"]
        world.see("hv1", *_TO_SUCCESS)
        world.run(5)
        assert one.acts[2:] == ["boot disk"]


def test_a_bmc_that_says_200_and_does_nothing_ends_with_a_person(tmp_path: Path) -> None:
    """What did not come is said; the run's other machines are not touched by it."""
    dead, fine = ScriptedSwitch(obeys=False), ScriptedSwitch(fingerprint="cd" * 32)
    with world_in(tmp_path, _machine(1), _machine(2), hv1=dead, hv2=fine) as world:
        world.run(900)
        assert dead.acts == ["boot pxe", "on"] * 3
        assert fine.acts == ["boot pxe", "on"]
        (asked,) = world.texts("finding")
        assert not world.powering.sees_to("hv1")
        assert world.powering.sees_to("hv2")
    assert "accepted the command, and the machine is still off after 3 tries: switch hv1" in asked


def test_on_and_no_dhcp_request_is_said(tmp_path: Path) -> None:
    """After a quarter of an hour it is tried again, thrice in all."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(1000)
        assert one.acts == ["boot pxe", "on", "boot pxe", "cycle"]
        assert any("no DHCP request came in 15 minutes; try 2 of 3" in t for t in world.texts())
        world.run(3 * 900)
        assert one.acts[4:] == ["boot pxe", "cycle"]
        (asked,) = world.texts("finding")
    assert asked.startswith("hv1: the BMC of hv1 at https://10.20.0.51 says that it is on")


def test_a_wrong_password_is_asked_for_once_and_taken_when_it_comes(tmp_path: Path) -> None:
    """The run goes on with that machine as soon as the right one is in the vault."""
    one = ScriptedSwitch()
    wrong = BmcLoginError("the BMC refuses the password", where="hv1")
    one.fail = lambda _verb: wrong if one.targets[-1].password != Secret("right") else None
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(120)
        assert one.asked == ["contact"]
        assert len(world.texts("finding")) == 2
        Switchboard(world.context, world.plan).put_password("hv1", Secret("right"))
        world.run(20)
        assert one.acts == ["boot pxe", "on"]
        assert world.context.switches.get("hv1").get("error") is None


def test_without_a_password_nothing_is_sent(tmp_path: Path) -> None:
    """What to do is said."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1, BmcPlan(Way.IPMI, "10.20.0.51", "root")), hv1=one) as world:
        world.context.vault.put("bmc", Secret(""))
        world.begin()
        world.run(30)
        assert one.asked == []
        assert any("provision power password SITE hv1" in each for each in world.texts("finding"))


def test_an_unreachable_bmc_asks_for_a_hand_and_the_run_goes_on(tmp_path: Path) -> None:
    """Pressed by hand, the machine installs; nothing more is asked of it than its disk."""
    one = ScriptedSwitch()
    gone = BmcUnreachableError("nothing answers at 10.20.0.51", where="hv1")
    one.fail = lambda _verb: gone
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(60)
        told = world.texts("finding")
        assert told[0] == "hv1: nothing answers at 10.20.0.51; it is tried again"
        assert told[1].endswith(
            "switch hv1 off and on by its button, and have it boot from the network"
        )
        world.see("hv1", *_TO_SUCCESS)
        one.fail, one.power_now = lambda _verb: None, Power.ON
        world.run(600)
        assert one.acts == ["boot disk"]


def test_what_a_library_stumbles_on_costs_one_bmc_and_not_the_run(tmp_path: Path) -> None:
    """It is told like any failure, with what to send."""
    one = ScriptedSwitch()

    def stumble(verb: str) -> PowerError | None:
        raise KeyError(verb)

    one.fail = stumble
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(30)
        assert "was not understood (KeyError('contact'))" in world.texts("finding")[0]


def test_a_run_that_is_killed_after_switching_on_does_not_cycle(tmp_path: Path) -> None:
    """The next one waits out the machine's limit first: it may be about to ask."""
    one = ScriptedSwitch(said=Inventory(macs=(_OURS,)))
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        world.powering.stop()
        world.begin()
        world.run(600)
        assert one.acts == ["boot pxe", "on"]
        world.run(400)
        assert one.acts == ["boot pxe", "on", "boot pxe", "cycle"]


def test_a_bmc_of_another_machine_switches_nothing(tmp_path: Path) -> None:
    """Its cards are others; corrected in the file, it goes on."""
    one = ScriptedSwitch(power_now=Power.ON, said=Inventory(macs=(Mac("525400999999"),)))
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(120)
        assert one.acts == []
        assert any("nothing is switched" in each for each in world.texts("finding"))
        other = BmcPlan(Way.REDFISH, "https://10.20.0.61", "root")
        world.plan = plan(_machine(1, bmc=other))
        one.said = Inventory(macs=(_OURS,))
        world.run(120)
        assert one.acts == ["boot pxe", "cycle"]


def test_a_bmc_of_another_machine_that_is_off_switches_nothing_either(tmp_path: Path) -> None:
    """What it says is heard before the next question is asked. It is said once, with what to do."""
    one = ScriptedSwitch(said=Inventory(macs=(Mac("525400999999"),)))
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(120)
        assert one.acts == []
        (told,) = world.texts("finding")
    assert "52:54:00:99:99:99, and not 52:54:00:12:34:01; nothing is switched" in told


def test_two_machines_with_one_serial_number_are_not_guessed(tmp_path: Path) -> None:
    """Neither BMC names a card: both are left to people. With cards they are told apart."""
    same = Inventory(serial="4S1RVM1")
    one, two = ScriptedSwitch(said=same), ScriptedSwitch(said=same)
    with world_in(tmp_path, _machine(1), _machine(2), hv1=one, hv2=two) as world:
        world.run(60)
        assert one.acts == two.acts == []
        told = world.texts("finding")
        assert any("the one of hv2 both say serial number 4S1RVM1" in each for each in told)
    (tmp_path / "b").mkdir()
    one = ScriptedSwitch(said=replace(same, macs=(_OURS,)))
    two = ScriptedSwitch(said=replace(same, macs=(Mac("525400123402"),)))
    with world_in(tmp_path / "b", _machine(1), _machine(2), hv1=one, hv2=two) as world:
        world.run(60)
        assert one.acts == two.acts == ["boot pxe", "on"]


def test_a_bmc_clock_in_2019_is_one_sentence(tmp_path: Path) -> None:
    """And the machine is started all the same."""
    said = Inventory(clock=datetime(2019, 3, 1, tzinfo=UTC))
    one = ScriptedSwitch(said=said)
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.ticks.now = 1_790_000_000.0
        world.run(100)
        (told,) = world.texts("finding")
        assert one.acts == ["boot pxe", "on"]
    assert told.startswith("hv1: its BMC's clock says 2019-03-01 00:00:00")


def test_a_power_cut_while_the_next_boot_is_set_is_put_right(tmp_path: Path) -> None:
    """It is off again: set anew, and on. Nothing is counted as installed."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        one.power_now = Power.OFF
        world.run(200)
        assert one.acts == ["boot pxe", "on", "boot pxe", "on"]
        assert one.sets == [BootFrom.PXE, BootFrom.PXE]


def test_the_end_of_a_run_waits_for_the_disk_to_be_set(tmp_path: Path) -> None:
    """Ready the moment it was installed: its disk is set all the same, and not for ever tried."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        world.see("hv1", *_TO_SUCCESS, Seen.SYSTEM_ANSWERS)
        world.turn()
        world.powering.finish()
        assert one.acts[-1] == "boot disk"
        world.powering.finish()
        assert one.acts.count("boot disk") == 1


def test_a_run_killed_after_the_success_is_made_up_for_by_the_next(tmp_path: Path) -> None:
    """Its disk is set, once; it is not switched, though it be off. A third run asks nothing."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        world.see("hv1", *_TO_SUCCESS)
        one.power_now = Power.OFF
        world.begin()
        assert owes_disk(world.context, _machine(1))
        world.run(600)
        assert one.acts == ["boot pxe", "on", "boot disk"]
        assert not owes_disk(world.context, _machine(1))
        assert "hv1 was installed by an earlier run: its disk is its boot device: its disk" in (
            world.texts()
        )
        world.answering = {"hv1"}
        world.begin()
        asked = len(one.asked)
        world.run(600)
        assert len(one.asked) == asked


def test_what_is_owed_outlives_a_corrected_address_and_ends_where_no_disk_can_be_set(
    tmp_path: Path,
) -> None:
    """It is the machine's disk. Its new BMC has no such setting: nobody is asked ever after."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        world.see("hv1", *_TO_SUCCESS, Seen.SYSTEM_ANSWERS)
        moved = _machine(1, BmcPlan(Way.REDFISH, "https://10.20.0.61", "root"))
        world.plan = plan(moved)
        note_power(world.context, moved, Power.ON)
        assert owes_disk(world.context, moved)
        one.boots = (BootFrom.PXE,)
        world.begin()
        world.run(60)
        assert one.acts == ["boot pxe", "on"]
        assert not owes_disk(world.context, moved)


def test_a_machine_that_was_left_off_in_mid_cycle_is_told_of(tmp_path: Path) -> None:
    """By the next run, once; installed before, it is not switched on for that."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.records["hv1"] = Record(State.READY)
        note(world.context, _machine(1), cycling_at=world.ticks.now)
        world.run(600)
        told = world.texts("finding")
        assert one.acts == []
    assert "hv1: it is off: an off-and-on that began 1970-01-12" in told[0]
    assert told[1].startswith("hv1 is installed, and switched off")
    assert len(told) == 2


def test_yes_is_peoples_word_for_a_machine_that_is_on(tmp_path: Path) -> None:
    """Without it, what does not say which machine it is is not switched off."""
    one = ScriptedSwitch(power_now=Power.ON)
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(120)
        assert one.acts == []
        world.context.options = replace(world.context.options, yes=True)
        world.begin()
        world.run(120)
        assert one.acts == ["boot pxe", "cycle"]


def test_yes_waits_until_it_is_seen_whether_an_installed_system_answers(tmp_path: Path) -> None:
    """A site installed from another laptop is unknown to this one: nothing of it is switched."""
    one = ScriptedSwitch(power_now=Power.ON, said=Inventory(macs=(_OURS,)))
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.context.options = replace(world.context.options, yes=True)
        world.run(40)
        assert one.acts == []
        world.answering = {"hv1"}
        world.run(600)
        assert one.acts == []


def test_an_answer_of_the_bmc_before_does_not_speak_for_the_new_one(tmp_path: Path) -> None:
    """The file is corrected while the old one is asked: the new one is asked all anew."""
    slow = threading.Event()
    old = ScriptedSwitch(power_now=Power.ON, said=Inventory(macs=(_OURS,)))
    old.fail = lambda verb: (slow.wait(60), None)[1] if verb == "inventory" else None
    with world_in(tmp_path, _machine(1), hv1=old) as world:
        world.patient = False
        for _ in range(2000):
            world.turn()
            if "inventory" in old.asked:
                break
            time.sleep(0.001)
        other = BmcPlan(Way.REDFISH, "https://10.20.0.61", "root")
        new = ScriptedSwitch(
            power_now=Power.ON, said=Inventory(macs=(Mac("525400999999"),)), fingerprint="cd" * 32
        )
        world.switches.put("hv1", new)
        world.plan = plan(_machine(1, bmc=other))
        world.turn()
        slow.set()
        world.patient = True
        world.run(120)
        assert old.acts == new.acts == []
        assert new.asked[:2] == ["contact", "inventory"]
        assert world.context.switches.get("hv1")["fingerprint"] == "cd" * 32


def test_a_certificate_taken_anew_while_the_run_goes_on_is_kept(tmp_path: Path) -> None:
    """The password given once more forgets the old one: the new one is told and held to."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(20)
        Switchboard(world.context, world.plan).put_password("hv1", Secret("another"))
        one.fingerprint = "ef" * 32
        world.run(120)
        assert world.context.switches.get("hv1")["fingerprint"] == "ef" * 32
        assert one.targets[-1].fingerprint == "ef" * 32
        assert one.acts == ["boot pxe", "on"]


def test_what_people_switch_off_meanwhile_stays_off(tmp_path: Path) -> None:
    """Somebody may have a hand in it. Switched on by people, the run sees to it again."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(10)
        board = Switchboard(
            world.context, world.plan, make=world.switches.make, pause=lambda _seconds: None
        )
        board.off("hv1", "hv1")
        world.run(1000)
        assert one.acts == ["boot pxe", "on", "off"]
        assert any("left so until 'provision power on" in each for each in world.texts("finding"))
        board.on("hv1")
        world.see("hv1", Seen.FIRMWARE_DHCP)
        one.power_now = Power.OFF
        world.run(200)
        assert one.acts[3:] == ["on", "boot pxe", "on"]


def test_a_machine_that_goes_dark_at_its_own_disk_is_not_sent_to_the_network(
    tmp_path: Path,
) -> None:
    """It took the whole image: from the network it would be installed a second time."""
    one = ScriptedSwitch()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        world.see("hv1", Seen.FIRMWARE_DHCP, Seen.INSTALL_SCRIPT, Seen.CONFIG_SENT)
        world.see("hv1", Seen.IMAGE_SENT, Seen.OWN_DISK_SCRIPT)
        one.power_now = Power.OFF
        world.run(200)
        assert one.acts == ["boot pxe", "on", "on"]


def test_the_end_of_a_run_keeps_what_switches_and_waits_for_nothing_else(tmp_path: Path) -> None:
    """The next run knows that the machine was just switched on."""
    one, two = ScriptedSwitch(), ScriptedSwitch(fingerprint="cd" * 32)
    hangs = threading.Event()
    two.fail = lambda _verb: (hangs.wait(60), None)[1]
    one.fail = lambda verb: time.sleep(0.2) if verb == "on" else None
    with world_in(tmp_path, _machine(1), _machine(2), hv1=one, hv2=two) as world:
        world.patient = False
        world.ticks.now += 60.0  # the other BMC is waited for no longer
        while "on" not in one.asked:
            world.turn()
            time.sleep(0.001)
        world.powering.stop()
        assert world.context.switches.get("hv1")["acted"] == "on"
        assert two.asked == ["contact"]
        hangs.set()


def test_a_bmc_of_another_machine_is_left_alone_whatever_becomes_of_this_one(
    tmp_path: Path,
) -> None:
    """Installed by a hand on its button: the other one, off for a reason, is not started."""
    one = ScriptedSwitch(said=Inventory(macs=(Mac("525400999999"),)))
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(20)
        world.see("hv1", Seen.FIRMWARE_DHCP, Seen.INSTALL_SCRIPT, Seen.CONFIG_SENT)
        world.run(100)
        world.see("hv1", Seen.HOOK_SUCCEEDED)
        world.run(100)
        world.powering.finish()
        assert one.acts == []


def test_a_machine_that_is_taken_out_of_the_file_is_switched_no_more(tmp_path: Path) -> None:
    """The run goes on with the others."""
    one = ScriptedSwitch(power_now=Power.ON, said=Inventory(macs=(_OURS,)))
    with world_in(tmp_path, _machine(1), _machine(2), hv1=one, hv2=ScriptedSwitch()) as world:
        world.run(20)
        world.plan = plan(_machine(2))
        world.run(200)
        assert one.acts == []


def _with_drive(**more: Any) -> ScriptedSwitch:
    """Give a switch that cannot send its machine to the network, and has a drive."""
    return ScriptedSwitch(boots=(BootFrom.DISC, BootFrom.DISK), **more)


def test_a_machine_without_a_network_boot_is_started_from_the_boot_disc(tmp_path: Path) -> None:
    """It is put in, told of to the next run, and out as soon as the machine is seen."""
    one = _with_drive()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        assert one.acts == ["boot disc", "on"]
        assert world.context.switches.get("hv1")["disc"] == _DISC
        world.see("hv1", Seen.IPXE_DHCP)
        world.run(5)
        assert one.acts == ["boot disc", "on", _OUT]
        world.see("hv1", *_TO_SUCCESS[1:])
        world.run(5)
        assert one.acts == ["boot disc", "on", _OUT, "boot disk"]
        assert {"disc", "by_disc"}.isdisjoint(world.context.switches.get("hv1"))
        assert world.texts("finding") == []
        told = world.texts()
    assert {each.disc for each in one.targets} == {_DISC}
    assert "hv1 is off: its next start is set: disc, once" in told
    assert "hv1 does not need its boot disc now: it is out of its BMC's drive" in told


def test_a_run_that_ends_takes_its_discs_out(tmp_path: Path) -> None:
    """Nobody serves them any more; one that could not be taken out is tried a last time."""
    one, two = _with_drive(), _with_drive(fingerprint="cd" * 32)
    two.fail = lambda verb: (
        PowerError("too busy") if verb == _OUT and two.acts[-2] != _OUT else None
    )
    with world_in(tmp_path, _machine(1), _machine(2), hv1=one, hv2=two) as world:
        world.run(5)
        world.see("hv2", Seen.IPXE_DHCP)
        world.run(60)
        assert (one.acts, two.acts) == (["boot disc", "on"], ["boot disc", "on", _OUT])
        (told,) = world.texts("finding")
        assert told == "hv2: too busy; it is tried again when the run ends"
        world.powering.stop()
        assert (one.acts[2:], two.acts[2:]) == ([_OUT], [_OUT, _OUT])
        kept = world.context.switches.all()
    assert not any("disc" in each for each in kept.values())
    assert len(one.acts) == 3


def test_the_disc_of_a_killed_run_is_taken_out_by_the_next(tmp_path: Path) -> None:
    """Of a machine that is installed by then, too; and nothing else is asked of it."""
    one = _with_drive()
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(5)
        world.begin()
        world.run(5)
        assert one.acts == ["boot disc", "on"]  # it may be starting from it
        world.records["hv1"] = Record(State.READY)
        world.answering = {"hv1"}
        world.begin()
        world.run(5)
        assert one.acts[2:] == [_OUT, "boot disk"]  # which the killed run owed it, too


def test_a_disc_that_is_refused_leaves_the_network(tmp_path: Path) -> None:
    """Another image is in the drive: said, and the machine starts without."""
    one = ScriptedSwitch(boots=(BootFrom.DISC, BootFrom.PXE, BootFrom.DISK))
    foreign = PowerError("another image is in the BMC's virtual drive")
    one.fail = lambda verb: foreign if verb == "boot disc" else None
    with world_in(tmp_path, _machine(1), hv1=one) as world:
        world.run(2000)
        assert one.acts == [
            "boot pxe",
            "on",
            "boot pxe",
            "cycle",
            "boot disc",
            _OUT,
            "boot pxe",
            "cycle",
        ]
        (told,) = world.texts("finding")
    assert told == f"hv1: {foreign}; it is started without the boot disc"
