"""The power of machines in the wizard, as a browser without JavaScript uses it.

The BMC is sushy-tools' Redfish emulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.store.machines import Proven
from tests.bmc_sites import bmc_site
from tests.redfish_bmc import Emulator, certificate, emulating
from tests.unit.web.test_pages_run import look
from tests.unit.web.test_pages_site import Page
from tests.unit.web.wizard_world import Browser, World

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
    file.write_text(bmc_site(bmc.url, nics=4))
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
    refused = browser.post("/machines/hv1/power", data={"verb": "off"})
    assert refused.status_code == 422
    assert "Nothing is known here of what runs on it" in refused.text
    typed = {"verb": "off", "confirm": "hv1"}
    assert browser.post("/machines/hv1/power", data=typed).status_code == 303
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


def test_a_machine_that_was_left_off_in_mid_cycle_says_so(
    world: World, browser: Browser, bmc: Emulator
) -> None:
    """On both pages, without a command; switched on, it is no more."""
    _give_password(browser)
    with look(world).writing() as context:
        context.switches.note("hv1", address=bmc.url, power="off", cycling_at=1_790_000_000.0)
    for path in ("/machines", "/machines/hv1/power"):
        assert "t is off: an off-and-on that began 2026-09-21T14:13:20Z" in browser.get(path).text
    browser.post("/machines/hv1/power", data={"verb": "on"})
    assert "an off-and-on" not in browser.get("/machines/hv1/power").text


def test_a_machine_that_a_hand_switches_says_so(browser: Browser) -> None:
    """And one that is none is refused; so is a verb that is none."""
    assert "Nothing but a hand switches it" in browser.get("/machines/hv2/power").text
    assert 'id="power-title"' in browser.get("/machines").text
    assert browser.get("/machines/hv9/power").status_code == 422
    assert browser.post("/machines/hv1/power", data={"verb": "melt"}).status_code == 422


def test_a_site_without_bmcs_has_no_switches_on_its_page(world: World, browser: Browser) -> None:
    """Nor does a site file that cannot be read break the page."""
    assert world.site_file is not None
    text = world.site_file.read_text()
    start = text.index("      bmc:")
    world.site_file.write_text(text[:start] + text[text.index("    hv2:") :])
    page = browser.get("/machines").text
    assert "All are switched by hand" in page
    assert "Switch hv1 on" not in page
    assert '<div id="machines-bmcs" data-live></div>' in page
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
    assert ["card", "52:54:00:00:00:01 (by its BMC)"] in found["facts"]
    assert browser.post("/api/machines/hv1/power", json={"verb": "on"}).status_code == 200
    assert browser.post("/api/machines/hv1/power", json={"verb": "melt"}).status_code == 422
    assert browser.post("/api/machines/hv1/power", json={"verb": "off"}).status_code == 422
    typed = {"verb": "off", "confirm": "hv1"}
    assert browser.post("/api/machines/hv1/power", json=typed).status_code == 200
    assert browser.post("/api/machines/hv1/power", json={"verb": "off"}).status_code == 200
    again = {"verb": "new-certificate"}
    assert "is forgotten" in browser.post("/api/machines/hv1/power", json=again).text
    assert browser.post("/api/machines/hv2/power", json={"verb": "on"}).status_code == 409


_PLAIN = """\
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    # beside the door
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-01}  # its own words
    hv2:
      role: join
      bmc: {address: 10.20.0.52, user: root}  # as its label says
"""
_HV1 = "hypervisor.machines.hv1.bmc"
_HV2 = "hypervisor.machines.hv2.bmc"
_DRAC = "d0:94:66:00:00:01"


@pytest.fixture
def plain(tmp_path: Path) -> World:
    """A wizard of a machine that a hand switches, and of one whose BMC nobody asks here."""
    file = tmp_path / "site.yaml"
    file.write_text(_PLAIN)
    return World(tmp_path, file)


def _file(world: World) -> str:
    assert world.site_file is not None
    return world.site_file.read_text()


def _form(browser: Browser, name: str, query: str = "") -> dict[str, str]:
    page = Page(browser.get(f"/machines/{name}/power{query}").text, f"/machines/{name}/bmc")
    return page.fields


def _heard(world: World, mac: str, address: str, vendor: str) -> None:
    with look(world).writing() as context:
        data = {"mac": mac, "address": address, "vendor": vendor}
        context.journal.add_event("bmc", f"{mac} has {address}", data=data, at=world.now)


def test_a_form_sent_as_it_came_changes_nothing(plain: World) -> None:
    """Of neither machine; every field has its label."""
    browser = plain.operator()
    for name in ("hv1", "hv2"):
        text = browser.get(f"/machines/{name}/power").text
        page = Page(text, f"/machines/{name}/bmc")
        assert len(page.ids) == len(set(page.ids))
        assert page.labels <= set(page.ids)
        assert page.described <= set(page.ids)
        assert browser.post(f"/machines/{name}/bmc", data=page.fields).status_code == 303
        assert _file(plain) == _PLAIN


def test_a_bmc_is_entered_and_the_file_stays_its_writers(plain: World) -> None:
    """The line of that machine alone is another; its remark stays."""
    browser = plain.operator()
    given = {f"{_HV1}.type": "ipmi", f"{_HV1}.address": "10.20.0.51", f"{_HV1}.user": "ADMIN"}
    answer = browser.post("/machines/hv1/bmc", data={**_form(browser, "hv1"), **given})
    assert (answer.status_code, answer.location) == (303, "/machines/hv1/power?said=bmc")
    bmc = ", bmc: {type: ipmi, address: 10.20.0.51, user: ADMIN}}  # its own words"
    assert _file(plain) == _PLAIN.replace("}  # its own words", bmc)
    assert "IPMI at 10.20.0.51 as ADMIN" in browser.get("/machines/hv1/power").text
    form = _form(browser, "hv1")
    form |= {f"{_HV1}.type": "by-hand", f"{_HV1}.address": "", f"{_HV1}.user": ""}
    assert browser.post("/machines/hv1/bmc", data=form).status_code == 303
    assert "bmc: {type: by-hand}}  # its own words" in _file(plain)


@pytest.mark.parametrize(
    ("given", "at", "words"),
    [
        ({"type": "redfish"}, "address", "no address is given, and Redfish needs one"),
        ({"type": "redfish", "address": "10.20.0.51"}, "user", "no user is given"),
        ({"address": "10.20.0.51"}, "address", "empty it, or choose another way"),
        ({"type": "wake-on-lan", "user": "root"}, "user", "Wake-on-LAN has no use for it"),
        ({"type": "ipmi", "address": "a b", "user": "root"}, "address", "address of a BMC"),
        (
            {"type": "redfish", "address": "10.20.0.9", "user": "a", "mac": "52:54:00:00:00:01"},
            "mac",
            "is also hypervisor.machines.hv1",
        ),
        ({"type": "ipmi", "address": "10.20.0.51", "user": "a", "system": "1"}, "system", "IPMI"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    plain: World, given: dict[str, str], at: str, words: str
) -> None:
    """In the words of the page; what was typed is still there, and the file is as it was."""
    browser = plain.operator()
    typed = {f"{_HV1}.{key}": value for key, value in given.items()}
    answer = browser.post("/machines/hv1/bmc", data={**_form(browser, "hv1"), **typed})
    assert answer.status_code == 422
    assert f'href="#{_HV1}.{at}"' in answer.text
    assert words in answer.text
    assert typed.items() <= Page(answer.text, "/machines/hv1/bmc").fields.items()
    assert _file(plain) == _PLAIN


def test_another_machines_bmc_is_not_taken(plain: World) -> None:
    """Said where the file has it, at the machine whose name comes later."""
    browser = plain.operator()
    given = {f"{_HV1}.type": "redfish", f"{_HV1}.address": "10.20.0.52", f"{_HV1}.user": "a"}
    answer = browser.post("/machines/hv1/bmc", data={**_form(browser, "hv1"), **given})
    assert answer.status_code == 422
    where = f'<a href="/machines/hv2/power#{_HV2}.address">Power of hv2: Address of its BMC</a>'
    assert f"{where}, line " in answer.text
    assert "10.20.0.52 switches hv1 already" in answer.text
    assert f"<code>{_HV2}" not in answer.text
    assert _file(plain) == _PLAIN


def test_wake_on_lan_needs_the_machines_own_card(plain: World) -> None:
    """And says where it is to be written."""
    browser = plain.operator()
    form = _form(browser, "hv2")
    form |= {f"{_HV2}.type": "wake-on-lan", f"{_HV2}.address": "", f"{_HV2}.user": ""}
    answer = browser.post("/machines/hv2/bmc", data=form)
    assert answer.status_code == 422
    assert "write that of hv2 into the site file" in answer.text


def test_a_stale_form_is_refused_with_what_changed(plain: World) -> None:
    """Nothing is overwritten unseen, and what was typed is named."""
    browser = plain.operator()
    form = {**_form(browser, "hv2"), f"{_HV2}.user": "Administrator"}
    assert plain.site_file is not None
    plain.site_file.write_text(_PLAIN.replace("10.20.0.52", "10.20.0.53"))
    answer = browser.post("/machines/hv2/bmc", data=form)
    assert answer.status_code == 409
    assert f"{_HV2}.address: 10.20.0.52 → 10.20.0.53" in answer.text
    assert "<li>User of its BMC: <code>Administrator</code></li>" in answer.text
    assert Page(answer.text, "/machines/hv2/bmc").fields[f"{_HV2}.address"] == "10.20.0.53"
    assert "Administrator" not in _file(plain)


def test_a_machine_that_was_only_approved_must_be_in_the_file(plain: World) -> None:
    """The page says so, and has no form; a call is refused in the same words."""
    with look(plain).writing() as context:
        entry = {"mac": "52:54:00:00:00:03", "disk": "/dev/disk/by-id/virtio-03"}
        context.approved.put("hv3", "525400000003", entry)
    browser = plain.operator()
    page = browser.get("/machines/hv3/power").text
    assert "hv3 is not in the site file" in page
    assert 'action="/machines/hv3/bmc"' not in page
    assert browser.post("/machines/hv3/bmc", data={"digest": "x"}).status_code == 422
    refused = browser.get("/api/machines/hv3/bmc")
    assert (refused.status_code, refused.get_json()["code"]) == (422, "BH100")
    assert browser.post("/machines/hv9/bmc", data={"digest": "x"}).status_code == 422


def test_a_bmc_that_was_heard_is_listed_and_fills_the_form(plain: World) -> None:
    """With maker, address and card; that of the dynamic range becomes a lasting one."""
    pool = look(plain).plan.provisioning.pool
    _heard(plain, _DRAC, str(pool.first), "Dell iDRAC")
    _heard(plain, "d0:94:66:00:00:02", "10.20.0.52", "")
    browser = plain.operator()
    page = browser.get("/machines").text
    for words in ("Dell iDRAC", _DRAC, str(pool.first), "maker unknown", "switches hv2"):
        assert words in page
    assert "<option>hv1</option></select>" in page
    assert "<option>hv2</option></select>" not in page
    answer = browser.get(f"/bmc?mac={_DRAC}&which=hv1")
    assert answer.status_code == 303
    assert answer.location == "/machines/hv1/power?bmc=d0%3A94%3A66%3A00%3A00%3A01#switched"
    form = _form(browser, "hv1", f"?bmc={_DRAC}")
    assert form[f"{_HV1}.type"] == "redfish"
    assert form[f"{_HV1}.mac"] == _DRAC
    assert form[f"{_HV1}.address"] not in ("", str(pool.first))
    form[f"{_HV1}.user"] = "root"
    assert browser.post("/machines/hv1/bmc", data=form).status_code == 303
    assert f"user: root, mac: {_DRAC}}}" in _file(plain)
    assert "switches hv1" in browser.get("/machines").text


def test_how_it_is_switched_is_a_call_too(plain: World) -> None:
    """Fields, a verdict, what was heard, and the same refusals."""
    _heard(plain, _DRAC, "10.20.0.52", "Dell iDRAC")
    browser = plain.operator()
    (found,) = browser.get("/api/bmcs").get_json()
    assert (found["mac"], found["machine"]) == (_DRAC, "hv2")
    shown = browser.get("/api/machines/hv2/bmc").get_json()
    assert (shown["fields"][f"{_HV2}.type"], shown["problems"]) == ("redfish", [])
    asked = {"fields": {f"{_HV2}.user": ""}}
    judged = browser.post("/api/machines/hv2/bmc/check", json=asked).get_json()["problems"]
    assert [each["field"] for each in judged] == [f"{_HV2}.user"]
    asked["digest"] = shown["digest"]
    refused = browser.post("/api/machines/hv2/bmc", json=asked)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "BH101")
    good = {"digest": shown["digest"], "fields": {f"{_HV2}.mac": _DRAC}}
    assert browser.post("/api/machines/hv2/bmc", json=good).status_code == 200
    assert f"user: root, mac: {_DRAC}}}  # as its label says" in _file(plain)
    assert browser.post("/api/machines/hv2/bmc", json=good).status_code == 409


def test_the_review_leads_to_the_form(plain: World) -> None:
    """Where a BMC in the file is not right."""
    assert plain.site_file is not None
    plain.site_file.write_text(_PLAIN.replace(", user: root", ""))
    page = plain.operator().get("/review").text
    assert f'href="/machines/hv2/power#{_HV2}.user"' in page
