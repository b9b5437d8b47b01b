"""The power of machines in the wizard, as a browser without JavaScript uses it.

The BMC is sushy-tools' Redfish emulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.store.machines import Proven
from tests.redfish_bmc import Emulator, certificate, emulating
from tests.unit.web.test_pages_run import look
from tests.unit.web.wizard_world import Browser, World

_SITE = """\
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1:
      mac: "52:54:00:00:00:01"
      disk: /dev/disk/by-id/virtio-01
      expect: {{nics: 4}}
      bmc: {{address: "{url}", user: admin, system: 00000000-0000-4000-8000-000000000001}}
    hv2: {{mac: "52:54:00:00:00:02", disk: /dev/disk/by-id/virtio-02}}
"""
_PASSWORD = "right-password"


@pytest.fixture
def bmc(tmp_path: Path) -> Iterator[Emulator]:
    """A BMC with TLS and a password."""
    pem, key, _ = certificate(tmp_path)
    with emulating(tmp_path / "bmc", ("hv1",), tls=(pem, key), login=("admin", _PASSWORD)) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, bmc: Emulator) -> World:
    """A wizard with a site of a machine with that BMC, and one that is switched by hand."""
    file = tmp_path / "site.yaml"
    file.write_text(_SITE.format(url=bmc.url))
    return World(tmp_path, file)


@pytest.fixture
def browser(world: World) -> Browser:
    """The operator's browser."""
    return world.operator()


def _give_password(browser: Browser) -> None:
    said = {"verb": "password", "whose": "one", "password": _PASSWORD}
    answer = browser.post("/machines/hv1/power", data=said)
    assert (answer.status_code, answer.location) == (303, "/machines/hv1/power?said=power")


def test_a_machine_is_switched_from_the_page(world: World, browser: Browser) -> None:
    """Password, look, on, off: the page Machines shows how each stands."""
    before = browser.get("/machines").text
    assert "power unknown" in before
    assert "Redfish at https://127.0.0.1" in before
    refused = browser.post("/machines/hv1/power", data={"verb": "on"})
    assert refused.status_code == 409
    assert "give the password on the page of the power of hv1" in refused.text
    _give_password(browser)
    page = browser.get("/machines/hv1/power").text
    assert "power off" in page
    assert "52:54:00:00:00:01" in page
    assert "counts 1 network card, and the site file expects 4" in page
    assert _PASSWORD not in page
    answer = browser.post("/machines/hv1/power", data={"verb": "on"})
    assert (answer.status_code, answer.location) == (303, "/machines/hv1/power?said=power-on")
    assert "power on" in browser.get("/machines").text
    assert browser.post("/machines/hv1/power", data={"verb": "off"}).status_code == 303
    with look(world).reading() as context:
        told = [each.text for each in context.journal.events() if each.kind == "power-told"]
        assert told[-1] == "hv1 was switched off, as it was told"
        assert context.switches.get("hv1")["fingerprint"]


def test_what_is_installed_wants_its_name_typed(world: World, browser: Browser) -> None:
    """Its buttons are on the page of its power only, with the field for the name."""
    _give_password(browser)
    with look(world).writing() as context:
        context.proven.put(Proven("hv1", installed=5.0, ready=6.0, installs=1))
    listed = browser.get("/machines").text
    assert "Switch hv1 on" in listed
    assert "Switch hv1 off" not in listed
    page = browser.get("/machines/hv1/power").text
    assert "To switch it off, type hv1" in page
    for typed in ("", "hv2"):
        data = {"verb": "cycle", "confirm": typed}
        refused = browser.post("/machines/hv1/power", data=data)
        assert refused.status_code == 422
        assert "hv1 would be switched off hard" in refused.text
        assert "type its name, hv1, to agree" in refused.text.lower()
        assert "provision" not in refused.text
    answer = browser.post("/machines/hv1/power", data={"verb": "cycle", "confirm": "hv1"})
    assert answer.status_code == 303
    assert browser.post("/machines/hv1/power", data={"verb": "off", "confirm": "hv1"}).location


def test_a_machine_that_a_hand_switches_says_so(browser: Browser) -> None:
    """And one that is none is refused; so is a verb that is none."""
    assert "Nothing but a hand switches it" in browser.get("/machines/hv2/power").text
    assert 'id="power-title"' in browser.get("/machines").text
    assert browser.get("/machines/hv9/power").status_code == 422
    assert browser.post("/machines/hv1/power", data={"verb": "melt"}).status_code == 422


def test_a_site_without_bmcs_has_no_power_on_its_page(world: World, browser: Browser) -> None:
    """Nor does a site file that cannot be read break the page."""
    assert world.site_file is not None
    text = world.site_file.read_text()
    start = text.index("      bmc:")
    world.site_file.write_text(text[:start] + text[text.index("    hv2:") :])
    assert 'id="power-title"' not in browser.get("/machines").text
    world.site_file.write_text("site: [")
    world.now += 10
    assert "Nobody listens yet" not in browser.get("/machines").text


def test_the_calls_do_the_same(browser: Browser) -> None:
    """What the pages do, a program does too."""
    words = browser.post("/api/power/password", json={"password": _PASSWORD})
    assert words.status_code == 200, words.text
    assert browser.post("/api/machines/hv1/power", json={"verb": "ask"}).status_code == 200
    found = browser.get("/api/machines/hv1/power").json
    assert found is not None
    assert (found["power"], found["way"], found["error"]) == ("off", "redfish", "")
    assert ["card", "52:54:00:00:00:01"] in found["facts"]
    assert browser.post("/api/machines/hv1/power", json={"verb": "on"}).status_code == 200
    assert browser.post("/api/machines/hv1/power", json={"verb": "melt"}).status_code == 422
    assert browser.post("/api/machines/hv1/power", json={"verb": "off"}).status_code == 200
    again = {"verb": "new-certificate"}
    assert "is forgotten" in browser.post("/api/machines/hv1/power", json=again).text
    assert browser.post("/api/machines/hv2/power", json={"verb": "on"}).status_code == 409
