"""What people ask of a machine's switch, and what wants its name typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from appliance.errors import BmcLoginError, BmcUnreachableError, InputError, PowerError
from appliance.flow.context import Context
from appliance.flow.roll import record_as_json
from appliance.flow.switch_state import kept_state
from appliance.flow.switchboard import Switchboard
from appliance.flow.switching import target_of
from appliance.machines.state import Record, Seen, State
from appliance.power.model import Inventory, Power, Way
from appliance.site.plan import BmcPlan, Expect, Plan
from appliance.store.machines import Proven
from appliance.values import Mac, Secret
from tests.plans import machine, plan
from tests.unit.flow.scripted_switch import ScriptedSwitch, ScriptedSwitches
from tests.unit.flow.support import context_in

_BMC = BmcPlan(way=Way.REDFISH, address="https://10.20.0.51", user="root")


def _plan() -> Plan:
    return plan(machine(1, bmc=_BMC, expect=Expect(cpus=8)), machine(2))


@contextmanager
def board_in(folder: Path, one: ScriptedSwitch) -> Iterator[tuple[Context, Switchboard]]:
    """Open a site whose first machine has this switch and whose second has none."""
    with context_in(folder) as context:
        context.vault.put("bmc", Secret("calvin"))
        switches = ScriptedSwitches(hv1=one)
        yield context, Switchboard(context, _plan(), make=switches.make)


def test_a_switch_is_asked_and_what_it_said_is_kept(tmp_path: Path) -> None:
    """Its certificate too: from then on it is asked as that one. The way by hand is said."""
    one = ScriptedSwitch(power_now=Power.ON, said=Inventory(cpus=4))
    with board_in(tmp_path, one) as (context, board):
        seen = board.status("hv1")
        assert (seen.power, seen.profile) == (Power.ON, "scripted (tested-here)")
        assert seen.fingerprint == "ab" * 32
        assert target_of(context, board.machine("hv1")).fingerprint == "ab" * 32
        board.inventory("hv1")
        (told,) = kept_state(context, board.machine("hv1")).known.differences
        assert told == "its BMC counts 4 processor threads, and the site file expects 8"
        assert board.status("hv2").text == "unknown, by hand"
        assert one.acts == []


def test_what_a_switch_does_not_answer_is_in_its_state(tmp_path: Path) -> None:
    """No verb of looking fails for it."""
    one = ScriptedSwitch(fail=lambda _verb: BmcUnreachableError("nothing answers"))
    with board_in(tmp_path, one) as (_, board):
        assert board.status("hv1").error == "nothing answers"
        one.fail = lambda _verb: None
        assert board.status("hv1").error == ""


def test_a_machine_that_is_not_installed_is_switched_at_once(tmp_path: Path) -> None:
    """Each is an event of its own."""
    one = ScriptedSwitch()
    with board_in(tmp_path, one) as (context, board):
        seen = Record(State.FIRMWARE, last_seen=Seen.FIRMWARE_DHCP)
        context.proven.put(Proven("hv1", record=record_as_json(seen)))
        board.on("hv1")
        board.cycle("hv1")
        board.off("hv1")
        assert one.acts == ["on", "cycle", "off"]
        told = [each.text for each in context.journal.events() if "told" in each.text]
        assert told[0] == "hv1 was switched on, as it was told"
        assert len(told) == 3
        assert "acted" not in context.switches.get("hv1")


@pytest.mark.parametrize(
    "proven",
    [
        Proven("hv1", installed=1.0),
        Proven("hv1", record=record_as_json(Record(State.IMAGE))),
        Proven("hv1", record=record_as_json(Record(ordered=True))),
    ],
)
def test_what_is_installed_or_being_so_wants_its_name_typed(tmp_path: Path, proven: Proven) -> None:
    """To be switched off; on is nothing to be afraid of."""
    one = ScriptedSwitch(power_now=Power.ON)
    with board_in(tmp_path, one) as (context, board):
        context.proven.put(proven)
        for act in (board.off, board.cycle):
            for typed in ("", "hv2"):
                with pytest.raises(InputError, match="hv1 would be switched off hard"):
                    act("hv1", typed)
        assert one.acts == []
        board.on("hv1")
        board.off("hv1", "hv1")
        assert one.acts == ["on", "off"]


def test_what_runs_unknown_wants_its_name_typed(tmp_path: Path) -> None:
    """This laptop never saw it boot, and it is on: which is asked now, not remembered."""
    one = ScriptedSwitch()
    with board_in(tmp_path, one) as (context, board):
        assert board.needs_name("hv1") == "nothing is known here of what runs on it"
        board.status("hv1")
        assert board.needs_name("hv1") == board.needs_name("hv2") == ""
        one.power_now = Power.ON
        for act in (board.off, board.cycle):
            with pytest.raises(InputError, match="switched off hard") as caught:
                act("hv1")
            assert caught.value.why == "nothing is known here of what runs on it"
        assert one.acts == []
        board.off("hv1", "hv1")
        board.cycle("hv1")
        assert one.acts == ["off", "cycle"]
        one.fail = lambda _verb: BmcUnreachableError("nothing answers")
        with pytest.raises(BmcUnreachableError):
            board.off("hv1")
        assert context.switches.get("hv1")["power"] == "on"


def test_a_machine_left_off_in_mid_cycle_is_known_until_it_is_on(tmp_path: Path) -> None:
    """The command was killed, or the BMC went away, between off and on."""
    one = ScriptedSwitch(power_now=Power.ON)
    with board_in(tmp_path, one) as (_, board):

        def goes_away(verb: str) -> PowerError | None:
            if verb == "cycle":
                one.power_now = Power.OFF
                return BmcUnreachableError("nothing answers")
            return None

        one.fail = goes_away
        with pytest.raises(BmcUnreachableError):
            board.cycle("hv1", "hv1")
        assert board.kept("hv1").unfinished == ""
        words = "it is off: an off-and-on that began 1970-01-12T13:46:40Z has not switched it on"
        assert board.status("hv1").unfinished == f"{words} again"
        assert board.status("hv1").text.endswith(f"{words} again")
        board.on("hv1")
        one.power_now = Power.OFF
        assert board.status("hv1").unfinished == ""


def test_a_command_that_comes_to_nothing_is_said(tmp_path: Path) -> None:
    """The BMC accepted it, and says off all the same; where nothing can be read, that is said."""
    one = ScriptedSwitch(obeys=False)
    slept: list[float] = []
    with context_in(tmp_path) as context:
        context.vault.put("bmc", Secret("calvin"))
        make = ScriptedSwitches(hv1=one).make
        board = Switchboard(context, _plan(), make=make, pause=slept.append)
        assert board.on("hv1").endswith("accepted it, and 10 seconds later still says off")
        assert sum(slept) == 10
        one.power_now = Power.UNKNOWN
        assert board.on("hv1").endswith("nothing says what came of it")


def test_a_password_is_kept_for_all_or_for_one(tmp_path: Path) -> None:
    """One's own stands above that of all; no event has it."""
    with board_in(tmp_path, ScriptedSwitch()) as (context, board):
        target = target_of(context, board.machine("hv1"))
        assert target.password == Secret("calvin")
        board.put_password("hv1", Secret("own-secret"))
        board.put_password("", Secret("all-secret"))
        target = target_of(context, board.machine("hv1"))
        assert target.password == Secret("own-secret")
        assert context.vault.get("bmc") == Secret("all-secret")
        with pytest.raises(InputError, match="empty"):
            board.put_password("", Secret(""))
        with pytest.raises(InputError, match="no machine 'hv9'"):
            board.put_password("hv9", Secret("x"))
        assert not any("secret" in str(asdict(each)) for each in context.journal.events())


def test_a_password_for_no_bmc_is_refused(tmp_path: Path) -> None:
    """Of a machine that is switched by hand or by its cable, and of a site of such machines."""
    woken = BmcPlan(way=Way.WAKE_ON_LAN)
    for of in (plan(machine(1)), plan(machine(1, bmc=woken), machine(2))):
        with context_in(tmp_path) as context:
            board = Switchboard(context, of)
            for name in ("hv1", ""):
                with pytest.raises(InputError, match="without a BMC") as refused:
                    board.put_password(name, Secret("x"))
                assert refused.value.fix
            assert context.vault.all() == ()


def test_without_a_password_no_bmc_is_asked(tmp_path: Path) -> None:
    """What to do is said."""
    one = ScriptedSwitch()
    with context_in(tmp_path) as context:
        board = Switchboard(context, _plan(), make=ScriptedSwitches(hv1=one).make)
        with pytest.raises(BmcLoginError) as caught:
            board.on("hv1")
    assert caught.value.fix == "give it: provision power password SITE hv1"
    assert one.asked == []


def test_a_certificate_is_met_anew_where_people_say_so(tmp_path: Path) -> None:
    """A BMC that was reset shows another one; only then the new one is taken."""
    one = ScriptedSwitch()
    with board_in(tmp_path, one) as (context, board):
        board.status("hv1")
        board.put_password("", Secret("of all"))
        assert target_of(context, board.machine("hv1")).fingerprint == "ab" * 32
        board.put_password("hv1", Secret("of this one"))
        assert target_of(context, board.machine("hv1")).fingerprint is None
        board.status("hv1")
        one.fingerprint = "cd" * 32
        board.meet_anew("hv1")
        assert board.status("hv1").fingerprint == "cd" * 32


def test_a_machine_without_a_bmc_says_what_to_press(tmp_path: Path) -> None:
    """As an error whose fix is the hand."""
    with context_in(tmp_path) as context:
        board = Switchboard(context, _plan())
        with pytest.raises(PowerError) as caught:
            board.on("hv2")
    assert caught.value.fix.startswith("press the power button of hv2")


def test_a_bmc_that_names_another_machine_wants_the_name_typed(tmp_path: Path) -> None:
    """That other one may be installed."""
    one = ScriptedSwitch(power_now=Power.ON, said=Inventory(macs=(Mac("525400999999"),)))
    with board_in(tmp_path, one) as (_, board):
        assert board.needs_name("hv1") == "nothing is known here of what runs on it"
        board.inventory("hv1")
        with pytest.raises(InputError, match="would be switched off hard") as caught:
            board.off("hv1")
        assert "52:54:00:99:99:99" in caught.value.why
        assert one.acts == []


def test_what_was_sent_is_told_though_nothing_answers_afterwards(tmp_path: Path) -> None:
    """Else a switching that happened would be in no history."""
    one = ScriptedSwitch(power_now=Power.ON)
    one.fail = lambda verb: BmcUnreachableError("it restarts") if verb == "power" else None
    with board_in(tmp_path, one) as (context, board):
        assert board.off("hv1", "hv1").endswith("it was sent, and nothing says what came of it")
        assert [each.text for each in context.journal.events() if each.kind == "power-told"]
