"""An image that a BMC fetches by itself: at the real emulator, and at BMCs of another shape."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import PowerError
from appliance.power.model import Target, Way
from appliance.power.redfish import RedfishControl
from appliance.power.redfish_line import Patience
from appliance.power.retry import Schedule
from appliance.power.virtual_media import drives, eject, insert
from tests.redfish_bmc import HOST, Bmc, Fault, emulating, serving

URL = "http://192.0.2.1/stage1.iso"
SYSTEM = "/redfish/v1/Systems/System.Embedded.1"
MANAGER = "/redfish/v1/Managers/iDRAC.Embedded.1"


def control(url: str) -> RedfishControl:
    """Give the control of a machine whose BMC listens there."""
    patience = Patience(connect=2.0, answer=5.0, schedule=Schedule((0.05,)))
    return RedfishControl(Target("hv1", Way.REDFISH, url), patience=patience)


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
    (tmp_path / "stage1.iso").write_bytes(b"image" * 100)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://{HOST}:{server.server_address[1]}/stage1.iso"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_emulator_takes_and_gives_back(
    tmp_path: Path, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In, in again, and out; the second time out there is nothing."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where the emulator keeps what it fetched
    with emulating(tmp_path / "run", ("m0",)) as emulator:
        switch = control(emulator.url)
        assert [drive.image for drive in drives(switch) if drive.takes_discs] == [""]
        words = f"the next start, once, is from the image {image}"
        assert insert(switch, image) == words
        assert insert(switch, image) == words
        assert [drive.image for drive in drives(switch) if drive.takes_discs] == [image]
        assert eject(switch, image)
        assert not eject(switch, image)


@pytest.mark.parametrize("owner", [SYSTEM, MANAGER], ids=["system", "manager"])
def test_a_drive_without_actions(owner: str) -> None:
    """Older BMCs take it by PATCH; the next boot is set to it, once."""
    bmc = with_drive(owner)
    with serving(bmc) as url:
        insert(control(url), URL)

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
        said = insert(control(url), URL)

    sent = [each.body for each in bmc.asked if each.path == action]
    assert sent == [{"Image": URL, "Inserted": True, "WriteProtected": True}, {"Image": URL}]
    assert said.endswith("(the BMC accepted it, but does not show it)")


def test_what_somebody_else_put_in_stays() -> None:
    """It is named, and nothing is sent."""
    bmc = with_drive(SYSTEM, Image="http://192.0.2.9/rescue.iso", Inserted=True)
    with serving(bmc) as url:
        with pytest.raises(PowerError, match="another image is in") as caught:
            insert(control(url), URL)
        assert not eject(control(url), URL)

    assert "rescue.iso" in caught.value.why
    assert {each.method for each in bmc.asked} == {"GET"}


def test_no_virtual_media() -> None:
    """Said, with what to do instead; a drive for floppies is none."""
    for bmc in (Bmc.recorded("hpe"), with_drive(SYSTEM, MediaTypes=["Floppy", "USBStick"])):
        with serving(bmc) as url, pytest.raises(PowerError, match="no virtual drive for discs"):
            insert(control(url), URL)


@pytest.mark.parametrize("url", ["http://h/a?b=c", "http://h/52:54:00", "nfs://h/a", "file:///a"])
def test_an_address_that_bmcs_stumble_over(url: str) -> None:
    """Is refused before anything is asked."""
    with pytest.raises(PowerError, match="cannot be given that address"):
        insert(control("http://127.0.0.1:1"), url)
