"""Moments of a site, put into a wizard's state folder as a run puts them there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.discover.report import Content
from appliance.flow.roll import record_as_json
from appliance.flow.stocking import stock
from appliance.machines.state import Record, Seen, State
from appliance.site.artifact_names import STAGE1_FILES
from appliance.store.journal import Journal
from appliance.store.lock import hold
from appliance.store.machines import Proven
from appliance.values import Secret
from tests.reports import card, disk, report
from tests.unit.flow.test_stocking import medium
from tests.web.wizard import Wizard

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()
TWO = """\
# written by hand
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {role: create, mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-01}
    hv2: {mac: "52:54:00:00:00:02", disk: /dev/disk/by-id/virtio-02}
    hv3: {role: join}
"""
DATA = (Content(kind="gpt"), Content("sda1", "ntfs", "pictures of the harbour", size=10**11))


def whole_medium(folder: Path) -> Path:
    """Make a medium that has our small Linux too: one machine is yet to say what it is."""
    for name in STAGE1_FILES:
        (medium(folder) / name).write_bytes(name.encode())
    return folder


def stocked(wizard: Wizard) -> None:
    """All that the site of two machines needs is here and verified."""
    folder = whole_medium(wizard.folder / "medium")
    stock(wizard.look().plan, wizard.paths, folder=folder, accept_ipxe=True)


def begun(journal: Journal) -> int:
    """A run has begun, its first steps are done and its machines are being installed."""
    now = time.time() - 600
    run = journal.begin_run("1", "eth1")
    journal.add_event("run-started", "on", run=run, data={"interface": "eth1"}, at=now)
    for number, step in enumerate(("s1", "s2", "s3", "s4")):
        at = now + 20 * number
        journal.add_event("step-started", step, run=run, step=step, at=at)
        if step != "s4":
            journal.add_event("step-done", step, run=run, step=step, at=at + 12)
    return run


@contextmanager
def running(wizard: Wizard) -> Iterator[None]:
    """A run goes on: one machine is written, one has failed, two strangers wait."""
    now = time.time()
    with wizard.look().writing() as context:
        run = begun(context.journal)
        at_image = Record(State.IMAGE, 1, since=now - 200, last_seen=Seen.IMAGE_ASKED)
        failed = Record(State.FAILED, 1, since=now - 30, last_seen=Seen.HOOK_FAILED)
        context.proven.put(Proven("hv1", record=record_as_json(at_image)))
        context.proven.put(Proven("hv2", record=record_as_json(failed)))
        for percent in (5, 10, 15):
            data = {"percent": str(percent), "file": "harvester-v1.8.2-amd64.iso"}
            at = now - 60 + percent
            context.journal.add_event("http", "", machine="hv1", data=data, at=at, run=run)
        context.tell("evidence", "the installer asked for its image", machine="hv1")
        context.tell("finding", "the switch gives no link at port 4")
    wizard.hear(report(7), card(7))
    sata = disk("S9", "sda", bus="sata", model="WDC WD4003FZEX", contents=DATA)
    wizard.hear(report(8, disks=(disk("S8"), sata)), card(8))
    lock = wizard.paths.site("alpha").lock
    with hold(lock, who="provision run", since="09:30"):
        yield


def failed(wizard: Wizard) -> None:
    """The run has failed at its second step."""
    now = time.time() - 100
    with wizard.look().writing() as context:
        journal = context.journal
        run = journal.begin_run("1", "eth1")
        journal.add_event("run-started", "on", run=run, at=now)
        for step in ("s1", "s2"):
            journal.add_event("step-started", step, run=run, step=step, at=now)
        journal.add_event("step-done", "s1", run=run, step="s1", at=now + 4)
        data = {
            "code": "BH300",
            "what": "harvester-v1.8.2-amd64.iso is missing",
            "why": "it is neither in the depot nor on the medium",
            "fix": "bring it on the page Files",
            "where": "",
        }
        journal.add_event("step-failed", "x", run=run, step="s2", data=data, at=now + 9)
        journal.add_event("run-ended", "x", run=run, data={"outcome": "failed"}, at=now + 9)


def safe(wizard: Wizard) -> None:
    """All is done, and it was proven that the laptop may go."""
    with wizard.look().writing() as context:
        journal = context.journal
        run = journal.begin_run("1", "eth1")
        journal.add_event("run-started", "on", run=run)
        because = ["names: the site's own server answers", "cluster: six of six nodes are ready"]
        context.tell("safe-to-unplug", "safe to unplug", data={"because": because})
        journal.add_event("run-ended", "", run=run, data={"outcome": "done"})
        journal.end_run(run, "done")
        context.vault.put("kubeconfig", Secret("apiVersion: v1\n"))
    reports = wizard.paths.site("alpha").reports
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "hand-over.html").write_text("<!DOCTYPE html><title>alpha</title>")
