"""Reports taken into a running watch: who is bound, who is held and why, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import cast

import pytest

from appliance.boot.control import Order, Reported
from appliance.boot.model import OrderKind
from appliance.discover.report import Content, Disk, Report, encode
from appliance.errors import StopRequestedError
from appliance.flow.choosing import Wish, approve_machine, identify
from appliance.flow.context import Context
from appliance.flow.discovering import Discovering
from appliance.flow.judging import Held
from appliance.flow.orders import reinstall
from appliance.flow.s1_site import plan_of
from appliance.flow.services import Services
from appliance.machines.state import EXPECTATIONS, Evidence, Record, Seen, State, fold
from appliance.site.load import load_file
from appliance.site.plan import DiskPlan, MachinePlan, Plan
from appliance.store.discovered import Ordered
from appliance.store.machines import Proven
from appliance.values import Mac
from tests.flow.scripted_machine import report_of
from tests.unit.flow.support import Ticks, context_in
from tests.unit.flow.test_s4_machines import ScriptedServices, World

_SITE = """
site: alpha
networks: {main: {cidr: 127.9.0.0/24, gateway: 127.9.0.1}}
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {match: {serial: SN-01}, disk: "size >= 250G"}
    hv2: {mac: "52:54:00:00:00:02", disk: "size >= 250G"}
"""
_ONE, _TWO, _THREE = (Mac(f"52540000000{number}") for number in (1, 2, 3))
_DATA = (Content("", "gpt"), Content("vda1", "ext4", label="photos"))


class Orders:
    """Boot services of which only the orders matter."""

    def __init__(self) -> None:
        self.given: list[Order] = []
        self.has_stage1 = True

    def order(self, order: Order) -> None:
        """Remember it."""
        self.given.append(order)


class World1:
    """A watch's part that hears machines out, on a real store."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.orders = Orders()
        self.plan = plan_of(context, load_file(context.site_file))
        self.part = Discovering(context, cast("Services", self.orders), self.plan)

    def hear(self, mac: Mac, report: Report | None = None, name: str | None = None) -> bool:
        """Hear a report and act on it; the plan is made anew where that is asked for."""
        text = encode(report or report_of(mac)).decode()
        self.part.take(Reported(mac, IPv4Address("127.9.0.77"), name, text), self.plan)
        return self.turn()

    def turn(self, *, anew: bool = False) -> bool:
        """Play one turn of the watch; `anew`: somebody said something meanwhile."""
        if anew:
            self.plan = plan_of(self.context, load_file(self.context.site_file))
        changed = self.part.turn(self.plan, anew=anew)
        self.plan = plan_of(self.context, load_file(self.context.site_file))
        return changed

    def machine(self, name: str) -> MachinePlan:
        """Give a machine of the plan as it is now."""
        found = self.plan.machine(name)
        assert found is not None
        return found

    def texts(self, kind: str) -> list[str]:
        """Give the texts of the kept events of a kind."""
        return [each.text for each in self.context.journal.events() if each.kind == kind]


@contextmanager
def world_in(folder: Path, text: str = _SITE) -> Iterator[World1]:
    """Open a site of this text."""
    file = folder / "site.yaml"
    file.write_text(text)
    with context_in(folder, site_file=file) as context:
        yield World1(context)


def _with_data(mac: Mac) -> Report:
    (disk,) = report_of(mac).disks
    return report_of(mac, disks=(replace(disk, contents=_DATA),))


def test_a_machine_named_by_its_serial_number_is_armed_by_its_report(tmp_path: Path) -> None:
    """Card and disk are kept for ever: the same report again changes nothing."""
    with world_in(tmp_path) as world:
        assert world.machine("hv1").not_armed is not None
        assert world.hear(_ONE)
        found = world.machine("hv1")
        assert (found.macs, found.not_armed) == ((_ONE,), None)
        assert found.disk is not None
        assert found.disk.path == "/dev/disk/by-id/virtio-01"
        assert not world.hear(_ONE)
        assert not world.turn(anew=True)
        (told,) = world.texts("identified")
    assert told.startswith("hv1 is 52:54:00:00:00:01, Rehearsal Scripted, serial SN-01")
    assert told.endswith("it is installed on /dev/disk/by-id/virtio-01")


def test_a_selector_of_two_disks_holds_the_machine_by_name(tmp_path: Path) -> None:
    """It is known who it is; the sentence names both disks, and is told once."""
    (disk,) = report_of(_ONE).disks
    twin = replace(disk, name="vdb", by_id=("/dev/disk/by-id/virtio-twin",), serial="twin")
    with world_in(tmp_path) as world:
        for _ in range(2):
            world.hear(_ONE, report_of(_ONE, disks=(disk, twin)))
        found = world.machine("hv1")
        assert found.macs == (_ONE,)
        assert found.not_armed is not None
        refused = world.part.held.refused["hv1"]
        held = [each for each in world.texts("finding") if "is held" in each]
    assert refused.startswith("2 disks match 'size >= 250G': vda (")
    assert "vdb" in refused
    assert len(held) == 1


def test_a_disk_with_data_is_held_until_the_name_is_typed(tmp_path: Path) -> None:
    """And then it is just this disk of this machine."""
    with world_in(tmp_path) as world:
        world.hear(_ONE, _with_data(_ONE))
        assert "holds data: ext4 'photos' on vda1" in world.part.held.refused["hv1"]
        assert world.machine("hv1").not_armed is not None
        wish = Wish("hv1", erase="hv1")
        approve_machine(world.context, world.plan, "SN-01", wish)
        world.turn(anew=True)
        assert world.part.held.refused == {}
        assert world.machine("hv1").not_armed is None
        # Another disk in its place holds somebody's data again.
        (other,) = _with_data(_ONE).disks
        other = replace(other, by_id=("/dev/disk/by-id/virtio-new",), serial="new")
        world.hear(_ONE, report_of(_ONE, disks=(other,)))
        assert "is none of its disks" in world.part.held.refused["hv1"]


def test_data_that_shows_up_later_holds_an_armed_machine(tmp_path: Path) -> None:
    """The last report counts until an installer begins; what that writes is no reason."""
    with world_in(tmp_path) as world:
        world.hear(_ONE)
        assert world.part.held.refused == {}
        world.hear(_ONE, _with_data(_ONE))
        assert "holds data" in world.part.held.refused["hv1"]
        again = Discovering(world.context, cast("Services", world.orders), world.plan)
        assert "holds data" in again.held.refused["hv1"]
        world.context.proven.put(Proven("hv1", record={"installs": 1}))
        world.turn(anew=True)
        assert world.part.held.refused == {}


def test_two_that_say_they_are_one_are_both_held(tmp_path: Path) -> None:
    """Neither is bound, and each is told."""
    with world_in(tmp_path) as world:
        world.hear(_ONE)
        world.hear(_THREE, report_of(_THREE, serial="SN-01"))
        assert world.machine("hv1").macs == (_ONE,)  # who was found first stays who it is
    (tmp_path / "b").mkdir()
    with world_in(tmp_path / "b") as world:
        world.context.discoveries.put(_ONE, "", encode(report_of(_ONE)).decode(), 1.0)
        world.hear(_THREE, report_of(_THREE, serial="SN-01"))
        assert world.machine("hv1").macs == ()
        assert "2 machines report to be hv1" in world.part.held.refused["hv1"]


def test_a_liar_chooses_no_disk_for_the_machine_whose_card_it_names(tmp_path: Path) -> None:
    """hv2 would be installed on a path of the liar's, asked no more. Its own word arms it."""
    (disk,) = report_of(_THREE).disks
    liar = report_of(_THREE, nics=(*report_of(_THREE).nics, *report_of(_TWO).nics))
    with world_in(tmp_path) as world:
        assert not world.hear(_THREE, replace(liar, disks=(disk,)))
        assert world.machine("hv2").disk == DiskPlan(None, "size >= 250G")
        assert "provision identify SITE 52:54:00:00:00:03 hv2" in world.part.held.refused["hv2"]
        world.hear(_TWO)  # both are here now: people say which
        assert "2 machines report to be hv2" in world.part.held.refused["hv2"]
        assert world.machine("hv2").not_armed is not None
        identify(world.context, world.plan, str(_TWO), "hv2", sure=False)
        world.turn(anew=True)
        assert world.machine("hv2").not_armed is None
        assert world.machine("hv2").disk == DiskPlan("/dev/disk/by-id/virtio-02", "size >= 250G")


def test_a_report_of_an_earlier_run_arms_nobody(tmp_path: Path) -> None:
    """Its disk was blank then. A machine that waits says it again, and the same is enough."""
    with world_in(tmp_path) as world:
        world.context.discoveries.put(_ONE, "", encode(report_of(_ONE)).decode(), 1.0)
        assert not world.turn()
        assert world.machine("hv1").macs == ()
        assert world.hear(_ONE)
        assert world.machine("hv1").not_armed is None


def test_a_machine_bound_by_an_earlier_run_reports_again_before_it_installs(
    tmp_path: Path,
) -> None:
    """The same report is enough, another is judged; nothing new is bound."""
    with world_in(tmp_path) as world:
        world.hear(_ONE)
        assert world.part.held.paused == {}
        for report, refused in ((report_of(_ONE), False), (_with_data(_ONE), True)):
            world.part = Discovering(world.context, cast("Services", world.orders), world.plan)
            assert "earlier run" in world.part.held.paused["hv1"]
            assert not world.hear(_ONE, report)
            assert world.part.held.paused == {}
            assert ("hv1" in world.part.held.refused) is refused
        assert len(world.texts("identified")) == 1


def test_a_machine_that_is_installed_anew_reports_and_is_not_held_for_its_old_system(
    tmp_path: Path,
) -> None:
    """That this disk goes was said with the order; another one would be asked about."""
    with world_in(tmp_path) as world:
        world.hear(_ONE)
        world.context.proven.put(Proven("hv1", installed=1.0, installs=1))
        reinstall(world.context, "hv1", "/dev/disk/by-id/virtio-01")
        world.part = Discovering(world.context, cast("Services", world.orders), world.plan)
        assert list(world.part.held.paused) == ["hv1"]
        world.hear(_ONE, _with_data(_ONE))
        assert world.part.held == Held({}, {})


def test_a_rival_lets_go_on_what_is_under_way(tmp_path: Path) -> None:
    """It is said so, and all is over once the installation has begun."""
    with world_in(tmp_path) as world:
        world.hear(_ONE)
        world.hear(_THREE, report_of(_THREE, serial="SN-01"))
        assert "reports to be it too" in world.part.held.paused["hv1"]
        assert world.part.held.refused == {}
        (told,) = [each for each in world.texts("finding") if each.startswith("hv1 ")]
        assert told.startswith("hv1 begins no installation: hv1 was found as the machine with")
        world.context.proven.put(Proven("hv1", record={"installs": 1}))
        assert world.part.held.paused == {}


def test_a_file_that_is_half_written_ends_no_run(tmp_path: Path) -> None:
    """A machine reports meanwhile: it is said, and it joins once the file is whole."""
    with world_in(tmp_path) as world:
        text = encode(report_of(_ONE)).decode()
        world.part.take(Reported(_ONE, IPv4Address("127.9.0.77"), None, text), world.plan)
        file = world.context.site_file
        whole = file.read_text()
        file.write_text(whole[:60])
        assert not world.part.turn(world.plan, anew=False)
        assert not world.part.turn(world.plan, anew=False)
        (told,) = (each for each in world.texts("finding") if "cannot join yet" in each)
        file.write_text(whole)
        assert world.turn()
        assert world.machine("hv1").not_armed is None
    assert told.startswith("hv1 reported, and cannot join yet: ")


def test_who_says_something_else_each_time_does_not_fill_the_journal(tmp_path: Path) -> None:
    """What it reported last is in its status."""
    with world_in(tmp_path) as world:
        for number in range(2):
            problems = tuple(f"{number}, {each}" for each in range(64))
            world.hear(_THREE, report_of(_THREE, problems=problems))
        assert len([each for each in world.texts("finding") if "not found out" in each]) <= 64


def test_swapped_boxes_are_put_right_by_one_command_each(tmp_path: Path) -> None:
    """What the file says of the serial number no longer counts for a box that was pointed out."""
    with world_in(tmp_path) as world:
        world.hear(_ONE)
        world.hear(_TWO, report_of(_TWO, serial="SN-02"))
        assert [world.machine(each).macs for each in ("hv1", "hv2")] == [(_ONE,), (_TWO,)]
        assert "hv1 is to be found anew" in identify(
            world.context, world.plan, "SN-01", "hv2", sure=False
        )
        world.turn(anew=True)
        assert [world.machine(each).macs for each in ("hv1", "hv2")] == [(), (_ONE,)]
        identify(world.context, world.plan, "SN-02", "hv1", sure=False)
        world.turn(anew=True)
        assert [world.machine(each).macs for each in ("hv1", "hv2")] == [(_TWO,), (_ONE,)]
        disks = [world.machine(each).disk for each in ("hv1", "hv2")]
    assert [each.path for each in disks if each] == [
        "/dev/disk/by-id/virtio-02",
        "/dev/disk/by-id/virtio-01",
    ]


def test_orders_are_passed_on_once_and_not_those_of_yesterday(tmp_path: Path) -> None:
    """An order is for the run that goes on."""
    with world_in(tmp_path) as world:
        world.context.stage1_orders.put(Ordered(_ONE, "blink", 60))
        world.turn()
        world.turn()
        assert world.orders.given == [Order(_ONE, OrderKind.BLINK, 60)]
        world.context.stage1_orders.put(Ordered(_ONE, "blink", 60))
        Discovering(world.context, cast("Services", world.orders), world.plan)
        world.turn()
    assert len(world.orders.given) == 1


def test_an_installed_machine_on_another_card_is_sent_to_its_disk(tmp_path: Path) -> None:
    """It was known to have that card: nothing is asked, nothing is installed."""
    (card,) = report_of(_ONE).nics
    report = report_of(_ONE, nics=(card, replace(card, name="eth1", mac=_THREE)))
    with world_in(tmp_path) as world:
        world.hear(_ONE, report)
        assert world.machine("hv1").other_macs == (_THREE,)
        world.context.proven.put(Proven("hv1", installed=1.0, installs=1))
        world.hear(_THREE, report)
        assert world.orders.given == [Order(_THREE, OrderKind.OWN_DISK)]
        assert world.machine("hv1").macs == (_ONE,)


class _Site(World):
    """The watch over a site of which nothing is armed, with stage-1 among the files."""

    def __init__(self, context: Context, ticks: Ticks, of: Plan, **services: float) -> None:
        super().__init__(context, ticks, of)
        self.services = ScriptedServices(ticks, **services)
        self.services.has_stage1 = True


def test_a_site_of_unknown_machines_installs_unattended(tmp_path: Path) -> None:
    """Both report, are armed in the running watch, and the run ends with them."""
    ticks, file = Ticks(), tmp_path / "site.yaml"
    file.write_text(_SITE)
    with context_in(tmp_path, ticks=ticks, site_file=file) as context:
        world = _Site(context, ticks, plan_of(context, load_file(file)))

        def report(mac: Mac, name: str | None) -> None:
            world.services.report(mac, report_of(mac, serial=f"SN-{mac.bare[-2:]}"), name)

        def installs(name: str) -> None:
            assert world.services.last_told(name).documents is not None
            world.plan = world.services.plan
            world.installs(name)()

        world.services.turns = [
            lambda: report(_ONE, None),
            lambda: report(_TWO, "hv2"),
            *[lambda: None] * 3,
            lambda: installs("hv1"),
            *[lambda: None] * 40,
            lambda: installs("hv2"),
        ]
        done = world.watch().run()
        first = world.services.machines[0]
    assert done.value.ready == ("hv1", "hv2")
    assert [each.documents for each in first] == [None, None]
    assert first[1].discover.startswith("its disk is a selector")


def test_a_machine_that_stops_calling_back_is_overdue(tmp_path: Path) -> None:
    """With what it said last and what to do, once; it may just be switched off for a while."""
    ticks, file = Ticks(), tmp_path / "site.yaml"
    file.write_text(_SITE)
    limit = EXPECTATIONS[State.DISCOVERED].within
    with context_in(tmp_path, ticks=ticks, site_file=file) as context:
        world = _Site(context, ticks, plan_of(context, load_file(file)), turn_seconds=limit / 5)
        world.services.turns = [lambda: world.services.see("hv2", Seen.DISCOVERED)] * 10
        world.services.turns += [lambda: None] * 30
        world.services.turns.append(context.stop.set)
        with pytest.raises(StopRequestedError):
            world.watch().run()
        told = [each for each in world.texts("overdue") if each.startswith("hv2")]
    assert len(told) == 1
    assert "our small Linux asking for its orders is overdue" in told[0]
    assert "last seen: discovered of hv2" in told[0]
    assert told[0].endswith(EXPECTATIONS[State.DISCOVERED].advice)


def test_the_last_word_of_stage1_keeps_it_alive() -> None:
    """The state that the watch above waits in."""
    record = fold(Record(), Evidence("hv2", Seen.DISCOVERED, 1.0, "it reported"))
    assert record.state is State.DISCOVERED


def test_a_disk_without_a_stable_name_is_no_disk(tmp_path: Path) -> None:
    """What would be another disk at the next boot is not installed on."""
    with world_in(tmp_path) as world:
        world.hear(_ONE, report_of(_ONE, disks=(Disk("sda", 500 << 30),)))
        assert "no name that is the same at every boot" in world.part.held.refused["hv1"]
