"""An image that a BMC fetches by itself: at the real emulator, and at BMCs of another shape."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import BmcLoginError, PowerError
from appliance.power.model import BootFrom, Target, Way
from appliance.power.redfish import RedfishControl
from appliance.power.redfish_line import Conversation, Patience
from appliance.power.retry import Schedule
from appliance.power.virtual_media import Drive, drives
from tests.redfish_bmc import HOST, Bmc, Fault, emulating, serving

URL = "http://192.0.2.1/ipxe.iso"
SYSTEM = "/redfish/v1/Systems/System.Embedded.1"
MANAGER = "/redfish/v1/Managers/iDRAC.Embedded.1"


def control(url: str, disc: str = URL) -> RedfishControl:
    """Give the control of a machine whose BMC listens there."""
    patience = Patience(connect=2.0, answer=5.0, schedule=Schedule((0.05,)))
    return RedfishControl(Target("hv1", Way.REDFISH, url, disc=disc), patience=patience)


def discs(switch: RedfishControl) -> list[str]:
    """Give what is in the drives for discs."""

    def act(talk: Conversation) -> tuple[Drive, ...]:
        return drives(talk, talk.document(switch.system_path(talk)))

    return [each.image for each in switch.talk(act, "look") if each.takes_discs]


def with_drive(owner: str, **said: Any) -> Bmc:
    """Give a BMC that has one virtual drive below its system or its manager."""
    bmc = Bmc.recorded("dell")
    bmc.tree[owner]["VirtualMedia"] = {"@odata.id": f"{owner}/VirtualMedia"}
    bmc.tree[f"{owner}/VirtualMedia"] = {"Members": [{"@odata.id": f"{owner}/VirtualMedia/CD"}]}
    bmc.tree[f"{owner}/VirtualMedia/CD"] = {"MediaTypes": ["CD", "DVD"], "Image": None, **said}
    return bmc


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """Serve an image on loopback: the emulator fetches it, as a BMC does."""
    (tmp_path / "ipxe.iso").write_bytes(b"image" * 100)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://{HOST}:{server.server_address[1]}/ipxe.iso"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_emulator_takes_and_gives_back(
    tmp_path: Path, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In, in again, and out; the second time out there is nothing."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where the emulator keeps what it fetched
    with emulating(tmp_path / "run", ("m0",)) as emulator:
        switch = control(emulator.url, image)
        assert BootFrom.DISC in switch.contact().boots
        assert discs(switch) == [""]
        words = "the next start, once, is from the boot disc in the drive of its BMC"
        assert switch.boot_next(BootFrom.DISC) == words
        assert switch.boot_next(BootFrom.DISC) == words
        assert discs(switch) == [image]
        assert switch.take_out(image)
        assert not switch.take_out(image)


@pytest.mark.parametrize("owner", [SYSTEM, MANAGER], ids=["system", "manager"])
def test_a_drive_without_actions(owner: str) -> None:
    """Older BMCs take it by PATCH; the next boot is set to it, once."""
    bmc = with_drive(owner)
    with serving(bmc) as url:
        control(url).boot_next(BootFrom.DISC)

    changes = [each for each in bmc.asked if each.method == "PATCH"]
    assert changes[0].path == f"{owner}/VirtualMedia/CD"
    assert changes[0].body == {"Image": URL, "Inserted": True}
    assert changes[1].body["Boot"]["BootSourceOverrideTarget"] == "Cd"
    assert changes[1].body["Boot"]["BootSourceOverrideEnabled"] == "Once"


def test_optional_properties_are_left_out_when_refused() -> None:
    """Then the image alone is sent."""
    action = f"{SYSTEM}/VirtualMedia/CD/Actions/VirtualMedia.InsertMedia"
    bmc = with_drive(SYSTEM, Actions={"#VirtualMedia.InsertMedia": {"target": action}})
    bmc.faults += [
        Fault("status", "POST", "InsertMedia", status=400),
        Fault("ignored", "POST", "InsertMedia"),
    ]
    with serving(bmc) as url:
        said = control(url).boot_next(BootFrom.DISC)

    sent = [each.body for each in bmc.asked if each.path == action]
    assert sent == [{"Image": URL, "Inserted": True, "WriteProtected": True}, {"Image": URL}]
    assert said.endswith("(the BMC accepted it, but does not show it)")


def test_what_somebody_else_put_in_stays() -> None:
    """It is named, and nothing is sent."""
    bmc = with_drive(SYSTEM, Image="http://192.0.2.9/rescue.iso", Inserted=True)
    with serving(bmc) as url:
        with pytest.raises(PowerError, match="another image is in") as caught:
            control(url).boot_next(BootFrom.DISC)
        assert not control(url).take_out(URL)

    assert "rescue.iso" in caught.value.why
    assert {each.method for each in bmc.asked} == {"GET"}


def test_no_virtual_media() -> None:
    """Said, with what to do instead, and not offered; a drive for floppies is none."""
    for bmc in (Bmc.recorded("hpe"), with_drive(SYSTEM, MediaTypes=["Floppy", "USBStick"])):
        with serving(bmc) as url:
            assert BootFrom.DISC not in control(url).contact().boots
            with pytest.raises(PowerError, match="no virtual drive for discs"):
                control(url).boot_next(BootFrom.DISC)


def test_a_drive_is_offered_only_where_a_disc_is_served() -> None:
    """Without one nothing of the drive is even asked."""
    bmc = with_drive(MANAGER)
    with serving(bmc) as url:
        assert BootFrom.DISC in control(url).contact().boots
        asked = len(bmc.asked)
        assert BootFrom.DISC not in control(url, "").contact().boots

    assert not any("VirtualMedia" in each.path for each in bmc.asked[asked:])


@pytest.mark.parametrize("kind", ["status", "garbage", "reset"])
def test_a_drive_that_cannot_be_read_spoils_no_first_look(kind: str) -> None:
    """It is as if there were none: the machine can still be switched, and sent to the network."""
    bmc = with_drive(SYSTEM)
    bmc.faults.append(Fault(kind, "GET", "VirtualMedia", times=99, status=500))
    with serving(bmc) as url:
        boots = control(url).contact().boots

    assert BootFrom.PXE in boots
    assert BootFrom.DISC not in boots


def test_a_login_that_ends_meanwhile_is_said() -> None:
    """It would end for all else too."""
    bmc = with_drive(SYSTEM)
    bmc.faults.append(Fault("status", "GET", "VirtualMedia", times=99, status=401))
    with serving(bmc) as url, pytest.raises(BmcLoginError):
        control(url).contact()


@pytest.mark.parametrize("disc", ["", "http://h/a?b=c", "http://h/52:54:00", "nfs://h/a"])
def test_an_address_that_bmcs_stumble_over(disc: str) -> None:
    """Is refused before anything is sent."""
    bmc = with_drive(SYSTEM)
    with serving(bmc) as url, pytest.raises(PowerError, match="cannot be given that address"):
        control(url, disc).boot_next(BootFrom.DISC)

    assert {each.method for each in bmc.asked} == {"GET"}
