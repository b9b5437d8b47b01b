"""The watch over machines: what it waits for, what it tells, and when it gives up."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import cast

import pytest

from appliance.boot.control import Event, RecordChanged, Reported
from appliance.boot.model import BootEvent, BootMachine
from appliance.discover.report import Report, encode
from appliance.errors import DeadlineError, StepError, StopRequestedError
from appliance.flow.context import Context
from appliance.flow.orders import approve, reinstall
from appliance.flow.roll import record_as_json
from appliance.flow.s1_site import plan_of
from appliance.flow.s4_machines import MachinesStep, Watch, Watched
from appliance.flow.services import Services
from appliance.flow.step import NotYet
from appliance.flow.switching import note
from appliance.hypervisor.ready import Answer
from appliance.machines.state import EXPECTATIONS, Evidence, Record, Seen, State, fold
from appliance.power.model import Power
from appliance.site.load import load_file
from appliance.site.plan import BmcPlan, Plan, Way
from appliance.store.machines import Proven
from appliance.values import Mac, Secret
from tests.plans import machine, plan
from tests.unit.flow.scripted_switch import ScriptedSwitch
from tests.unit.flow.support import Ticks, context_in

_INSTALLS = (
    *(Seen.FIRMWARE_DHCP, Seen.BOOTLOADER_SENT, Seen.INSTALL_SCRIPT, Seen.KERNEL_SENT),
    *(Seen.ROOTFS_SENT, Seen.CONFIG_SENT, Seen.HOOK_STARTED, Seen.IMAGE_ASKED, Seen.IMAGE_SENT),
    *(Seen.HOOK_SUCCEEDED, Seen.OWN_DISK_SCRIPT),
)
_TURNS = 4000


class ScriptedServices:
    """Boot services in memory: fold evidence as the real ones do, and remember what they are told.

    One entry of `turns` is played at each turn of the watch; `turn_seconds` pass in each.
    """

    running = True
    has_stage1 = False
    boot_disc = ""

    def __init__(self, ticks: Ticks, *, turn_seconds: float = 0.5) -> None:
        self._ticks = ticks
        self.turn_seconds = turn_seconds
        self._records: dict[str, Record] = {}
        self._waiting: list[Event | RecordChanged | Reported] = []
        self._played = 0
        self.turns: list[Callable[[], None]] = []
        self.machines: list[tuple[BootMachine, ...]] = []
        self.injected: list[Evidence] = []

    def keep_open(self, tell: Callable[[str], None]) -> None:
        """Nothing is ever unplugged here."""

    def set_machines(self, machines: tuple[BootMachine, ...]) -> None:
        """Remember what was told, once."""
        if not self.machines or self.machines[-1] != machines:
            self.machines.append(machines)

    def replan(self, plan: Plan) -> None:
        """Remember the plan whose names are looked up from now on."""
        self.plan = plan

    def inject(self, evidence: Evidence) -> None:
        """Fold what main saw."""
        self.injected.append(evidence)
        self._see(evidence)

    def repeat(self, name: str, record: Record) -> None:
        """Say first what boot knew before it was told anything, as it does at its start."""
        self._records[name] = record
        self._waiting.append(RecordChanged(name, record))

    def report(self, mac: Mac, report: Report, name: str | None) -> None:
        """Pass on what stage-1 said."""
        text = encode(report).decode()
        self._waiting.append(Reported(mac, IPv4Address("127.9.0.77"), name, text))

    def see(self, name: str, *seen: Seen) -> None:
        """Fold what boot saw."""
        for each in seen:
            self._see(Evidence(name, each, self._ticks.now, f"{each} of {name}"))

    def _see(self, evidence: Evidence) -> None:
        record = fold(self._records.get(evidence.machine, Record()), evidence)
        self._records[evidence.machine] = record
        event = BootEvent(
            evidence.at, "evidence", evidence.text, None, evidence.machine, evidence.seen
        )
        self._waiting += [Event(event), RecordChanged(evidence.machine, record)]

    def messages(self, seconds: float) -> list[Event | RecordChanged | Reported]:
        """Play one entry and give what it brought."""
        del seconds
        self._played += 1
        assert self._played < _TURNS, "the watch does not end"
        self._ticks.now += self.turn_seconds
        time.sleep(0.0005)  # the probes have threads of their own
        if self.turns:
            self.turns.pop(0)()
        brought, self._waiting = self._waiting, []
        return brought

    def last_told(self, name: str) -> BootMachine:
        """Give what boot was told last of a machine."""
        (found,) = (each for each in self.machines[-1] if each.name == name)
        return found


class Network:
    """Which addresses answer as an installed hypervisor does."""

    def __init__(self) -> None:
        self.answering: set[IPv4Address] = set()

    def ask(self, address: IPv4Address) -> Answer:
        """Answer as a probe does."""
        if address in self.answering:
            return Answer(ok=True, text="it answers /ping with pong", fingerprint="ab")
        return Answer(ok=False, text="nobody has this address")


class World:
    """A watch's surroundings. All addresses are on loopback: nothing may leave this computer."""

    def __init__(self, context: Context, ticks: Ticks, of: Plan) -> None:
        self.context = context
        self.plan = of
        self.network = Network()
        self.services = ScriptedServices(ticks)

    def watch(self) -> Watch:
        """Begin to watch."""
        given = Watched(self.plan, cast("Services", self.services))
        return Watch(self.context, given, probe=self.network.ask)

    def installs(self, name: str) -> Callable[[], None]:
        """Play a whole installation; then the system answers, a founder's at the VIP too."""

        def play() -> None:
            self.services.see(name, *_INSTALLS)
            found = self.plan.machine(name)
            assert found is not None
            self.network.answering.add(found.address)
            if found is self.plan.create:
                self.network.answering.add(self.plan.hypervisor.vip)

        return play

    def texts(self, kind: str) -> list[str]:
        """Give the texts of the kept events of a kind."""
        return [each.text for each in self.context.journal.events() if each.kind == kind]


def _plan(*numbers: int) -> Plan:
    machines = (machine(each, address=IPv4Address(f"127.9.0.{each}")) for each in numbers)
    return plan(*machines, vip=IPv4Address("127.9.0.100"))


def test_the_join_waits_until_the_vip_answers(tmp_path: Path) -> None:
    """Until then boot is told what it waits for; the moment the VIP answers it may install."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1, 2))
        world.services.turns = [lambda: None, world.installs("hv1"), *[lambda: None] * 40]
        world.services.turns.append(world.installs("hv2"))
        done = world.watch().run()
        waits = [
            each.waits_for
            for told in world.services.machines
            for each in told
            if each.name == "hv2"
        ]
        finding = world.texts("finding")
    assert waits[0] == "hv1 to answer at the VIP 127.9.0.100"
    assert waits[-1] == ""
    assert finding == ["the VIP 127.9.0.100 answers"]
    assert done.value.ready == ("hv1", "hv2")
    assert done.evidence["certificates"] == {"hv1": "ab", "hv2": "ab"}


def test_a_proof_is_on_disk_before_it_is_told(tmp_path: Path) -> None:
    """Whoever hears "installed" or "ready" finds it in main.db already."""
    ticks, found = Ticks(), []
    with context_in(tmp_path, ticks=ticks) as context:

        def hear(event: object) -> None:
            data = getattr(event, "data", {})
            if data.get("state") in ("installed", "ready"):
                proven = context.proven.get("hv1")
                found.append((data["state"], proven.installed and 1, proven.ready and 1))

        context.listeners = (hear,)
        world = World(context, ticks, _plan(1))
        world.services.turns = [world.installs("hv1")]
        world.watch().run()
    assert found == [("installed", 1, None), ("ready", 1, 1)]


def test_an_installed_machine_is_told_to_boot_without_documents(tmp_path: Path) -> None:
    """From the turn on in which the proof came, boot has no script that could install it."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1))
        world.services.turns = [world.installs("hv1")]
        world.watch().run()
        first, last = world.services.machines[0][0], world.services.last_told("hv1")
    assert first.documents is not None
    assert (last.installed, last.documents) == (True, None)


def test_overdue_is_told_once_a_limit_with_all_that_helps(tmp_path: Path) -> None:
    """What was seen last, what was expected, what to do; then it is given up with the same."""
    ticks = Ticks()
    expected = EXPECTATIONS[State.KERNEL]
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1))
        world.services = ScriptedServices(ticks, turn_seconds=expected.within / 10)
        world.services.turns = [
            lambda: world.services.see("hv1", Seen.INSTALL_SCRIPT, Seen.KERNEL_SENT)
        ]
        with pytest.raises(DeadlineError, match="hv1 did not get any further") as caught:
            world.watch().run()
        told = world.texts("overdue")
    assert len(told) == 4
    for text in told:
        assert expected.next in text
        assert f"last seen: {Seen.KERNEL_SENT} of hv1" in text
        assert text.endswith(expected.advice)
    assert caught.value.fix == expected.advice
    assert str(Seen.KERNEL_SENT) in caught.value.why


def test_nothing_is_given_up_while_another_machine_is_being_installed(tmp_path: Path) -> None:
    """The run would take the boot services from under it; it ends once that one is done."""
    ticks = Ticks()
    limit = EXPECTATIONS[State.KERNEL].within
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1, 2))
        world.services = ScriptedServices(ticks, turn_seconds=limit / 10)

        def begin() -> None:
            world.services.see("hv2", Seen.INSTALL_SCRIPT, Seen.KERNEL_SENT)
            world.services.see("hv1", *_INSTALLS[: _INSTALLS.index(Seen.HOOK_SUCCEEDED)])

        world.services.turns = [begin, *[lambda: None] * 45, world.installs("hv1")]
        with pytest.raises(DeadlineError, match="hv2 did not get any further"):
            world.watch().run()
        assert context.proven.get("hv1").ready is not None


def test_a_machine_that_never_appears_ends_the_run_after_hours(tmp_path: Path) -> None:
    """Nobody pressed its button: said every quarter of an hour, given up after four hours."""
    ticks = Ticks()
    expected = EXPECTATIONS[State.EXPECTED]
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1))
        world.services = ScriptedServices(ticks, turn_seconds=expected.within / 4)
        world.services.turns = [lambda: None] * 80
        with pytest.raises(DeadlineError, match="hv1 did not get any further") as caught:
            world.watch().run()
        assert len(world.texts("overdue")) == 16
    assert caught.value.fix == expected.advice


def test_a_machine_that_is_switched_on_late_is_waited_for(tmp_path: Path) -> None:
    """That it is not seen is said again and again, and the run goes on."""
    ticks = Ticks()
    expected = EXPECTATIONS[State.EXPECTED]
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1))
        world.services = ScriptedServices(ticks, turn_seconds=expected.within / 4)

        def comes() -> None:
            world.services.turn_seconds = 0.5  # its probe has a thread, which no clock here drives
            world.installs("hv1")()

        world.services.turns = [*[lambda: None] * 40, comes]
        world.watch().run()
        told = world.texts("overdue")
    assert len(told) >= 5
    assert all(expected.advice in each for each in told)


def test_what_fails_for_good_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    """FAILED, and nobody switched it off and on for a while: code 4 and the machine's name."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1, 2))
        world.services = ScriptedServices(ticks, turn_seconds=60)
        world.services.turns = [lambda: world.services.see("hv1", *_INSTALLS[:7], Seen.HOOK_FAILED)]
        with pytest.raises(StepError, match="hv1 could not be installed"):
            world.watch().run()


def _with_bmc(world: World, one: ScriptedSwitch) -> Watch:
    given = Watched(world.plan, cast("Services", world.services))
    return Watch(world.context, given, probe=world.network.ask, make=one.make)


def _bmc_plan() -> Plan:
    bmc = BmcPlan(Way.IPMI, "10.20.0.51", "root")
    one = machine(1, address=IPv4Address("127.9.0.1"), bmc=bmc)
    return plan(one, vip=IPv4Address("127.9.0.100"))


def test_a_machine_with_a_bmc_is_started_and_then_boots_from_its_disk(tmp_path: Path) -> None:
    """The watch alone: no hand, and the disk is set before the step ends."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        context.vault.put("bmc", Secret("calvin"))
        world = World(context, ticks, _bmc_plan())
        one = ScriptedSwitch(fingerprint=None)
        one.on_power = lambda: world.services.turns.append(world.installs("hv1"))
        done = _with_bmc(world, one).run()
    assert done.value.ready == ("hv1",)
    assert one.acts == ["boot pxe", "on", "boot disk"]


def test_the_step_is_not_done_while_a_disk_is_owed(tmp_path: Path) -> None:
    """A run was killed between the success and the disk: the next one watches, and sets it."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        context.vault.put("bmc", Secret("calvin"))
        world = World(context, ticks, _bmc_plan())
        context.proven.put(Proven("hv1", installed=5.0, ready=6.0, installs=1))
        note(context, world.plan.machines[0], disk_due=True)
        found = MachinesStep(context).check(Watched(world.plan, cast("Services", world.services)))
        assert isinstance(found, NotYet)
        assert found.reason == "its disk is not set as its boot device: hv1"
        one = ScriptedSwitch(fingerprint=None, power_now=Power.ON)
        world.network.answering = {IPv4Address("127.9.0.1"), IPv4Address("127.9.0.100")}
        _with_bmc(world, one).run()
    assert one.acts == ["boot disk"]


def test_what_failed_in_an_earlier_run_is_started_anew_by_its_bmc(tmp_path: Path) -> None:
    """Longer than a minute may pass until it asks: the run does not end meanwhile."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        context.vault.put("bmc", Secret("calvin"))
        failed = Record(State.FAILED, 1, since=5.0, reason="its installer said FAILED")
        context.proven.put(Proven("hv1", record=record_as_json(failed)))
        world = World(context, ticks, _bmc_plan())
        world.services = ScriptedServices(ticks, turn_seconds=10)
        world.services.repeat("hv1", failed)
        one = ScriptedSwitch(fingerprint=None)

        def play() -> None:
            world.services.turns += [*[lambda: None] * 30, world.installs("hv1")]

        one.on_power = play
        done = _with_bmc(world, one).run()
    assert done.value.ready == ("hv1",)
    assert one.acts[:2] == ["boot pxe", "on"]


def test_a_second_watch_goes_on_where_a_killed_one_was(tmp_path: Path) -> None:
    """Installed stays installed: a new boot that remembers nothing is given no documents for it."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1))

        def killed() -> None:
            raise KeyboardInterrupt

        world.services.turns = [lambda: world.services.see("hv1", *_INSTALLS), killed]
        with pytest.raises(KeyboardInterrupt):
            world.watch().run()
        assert context.proven.get("hv1").installs == 1

        again = World(context, ticks, world.plan)
        again.services.turns = [lambda: again.network.answering.add(again.plan.machines[0].address)]
        done = again.watch().run()
        assert [each[0].documents for each in again.services.machines] == [None]
        assert context.proven.get("hv1").installs == 1
    assert done.value.ready == ("hv1",)


def test_a_stop_is_obeyed_at_the_next_turn(tmp_path: Path) -> None:
    """Ctrl-C in the middle of everything."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1))
        world.services.turns = [context.stop.set]
        with pytest.raises(StopRequestedError):
            world.watch().run()


def test_a_machine_that_is_not_armed_is_not_waited_for(tmp_path: Path) -> None:
    """It is held with its reason, and the run ends without it."""
    ticks = Ticks()
    base = _plan(1, 2)
    held = machine(2, address=IPv4Address("127.9.0.2"), not_armed="it has no disk")
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, plan(base.machines[0], held, vip=IPv4Address("127.9.0.100")))
        world.services.turns = [world.installs("hv1")]
        assert world.watch().run().value.ready == ("hv1",)
        told = world.services.last_told("hv2")
    assert (told.hold, told.documents) == ("it has no disk", None)


def test_without_any_armed_machine_it_says_why(tmp_path: Path) -> None:
    """Each machine's reason is named, and what to do."""
    ticks = Ticks()
    machines = (machine(each, not_armed=f"reason {each}") for each in (1, 2))
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, plan(*machines))
        with pytest.raises(StepError, match="no machine is armed") as caught:
            world.watch().run()
    assert caught.value.why == "hv1: reason 1; hv2: reason 2"
    assert caught.value.fix


def test_an_order_to_install_again_is_passed_on(tmp_path: Path) -> None:
    """Boot hears of it first; until the machine boots, its old system's answers do not count."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        context.proven.put(Proven("hv1", installed=5.0, ready=6.0, installs=1))
        reinstall(context, "hv1")
        world = World(context, ticks, _plan(1))
        world.network.answering = {world.plan.machines[0].address, world.plan.hypervisor.vip}
        world.services.repeat("hv1", Record(State.READY, last_seen=Seen.SYSTEM_ANSWERS))

        def boots() -> None:
            assert context.proven.get("hv1").ready is None
            world.network.answering.clear()
            world.services.see("hv1", Seen.FIRMWARE_DHCP)

        world.services.turns = [*[lambda: None] * 60, boots, world.installs("hv1")]
        world.watch().run()
        proven = context.proven.get("hv1")
        kinds = [each.seen for each in world.services.injected]
    assert kinds == [Seen.REINSTALL_ORDERED, Seen.SYSTEM_ANSWERS]
    assert proven.installs == 2
    assert proven.ready is not None


_SITE = """
site: alpha
networks: {main: {cidr: 127.9.0.0/24, gateway: 127.9.0.1}}
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""


def test_a_machine_approved_while_it_runs_is_taken_in(tmp_path: Path) -> None:
    """It is told to boot at the next turn, armed, and the run ends with it."""
    ticks = Ticks()
    file = tmp_path / "site.yaml"
    file.write_text(_SITE)
    with context_in(tmp_path, ticks=ticks, site_file=file) as context:
        world = World(context, ticks, plan_of(context, load_file(file)))

        def approves() -> None:
            disk = {"role": "join", "disk": "/dev/disk/by-id/virtio-B"}
            approve(context, Mac.parse("52:54:00:00:00:02"), "hv2", disk)

        def installs_the_new_one() -> None:
            told = world.services.last_told("hv2")
            assert told.documents is not None
            world.services.see("hv2", *_INSTALLS)
            world.network.answering.add(told.address)

        world.services.turns = [approves, world.installs("hv1"), *[lambda: None] * 40]
        world.services.turns.append(installs_the_new_one)
        done = world.watch().run()
        assert "approved machines: hv2" in world.texts("finding")
    assert done.value.ready == ("hv1", "hv2")


def test_a_file_that_is_half_written_ends_no_run(tmp_path: Path) -> None:
    """Who was approved meanwhile joins once it is whole; it is said once."""
    ticks = Ticks()
    file = tmp_path / "site.yaml"
    file.write_text(_SITE)
    with context_in(tmp_path, ticks=ticks, site_file=file) as context:
        world = World(context, ticks, plan_of(context, load_file(file)))

        def approves() -> None:
            disk = {"role": "join", "disk": "/dev/disk/by-id/virtio-B"}
            approve(context, Mac.parse("52:54:00:00:00:02"), "hv2", disk)
            file.write_text(_SITE[:60])

        def is_whole_again() -> None:
            file.write_text(_SITE)

        def installs_the_new_one() -> None:
            world.services.see("hv2", *_INSTALLS)
            world.network.answering.add(world.services.last_told("hv2").address)

        world.services.turns = [
            approves,
            *[lambda: None] * 3,
            is_whole_again,
            world.installs("hv1"),
        ]
        world.services.turns += [*[lambda: None] * 40, installs_the_new_one]
        done = world.watch().run()
        said = [each for each in world.texts("finding") if "cannot join yet" in each]
        assert "approved machines: hv2" in world.texts("finding")
    assert done.value.ready == ("hv1", "hv2")
    assert len(said) == 1


def test_the_step_is_done_only_when_proven_and_answering(tmp_path: Path) -> None:
    """A proof alone is not believed: who does not answer now is waited for."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        world = World(context, ticks, _plan(1))
        given = Watched(world.plan, cast("Services", world.services))
        step = MachinesStep(context)
        found = step.check(given)
        assert isinstance(found, NotYet)
        assert found.reason == "not proven ready: hv1"
        context.proven.put(Proven("hv1", installed=5.0, ready=6.0, installs=1))
        found = step.check(given)
        assert isinstance(found, NotYet)
        assert found.reason == "not answering: hv1"
