"""Machines switched by Redfish: sushy-tools' emulator as a process, BMCs with faults, vendors."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from appliance.errors import (
    BmcCertificateError,
    BmcLoginError,
    BmcUnreachableError,
    PowerError,
)
from appliance.power.model import BootFrom, Power, PowerControl, Target, Way
from appliance.power.redfish import RedfishControl
from appliance.power.redfish_line import Patience
from appliance.power.retry import Schedule
from appliance.tools.pinned_https import fingerprint_of
from appliance.values import Mac, Secret
from tests.redfish_bmc import HOST, Bmc, Emulator, Fault, certificate, emulating, serving

NAMES = tuple(f"m{number}" for number in range(8))
USER = "root"
PASSWORD = "pässwörd-ŵ"

QUICK = Patience(
    connect=2.0, answer=1.0, whole=2.0, off=8.0, look=0.2, schedule=Schedule((0.05, 0.1, 0.2))
)


def control(
    url: str, *, machine: str = "hv1", patience: Patience = QUICK, **said: Any
) -> RedfishControl:
    """Give the control of a machine whose BMC listens there."""
    target = Target(machine, Way.REDFISH, url, **said)
    return RedfishControl(target, patience=patience)


def becomes(switch: PowerControl, power: Power) -> bool:
    """Look until the machine is so, for some seconds: the emulator takes its time, as BMCs do."""
    for _ in range(60):
        if switch.power() is power:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Give one emulator for this file; each test has a system of its own in it."""
    with emulating(tmp_path_factory.mktemp("emulator") / "run", NAMES) as running:
        yield running


# ---------------------------------------------------------------- sushy-tools


def test_a_machine_is_switched(emulator: Emulator) -> None:
    """On, on again, cycled and off: the emulator says the same each time."""
    switch = control(emulator.url, system="m0")
    found = switch.contact()

    assert (found.power, found.fingerprint) == (Power.OFF, None)
    assert found.profile == "sushy-tools (tested-here), without encryption"
    assert set(found.boots) == {BootFrom.PXE, BootFrom.UEFI_HTTP, BootFrom.DISK}
    switch.on()
    assert becomes(switch, Power.ON)
    switch.on()
    switch.cycle()
    assert becomes(switch, Power.ON)
    switch.off()
    assert becomes(switch, Power.OFF)


def test_the_next_boot_is_set(emulator: Emulator) -> None:
    """From the network by both ways, and from the disk; it is read back."""
    switch = control(emulator.url, system="m1", uefi=True)

    assert switch.boot_next(BootFrom.PXE) == "the next start, once, is from the network (PXE)"
    assert "UEFI HTTP" in switch.boot_next(BootFrom.UEFI_HTTP)
    assert switch.boot_next(BootFrom.DISK) == "it boots from its disk from now on"
    assert _boot(emulator.url, 2)["BootSourceOverrideTarget"] == "Hdd"


def test_a_bios_machine_is_sent_to_pxe_in_its_own_mode(emulator: Emulator) -> None:
    """UEFI HTTP is never asked of a machine that boots by BIOS, and the mode is set."""
    switch = control(emulator.url, system="m2", uefi=False)
    said = switch.boot_next(BootFrom.UEFI_HTTP)

    assert said == "the next start, once, is from the network (PXE) in Legacy mode"
    assert _boot(emulator.url, 3)["BootSourceOverrideMode"] == "Legacy"


def test_one_of_several_systems_is_found_by_its_network_card(emulator: Emulator) -> None:
    """Where the site file names no system, but the machine's MAC is listed."""
    mine = control(emulator.url, macs=(Mac.parse("52:54:00:00:00:04"),))

    assert mine.inventory().uuid == "00000000-0000-4000-8000-000000000004"
    with pytest.raises(PowerError, match="speaks for several systems") as caught:
        control(emulator.url).power()
    assert "write the machine's own as 'system'" in caught.value.fix


def test_a_system_that_is_not_there(emulator: Emulator) -> None:
    """The systems that are there are named, and the place."""
    with pytest.raises(PowerError, match="has no system 'nowhere'") as caught:
        control(emulator.url, system="nowhere").on()
    assert caught.value.where == f"hv1, BMC {emulator.url}"
    assert "00000000-0000-4000-8000-000000000001" in caught.value.why


def test_tls_and_a_password(tmp_path: Path) -> None:
    """The certificate is remembered at first contact; a wrong password is one sentence."""
    pem, key, fingerprint = certificate(tmp_path)
    running = emulating(tmp_path / "run", ("m0",), tls=(pem, key), login=(USER, "right"))
    with running as emulator:
        first = control(emulator.url, user=USER, password=Secret("right")).contact()
        assert (first.fingerprint, first.profile) == (fingerprint, "sushy-tools (tested-here)")
        known = control(
            emulator.url, user=USER, password=Secret("right"), fingerprint=first.fingerprint
        )
        assert known.power() is Power.OFF
        with pytest.raises(BmcLoginError, match="refuses the user 'root' or the password"):
            control(emulator.url, user=USER, password=Secret("wrong")).power()


def _boot(url: str, number: int) -> dict[str, object]:
    system = f"{url}/redfish/v1/Systems/00000000-0000-4000-8000-{number:012}"
    with urlopen(system) as answer:
        found: dict[str, object] = json.load(answer)["Boot"]
    return found


# ---------------------------------------------------------------- faults before the emulator


@pytest.fixture
def faulty(emulator: Emulator) -> Iterator[tuple[Bmc, str]]:
    """Give a line to the emulator that can be cut, and its URL."""
    bmc = Bmc(behind=emulator.url)
    with serving(bmc) as url:
        yield bmc, url


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", "GET", "/Systems/", status=503),
        Fault("status", "GET", "/Systems/", times=2, status=500),
        Fault("reset", "GET"),
        Fault("silence", "GET", "/Systems/"),
        Fault("garbage", "GET", "/Systems/"),
        Fault("reset", "GET", "/Systems/", times=3),
    ],
    ids=lambda fault: f"{fault.kind}{fault.status or ''}x{fault.times}",
)
def test_a_read_survives_what_passes(faulty: tuple[Bmc, str], fault: Fault) -> None:
    """500, 503, a cut line, silence, half a page: asked again, and answered."""
    bmc, url = faulty
    bmc.faults.append(fault)

    assert control(url, system="m3").power() is Power.OFF
    assert fault.times == 0


def test_what_does_not_pass_ends(faulty: tuple[Bmc, str]) -> None:
    """After four tries, in one sentence."""
    bmc, url = faulty
    bmc.faults.append(Fault("status", "GET", "/Systems", times=99, status=503))

    with pytest.raises(PowerError, match="too busy to read its power state"):
        control(url, system="m3").power()
    assert len([each for each in bmc.asked if each.path.endswith("/Systems")]) <= 8


def test_a_command_whose_answer_is_lost_is_not_repeated(faulty: tuple[Bmc, str]) -> None:
    """The line is cut after it was carried out: the state is read, and nothing is sent again."""
    bmc, url = faulty
    bmc.faults.append(Fault("lost", "POST", "Reset"))
    switch = control(url, system="m4", patience=_patient())
    switch.on()

    assert becomes(switch, Power.ON)
    assert bmc.commands() == ["On"]


def test_a_command_that_did_not_arrive_is_sent_again(faulty: tuple[Bmc, str]) -> None:
    """The line is cut before: the machine is still off, so it is switched on once more."""
    bmc, url = faulty
    bmc.faults.append(Fault("reset", "POST", "Reset"))
    switch = control(url, system="m5")
    switch.on()

    assert becomes(switch, Power.ON)
    assert bmc.commands() == ["On", "On"]


def test_a_bmc_that_reboots_in_mid_command(faulty: tuple[Bmc, str]) -> None:
    """It takes the command, is gone for some requests, then answers 503, then is back."""
    bmc, url = faulty
    bmc.faults += [
        Fault("lost", "POST", "Reset"),
        Fault("reset", "GET", times=2),
        Fault("status", "GET", times=1, status=503),
    ]
    switch = control(url, system="m6", patience=_patient())
    switch.on()

    assert becomes(switch, Power.ON)
    assert bmc.commands() == ["On"]


def _patient() -> Patience:
    """Pauses that are longer than the emulator takes to switch."""
    return Patience(connect=2.0, answer=1.0, whole=2.0, schedule=Schedule((1.5, 1.5, 1.5)))


def test_a_bmc_that_accepts_and_does_nothing(faulty: tuple[Bmc, str]) -> None:
    """Silently ignored: setting says so, and a cycle ends with what was seen."""
    bmc, url = faulty
    switch = control(url, system="m7", uefi=True, patience=_short_off())
    switch.boot_next(BootFrom.DISK)
    bmc.faults += [Fault("ignored", "PATCH", times=9), Fault("ignored", "POST", "Reset", times=9)]

    assert switch.boot_next(BootFrom.PXE).endswith("(the BMC accepted it, but does not show it)")
    switch.on()
    assert switch.power() is Power.OFF
    assert bmc.commands() == ["On"]


def _short_off() -> Patience:
    return Patience(connect=2.0, answer=1.0, whole=2.0, off=0.5, look=0.1)


# ---------------------------------------------------------------- a BMC alone


def test_a_cycle_that_never_gets_off() -> None:
    """Off is accepted and nothing happens: it is said, and nothing else is sent."""
    bmc = Bmc.recorded("dell")
    _system(bmc)["PowerState"] = "On"
    bmc.faults.append(Fault("ignored", "POST", "Reset", times=9))
    with serving(bmc) as url:
        with pytest.raises(PowerError, match="and nothing happened") as caught:
            control(url, patience=_short_off()).cycle()

        assert "still says On" in caught.value.why
        assert bmc.commands() == ["ForceOff"]


def test_a_restart_is_sent_once() -> None:
    """Where off is not offered; and not again when its answer is lost."""
    bmc = Bmc.recorded("dell")
    system = _system(bmc)
    system["PowerState"] = "On"
    reset = system["Actions"]["#ComputerSystem.Reset"]
    reset["ResetType@Redfish.AllowableValues"] = ["On", "PowerCycle"]
    bmc.faults.append(Fault("lost", "POST", "Reset"))
    with serving(bmc) as url:
        with pytest.raises(BmcUnreachableError, match="restart it, which is not repeated"):
            control(url).cycle()
        with pytest.raises(PowerError, match="does not offer ForceOff") as caught:
            control(url).off()

        assert caught.value.why == "it offers On, PowerCycle"
        assert bmc.commands() == ["PowerCycle"]


def test_already_so_is_no_error() -> None:
    """409 because somebody pressed the button between our look and our command."""
    bmc = Bmc.recorded("dell")
    with serving(bmc) as url:
        switch = control(url)
        answers = iter([Power.OFF, Power.ON])
        _system(bmc)["PowerState"] = "On"
        switch.power = lambda: next(answers)  # type: ignore[method-assign]
        switch.on()

        assert bmc.commands() == ["On"]


def test_on_while_it_is_still_going_off() -> None:
    """iLO refuses that with 400: it is sent again, after a look."""
    bmc = Bmc.recorded("hpe")
    body = {"error": {"code": "iLO.2.24.InvalidOperationForSystemState", "message": "not now"}}
    bmc.faults.append(Fault("status", "POST", "Reset", times=2, status=400, body=body))
    with serving(bmc) as url:
        switch = control(url)
        switch.on()

        assert switch.power() is Power.ON
    assert set(bmc.commands()) == {"On"}


def test_a_refusal_is_told_in_the_bmcs_words() -> None:
    """Once, and not sent again."""
    bmc = Bmc.recorded("dell")
    body = {"error": {"code": "x", "message": "the chassis lid is open"}}
    bmc.faults.append(Fault("status", "POST", "Reset", times=9, status=400, body=body))
    with serving(bmc) as url, pytest.raises(PowerError, match="refused to switch it on") as told:
        control(url).on()

    assert told.value.why == "HTTP 400, the chassis lid is open"
    assert bmc.commands() == ["On"]


def test_a_state_that_is_not_said() -> None:
    """PowerState null or of another type: unknown; a cycle sends one restart."""
    bmc = Bmc.recorded("dell")
    with serving(bmc) as url:
        for said in (None, 7, "Hibernating", {"state": "On"}):
            _system(bmc)["PowerState"] = said
            assert control(url).power() is Power.UNKNOWN
        control(url).cycle()

        assert bmc.commands() == ["ForceRestart"]


def test_a_login_by_session_that_is_ended() -> None:
    """The password is sent once for each conversation, and no session is left behind."""
    bmc = Bmc.recorded("dell")
    bmc.login = (USER, PASSWORD)
    with serving(bmc) as url:
        switch = control(url, user=USER, password=Secret(PASSWORD))
        switch.on()
        assert switch.power() is Power.ON

    assert len(bmc.sessions) == len(bmc.ended) > 0
    assert not [each for each in bmc.asked if "authorization" in each.headers]


def test_a_login_without_sessions() -> None:
    """Basic where no session is offered or making one fails; any letter may be in a password."""
    for broken in (True, False):
        bmc = Bmc.recorded("dell")
        bmc.login = (USER, PASSWORD)
        if broken:
            bmc.faults.append(Fault("status", "POST", "Sessions", times=99, status=501))
        else:
            del bmc.tree["/redfish/v1"]["Links"]
        with serving(bmc) as url:
            assert control(url, user=USER, password=Secret(PASSWORD)).power() is Power.OFF


@pytest.mark.parametrize("sessions", [True, False], ids=["session", "basic"])
def test_a_wrong_password_is_tried_once(sessions: object) -> None:
    """BMCs lock a user after a few tries. The sentence names no password."""
    bmc = Bmc.recorded("dell")
    bmc.login = (USER, PASSWORD)
    if not sessions:
        del bmc.tree["/redfish/v1"]["Links"]
    with serving(bmc) as url, pytest.raises(BmcLoginError) as caught:
        control(url, user=USER, password=Secret("guessed")).on()

    tried = [each for each in bmc.asked if "authorization" in each.headers or each.body]
    assert len(tried) == 1
    assert "guessed" not in f"{caught.value} {caught.value.as_dict()}"
    assert "'provision power password SITE hv1'" in caught.value.fix


def test_a_user_who_may_only_look() -> None:
    """403 is another sentence than a wrong password."""
    bmc = Bmc.recorded("dell")
    bmc.faults.append(Fault("status", "POST", "Reset", times=9, status=403))
    with serving(bmc) as url, pytest.raises(PowerError, match="may not switch it on") as caught:
        control(url).on()
    assert "Operator" in caught.value.fix


def test_another_certificate_gets_no_password(tmp_path: Path) -> None:
    """It is compared before anything is sent; not a request arrived."""
    pem, key, fingerprint = certificate(tmp_path)
    bmc = Bmc.recorded("dell")
    bmc.login = (USER, PASSWORD)
    with serving(bmc, tls=(pem, key)) as url:
        other = control(url, user=USER, password=Secret(PASSWORD), fingerprint="ab" * 32)
        with pytest.raises(BmcCertificateError, match="the password was not sent") as caught:
            other.power()
        assert bmc.asked == []
        assert fingerprint[:16] in caught.value.why
        copied = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
        for known in (fingerprint, copied):
            right = control(url, user=USER, password=Secret(PASSWORD), fingerprint=known)
            assert right.power() is Power.OFF


def test_the_certificate_holds_between_two_calls(tmp_path: Path) -> None:
    """What was shown first is compared with from then on, though nobody stored it yet."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first, second = certificate(tmp_path / "one"), certificate(tmp_path / "two")
    bmc = Bmc.recorded("dell")
    with serving(bmc, tls=first[:2]) as url:
        switch = control(url)
        assert switch.contact().fingerprint == first[2]
    with serving(bmc, tls=second[:2]) as url:
        switch._address = control(url)._address
        with pytest.raises(BmcCertificateError):
            switch.on()


def test_nobody_there() -> None:
    """A port where nothing listens, and a server that is no BMC."""
    with pytest.raises(BmcUnreachableError, match="cannot be reached to read its power state"):
        control(f"http://{HOST}:1").power()
    with pytest.raises(BmcUnreachableError):
        control(f"{HOST}:1").contact()
    with serving(Bmc({})) as url, pytest.raises(PowerError, match="has nothing to") as caught:
        control(url).power()
    assert "'address'" in caught.value.fix


def test_a_bmc_without_tls_behind_an_https_address() -> None:
    """No plain request is ever sent in its place."""
    bmc = Bmc.recorded("dell")
    with serving(bmc) as url, pytest.raises(BmcUnreachableError):
        control(url.replace("http://", "https://")).power()
    assert bmc.asked == []


@pytest.mark.parametrize("kind", ["drip", "silence"])
def test_an_answer_that_never_ends(kind: str) -> None:
    """Ends with the time that it may take, four times."""
    bmc = Bmc.recorded("dell")
    bmc.faults.append(Fault(kind, "GET", times=99))
    patience = Patience(answer=0.3, whole=0.5, schedule=Schedule((0.05,)))
    with serving(bmc) as url, pytest.raises(BmcUnreachableError):
        control(url, patience=patience).power()


def test_documents_of_another_shape() -> None:
    """Lists, numbers, null where objects should be: a sentence, never a traceback."""
    shapes: list[Any] = [[], "text", 7, None, {}, {"Members": 7, "Systems": [], "Boot": "x"}]
    for path in ("/redfish/v1", "/redfish/v1/Systems", "/redfish/v1/Systems/System.Embedded.1"):
        for shape in shapes:
            bmc = Bmc.recorded("dell")
            bmc.tree[path] = shape
            with serving(bmc) as url:
                switch = control(url, patience=Patience(schedule=Schedule(())))
                for act in (switch.contact, switch.inventory, switch.power, switch.on):
                    with suppress(PowerError):
                        act()


@pytest.mark.parametrize("written", ["", "ftp://h", "https://u:p@h", "https://", "h:port"])
def test_an_address_that_is_none(written: str) -> None:
    """Is told when the control is made."""
    with pytest.raises(PowerError, match="address cannot be read"):
        control(written)


# ---------------------------------------------------------------- vendors' shapes


@pytest.mark.parametrize(
    ("vendor", "profile"),
    [
        ("dell", "dell-idrac (reported)"),
        ("hpe", "hpe-ilo (reported)"),
        ("supermicro", "supermicro (reported)"),
        ("lenovo", "lenovo-xcc (reported)"),
        ("ami", "ami-megarac (reported)"),
    ],
)
def test_each_vendor_is_switched(vendor: str, profile: str) -> None:
    """Contact, next boot, on, cycle, disk: whatever is missing in its answers."""
    bmc = Bmc.recorded(vendor)
    with serving(bmc) as url:
        switch = control(url, uefi=True, patience=_short_off())
        assert switch.contact().profile == f"{profile}, without encryption"
        assert BootFrom.PXE in switch.contact().boots
        assert "once" in switch.boot_next(BootFrom.PXE)
        switch.on()
        assert switch.power() is Power.ON
        switch.cycle()
        assert switch.power() is Power.ON
        assert "does not show it" not in switch.boot_next(BootFrom.DISK)

    assert bmc.commands() == ["On", "ForceOff", "On"]


@pytest.mark.parametrize("vendor", ["dell", "hpe", "supermicro", "lenovo", "ami"])
def test_a_slow_bmc_is_waited_for(vendor: str) -> None:
    """Each answer takes its time: nothing is asked twice, and the inventory is whole."""
    quick, slow = Bmc.recorded(vendor), Bmc.recorded(vendor)
    slow.delay = 0.15
    with serving(quick) as first, serving(slow) as second:
        assert control(first).inventory() == control(second).inventory()

    assert [each.path for each in slow.asked] == [each.path for each in quick.asked]


def test_an_inventory_that_takes_too_long_ends() -> None:
    """What was not asked any more is named. By the clock each answer takes ten seconds."""
    bmc = Bmc.recorded("dell")
    patience = Patience(whole=15.0, schedule=Schedule(()))
    with serving(bmc) as url:
        switch = RedfishControl(
            Target("hv1", Way.REDFISH, url),
            patience=patience,
            monotonic=lambda: 10.0 * len(bmc.asked),
        )
        found = switch.inventory()

    assert found.serial == "EXAMPL1"
    assert "its network cards" in found.unsaid


def test_dell_serial_and_disks() -> None:
    """The service tag, the processor threads; a disk with null fields stays in the list."""
    with serving(Bmc.recorded("dell")) as url:
        found = control(url).inventory()

    assert (found.vendor, found.serial, found.cpus) == ("Dell Inc.", "EXAMPL1", 64)
    assert found.memory == 256 * 2**30
    assert [(disk.name, disk.size) for disk in found.disks] == [
        ("SSD 0", 479559942144),
        ("SSD 1", 0),
    ]
    assert [str(mac) for mac in found.macs] == ["52:54:00:d1:00:01", "52:54:00:d1:00:02"]
    assert found.clock == datetime(2026, 11, 21, 20, 2, 11, tzinfo=UTC)
    assert found.unsaid == ()


def test_dell_10_writes_the_boot_to_its_settings() -> None:
    """Boot is read-only in the system itself."""
    bmc = Bmc.recorded("dell")
    settings = "/redfish/v1/Systems/System.Embedded.1/Settings"
    bmc.boot_elsewhere = settings
    with serving(bmc) as url:
        said = control(url, uefi=True).boot_next(BootFrom.UEFI_HTTP)

    assert said == "the next start, once, is from the network (UEFI HTTP)"
    assert bmc.tree[settings]["Boot"]["BootSourceOverrideTarget"] == "UefiHttp"


def test_hpe_mode_is_never_written() -> None:
    """One request with it would be refused; its clock is of 2019, and that is no reason to stop."""
    bmc = Bmc.recorded("hpe")
    bmc.refuses = ("BootSourceOverrideMode",)
    with serving(bmc) as url:
        switch = control(url, uefi=False)
        assert switch.boot_next(BootFrom.PXE) == "the next start, once, is from the network (PXE)"
        found = switch.inventory()

    assert bmc.boots() == [{"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}]
    assert found.clock == datetime(2019, 1, 1, 0, 4, 12, tzinfo=UTC)
    assert (found.cpus, found.memory) == (40, 64 * 2**30)
    assert [disk.name for disk in found.disks] == ["Bay 1", "Bay 2"]


def test_a_refused_mode_is_left_out() -> None:
    """Of a BMC of which that was not known: the second request goes without it."""
    bmc = Bmc.recorded("lenovo")
    bmc.refuses = ("BootSourceOverrideMode",)
    with serving(bmc) as url:
        said = control(url, uefi=False).boot_next(BootFrom.PXE)

    assert said == "the next start, once, is from the network (PXE)"
    assert [("BootSourceOverrideMode" in boot) for boot in bmc.boots()] == [True, False]


def test_supermicro_mode_is_always_written() -> None:
    """And what nobody filled in is empty, not `To be filled by O.E.M.`."""
    bmc = Bmc.recorded("supermicro")
    with serving(bmc) as url:
        switch = control(url, uefi=True)
        assert "UEFI mode" in switch.boot_next(BootFrom.PXE)
        assert "UEFI mode" in switch.boot_next(BootFrom.PXE)
        found = switch.inventory()

    assert [boot["BootSourceOverrideMode"] for boot in bmc.boots()] == ["UEFI", "UEFI"]
    assert (found.serial, found.cpus, found.memory) == ("", 8, 32 * 2**30)
    assert found.unsaid == ("its disks", "its network cards")


def test_lenovo_wants_an_etag_and_lists_commands_elsewhere() -> None:
    """ETag as read just before; `Continuous` is not among its values, so the override is ended."""
    bmc = Bmc.recorded("lenovo")
    bmc.needs_etag = True
    with serving(bmc) as url:
        switch = control(url, uefi=True)
        switch.boot_next(BootFrom.PXE)
        said = switch.boot_next(BootFrom.DISK)
        found = switch.inventory()

    assert said == "no override is set any more: its own boot order decides"
    assert bmc.boots()[-1]["BootSourceOverrideEnabled"] == "Disabled"
    assert (found.serial, len(found.disks), found.unsaid) == ("EXAMPLE1", 1, ("its disks",))


def test_ami_takes_the_boot_only_elsewhere() -> None:
    """And an unreadable clock, an empty list for the processors, a default serial are unsaid."""
    bmc = Bmc.recorded("ami")
    bmc.boot_elsewhere = "/redfish/v1/Systems/Self/SD"
    with serving(bmc) as url:
        switch = control(url, uefi=True)
        assert BootFrom.UEFI_HTTP in switch.contact().boots
        assert "does not show" not in switch.boot_next(BootFrom.UEFI_HTTP)
        found = switch.inventory()

    assert (found.serial, found.cpus, found.memory, found.clock) == ("", 0, 0, None)
    assert len(found.unsaid) == 4


def _system(bmc: Bmc) -> Any:
    return bmc.tree["/redfish/v1/Systems/System.Embedded.1"]


def test_a_button_is_pressed_once_and_only_where_the_machine_is_off() -> None:
    """Pressed on a machine that runs, or a second time, it switches off."""
    bmc = Bmc.recorded("dell")
    system = _system(bmc)
    reset = system["Actions"]["#ComputerSystem.Reset"]
    reset["ResetType@Redfish.AllowableValues"] = ["PushPowerButton"]
    system["PowerState"] = None
    with serving(bmc) as url:
        with pytest.raises(PowerError, match="does not offer On or ForceOn"):
            control(url).on()
        assert bmc.commands() == []
        system["PowerState"] = "Off"
        bmc.faults.append(Fault("status", "POST", "Reset", times=9, status=503, body={}))
        with pytest.raises(PowerError, match="does not offer On or ForceOn"):
            control(url).on()
        assert bmc.commands() == ["PushPowerButton"]


def test_a_password_that_a_bmc_repeats_is_told_to_nobody() -> None:
    """Some name the value that they refuse."""
    bmc = Bmc.recorded("dell")
    bmc.login = (USER, PASSWORD)
    body = {"error": {"code": "x", "message": f"the value '{PASSWORD}' is refused"}}
    bmc.faults.append(Fault("status", "POST", "Reset", times=9, status=400, body=body))
    with serving(bmc) as url, pytest.raises(PowerError) as caught:
        control(url, user=USER, password=Secret(PASSWORD)).on()

    assert PASSWORD not in str(caught.value.as_dict())
    assert caught.value.why == "HTTP 400, the value '******' is refused"


def test_a_bmc_that_is_slow_at_everything_is_given_up() -> None:
    """What is asked has a limit as a whole, however many pages and tries it takes."""
    bmc = Bmc.recorded("dell")
    clock = iter(range(0, 10_000, 100))
    with serving(bmc) as url:
        slow = RedfishControl(
            Target("hv1", Way.REDFISH, url), patience=QUICK, monotonic=lambda: float(next(clock))
        )
        with pytest.raises(BmcUnreachableError, match="cannot be reached"):
            slow.power()
    assert 0 < len(bmc.asked) < 10


def test_a_bmc_of_long_ago_is_met_as_it_is_spoken_to(tmp_path: Path) -> None:
    """Its key exchange is of 1024 bits (RFC 2409, 6.2): refused by most servers' rules of today."""
    parameters = bytes.fromhex(f"308187 02818100{_OAKLEY_2} 020102")  # PKCS 3, in DER
    old = tmp_path / "dh.pem"
    old.write_text(
        f"-----BEGIN DH PARAMETERS-----\n{b64encode(parameters).decode()}\n"
        "-----END DH PARAMETERS-----\n"
    )
    pem, key = tmp_path / "bmc.pem", tmp_path / "bmc.key"
    make = f"req -x509 -newkey rsa:1024 -sha1 -nodes -subj /CN=bmc -keyout {key} -out {pem}"
    subprocess.run(["openssl", *make.split()], check=True, capture_output=True, timeout=60)
    shown = fingerprint_of(ssl.PEM_cert_to_DER_cert(pem.read_text()))
    with serving(Bmc.recorded("dell"), tls=(pem, key), old=old) as url:
        assert control(url).contact().fingerprint == shown


_OAKLEY_2 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E34"
    "04DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6"
    "F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)
