"""What boot is told of each machine."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from types import MappingProxyType

from appliance.boot.model import BootMachine, Documents
from appliance.flow.boot_machines import boot_machines, boot_network
from appliance.site.plan import BmcPlan, MachinePlan, Plan, Way
from appliance.values import Mac, Secret
from tests.plans import NETWORK, machine, plan

_DOCUMENTS = Documents(Secret("#!ipxe"), Secret("{}"))


def _told(
    of: Plan,
    *,
    installed: frozenset[str] = frozenset(),
    vip_answers: bool = False,
    refused: Mapping[str, str] = MappingProxyType({}),
    paused: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, BootMachine]:
    asked: list[str] = []

    def documents(each: MachinePlan) -> Documents:
        asked.append(each.name)
        return _DOCUMENTS

    told = boot_machines(
        of,
        installed=installed,
        vip_answers=vip_answers,
        documents=documents,
        refused=refused,
        paused=paused,
    )
    assert asked == [each.name for each in told if each.documents is not None]
    return {each.name: each for each in told}


def test_an_armed_machine_goes_with_its_documents() -> None:
    """Name, cards and address are the plan's."""
    told = _told(plan(machine(1)))["hv1"]
    assert told.documents is _DOCUMENTS
    assert (told.macs, told.address) == (machine(1).macs, machine(1).address)
    assert (told.hold, told.waits_for, told.installed) == ("", "", False)


def test_no_documents_are_made_for_what_is_installed_or_held() -> None:
    """Boot cannot give away what it was never handed."""
    of = plan(machine(1), machine(2, not_armed="it has no disk"))
    told = _told(of, installed=frozenset({"hv1"}))
    assert (told["hv1"].installed, told["hv1"].documents) == (True, None)
    assert (told["hv2"].hold, told["hv2"].documents) == ("it has no disk", None)


def test_a_machine_that_is_not_armed_is_to_show_itself() -> None:
    """Boot is told why; an armed and an installed machine need not."""
    why = "its disk is to be found by 'ssd'"
    found = machine(2, not_armed="not armed", discover=why)
    told = _told(plan(machine(1), found, machine(3, not_armed="no disk is named")))
    assert [each.discover for each in told.values()] == ["", why, "no disk is named"]
    told = _told(plan(machine(1), found), installed=frozenset({"hv2"}))
    assert told["hv2"].discover == ""


def test_an_installed_machine_is_known_by_all_its_cards() -> None:
    """Before, only the card that it is installed with has its address."""
    other = Mac("525400000077")
    of = plan(machine(1, other_macs=(other,)))
    assert _told(of)["hv1"].macs == machine(1).macs
    installed = _told(of, installed=frozenset({"hv1"}))["hv1"]
    assert installed.macs == (*machine(1).macs, other)


def test_what_a_report_speaks_against_is_not_armed() -> None:
    """The machine's screen and its status say the sentence, whatever the plan would have."""
    why = "its disk sda holds ext4 'photos'"
    told = _told(plan(machine(1)), refused={"hv1": why})["hv1"]
    assert (told.documents, told.hold, told.discover) == (None, why, why)


def test_a_boot_under_way_goes_on_where_only_no_other_is_to_begin() -> None:
    """It keeps its documents, and shows itself before it gets them another time."""
    why = "another says that it is hv1"
    told = _told(plan(machine(1)), paused={"hv1": why})["hv1"]
    assert (told.documents, told.hold, told.discover) == (_DOCUMENTS, "", why)
    told = _told(plan(machine(1)), paused={"hv1": why}, installed=frozenset({"hv1"}))["hv1"]
    assert (told.documents, told.discover) == (None, "")


def test_only_joins_wait_for_the_vip() -> None:
    """The reason names who must answer where; it is gone once the VIP answers."""
    of = plan(machine(1), machine(2))
    waiting, free = _told(of), _told(of, vip_answers=True)
    assert waiting["hv1"].waits_for == ""
    assert waiting["hv2"].waits_for == "hv1 to answer at the VIP 10.20.0.10"
    assert free["hv2"].waits_for == ""


def test_bios_is_refused_where_harvester_does() -> None:
    """1.8 installs on UEFI only, 1.7 on both."""
    assert "v1.8.2 needs UEFI" in _told(plan(machine(1)))["hv1"].bios_refusal
    assert _told(plan(machine(1), harvester="v1.7.3"))["hv1"].bios_refusal == ""


def test_the_network_is_the_provisioning_one() -> None:
    """Interface and modes are this laptop's, all else is the plan's."""
    told = boot_network(plan(), "eth7", proxy=True)
    assert (told.interface, told.proxy, told.tftp_single_port) == ("eth7", True, False)
    assert (told.bridge, told.cidr) == (NETWORK.bridge, NETWORK.cidr)
    assert (told.pool_first, told.pool_last) == (
        IPv4Address("10.20.0.200"),
        IPv4Address("10.20.0.250"),
    )


def test_a_bmc_with_a_card_is_kept_its_address() -> None:
    """Where it is on the provisioning network; without a card boot can do nothing for it."""
    mac = Mac("d09466000001")

    def told_of(address: str, card: Mac | None = mac) -> BootMachine:
        bmc = BmcPlan(Way.REDFISH, address, "root", mac=card)
        return _told(plan(machine(1, bmc=bmc)))["hv1"]

    told = told_of("https://10.20.0.51:8443")
    assert (told.bmc_mac, told.bmc_address) == (mac, IPv4Address("10.20.0.51"))
    for other in (told_of("172.16.0.9"), told_of("hv1-bmc.example"), told_of("10.20.0.51", None)):
        assert (other.bmc_mac, other.bmc_address) == (None, None)
