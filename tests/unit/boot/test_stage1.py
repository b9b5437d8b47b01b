"""Stage-1 at the bridge: turns by what the depot has, who may speak, reports, orders."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from appliance.boot.client import BootClient, ClientKind
from appliance.boot.control import Order, RecordChanged
from appliance.boot.decide import Action
from appliance.boot.discoveries import REPORT_SECONDS
from appliance.boot.model import CARD_MARK, STAGE1_UKI, TOKEN_MARK, BootMachine, OrderKind
from appliance.boot.stage1 import ALIVE_SECONDS, Told
from appliance.boot.tokens import Refusal, Refused
from appliance.discover.report import Disk, Nic, Report, decode, encode
from appliance.errors import WireError
from appliance.machines.state import Evidence, Seen, State, overdue
from appliance.site.plan import OwnDisk
from appliance.values import Mac, Secret
from appliance.wire.dhcp4 import MessageType
from appliance.wire.pxe import Firmware
from tests.unit.boot.boot_world import HV1, HV1_ADDRESS, HV2, HV2_ADDRESS, World, armed, held

STRANGER = Mac("5254000000ff")
POOL = IPv4Address("127.0.0.150")
REPORT = Report(
    vendor="ACME",
    product="Rack 1",
    serial="S1",
    clock=1.0,
    disks=(Disk("sda", 250_000_000_000),),
    nics=(Nic("eth0", STRANGER, link=True), Nic("eth1", HV1)),
)
LINE = f"ip=dhcp BOOTIF=01-{CARD_MARK} config_url=http://127.0.0.1/c/{TOKEN_MARK}/config.yaml"


def firmware(mac: Mac = STRANGER) -> BootClient:
    """Give a UEFI firmware's word."""
    return BootClient(mac=mac, kind=ClientKind.PXE, firmware=Firmware.UEFI_X64, architecture=7)


def kexec() -> BootMachine:
    """Give hv1, armed with what its own Linux can start."""
    machine = armed()
    assert machine.documents is not None
    documents = replace(
        machine.documents, kernel="vmlinuz", initrd="initrd", arguments=Secret(LINE)
    )
    return replace(machine, documents=documents)


def to_discover() -> BootMachine:
    """Give hv2, whose disk is to be found."""
    return replace(held(""), discover="its disk is to be found")


def call(world: World, mac: Mac = STRANGER, address: IPv4Address = POOL) -> str:
    """Lease an address and fetch a token from it."""
    world.state.leased(mac, address)
    token = world.stage1.call(mac, address)
    assert isinstance(token, str)
    return token


def told(world: World, token: str, address: IPv4Address = POOL) -> Told:
    """Ask for orders, which must be given."""
    orders = world.stage1.orders(token, address)
    assert isinstance(orders, Told)
    return orders


def send(world: World, token: str, report: Report, address: IPv4Address = POOL) -> bool | Refusal:
    """Report, as the HTTP app does it."""
    visit = world.stage1.may_report(token, address)
    if isinstance(visit, Refused):
        return visit.refusal
    return world.stage1.report(visit, encode(report), address)


# ---------------------------------------------------------------------- turns


def test_without_stage1_in_the_depot_ipxe_has_every_turn(world: World) -> None:
    """As it was before there was a stage-1."""
    assert not world.stage1.turn(firmware(), MessageType.DISCOVER)
    world.serve(STAGE1_UKI, b"MZ")
    assert world.stage1.turn(firmware(), MessageType.DISCOVER)


def test_a_false_start_gives_ipxe_its_turn(world: World) -> None:
    """Pointed to stage-1, and back without a word of it."""
    world.serve(STAGE1_UKI, b"MZ")
    turns = []
    for _ in range(3):
        turns.append(world.stage1.turn(firmware(), MessageType.DISCOVER))
        assert world.stage1.turn(firmware(), MessageType.REQUEST) is turns[-1], "one boot, one file"
        world.stage1.pointed(STRANGER)
    assert turns == [True, False, True]


# ---------------------------------------------------------------------- who may speak


def test_only_the_leased_address_is_given_a_token(world: World) -> None:
    """Not one without a lease, not another's, not a guessed one."""
    for mac, address in ((STRANGER, POOL), (HV1, HV2_ADDRESS), (HV1, POOL)):
        refused = world.stage1.call(mac, address)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.WRONG_ADDRESS
    assert isinstance(world.stage1.call(HV1, HV1_ADDRESS), str)


def test_a_token_speaks_from_its_cards_address_alone(world: World) -> None:
    """A stolen one opens nothing elsewhere; the card's own may follow a new lease."""
    token = call(world)
    for refused in (
        world.stage1.may_report(token, HV2_ADDRESS),
        world.stage1.orders(token, HV2_ADDRESS),
    ):
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.WRONG_ADDRESS
    elsewhere = IPv4Address("127.0.0.151")
    world.state.leased(STRANGER, elsewhere)
    assert told(world, token, elsewhere).order == "wait"
    assert isinstance(world.stage1.orders(token, POOL), Refused)


def test_a_discovery_token_opens_no_installation(world: World) -> None:
    """Not the configuration, not a hook."""
    token = call(world, HV1, HV1_ADDRESS)
    refused = world.state.config_boot(token, HV1_ADDRESS)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.UNKNOWN


def test_a_restart_forgets_tokens_and_stage1_begins_again(world: World) -> None:
    """Its lease is remembered, so that it is given a new one at once."""
    token = call(world)
    world.start((armed(), held()))
    world.state.leased(STRANGER, POOL)
    lost = world.stage1.orders(token, POOL)
    assert isinstance(lost, Refused)
    assert lost.refusal is Refusal.UNKNOWN
    again = world.stage1.call(STRANGER, POOL)
    assert isinstance(again, str)
    assert send(world, again, REPORT) is True


# ---------------------------------------------------------------------- reports


def test_a_report_goes_to_main_in_its_canonical_form(world: World) -> None:
    """With the card, its address, and nobody's name for a stranger."""
    token = call(world)
    assert send(world, token, REPORT) is True
    (reported,) = world.reports()
    assert (reported.mac, reported.address, reported.machine) == (STRANGER, POOL, None)
    assert decode(reported.report.encode()) == REPORT
    assert "ACME Rack 1, serial S1, 1 disk, 2 network cards" in world.events("http")[-1].text


def test_a_machine_of_the_site_leaves_evidence(world: World) -> None:
    """Its state says that it is discovered."""
    token = call(world, HV2, HV2_ADDRESS)
    assert send(world, token, REPORT, HV2_ADDRESS) is True
    assert world.reports()[0].machine == "hv2"
    assert world.seen("hv2") == [Seen.DISCOVERED]
    assert world.state.record("hv2").state is State.DISCOVERED


def test_repetitions_are_not_passed_on(world: World) -> None:
    """Another clock is no news; another link is."""
    token = call(world)
    taken = []
    for clock, link in ((1.0, True), (2.0, True), (3.0, False)):
        nic = Nic("eth0", STRANGER, link=link)
        taken.append(send(world, token, replace(REPORT, clock=clock, nics=(nic,))))
        world.time.pass_time(REPORT_SECONDS)
    assert taken == [True, False, True]
    assert len(world.reports()) == 2


def test_reports_in_a_row_are_not_read(world: World) -> None:
    """The second within 5 s costs nothing but a look-up."""
    token = call(world)
    assert send(world, token, REPORT) is True
    assert send(world, token, replace(REPORT, serial="S2")) is Refusal.TOO_SOON
    world.time.pass_time(REPORT_SECONDS)
    assert send(world, token, replace(REPORT, serial="S2")) is True


def test_what_is_no_report_is_not_passed_on(world: World) -> None:
    """The one wire error, and nothing else."""
    visit = world.stage1.may_report(call(world), POOL)
    assert not isinstance(visit, Refused)
    for raw in (b"", b"[]", b"\xff", b"[" * 200_000, b'{"nics":[{}]}', b'{"memory":1e99}'):
        with pytest.raises(WireError):
            world.stage1.report(visit, raw, POOL)
    assert world.reports() == []


def test_a_report_of_anothers_card_gives_no_right_to_its_documents(world: World) -> None:
    """hv1 is armed; a stranger that says it has hv1's card still waits."""
    world.state.set_machines((kexec(), held()))
    token = call(world)
    send(world, token, REPORT)
    assert told(world, token).order == "wait"
    assert world.seen("hv1") == []


# ---------------------------------------------------------------------- orders


def test_a_stranger_waits_to_be_approved(world: World) -> None:
    """It is told why."""
    orders = told(world, call(world))
    assert (orders.order, orders.name, orders.state) == ("wait", "", "unknown")
    assert "approved" in orders.reason


def test_a_waiting_machine_is_told_its_reason_and_is_alive(world: World) -> None:
    """Evidence at a new reason; between, a sign of life that fills no disk."""
    world.state.set_machines((armed(), to_discover()))
    token = call(world, HV2, HV2_ADDRESS)
    began = world.time.unix
    for _ in range(100):
        orders = told(world, token, HV2_ADDRESS)
        assert orders == Told("wait", "hv2", "discovered", "its disk is to be found")
        world.time.pass_time(3.0)
    assert world.seen("hv2") == [Seen.DISCOVERED]
    records = [each for each in world.told if isinstance(each, RecordChanged)]
    assert 100 * 3 / ALIVE_SECONDS / 2 < len(records) <= 100 * 3 / ALIVE_SECONDS + 1
    record = world.state.record("hv2")
    assert record.since == began
    assert overdue(record, world.time.unix) is None
    assert overdue(record, world.time.unix + 61) is not None


def test_an_armed_machine_is_ordered_to_install(world: World) -> None:
    """With an install token of its own and the line that iPXE would have given it."""
    world.state.set_machines((kexec(), held()))
    token = call(world, HV1, HV1_ADDRESS)
    orders = told(world, token, HV1_ADDRESS)
    assert orders.order == "install"
    boot = orders.boot
    assert boot is not None
    assert boot.arguments is not None
    install_token = boot.arguments.reveal().split("/c/")[1].split("/")[0]
    assert boot.arguments.reveal() == (
        "ip=dhcp BOOTIF=01-52-54-00-00-00-01 "
        f"config_url=http://127.0.0.1/c/{install_token}/config.yaml"
    )
    assert install_token != token
    assert world.seen() == [Seen.INSTALL_SCRIPT]
    assert world.events("evidence")[0].text == "it was ordered to install"
    assert told(world, token, HV1_ADDRESS).boot == boot, "asked again, the same boot again"
    config = world.state.config_boot(install_token, HV1_ADDRESS)
    assert not isinstance(config, Refused)
    assert config.config is not None


def test_a_stranger_that_main_gave_a_name_installs_at_its_next_word(world: World) -> None:
    """It reported, was approved, and still speaks from the address it was leased before."""
    token = call(world)
    assert told(world, token).order == "wait"
    world.state.set_machines((replace(kexec(), macs=(STRANGER,)), held()))
    orders = told(world, token)
    assert orders.order == "install"
    assert orders.boot is not None
    assert orders.boot.arguments is not None
    assert "52-54-00-00-00-ff" in orders.boot.arguments.reveal()


def test_without_a_kernel_of_its_own_it_starts_over(world: World) -> None:
    """The next network boot is given the install script."""
    token = call(world, HV1, HV1_ADDRESS)
    assert told(world, token, HV1_ADDRESS).order == "reboot"
    assert world.seen() == []


def test_an_installed_machine_goes_to_its_own_disk(world: World) -> None:
    """Whatever booted it into stage-1."""
    world.state.set_machines((replace(kexec(), installed=True), held()))
    token = call(world, HV1, HV1_ADDRESS)
    assert told(world, token, HV1_ADDRESS).order == "own-disk"


def test_an_order_is_told_once_before_all_else(world: World) -> None:
    """Also to a machine that would be told to install."""
    world.state.set_machines((kexec(), held()))
    token = call(world, HV1, HV1_ADDRESS)
    world.stage1.order(Order(HV1, OrderKind.BLINK, 30))
    first = told(world, token, HV1_ADDRESS)
    assert (first.order, first.seconds) == ("blink", 30)
    assert told(world, token, HV1_ADDRESS).order == "install"


def test_the_order_to_its_own_disk_holds_for_one_boot(world: World) -> None:
    """Through firmware and iPXE to the script, and no further."""
    world.serve(STAGE1_UKI, b"MZ")
    token = call(world)
    world.stage1.order(Order(STRANGER, OrderKind.OWN_DISK))
    assert told(world, token).order == "own-disk"

    loader = replace(firmware(), kind=ClientKind.IPXE)
    assert not world.stage1.turn(firmware(), MessageType.DISCOVER), "iPXE, which can go to the disk"
    world.stage1.turn(loader, MessageType.DISCOVER)
    for _ in range(2):
        decision = world.state.decide_for(STRANGER, firmware=None, booting=True)
        assert (decision.action, decision.own_disk) == (Action.OWN_DISK, OwnDisk.EXIT)
        world.state.own_disk_given(STRANGER, None, decision)

    assert world.stage1.turn(firmware(), MessageType.DISCOVER)
    again = world.state.decide_for(STRANGER, firmware=None, booting=True)
    assert again.action is Action.DISCOVER


def test_a_sign_of_life_changes_no_other_last_word(world: World) -> None:
    """Only what was last seen can be seen again."""
    world.state.inject(Evidence("hv1", Seen.SYSTEM_ANSWERS, 1.0))
    before = world.state.record("hv1")
    world.state.alive("hv1", Seen.DISCOVERED)
    world.state.alive("nobody", Seen.DISCOVERED)
    assert world.state.record("hv1") == before
