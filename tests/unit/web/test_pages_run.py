"""The pages Files, Machines, Run and Done, as a browser without JavaScript uses them."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.boot.control import Reported
from appliance.discover.report import Content, Report, encode
from appliance.flow.looking import Look, look_at
from appliance.flow.reports import take_report
from appliance.flow.roll import record_as_json
from appliance.flow.s6_vms import WOULD_BE_LOST
from appliance.flow.stocking import stock
from appliance.machines.state import Record, Seen, State
from appliance.site.artifact_names import STAGE1_FILES
from appliance.store.journal import Journal
from appliance.store.lock import hold
from appliance.store.machines import Proven
from appliance.values import Mac
from appliance.web.runs import Phase, Runs
from tests.flow.scripted_machine import report_of
from tests.plans import plan
from tests.unit.flow.test_stocking import medium
from tests.unit.web.test_runs import CHILD, wait_for
from tests.unit.web.wizard_world import SITE, Browser, World

TWO = Mac("525400000002")


def look(world: World) -> Look:
    """Look at the world's site."""
    assert world.site_file is not None
    return look_at(world.site_file, world.deps.paths)


def hear(world: World, mac: Mac, report: Report | None = None) -> None:
    """Hear a machine's report, as a run does."""
    world.now += 5
    with look(world).writing() as context:
        text = encode(report or report_of(mac)).decode()
        take_report(context, Reported(mac, IPv4Address("10.20.0.200"), None, text))


def begin(journal: Journal, world: World) -> int:
    """Journal a run that begins."""
    run = journal.begin_run("1", "lo")
    at = world.now
    journal.add_event("run-started", "on", run=run, data={"interface": "lo"}, at=at)
    return run


def reviewed(world: World) -> None:
    """Somebody has confirmed the review of the site file as it is."""
    assert world.site_file is not None
    world.deps.paths.site("alpha").folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(world.site_file.read_bytes()).hexdigest()
    world.deps.runs.confirm("alpha", digest)


@pytest.mark.parametrize("path", ["/artifacts", "/machines", "/run", "/done"])
def test_every_page_says_what_is_missing(tmp_path: Path, path: str) -> None:
    """Without a site file, or with one that is wrong, each leads to the first page."""
    world = World(tmp_path, tmp_path / "site.yaml")
    browser = world.operator()
    none = browser.get(path)
    assert none.status_code == 422
    assert "there is no site file yet" in none.text
    (tmp_path / "site.yaml").write_text("site: alpha\nhypervisor: {machines: {}}\n")
    world.now += 5
    wrong = browser.get(path)
    assert wrong.status_code == 422
    assert 'href="/site"' in wrong.text


@pytest.mark.parametrize("path", ["/artifacts", "/machines", "/run", "/done", "/machines/hv1"])
def test_every_page_shows_a_site_that_never_ran_and_leaves_nothing(
    world: World, browser: Browser, path: str
) -> None:
    """Looking makes no database; each page refreshes itself without JavaScript."""
    answer = browser.get(path)
    assert answer.status_code == 200, world.log
    assert not world.deps.paths.site("alpha").database.exists()
    if path != "/artifacts":
        assert '<noscript><meta http-equiv="refresh"' in answer.text
        assert ('data-stream="/api/stream?after=0"' in answer.text) == (path != "/machines/hv1")


def test_a_stranger_sees_nothing(world: World) -> None:
    """Every page asks for the password first."""
    world.with_password()
    for path in ("/artifacts", "/machines", "/run", "/done", "/done/sheet"):
        assert world.client().get(path).status_code == 303
    for path in ("/run/start", "/run/pause", "/done/kubeconfig", "/machines/approve"):
        assert world.client().post(path).status_code == 303
    assert world.deps.runs.now("alpha").phase is Phase.IDLE


def test_what_needs_more_files_is_chosen_before_they_are_brought(
    world: World, browser: Browser
) -> None:
    """Nobody brings files twice: the page says so while nothing runs on the machines."""
    assert "Choose VMs and cluster" in browser.get("/artifacts").text
    assert world.site_file is not None
    world.site_file.write_text(f"{SITE}vms: {{relay: {{memory: 2G}}}}\n")
    assert "Choose VMs and cluster" not in browser.get("/artifacts").text
    assert "files are missing" in browser.get("/review").text


def test_no_page_speaks_of_options_or_keys(world: World, browser: Browser) -> None:
    """What is to be done about a machine nobody knows is said in the page's words."""
    assert world.site_file is not None
    world.site_file.write_text(SITE.replace("{role: join}", "{}"))
    for path in ("/machines", "/run", "/review", "/machines/hv2"):
        text = browser.get(path).text
        assert "write mac or match" not in text
        assert "write disk:" not in text
        assert "--erase" not in text


def test_files_that_are_missing_are_named_and_brought_from_a_folder(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    """The very import of the command, as a process of its own; then all is verified."""
    page = browser.get("/artifacts")
    assert "harvester-v1.8.2-amd64.iso" in page.text
    assert "are missing" in page.text
    wrong = browser.post("/artifacts/fetch", data={"from": "folder", "folder": "stick"})
    assert wrong.status_code == 422
    assert "is no folder of this laptop" in wrong.text
    assert 'value="stick"' in wrong.text
    assert browser.post("/artifacts/fetch", data={"from": "folder"}).status_code == 422
    folder = medium(tmp_path / "medium")
    stock(plan(), world.deps.paths, folder=folder, accept_ipxe=True)
    blind = browser.get("/artifacts").text  # the second machine is yet to say what it is
    assert "You need that for hv2: nobody has said yet which box or which disk it is." in blind
    assert "Bring the files</button>" in blind
    assert "All that is needed is here" not in blind
    for name in STAGE1_FILES:
        (folder / name).write_bytes(b"small")
    stock(plan(), world.deps.paths, folder=folder, accept_ipxe=True)
    complete = browser.get("/artifacts")
    assert "All that is needed is here and verified" in complete.text
    (world.deps.paths.depot / "harvester-v1.8.2-amd64.iso").write_bytes(b"another")
    assert "changed since" in browser.get("/artifacts").text


def test_a_folder_is_imported_by_a_process_of_its_own(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    """An empty folder: the command's own words stand on the page."""
    (tmp_path / "empty").mkdir()
    sent = {"from": "folder", "folder": str(tmp_path / "empty")}
    assert browser.post("/artifacts/fetch", data=sent).status_code == 303
    going = browser.get("/artifacts")
    if "Files are on their way" in going.text:  # looked at by itself: no journal tells of a fetch
        assert 'data-refresh="2"' in going.text
        assert "data-stream" not in going.text
    wait_for(lambda: not world.deps.runs.fetching("alpha"))
    page = browser.get("/artifacts?said=fetch")
    assert "files are missing" in page.text
    assert "BH300" in page.text


def test_a_machine_appears_and_is_approved_by_one_form(world: World, browser: Browser) -> None:
    """Model, serial number, disks; the one blank disk is proposed; then it is known."""
    hear(world, TWO)
    page = browser.get("/machines").text
    assert "Rehearsal Scripted, serial SN-02" in page
    assert 'value="vda" checked' in page
    assert "<option>hv2</option>" in page
    sent = {"which": str(TWO), "name": "hv2", "disk": "vda"}
    answer = browser.post("/machines/approve", data=sent)
    assert (answer.status_code, answer.location) == (303, "/machines?said=approve")
    known = look(world).plan.machine("hv2")
    assert known is not None
    assert known.macs == (TWO,)
    after = browser.get("/machines?said=approve").text  # within the time that one look is shown
    assert "It is known now." in after
    assert "Nobody waits to be approved." in after


def test_the_run_says_that_somebody_waits_to_be_approved(world: World, browser: Browser) -> None:
    """Whoever watches the run is led to the page Machines; no more once it is known."""
    with look(world).writing() as context:
        begin(context.journal, world)
    hear(world, TWO)
    lock = world.deps.paths.site("alpha").lock
    with hold(lock, who="provision run", since="09:30"):
        assert "A new machine is here" in browser.get("/run").text
        sent = {"which": str(TWO), "name": "hv2", "disk": "vda"}
        assert browser.post("/machines/approve", data=sent).status_code == 303
        assert "A new machine is here" not in browser.get("/run").text


def test_a_new_machine_gets_its_role_and_a_known_one_keeps_it(
    world: World, browser: Browser
) -> None:
    """What the site file says of a machine is not overruled by a click; what was chosen stays."""
    hear(world, TWO)
    sent = {"which": str(TWO), "name": "hv2", "disk": "vda", "role": "create"}
    refused = browser.post("/machines/approve", data=sent)
    assert refused.status_code == 422
    assert "hv2 is to join" in refused.text
    assert '<option value="create" selected>it founds it</option>' in refused.text
    new = {**sent, "name": "", "new_name": "hv9", "role": "join"}
    assert browser.post("/machines/approve", data=new).status_code == 303
    known = look(world).plan.machine("hv9")
    assert known is not None
    assert known.role.value == "join"


def test_a_disk_with_data_asks_for_the_name_once_more(world: World, browser: Browser) -> None:
    """Refused with the command's sentence at the machine; what was chosen stays; then taken."""
    (disk,) = report_of(TWO).disks
    hear(
        world, TWO, report_of(TWO, disks=(replace(disk, contents=(Content("1", "xfs", "pics"),)),))
    )
    sent = {"which": str(TWO), "name": "hv2", "disk": "vda"}
    refused = browser.post("/machines/approve", data=sent)
    assert refused.status_code == 422
    assert "holds data" in refused.text or "pics" in refused.text
    assert 'name="erase"' in refused.text
    assert 'value="vda" checked' in refused.text
    assert browser.post("/machines/approve", data={**sent, "erase": "hv1"}).status_code == 422
    assert browser.post("/machines/approve", data={**sent, "erase": "hv2"}).status_code == 303


def test_a_machine_is_pointed_out_and_blinks(world: World, browser: Browser) -> None:
    """What is said of it reaches the run by the store."""
    hear(world, TWO)
    assert browser.post("/machines/blink", data={"which": str(TWO)}).status_code == 303
    sent = {"which": "SN-02", "name": "hv2"}
    assert browser.post("/machines/identify", data=sent).location == "/machines?said=identify"
    with look(world).reading() as context:
        (order,) = context.stage1_orders.take()
        assert order.mac == TWO
    nobody = browser.post("/machines/blink", data={"which": "nobody"})
    assert nobody.status_code == 422
    assert "no machine that reported" in nobody.text


def test_what_machines_say_is_never_markup(world: World, browser: Browser) -> None:
    """A name in a firmware, a line of an installer: shown as letters."""
    hear(world, TWO, report_of(TWO, vendor="<script>alert(1)</script>", product="\x1b[2J"))
    with look(world).writing() as context:
        context.tell("evidence", "<b>x</b>\x1b[2J", machine="hv1")
        context.tell("finding", "<img src=x>")
    world.now += 5
    for path in ("/machines", "/run", "/machines/hv1", f"/machines/{TWO}"):
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "<b>x</b>" not in text
        assert "<img src=x>" not in text
        assert "\x1b" not in text


def test_a_run_is_seen_from_start_to_pause(world: World, browser: Browser, tmp_path: Path) -> None:
    """Start, then Pause; a second start is refused with who holds the site."""
    program = tmp_path / "child.py"
    program.write_text(CHILD)
    runs = Runs(world.deps.paths, "lo", program=(sys.executable, str(program)))
    object.__setattr__(world.deps, "runs", runs)
    assert 'href="/review">To the review' in browser.get("/run").text
    unread = browser.post("/run/start")
    assert unread.status_code == 422
    assert "nobody has looked through this site file" in unread.text
    reviewed(world)
    world.now += 5
    assert ">Start</button>" in browser.get("/run").text
    assert browser.post("/run/start").location == "/run?said=start"
    try:
        wait_for(lambda: runs.now("alpha").phase is Phase.RUNNING)
        world.now += 5
        page = browser.get("/run")
        assert ">Pause</button>" in page.text
        again = browser.post("/run/start")
        assert again.status_code == 409
        assert "another run holds this site" in again.text
    finally:
        assert browser.post("/run/pause").location == "/run?said=pause"
        wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    world.now += 5
    assert ">Start</button>" in browser.get("/run").text
    assert browser.post("/run/pause").status_code == 422


def test_a_run_shows_steps_machines_and_what_is_left(world: World, browser: Browser) -> None:
    """From the journal and the records alone, whoever started the run."""
    paths = world.deps.paths.site("alpha")
    with look(world).writing() as context:
        run = begin(context.journal, world)
        for step, outcome in (("s1", "done"), ("s4", "")):
            context.journal.add_event("step-started", step, run=run, step=step, at=world.now)
            if outcome:
                context.journal.add_event(f"step-{outcome}", "", run=run, step=step, at=world.now)
        record = Record(State.IMAGE, 1, since=world.now, last_seen=Seen.IMAGE_ASKED)
        context.proven.put(Proven("hv1", record=record_as_json(record)))
        for percent in (5, 10, 15):
            data = {"percent": str(percent), "file": "harvester-v1.8.2-amd64.iso"}
            context.journal.add_event(
                "http", "", machine="hv1", data=data, at=world.now + percent, run=run
            )
    world.now += 20
    with hold(paths.lock, who="provision run", since="09:30"):
        page = browser.get("/run").text
    assert "Install the machines" in page
    assert "writing image" in page
    assert "harvester-v1.8.2-amd64.iso: 15 %" in page
    assert "min 20 s left" in page
    world.now += 5
    assert "It was ended from outside after 1 step," in browser.get("/run").text


def test_a_failed_step_is_tried_again(world: World, browser: Browser) -> None:
    """What, why and what to do stand on top; the one action is to try again."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.journal.add_event("step-started", "x", run=run, step="s2", at=world.now)
        data = {
            "code": "BH300",
            "what": "a file is gone",
            "fix": "bring it",
            "why": "",
            "where": "",
        }
        context.journal.add_event("step-failed", "x", run=run, step="s2", data=data, at=world.now)
        end = {"outcome": "failed"}
        context.journal.add_event("run-ended", "x", run=run, data=end, at=world.now)
    reviewed(world)
    page = browser.get("/run").text
    assert "a file is gone" in page
    assert "bring it" in page
    assert "BH300" in page
    assert ">Try this step again</button>" in page


def test_machines_that_would_be_lost_are_typed_by_hand(world: World, browser: Browser) -> None:
    """A virtual machine that was taken out of the file is not destroyed by a click alone."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.journal.add_event(
            "vm", "app1 is created", machine="app1", data={"now": "created"}, run=run
        )
    reviewed(world)
    page = browser.get("/run").text
    assert "Virtual machines would be lost" in page
    assert 'name="lose"' in page
    refused = browser.post("/run/start", data={"lose": "app2"})
    assert refused.status_code == 422
    assert "destroyed with their disks: app1" in refused.text
    assert world.deps.runs.now("alpha").phase is Phase.IDLE


def test_a_run_that_stopped_before_a_loss_says_which_and_asks(
    world: World, browser: Browser
) -> None:
    """What Terraform would make anew stands on the page; its name is typed before it goes on."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.journal.add_event(
            WOULD_BE_LOST, "app1", run=run, data={"names": ["app1"]}, at=world.now
        )
        end = {"outcome": "failed"}
        context.journal.add_event("run-ended", "x", run=run, data=end, at=world.now)
    reviewed(world)
    page = browser.get("/run").text
    assert "Virtual machines would be lost" in page
    assert "app1: the site file has them no more, or asks for what only new ones can have" in page
    assert browser.get("/api/run").get_json()["lost"] == ["app1"]
    refused = browser.post("/api/run/start", json={})
    assert (refused.status_code, refused.get_json()["where"]) == (422, "lose")
    assert browser.post("/run/start").status_code == 422
    assert world.deps.runs.now("alpha").phase is Phase.IDLE


def test_a_cancelled_run_goes_on_only_after_another_review(
    world: World, browser: Browser, tmp_path: Path
) -> None:
    """It is stopped as by a pause; what was confirmed counts no more, until it is again."""
    program = tmp_path / "child.py"
    program.write_text(CHILD)
    runs = Runs(world.deps.paths, "lo", program=(sys.executable, str(program)))
    object.__setattr__(world.deps, "runs", runs)
    assert browser.post("/run/cancel").status_code == 422
    reviewed(world)
    assert browser.post("/run/start").status_code == 303
    wait_for(lambda: runs.now("alpha").phase is Phase.RUNNING)
    with look(world).writing() as context:
        assert world.site_file is not None
        run = begin(context.journal, world)
        digest = hashlib.sha256(world.site_file.read_bytes()).hexdigest()
        context.journal.begin_step(run, "s1", digest)
        context.journal.add_event("run-ended", "", run=run, data={"outcome": "interrupted"})
    page = browser.get("/run").text
    assert ">Pause</button>" in page
    assert ">Cancel</button>" in page
    assert browser.post("/run/cancel").location == "/run?said=cancel"
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    world.now += 5
    page = browser.get("/run").text
    assert "Cancelled after 0 steps" in page
    assert "The run was cancelled: look through what would be done" in page
    assert ">Continue</button>" not in page
    assert ">Cancel</button>" not in page
    assert browser.get("/api/run").get_json()["cancelled"] is True
    assert browser.post("/run/start").status_code == 422
    assert browser.post("/run/cancel").status_code == 422
    reviewed(world)
    world.now += 5
    assert ">Continue</button>" in browser.get("/run").text


def test_a_paused_run_may_be_cancelled_too(world: World, browser: Browser) -> None:
    """Nothing goes on then that could be stopped: only the consent goes."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.journal.add_event("run-ended", "", run=run, data={"outcome": "interrupted"})
    reviewed(world)
    assert ">Cancel</button>" in browser.get("/run").text
    assert browser.post("/run/cancel").status_code == 303
    assert "Cancelled after 0 steps" in browser.get("/run").text
