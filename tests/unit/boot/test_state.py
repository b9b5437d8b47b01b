"""The shared state: who owns an address, what is minted, what main is told, what a crash leaves."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from appliance.boot.control import Event, RecordChanged
from appliance.boot.decide import Action
from appliance.boot.model import BootEvent, BootMachine
from appliance.boot.tokens import Boot, Honoured, Hook, Refusal, Refused
from appliance.machines.state import MAX_INSTALLS, Evidence, Seen, State
from appliance.values import Mac
from appliance.wire.pxe import Firmware
from tests.unit.boot.boot_world import (
    HV1,
    HV1_ADDRESS,
    HV2,
    HV2_ADDRESS,
    NETWORK,
    World,
    armed,
    held,
)

STRANGER = Mac("5254000000ff")
POOL = IPv4Address("127.0.0.150")


def boot_of(world: World) -> Boot:
    """Have hv1 fetch its script."""
    boot = world.state.install_boot(HV1, HV1_ADDRESS)
    assert boot is not None
    return boot


def token_of(boot: Boot) -> str:
    """Read the token out of a script, as the machine does."""
    assert boot.script is not None
    return boot.script.reveal().split("/c/")[1].split("/")[0]


def test_an_address_is_owned_by_reservation_by_lease_or_by_arp(world: World) -> None:
    """In this site's own mode, and beside another DHCP server."""
    state = world.state
    owner = state.owner_of(HV1_ADDRESS)
    assert owner is not None
    assert owner.name == "hv1"
    assert state.owner_of(POOL) is None

    state.leased(HV2, POOL)
    by_lease = state.owner_of(POOL)
    assert by_lease is not None
    assert by_lease.name == "hv2"

    world.arp[IPv4Address("127.0.0.77")] = HV1
    by_arp = state.owner_of(IPv4Address("127.0.0.77"))
    assert by_arp is not None
    assert by_arp.name == "hv1"


def test_a_lease_that_moved_or_ended_gives_no_address(world: World) -> None:
    """One card has one address."""
    state = world.state
    state.leased(HV2, POOL)
    state.leased(HV2, IPv4Address("127.0.0.151"))
    assert state.owner_of(POOL) is None
    state.released(IPv4Address("127.0.0.151"))
    assert state.owner_of(IPv4Address("127.0.0.151")) is None


def test_an_address_speaks_for_its_card_only(world: World) -> None:
    """Another machine's address, an unknown one, and one that was leased to a stranger do not."""
    state = world.state
    assert state.belongs(HV1_ADDRESS, HV1)
    assert not state.belongs(HV2_ADDRESS, HV1)
    assert not state.belongs(POOL, HV1)
    world.arp[POOL] = HV1
    assert state.belongs(POOL, HV1)
    state.leased(STRANGER, POOL)
    assert not state.belongs(POOL, HV1)


def test_a_decision_is_logged_when_it_changes_and_at_a_new_boot(world: World) -> None:
    """The same answer to ten requests is one line."""
    state = world.state
    for _ in range(10):
        assert state.decide_for(HV1, firmware=None, booting=True).action is Action.INSTALL
    assert len(world.events("decision")) == 1

    state.see("hv1", Seen.FIRMWARE_DHCP, "asks", mac=HV1)
    state.decide_for(HV1, firmware=None, booting=True)
    assert len(world.events("decision")) == 2

    state.set_machines((BootMachine("hv1", "hv1", (HV1,), HV1_ADDRESS, hold="stop"), held()))
    state.decide_for(HV1, firmware=None, booting=True)
    assert [event.text for event in world.events("decision")][-1] == "hold: stop"


def test_the_firmware_is_remembered_for_requests_that_do_not_tell_it(world: World) -> None:
    """A script request by HTTP does not say BIOS; the DHCP request before it did."""
    machine = armed()
    refusing = BootMachine(
        "hv1",
        "hv1",
        (HV1,),
        HV1_ADDRESS,
        bios_refusal="Harvester needs UEFI",
        documents=machine.documents,
    )
    world.state.set_machines((refusing,))
    world.state.note(BootEvent(1.0, "dhcp", "x", HV1, data=(("firmware", Firmware.BIOS.value),)))

    decision = world.state.decide_for(HV1, firmware=None, booting=True)
    assert (decision.action, decision.reason) == (Action.HOLD, "Harvester needs UEFI")


def test_a_repeated_request_gets_the_same_script_and_is_one_piece_of_evidence(
    world: World,
) -> None:
    """IPXE tries again: the same bytes, no second boot."""
    first, second = boot_of(world), boot_of(world)

    assert first == second
    assert world.seen() == [Seen.INSTALL_SCRIPT]


def test_a_request_after_the_kernel_is_another_boot(world: World) -> None:
    """The first token is dead from then on."""
    first = boot_of(world)
    world.state.see("hv1", Seen.KERNEL_SENT, "kernel")
    second = boot_of(world)

    assert first.digest != second.digest
    found = world.state.config_boot(token_of(first), HV1_ADDRESS)
    assert isinstance(found, Refused)
    assert found.refusal is Refusal.ENDED


def test_a_firmware_boot_ends_the_token(world: World) -> None:
    """The machine was reset: what it fetched before is worth nothing now."""
    token = token_of(boot_of(world))
    world.state.see("hv1", Seen.FIRMWARE_DHCP, "asks", mac=HV1)

    found = world.state.config_boot(token, HV1_ADDRESS)
    assert isinstance(found, Refused)
    assert found.reason == "this boot is over: the machine booted again"


@pytest.mark.parametrize("seen", [Seen.REINSTALL_ORDERED, Seen.SYSTEM_ANSWERS, Seen.HOOK_SUCCEEDED])
def test_main_can_end_a_boot(world: World, seen: Seen) -> None:
    """By an order to reinstall, or by proof that the machine is installed."""
    token = token_of(boot_of(world))
    world.state.inject(Evidence("hv1", seen, world.time.unix, "main saw it"))

    assert isinstance(world.state.config_boot(token, HV1_ADDRESS), Refused)


def test_a_disarmed_machine_loses_its_boot(world: World) -> None:
    """The documents are taken away: no configuration is given out any more."""
    token = token_of(boot_of(world))
    world.state.set_machines((BootMachine("hv1", "hv1", (HV1,), HV1_ADDRESS, hold="stop"),))

    assert isinstance(world.state.config_boot(token, HV1_ADDRESS), Refused)
    assert world.state.install_boot(HV1, HV1_ADDRESS) is None


def test_a_machine_that_is_to_show_itself_first_keeps_the_boot_it_has(world: World) -> None:
    """Its installer fetches its configuration; no other boot of it is given a script."""
    boot = boot_of(world)
    world.state.set_machines((replace(armed(), discover="another says that it is hv1"), held()))
    decision = world.state.decide_for(HV1, firmware=None, booting=True)
    assert (decision.action, decision.reason) == (Action.DISCOVER, "another says that it is hv1")
    found = world.state.config_boot(token_of(boot), HV1_ADDRESS)
    assert isinstance(found, Boot)
    assert not found.ended


def test_the_same_machines_sent_again_change_nothing(world: World) -> None:
    """Main sends all machines whenever one changes."""
    boot = boot_of(world)
    world.state.set_machines((armed(), held()))

    assert boot_of(world) == boot


def test_a_token_dies_at_its_deadline_though_the_clock_is_set_back(world: World) -> None:
    """Terms run on the monotonic clock."""
    token = token_of(boot_of(world))
    world.time.mono += 4 * 3600
    world.time.unix -= 86_400

    assert isinstance(world.state.config_boot(token, HV1_ADDRESS), Refused)


def test_a_report_is_evidence_once(world: World) -> None:
    """Repeated reports are honoured and change nothing."""
    token = token_of(boot_of(world))
    outcomes = [world.state.hook(token, Hook.SUCCEEDED, HV1_ADDRESS, "reported") for _ in range(3)]

    assert [isinstance(each, Honoured) and each.fresh for each in outcomes] == [True, False, False]
    assert world.seen().count(Seen.HOOK_SUCCEEDED) == 1
    assert world.state.record("hv1").state is State.INSTALLED


def test_the_configuration_counts_one_installation_a_boot(world: World) -> None:
    """However often the installer asks, also after it reported that it began."""
    token = token_of(boot_of(world))
    for _ in range(3):
        found = world.state.config_boot(token, HV1_ADDRESS)
        assert isinstance(found, Boot)
        world.state.config_given(found)
        world.state.hook(token, Hook.STARTED, HV1_ADDRESS, "began")

    assert world.state.record("hv1").installs == 1


def test_a_crash_does_not_take_a_running_installation_back(world: World) -> None:
    """After kill -9 the installer's own token still works, once, and the record stands."""
    token = token_of(boot_of(world))
    world.state.see("hv1", Seen.KERNEL_SENT, "kernel")
    world.start((armed(), held()))

    found = world.state.config_boot(token, HV1_ADDRESS)
    assert isinstance(found, Boot)
    assert found.config is not None
    assert found.config.reveal() == f"token: {token}\n"
    outcome = world.state.hook(token, Hook.SUCCEEDED, HV1_ADDRESS, "done")
    assert isinstance(outcome, Honoured)
    assert world.state.record("hv1").installed

    world.start((armed(), held()))
    assert world.state.record("hv1").installed
    again = world.state.hook(token, Hook.SUCCEEDED, HV1_ADDRESS, "done")
    assert isinstance(again, Honoured)
    assert not again.fresh
    decision = world.state.decide_for(HV1, firmware=None, booting=True)
    assert decision.action is Action.OWN_DISK


def test_a_stolen_token_is_not_honoured_after_a_crash_either(world: World) -> None:
    """The address is kept with the digest."""
    token = token_of(boot_of(world))
    world.start((armed(), held()))

    found = world.state.config_boot(token, HV2_ADDRESS)
    assert isinstance(found, Refused)
    assert found.refusal is Refusal.WRONG_ADDRESS


def test_the_own_disk_is_counted_once_a_boot(world: World) -> None:
    """A machine that asks again and again has had one try of its disk, until it boots again."""
    world.state.inject(Evidence("hv1", Seen.HOOK_SUCCEEDED, 1.0))
    for _ in range(3):
        decision = world.state.decide_for(HV1, firmware=None, booting=True)
        world.state.own_disk_given(HV1, armed(), decision)
    assert world.state.record("hv1").own_disk_tries == 1

    world.state.see("hv1", Seen.IPXE_DHCP, "asks", mac=HV1)
    decision = world.state.decide_for(HV1, firmware=None, booting=True)
    world.state.own_disk_given(HV1, armed(), decision)
    assert world.state.record("hv1").own_disk_tries == 2


def test_waiting_is_told_once_a_minute(world: World) -> None:
    """A machine that waits asks every ten seconds; the log is not its screen."""
    for _ in range(18):
        world.state.wait_given(HV2, held(), "it has no disk chosen")
        world.time.pass_time(10)

    assert world.seen("hv2").count(Seen.WAIT_SCRIPT) == 3
    world.state.wait_given(HV2, held(), "another reason")
    assert world.seen("hv2").count(Seen.WAIT_SCRIPT) == 4


def test_a_machine_that_began_too_often_is_held_and_says_so(world: World) -> None:
    """The limit itself is evidence, once; the reason stays on the screen."""
    for _ in range(MAX_INSTALLS):
        found = world.state.config_boot(token_of(boot_of(world)), HV1_ADDRESS)
        assert isinstance(found, Boot)
        world.state.config_given(found)
        world.state.see("hv1", Seen.FIRMWARE_DHCP, "asks", mac=HV1)

    reasons = {world.state.decide_for(HV1, firmware=None, booting=True).reason for _ in range(3)}
    assert world.state.record("hv1").state is State.HELD
    assert world.seen().count(Seen.INSTALL_LIMIT) == 1
    assert len(reasons) == 1
    assert "provision reinstall SITE hv1 --yes" in reasons.pop()


def test_main_is_told_of_every_event_and_record(world: World) -> None:
    """Evidence comes as an event and as the record that it led to; a card's machine is named."""
    world.state.note(BootEvent(5.0, "evidence", "asks", HV1, None, Seen.FIRMWARE_DHCP))

    (event,) = world.events("evidence")
    assert event.machine == "hv1"
    assert world.told[-1] == RecordChanged("hv1", world.state.record("hv1"))
    assert world.state.record("hv1").state is State.FIRMWARE


def test_evidence_of_a_stranger_changes_no_record(world: World) -> None:
    """It is an event, of no machine."""
    world.state.note(BootEvent(5.0, "evidence", "asks", STRANGER, None, Seen.FIRMWARE_DHCP))

    assert len(world.events("evidence")) == 1
    assert not [each for each in world.told if isinstance(each, RecordChanged)]


def test_made_up_cards_do_not_fill_the_memory(world: World) -> None:
    """Strangers push out strangers; the site's machines stay."""
    world.state.leased(HV1, HV1_ADDRESS)
    for number in range(5000):
        world.state.decide_for(Mac(f"02{number:010x}"), firmware=None, booting=False)

    assert len(world.state._clients) <= 4096
    assert HV1 in world.state._clients


def test_before_it_is_configured_there_is_no_network(world: World) -> None:
    """Asking for it is a fault of the caller, named."""
    assert world.state.network == NETWORK
    world.state._network = None
    with pytest.raises(RuntimeError, match="not been configured"):
        _ = world.state.network


def test_a_full_disk_ends_no_installation(world: World) -> None:
    """Evidence still counts and main is told, with one word of the disk; later it is written."""
    world.store._db.execute("PRAGMA max_page_count=1")
    for number in range(600):
        world.state.say("syslog", "x" * 500, machine="hv1")
        if number % 100 == 0:
            world.state.flush()
    token = token_of(boot_of(world))
    outcome = world.state.hook(token, Hook.SUCCEEDED, HV1_ADDRESS, "done")

    assert isinstance(outcome, Honoured)
    assert world.state.record("hv1").installed
    assert len([e for e in world.events("finding") if "Is the disk full?" in e.text]) == 1

    world.store._db.execute("PRAGMA max_page_count=100000")
    world.state.flush()
    assert Seen.HOOK_SUCCEEDED in [each.seen for each in world.store.evidence()]


def test_what_main_has_not_journalled_is_told_again(world: World) -> None:
    """Evidence, decisions and findings after its last, each as it was; nothing that it has."""
    world.state.see("hv1", Seen.FIRMWARE_DHCP, "asks", mac=HV1)
    world.state.decide_for(HV1, firmware=None, booting=True)
    world.state.say("dns", "a name was asked for")
    world.state.say("finding", "a rival")
    world.state.see("hv1", Seen.KERNEL_SENT, "kernel")
    told = [each for each in world.told if isinstance(each, Event) and each.event.mark]
    assert [each.event.kind for each in told] == ["evidence", "decision", "finding", "evidence"]

    world.told.clear()
    world.state.repeat(told[0].event.mark)
    assert world.told == told[1:]

    world.told.clear()
    world.start((armed(), held()))
    world.told.clear()
    world.state.repeat("")
    assert world.told == told
    world.told.clear()
    world.state.repeat(told[-1].event.mark)
    assert world.told == []


def test_a_database_that_cannot_be_read_ends_nothing(world: World) -> None:
    """Main is told of it in the place of what is missing."""
    world.store.close()
    world.told.clear()
    world.state.repeat("")
    assert ["cannot" in event.text for event in world.events("finding")] == [True]
