"""Each rule of one-boot tokens."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from appliance.boot.model import CARD_MARK, TOKEN_MARK, Documents
from appliance.boot.tokens import (
    DEFAULT_LIFE,
    KEPT_PER_MACHINE,
    Boot,
    Boots,
    Honoured,
    Hook,
    Refusal,
    Refused,
    digest_of,
    kernel_line,
    with_token,
)
from appliance.values import Mac, Secret
from tests.unit.boot.boot_world import HV1, HV1_ADDRESS, HV2, HV2_ADDRESS, armed


def mint(boots: Boots, token: str = "secret", now: float = 0.0, mac: Mac = HV1) -> Boot:
    """Mint a boot of hv1."""
    machine = armed()
    assert machine.documents is not None
    return boots.mint(
        token,
        machine=machine,
        documents=machine.documents,
        mac=mac,
        address=HV1_ADDRESS,
        now=now,
    )


def find(
    boots: Boots,
    token: str = "secret",
    address: IPv4Address = HV1_ADDRESS,
    owner: str | None = "hv1",
    now: float = 1.0,
) -> Boot | Refused:
    """Look a token up."""
    return boots.find(token, address=address, owner=owner, now=now)


def report(boots: Boots, hook: Hook, now: float = 1.0, token: str = "secret") -> Honoured | Refused:
    """Report as hv1's installer."""
    return boots.report(token, hook, address=HV1_ADDRESS, owner="hv1", now=now)


def refusal(found: object) -> Refusal | None:
    """Give the kind of a refusal."""
    return found.refusal if isinstance(found, Refused) else None


def test_the_token_stands_in_both_documents() -> None:
    """Where the flow put the mark, the token is; and nowhere in the clear in the table."""
    boots = Boots()
    boot = mint(boots)

    assert boot.script is not None
    assert boot.config is not None
    assert "/c/secret/config.yaml" in boot.script.reveal()
    assert boot.config.reveal() == "token: secret\n"
    assert boot.digest == digest_of("secret")
    assert "secret" not in repr(boot).replace("Secret(", "")


def test_every_mark_is_replaced() -> None:
    """A document may name the token more than once."""
    assert with_token(Secret("@BOOT-TOKEN@ @BOOT-TOKEN@"), "t").reveal() == "t t"


def test_a_living_token_is_found_from_its_machines_address() -> None:
    """The machine that was given the script gets its configuration."""
    boots = Boots()
    boot = mint(boots)

    assert find(boots) == boot


@pytest.mark.parametrize("token", ["", "secre", "secret2", "\udcff", "x" * 10_000])
def test_an_unknown_token_is_refused(token: str) -> None:
    """Whatever it looks like."""
    boots = Boots()
    mint(boots)

    assert refusal(find(boots, token)) is Refusal.UNKNOWN


def test_another_machines_address_is_refused() -> None:
    """A token is valid for one machine (AuroraBoot 7cac08c)."""
    boots = Boots()
    mint(boots)

    found = find(boots, address=HV2_ADDRESS, owner="hv2")

    assert refusal(found) is Refusal.WRONG_ADDRESS
    assert isinstance(found, Refused)
    assert str(HV2_ADDRESS) in found.reason


def test_an_address_nobody_owns_is_refused() -> None:
    """An address that is neither the boot's nor the machine's gives no right."""
    boots = Boots()
    mint(boots)

    found = find(boots, address=HV2_ADDRESS, owner=None)

    assert refusal(found) is Refusal.WRONG_ADDRESS


def test_the_live_system_may_have_another_address_of_the_same_machine() -> None:
    """A site's own DHCP server may key leases by client-id: firmware and installer differ."""
    boots = Boots()
    boot = mint(boots)

    assert find(boots, address=IPv4Address("127.0.0.150"), owner="hv1") == boot


def test_a_token_dies_at_its_deadline() -> None:
    """Just before it lives; at it, it is over, with a reason."""
    boots = Boots()
    mint(boots)

    assert isinstance(find(boots, now=DEFAULT_LIFE - 1), Boot)
    late = find(boots, now=DEFAULT_LIFE)
    assert refusal(late) is Refusal.ENDED
    assert isinstance(late, Refused)
    assert "3.0 h" in late.reason


def test_a_new_script_ends_the_boot_before() -> None:
    """One machine has one living boot."""
    boots = Boots()
    mint(boots, "first")
    mint(boots, "second")

    assert refusal(find(boots, "first")) is Refusal.ENDED
    assert isinstance(find(boots, "second"), Boot)


def test_a_firmware_boot_of_that_card_ends_it() -> None:
    """The card's next boot ends it; another card's does not."""
    boots = Boots()
    mint(boots)

    assert boots.end_mac(HV2, "booted again") == ()
    assert isinstance(find(boots), Boot)
    (ended,) = boots.end_mac(HV1, "booted again")
    assert ended.ended == "booted again"
    assert refusal(find(boots)) is Refusal.ENDED


def test_an_ended_boot_holds_no_secret() -> None:
    """The documents are gone from memory with the boot."""
    boots = Boots()
    mint(boots)
    (ended,) = boots.end_machine("hv1", "a reinstallation was ordered")

    assert ended.script is None
    assert ended.config is None
    assert boots.end_machine("hv1", "again") == ()


def test_a_script_is_repeated_until_the_kernel_was_fetched() -> None:
    """IPXE's retry gets the same boot; a request after the kernel is another boot."""
    boots = Boots()
    boot = mint(boots)

    assert boots.repeatable("hv1", HV1, 5.0) == boot
    assert len(boots.take_kernel("hv1")) == 1
    assert boots.repeatable("hv1", HV1, 5.0) is None
    assert isinstance(find(boots), Boot), "the configuration is still to be fetched"
    assert boots.take_kernel("hv1") == ()


@pytest.mark.parametrize(("machine", "mac"), [("hv2", HV1), ("hv1", HV2)])
def test_a_script_is_repeated_to_the_same_card_only(machine: str, mac: Mac) -> None:
    """Another machine or another card begins its own boot."""
    boots = Boots()
    mint(boots)

    assert boots.repeatable(machine, mac, 5.0) is None


def test_a_script_is_not_repeated_after_the_deadline() -> None:
    """A new boot begins instead."""
    boots = Boots()
    mint(boots)

    assert boots.repeatable("hv1", HV1, DEFAULT_LIFE) is None


def test_a_report_has_its_effect_once() -> None:
    """Installers repeat a report on a time-out: the second is honoured without effect."""
    boots = Boots()
    mint(boots)

    first, second = report(boots, Hook.STARTED), report(boots, Hook.STARTED)

    assert isinstance(first, Honoured)
    assert isinstance(second, Honoured)
    assert (first.fresh, second.fresh) == (True, False)


def test_success_ends_the_boot_and_may_be_repeated() -> None:
    """After success no configuration is given out; the report itself may come twice."""
    boots = Boots()
    mint(boots)

    first = report(boots, Hook.SUCCEEDED)
    assert isinstance(first, Honoured)
    assert first.fresh
    assert refusal(find(boots)) is Refusal.ENDED
    again = report(boots, Hook.SUCCEEDED, now=DEFAULT_LIFE * 2)
    assert isinstance(again, Honoured)
    assert not again.fresh


def test_another_report_after_success_is_refused() -> None:
    """A dead boot cannot report a failure."""
    boots = Boots()
    mint(boots)
    report(boots, Hook.SUCCEEDED)

    assert refusal(report(boots, Hook.FAILED)) is Refusal.ENDED


def test_a_report_of_a_boot_that_was_superseded_is_refused() -> None:
    """What an earlier boot says of a disk that a later one writes is no evidence."""
    boots = Boots()
    mint(boots, "first")
    mint(boots, "second")

    assert refusal(report(boots, Hook.SUCCEEDED, token="first")) is Refusal.ENDED


def test_the_configuration_is_taken_once() -> None:
    """Installers retry 30 times: one boot is one installation begun."""
    boots = Boots()
    boot = mint(boots)

    taken = boots.take_config(boot)
    assert taken is not None
    assert boots.take_config(taken) is None


def test_a_restored_boot_gives_the_same_configuration_from_its_own_token() -> None:
    """After a restart the token's digest is known, and the installer brings the token itself."""
    boots = Boots()
    boot = mint(boots)
    again = Boots()
    again.restore([Boot(boot.digest, "hv1", HV1, HV1_ADDRESS, 0.0, DEFAULT_LIFE)])

    found = find(again)
    assert isinstance(found, Boot)
    assert found.config is None
    documents = armed().documents
    assert documents is not None
    assert again.rebuild(found, "secret", documents).config == boot.config
    assert again.repeatable("hv1", HV1, 1.0) is None, "its script is not known any more"


def test_a_machine_that_boots_for_ever_does_not_fill_the_memory() -> None:
    """Only the last boots of a machine are kept."""
    boots = Boots()
    for number in range(50):
        mint(boots, f"t{number}")

    assert len(boots.of_machine("hv1")) == KEPT_PER_MACHINE
    assert isinstance(find(boots, "t49"), Boot)


def test_a_kernel_line_names_token_and_card_as_ipxe_would() -> None:
    """iPXE writes `hexhyp` with hyphens; nothing is left to fill in, and an end takes it away."""
    line = f"ip=dhcp BOOTIF=01-{CARD_MARK} url=http://b/c/{TOKEN_MARK}/x"
    documents = Documents(Secret(""), Secret(""), kernel="k", initrd="i", arguments=Secret(line))
    assert kernel_line(documents, "t0", HV1).reveal() == (
        "ip=dhcp BOOTIF=01-52-54-00-00-00-01 url=http://b/c/t0/x"
    )
    boots = Boots()
    boot = boots.mint(
        "t0", machine=armed(), documents=documents, mac=HV1, address=HV1_ADDRESS, now=0.0
    )
    assert (boot.kernel, boot.initrd) == ("k", "i")
    assert boot.arguments == kernel_line(documents, "t0", HV1)
    (ended,) = boots.end_machine("hv1", "over")
    assert ended.arguments is None
