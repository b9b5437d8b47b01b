"""One machine's page, as a browser without JavaScript uses it."""

from __future__ import annotations

import pytest

from appliance.store.lock import hold
from appliance.store.machines import Proven
from appliance.values import Mac
from tests.unit.web.test_pages_run import TWO, begin, hear, look
from tests.unit.web.wizard_world import Browser, World

ONE = Mac("525400000001")


@pytest.mark.parametrize("which", ["nobody", "..%2f..%2fetc", "%00", "x" * 3000])
def test_a_machine_that_is_none(browser: Browser, which: str) -> None:
    """Path tricks lead to a sentence."""
    answer = browser.get(f"/machines/{which}")
    assert answer.status_code in (404, 422)


def test_its_log_is_there_and_grows_by_itself(world: World, browser: Browser) -> None:
    """What the journal and its installer said; the page asks anew by itself, script or none."""
    with look(world).writing() as context:
        begin(context.journal, world)
        context.tell("syslog", "kernel: <booting>", machine="hv1")
        context.site_paths.reports.mkdir()
        (context.site_paths.reports / "hv1-live.log").write_text("it could not write\n")
    page = browser.get("/machines/hv1").text
    log = page[page.index('id="machine-log" data-live') :]
    assert "kernel: &lt;booting&gt;" in log
    assert "it could not write" in log[: log.index("</section>")]
    assert 'data-refresh="5"' in page
    assert "data-stream" not in page
    assert '<noscript><meta http-equiv="refresh" content="5">' in page
    assert 'href="/machines/hv1#machine-log"' in browser.get("/run").text


def test_it_is_installed_anew_where_its_name_was_typed(world: World, browser: Browser) -> None:
    """As the command does; whoever typed another name is told at the field."""
    with look(world).writing() as context:
        context.proven.put(Proven("hv1", installed=5.0, ready=6.0, installs=1))
    assert '<details id="anew">' in browser.get("/machines/hv1").text
    refused = browser.post("/machines/hv1/reinstall", data={"erase": "hv2"})
    assert refused.status_code == 422
    assert 'id="erase-wrong"' in refused.text
    assert "everything on the disk of hv1 would be lost" in refused.text
    assert "provision" not in refused.text
    assert '<details id="anew" open>' in refused.text
    assert "data-refresh" not in refused.text
    answer = browser.post("/machines/hv1/reinstall", data={"erase": "hv1"})
    assert (answer.status_code, answer.location) == (303, "/machines/hv1?said=reinstall")
    assert "It is installed anew at its next start" in browser.get(answer.location).text
    with look(world).reading() as context:
        proven = context.proven.get("hv1")
        assert (proven.installed, proven.record["last_seen"]) == (None, "reinstall-ordered")
        assert context.agreed.all() == {"hv1": "/dev/disk/by-id/virtio-01"}


def test_nothing_is_installed_anew_while_a_run_goes_on(world: World, browser: Browser) -> None:
    """Whoever holds the site is named; the page leads to the pause."""
    with look(world).writing() as context:
        begin(context.journal, world)
    with hold(world.deps.paths.site("alpha").lock, who="provision run", since="09:30"):
        assert 'href="/run">pause it</a>' in browser.get("/machines/hv1").text
        refused = browser.post("/machines/hv1/reinstall", data={"erase": "hv1"})
    assert refused.status_code == 409
    assert "another run holds this site" in refused.text


def test_a_box_is_named_from_its_page(world: World, browser: Browser) -> None:
    """Those that were heard are there to choose; a stranger's own page changes nothing."""
    assert "MAC address, serial number or UUID</label>" in browser.get("/machines/hv2").text
    hear(world, TWO)
    page = browser.get("/machines/hv2").text
    assert f'<option value="{TWO}">Rehearsal Scripted, serial SN-02' in page
    assert "If something has to change" not in browser.get(f"/machines/{TWO}").text
    refused = browser.post("/machines/hv2/identify", data={"which": "nobody"})
    assert refused.status_code == 422
    assert "provision status" not in refused.text
    answer = browser.post("/machines/hv2/identify", data={"which": str(TWO)})
    assert (answer.status_code, answer.location) == (303, "/machines/hv2?said=identify")
    known = look(world).plan.machine("hv2")
    assert known is not None
    assert known.macs == (TWO,)


@pytest.mark.parametrize("which", ["nobody", "..%2f..%2fetc", "%00"])
@pytest.mark.parametrize("verb", ["reinstall", "identify"])
def test_what_is_no_machine_is_refused(browser: Browser, which: str, verb: str) -> None:
    """Path tricks lead to a sentence."""
    sent = {"erase": which, "which": str(ONE)}
    assert browser.post(f"/machines/{which}/{verb}", data=sent).status_code in (404, 422)
