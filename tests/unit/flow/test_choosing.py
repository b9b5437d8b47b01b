"""What people choose from reports: kept, or refused with all that speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.boot.control import Reported
from appliance.discover.report import Content, Report, encode
from appliance.errors import InputError
from appliance.flow.choosing import Wish, approve_machine, blink, identify
from appliance.flow.context import Context
from appliance.flow.reports import take_report
from appliance.flow.s1_site import plan_of
from appliance.site.load import load_file
from appliance.site.plan import MachinePlan, Plan, Role
from appliance.store.discovered import Ordered
from appliance.store.machines import Proven
from appliance.values import Mac
from tests.flow.scripted_machine import report_of
from tests.unit.flow.support import context_in

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-01}
    hv2: {mac: "52:54:00:00:00:02"}
"""
_ONE, _TWO, _THREE = (Mac(f"52540000000{number}") for number in (1, 2, 3))
_PATH = "/dev/disk/by-id/virtio-03"


class Desk:
    """Where commands are given, one after the other."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def plan(self) -> Plan:
        """The plan as the next command sees it."""
        return plan_of(self.context, load_file(self.context.site_file))

    def machine(self, name: str) -> MachinePlan:
        """Give a machine of that plan."""
        found = self.plan.machine(name)
        assert found is not None
        return found

    def hear(self, mac: Mac, report: Report | None = None) -> None:
        """Hear a report."""
        text = encode(report or report_of(mac)).decode()
        take_report(self.context, Reported(mac, IPv4Address("10.20.0.200"), None, text))

    def approve(self, which: str, name: str, **said: str) -> str:
        """Approve a machine."""
        return approve_machine(self.context, self.plan, which, Wish(name, **said))

    def identify(self, which: str, name: str, *, sure: bool = False) -> str:
        """Point a machine out."""
        return identify(self.context, self.plan, which, name, sure=sure)


@contextmanager
def _desk(folder: Path) -> Iterator[Desk]:
    file = folder / "site.yaml"
    file.write_text(_SITE)
    with context_in(folder, site_file=file) as context:
        yield Desk(context)


def _with_data(mac: Mac) -> Report:
    (disk,) = report_of(mac).disks
    return report_of(mac, disks=(replace(disk, contents=(Content("vda1", "xfs", "photos"),)),))


@pytest.mark.parametrize("disk", [_PATH, "vda", "/dev/vda", "size >= 250G, not usb"])
def test_a_disk_is_chosen_from_the_report(tmp_path: Path, disk: str) -> None:
    """By its path, by the name on the list, or by a selector: what is kept is a stable path."""
    with _desk(tmp_path) as desk:
        desk.hear(_THREE)
        assert desk.approve("SN-03", "hv3", disk=disk) == (
            f"{_THREE} is hv3 from now on, to be installed on {_PATH}"
        )
        found = desk.machine("hv3")
    assert (found.macs, found.not_armed, found.role) == ((_THREE,), None, Role.JOIN)
    assert found.disk is not None
    assert found.disk.path == _PATH


def test_a_machine_of_the_file_gets_its_disk(tmp_path: Path) -> None:
    """The file named no disk: it is armed by one command, whatever card it reported by."""
    with _desk(tmp_path) as desk:
        desk.hear(_TWO)
        desk.approve(str(_TWO), "hv2", disk="vda")
        found = desk.machine("hv2")
        (told,) = (each for each in desk.context.journal.events() if each.kind == "approved")
    assert (found.macs, found.not_armed) == ((_TWO,), None)
    assert told.machine == "hv2"


def test_without_a_disk_all_are_shown(tmp_path: Path) -> None:
    """None is ever guessed."""
    with _desk(tmp_path) as desk:
        desk.hear(_THREE)
        with pytest.raises(InputError, match="choose the disk") as caught:
            desk.approve("SN-03", "hv3")
    assert "vda 537 GB, blank" in caught.value.why


def test_a_disk_with_data_takes_the_name_twice(tmp_path: Path) -> None:
    """A wrong name is no name; nothing is kept of what was refused."""
    with _desk(tmp_path) as desk:
        desk.hear(_THREE, _with_data(_THREE))
        with pytest.raises(InputError, match="hv3 cannot be installed so") as caught:
            desk.approve("SN-03", "hv3", disk="vda")
        assert "holds data: xfs 'photos' on vda1" in caught.value.why
        assert caught.value.fix.endswith("--erase hv3")
        with pytest.raises(InputError, match="is not the name hv3"):
            desk.approve("SN-03", "hv3", disk="vda", erase="yes")
        assert desk.plan.machine("hv3") is None
        assert desk.context.agreed.all() == {}
        desk.approve("SN-03", "hv3", disk="vda", erase="hv3")
        assert desk.context.agreed.all() == {"hv3": _PATH}
        assert desk.machine("hv3").not_armed is None


def test_what_nobody_may_overrule_is_refused_with_erase_too(tmp_path: Path) -> None:
    """Too little memory is no matter of a name."""
    with _desk(tmp_path) as desk:
        desk.hear(_THREE, replace(_with_data(_THREE), memory=4 << 30))
        with pytest.raises(InputError) as caught:
            desk.approve("SN-03", "hv3", disk="vda", erase="hv3")
    assert "4G" in caught.value.why
    assert "--erase" not in caught.value.fix


def test_what_the_file_says_is_not_said_otherwise(tmp_path: Path) -> None:
    """Its disk and its role are changed there."""
    with _desk(tmp_path) as desk:
        (disk,) = report_of(_ONE).disks
        other = replace(disk, name="vdb", by_id=("/dev/disk/by-id/virtio-B",), serial="B")
        desk.hear(_ONE, report_of(_ONE, disks=(disk, other)))
        with pytest.raises(InputError, match="is installed on /dev/disk/by-id/virtio-01"):
            desk.approve("SN-01", "hv1", disk="vdb")
        with pytest.raises(InputError, match="hv1 is to create"):
            desk.approve("SN-01", "hv1", role="join")


@pytest.mark.parametrize(
    ("which", "name", "said", "words"),
    [
        ("SN-03", "", {}, "needs a name"),
        ("SN-03", "hv3", {"disk": "/dev/nvme0n1"}, "may name another disk"),
        ("SN-03", "hv3", {"disk": "/dev/disk/by-id/other"}, "cannot be installed so"),
        ("52:54:00:00:00:07", "hv2", {}, "has not reported"),
        ("SN-99", "hv3", {}, "no machine that reported"),
    ],
)
def test_what_cannot_be_is_said(
    tmp_path: Path, which: str, name: str, said: dict[str, str], words: str
) -> None:
    """In one sentence, and nothing is kept."""
    with _desk(tmp_path) as desk:
        desk.hear(_THREE)
        with pytest.raises(InputError, match=words):
            desk.approve(which, name, **said)
        assert desk.context.approved.all() == {}


def test_one_machine_is_not_two(tmp_path: Path) -> None:
    """A card of the site's own machine gets no second name; it is pointed out instead."""
    with _desk(tmp_path) as desk:
        desk.hear(_ONE)
        with pytest.raises(InputError, match="is hv1 already"):
            desk.approve("SN-01", "hv9", disk="vda")


def test_an_installed_machine_is_not_approved_again(tmp_path: Path) -> None:
    """It would be installed again."""
    with _desk(tmp_path) as desk:
        desk.hear(_ONE)
        desk.context.proven.put(Proven("hv1", installed=1.0, installs=1))
        with pytest.raises(InputError, match="hv1 is installed"):
            desk.approve("SN-01", "hv9", disk="vda")
        with pytest.raises(InputError, match="hv1 is installed"):
            desk.approve("SN-01", "hv1")


def test_a_replaced_board_is_known_by_its_disk(tmp_path: Path) -> None:
    """Other cards, another serial number, the same disk: it keeps its name and its proof."""
    with _desk(tmp_path) as desk:
        desk.context.proven.put(Proven("hv1", installed=1.0, installs=1))
        desk.hear(_THREE, report_of(_THREE, serial="NEW", disks=report_of(_ONE).disks))
        assert desk.identify("NEW", "hv1") == f"{_THREE} is hv1 from now on"
        assert desk.machine("hv1").macs == (_THREE,)
        assert desk.context.proven.get("hv1").installed == 1.0


def test_another_box_is_not_taken_for_an_installed_machine(tmp_path: Path) -> None:
    """Unless whoever stands before it is sure; even then nothing is installed."""
    with _desk(tmp_path) as desk:
        desk.context.proven.put(Proven("hv1", installed=1.0, installs=1))
        desk.hear(_THREE)
        with pytest.raises(InputError, match="nothing shows that this is hv1") as caught:
            desk.identify("SN-03", "hv1")
        assert "--yes" in caught.value.fix
        desk.identify("SN-03", "hv1", sure=True)
        assert desk.machine("hv1").macs == (_THREE,)
        assert desk.context.proven.get("hv1").installed == 1.0


def test_a_machine_that_is_installed_becomes_no_other(tmp_path: Path) -> None:
    """Its disk is that of the name it has."""
    with _desk(tmp_path) as desk:
        desk.context.proven.put(Proven("hv1", installed=1.0, installs=1))
        with pytest.raises(InputError, match="is hv1, which is installed"):
            desk.identify(str(_ONE), "hv2")
        with pytest.raises(InputError, match="no machine 'hv9'"):
            desk.identify(str(_TWO), "hv9")


def test_a_box_is_pointed_out_by_its_mac_alone(tmp_path: Path) -> None:
    """Before it was ever switched on."""
    with _desk(tmp_path) as desk:
        assert "hv1 is to be found anew" in desk.identify(str(_ONE), "hv2")
        assert [desk.machine(each).macs for each in ("hv1", "hv2")] == [(), (_ONE,)]


def test_blinking_is_ordered_of_the_run(tmp_path: Path) -> None:
    """The run passes it on when the machine next asks."""
    with _desk(tmp_path) as desk:
        desk.hear(_THREE)
        assert str(_THREE) in blink(desk.context, desk.plan, "SN-03")
        assert desk.context.stage1_orders.take() == (Ordered(_THREE, "blink", 60),)


def test_a_box_that_never_reported_is_installed_as_the_file_says(tmp_path: Path) -> None:
    """Without stage-1 there is nothing to speak against the disk that the file names."""
    with _desk(tmp_path) as desk:
        desk.identify(str(_THREE), "hv1")
        assert desk.machine("hv1").macs == (_THREE,)
        assert desk.machine("hv1").not_armed is None


def test_a_box_that_reported_is_judged_before_it_is_installed(tmp_path: Path) -> None:
    """The path in the file is no leave to erase what is on another box's disk."""
    with _desk(tmp_path) as desk:
        desk.hear(_THREE, _with_data(_THREE))
        desk.identify(str(_THREE), "hv1")
        assert "its report" in (desk.machine("hv1").not_armed or "")


def test_a_disk_found_on_one_box_is_not_erased_on_another(tmp_path: Path) -> None:
    """hv2's disk was chosen from a report; who takes its place reports first."""
    with _desk(tmp_path) as desk:
        desk.hear(_TWO)
        desk.approve(str(_TWO), "hv2", disk="/dev/disk/by-path/pci-0000:00:05.0", erase="hv2")
        desk.identify(str(_THREE), "hv2")
        found = desk.machine("hv2")
        agreed = desk.context.agreed.all()
    assert found.macs == (_THREE,)
    assert "no disk is named" in (found.not_armed or "")
    assert agreed == {}


def test_a_box_is_not_swapped_under_an_installation(tmp_path: Path) -> None:
    """What is on a disk is asked about until an installer begins: on that box, and on no other."""
    with _desk(tmp_path) as desk:
        desk.context.proven.put(Proven("hv1", record={"installs": 1}))
        desk.hear(_THREE, _with_data(_THREE))
        with pytest.raises(InputError, match="began on another machine") as caught:
            desk.identify(str(_THREE), "hv1")
        assert "provision reinstall SITE hv1" in caught.value.fix
        desk.identify(str(_ONE), "hv1")
        assert desk.machine("hv1").macs == (_ONE,)
        assert desk.machine("hv1").not_armed is None
