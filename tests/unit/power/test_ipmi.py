"""IPMI against a real BMC process, and against addresses where none answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.errors import BmcLoginError, BmcUnreachableError, PowerError
from appliance.power.ipmi import FailedError, Failure, IpmiControl, answer_in
from appliance.power.model import BootFrom, Power, PowerControl, Target, Way
from appliance.values import Secret
from tests.ipmi_bmc import PASSWORD, USER, IpmiBmc, ipmi_bmc


@pytest.fixture(scope="module")
def bmc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IpmiBmc]:
    """Give one BMC to all tests here; each says what its machine's state is."""
    with ipmi_bmc(tmp_path_factory.mktemp("bmc") / "one") as made:
        yield made


def control(
    address: str, user: str = USER, password: str = PASSWORD, *, uefi: bool | None = None
) -> PowerControl:
    """Give the switch of a machine whose BMC is there."""
    target = Target("hv1", Way.IPMI, address, user, Secret(password), uefi=uefi)
    return IpmiControl(target)


def test_first_contact_changes_nothing(bmc: IpmiBmc) -> None:
    """It says whether the machine is on, what BMC it is, and what it can be told."""
    bmc.set_power(on=False)
    before = bmc.switched()
    found = control(bmc.address).contact()
    assert found.power is Power.OFF
    assert found.profile == "IPMI 2.0, BMC firmware 9.08"
    assert found.boots == (BootFrom.PXE, BootFrom.DISK)
    assert found.fingerprint is None
    assert bmc.switched() == before


def test_on_and_off(bmc: IpmiBmc) -> None:
    """What is on is not switched on again, and what is off not off."""
    bmc.set_power(on=False)
    before = len(bmc.switched())
    switch = control(bmc.address)
    switch.off()
    assert bmc.switched()[before:] == ()
    switch.on()
    assert switch.power() is Power.ON
    switch.on()
    assert (bmc.power, bmc.switched()[before:]) == ("on", ("power 1",))
    switch.off()
    assert switch.power() is Power.OFF
    assert (bmc.power, bmc.switched()[before:]) == ("off", ("power 1", "power 0"))


def test_cycle(bmc: IpmiBmc) -> None:
    """A machine that is off is switched on; one that is on goes off, and comes on by itself."""
    bmc.set_power(on=False)
    before = len(bmc.switched())
    switch = control(bmc.address)
    switch.cycle()
    assert bmc.switched()[before:] == ("power 1",)
    switch.cycle()
    assert bmc.switched()[before:][:2] == ("power 1", "power 0")
    end = time.monotonic() + 15
    while bmc.power == "off" and time.monotonic() < end:
        time.sleep(0.1)
    assert bmc.power == "on"


@pytest.mark.parametrize(
    ("place", "uefi", "words"),
    [
        (BootFrom.PXE, None, "the network, once"),
        (BootFrom.PXE, True, "the network, once, as UEFI"),
        (BootFrom.UEFI_HTTP, True, "PXE or HTTP is the firmware's choice"),
    ],
)
def test_the_next_boot_from_the_network(
    *, bmc: IpmiBmc, place: BootFrom, uefi: bool | None, words: str
) -> None:
    """The machine sees it; what cannot be said by IPMI is said in words."""
    (bmc.folder / "boot").write_text("default")
    said = control(bmc.address, uefi=uefi).boot_next(place)
    assert words in said
    assert bmc.boot == "pxe"


def test_the_disk_after_installation(bmc: IpmiBmc) -> None:
    """For good."""
    switch = control(bmc.address)
    switch.boot_next(BootFrom.PXE)
    assert switch.boot_next(BootFrom.DISK) == "its disk, for good"
    assert bmc.boot == "default"


def test_what_the_machine_is(bmc: IpmiBmc) -> None:
    """From its record; the UUID as SMBIOS writes it. A clock that was never set is none."""
    found = control(bmc.address).inventory()
    assert (found.vendor, found.model, found.serial) == ("Example Corp", "Rack Server 1", "SN-0012")
    assert found.uuid == "674523a1-ab89-efcd-a123-456789abcdef"
    assert found.firmware == "9.08"
    assert found.clock is None or found.clock > datetime(2010, 1, 1, tzinfo=UTC)
    assert (found.cpus, found.memory, found.disks) == (0, 0, ())


@pytest.mark.parametrize(
    ("user", "password"), [(USER, "wrong"), ("nobody", PASSWORD), (USER, "x" * 21), ("", "")]
)
def test_a_wrong_user_or_password(bmc: IpmiBmc, user: str, password: str) -> None:
    """One sentence that names the machine and what to do, and never the password."""
    with pytest.raises(BmcLoginError) as caught:
        control(bmc.address, user, password).power()
    told = str(caught.value)
    assert f"hv1, BMC {bmc.address}: the BMC refuses the user {user!r} or the password" in told
    assert "provision power password SITE hv1" in told
    assert not password or password not in told


def test_a_bmc_that_restarts(tmp_path: Path) -> None:
    """While it is away it is unreachable, in words; then the same switch works again."""
    with ipmi_bmc(tmp_path / "bmc") as away:
        switch = control(away.address)
        switch.on()
        away.stop()
        with pytest.raises(BmcUnreachableError, match="the BMC does not answer by IPMI"):
            switch.power()
        away.start()
        assert switch.power() is Power.ON


def test_a_silent_bmc_and_its_password() -> None:
    """It ends in time; while it lasts, the password is in no list of processes."""
    secret = "nobody-may-read-this"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        switch = control(f"127.0.0.1:{silent.getsockname()[1]}", password=secret)
        failed: list[Exception] = []

        def ask() -> None:
            try:
                switch.power()
            except PowerError as error:
                failed.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        silent.settimeout(10)
        silent.recv(2048)
        seen = [
            each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline") if _is_read(each)
        ]
        asking.join()
    assert any(b"appliance.power.ipmi_child" in each for each in seen)
    assert not any(secret.encode() in each for each in seen)
    assert isinstance(failed[0], BmcUnreachableError)
    assert secret not in str(failed[0])


def _is_read(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:  # it ended meanwhile
        return False
    return True


def test_an_act_has_a_limit() -> None:
    """Whatever a BMC does, a turn is not held for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        target = Target("hv1", Way.IPMI, address, USER, Secret(PASSWORD))
        with pytest.raises(BmcUnreachableError, match=r"no end within 0\.5 s"):
            IpmiControl(target, seconds=0.5).on()


def test_a_name_that_leads_nowhere() -> None:
    """`.invalid` never does (RFC 6761)."""
    with pytest.raises(BmcUnreachableError, match=r"BMC hv1-bmc\.invalid"):
        control("hv1-bmc.invalid").power()


@pytest.mark.parametrize(
    ("out", "failure"),
    [
        ("", Failure.REFUSED),
        ("Traceback\n", Failure.REFUSED),
        ("{}", Failure.REFUSED),
        ('{"failed": "strange", "text": ""}', Failure.REFUSED),
        ('noise\n{"failed": "busy", "text": "slots"}\n', Failure.BUSY),
    ],
)
def test_what_the_adapter_may_write(out: str, failure: Failure) -> None:
    """Whatever it is, it is an answer or a failure."""
    with pytest.raises(FailedError) as caught:
        answer_in(out)
    assert caught.value.failure is failure


def test_noise_before_an_answer() -> None:
    """The last line counts: pyghmi prints some complaints."""
    assert answer_in('complaint\n{"answer": {"power": "on"}}\n') == {"power": "on"}
