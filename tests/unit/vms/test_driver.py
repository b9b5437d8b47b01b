"""The driver with the real program: planned, shown, applied, killed, interrupted, run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.errors import BusyError, StepError, StopRequestedError
from appliance.tools.terraform import Patience
from appliance.vms.changes import ResourceChange
from appliance.vms.driver import cut_short
from appliance.vms.events import Kind, TfEvent
from tests.unit.vms.conftest import Site, make_site


def count(folder: Path) -> int:
    """Say how many machines were made: each makes a line."""
    path = folder / "made"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_planned_shown_applied_and_then_nothing_to_do(site: Site) -> None:
    """The first story: two machines; the second run finds nothing to do."""
    site.prepare(srv1="a", srv2="b")
    changes = site.driver.plan()
    assert [str(each) for each in changes.resources] == [
        "make terraform data srv1",
        "make terraform data srv2",
    ]
    assert (changes.counts.add, str(changes)) == (2, "2 to make, 0 to alter, 0 to remove")
    site.driver.apply(changes)
    assert site.driver.outputs() == {"machines": {"srv1": "a", "srv2": "b"}}
    done = [each.what for each in site.events if each.kind is Kind.APPLY_COMPLETE]
    assert sorted(done) == ["terraform data srv1", "terraform data srv2"]
    site.prepare(srv1="a", srv2="b")
    assert site.driver.plan().is_empty
    assert site.driver.drift().is_empty


def test_all_files_are_for_our_eyes_only(site: Site) -> None:
    """Variables, plan, state, backups and streams: 0600 in a folder of 0700."""
    site.make(srv1="a")
    site.make(srv1="b")
    files = {path.name: path.stat().st_mode & 0o777 for path in site.folder.rglob("*.tf*")}
    assert site.folder.stat().st_mode & 0o777 == 0o700
    assert {"terraform.tfvars.json", "site.tfplan", "terraform.tfstate.1"} <= files.keys()
    private = {"terraform.tfvars.json", "site.tfplan", "terraform.tfstate.1", "done.apply.jsonl"}
    modes = {name: (next(site.folder.rglob(name)).stat().st_mode & 0o777) for name in private}
    assert modes == dict.fromkeys(private, 0o600)


def test_nothing_of_the_callers_environment_leaks_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not its TF_ variables, not its home, not its proxies, in short commands and long ones."""
    monkeypatch.setenv("TF_CLI_ARGS", "-no-such-option")
    monkeypatch.setenv("TF_VAR_machines", '{"stranger":"x"}')
    monkeypatch.setenv("TF_LOG", "TRACE")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    seen = site.folder.parent / "seen"
    site.make(f'env > "{seen}"', srv1="a")
    names = {
        line.partition("=")[0]: line.partition("=")[2] for line in seen.read_text().split("\n")
    }
    assert not {"TF_CLI_ARGS", "TF_VAR_machines", "TF_LOG", "https_proxy"} & names.keys()
    assert names["HOME"] == str(site.folder)
    assert names["KUBECONFIG"] == str(site.folder.parent / "kubeconfig")
    assert names["TF_IN_AUTOMATION"] == "1"


def test_only_the_plan_that_was_shown_is_applied(site: Site) -> None:
    """A plan made since, by another driver of the folder, is not the one that was agreed to."""
    site.prepare(srv1="a")
    shown = site.driver.plan()
    site.prepare(srv1="a", srv2="b")
    site.driver.plan()
    with pytest.raises(StepError, match="out of date"):
        site.driver.apply(shown)
    assert not (site.folder / "terraform.tfstate").exists()


def test_a_stale_plan_is_refused_and_planned_again(site: Site) -> None:
    """The state changed after the plan was made: Terraform refuses, and that is said."""
    site.make(srv1="a")
    site.prepare(srv1="b")
    changes = site.driver.plan()
    subprocess.run(
        ["./terraform.sh", "state", "rm", 'terraform_data.machine["srv1"]'],
        cwd=site.folder,
        check=True,
        capture_output=True,
    )
    with pytest.raises(StepError, match="out of date") as caught:
        site.driver.apply(changes)
    assert caught.value.fix == "run again: it is planned anew and shown again"
    site.driver.apply(site.driver.plan())
    assert site.driver.outputs() == {"machines": {"srv1": "b"}}


def test_destroy_is_planned_and_applied_too(site: Site) -> None:
    """What was made is removed, by a plan that says so."""
    site.make(srv1="a")
    changes = site.driver.plan(destroy=True)
    assert (changes.destroy, changes.lines()) == (True, ("remove terraform data srv1",))
    site.driver.apply(changes)
    assert site.driver.plan(destroy=True).is_empty


def test_the_state_is_backed_up_before_each_apply(site: Site) -> None:
    """Numbered, each as it was before."""
    for value in ("a", "b", "c"):
        site.make(srv1=value)
    copies = sorted((site.folder / "backups").iterdir())
    kept = [json.loads(path.read_text())["outputs"]["machines"]["value"] for path in copies]
    assert [path.name for path in copies] == ["terraform.tfstate.1", "terraform.tfstate.2"]
    assert kept == [{"srv1": "a"}, {"srv1": "b"}]


def test_a_torn_state_is_replaced_by_its_newest_copy(site: Site) -> None:
    """Cut off by a power cut while it was written: found by `prepare`, told, and gone on from."""
    site.make(srv1="a")
    site.make(srv1="a", srv2="b")
    state = site.folder / "terraform.tfstate"
    state.write_text(state.read_text()[:200])
    site.prepare(srv1="a", srv2="b")
    told = [each.text for each in site.events if each.level == "warn"]
    assert told == ["Terraform's state was torn; its copy terraform.tfstate.backup is used instead"]
    assert "make terraform data srv1" not in site.driver.plan().lines()


def test_drift_names_what_differs_and_changes_nothing(site: Site) -> None:
    """One machine is forgotten by the state, another has another value: both are named."""
    site.make(srv1="a", srv2="b")
    state = site.folder / "terraform.tfstate"
    state.write_text(state.read_text().replace('"value": "a"', '"value": "other"'))
    before = state.read_bytes()
    found = site.driver.drift()
    assert found.findings() == ("to alter terraform data srv1: input: other → a",)
    assert state.read_bytes() == before
    assert not (site.folder / "drift.tfplan").exists()


def test_what_is_there_already_is_taken_over(site: Site) -> None:
    """An apply killed before it was noted: the thing is adopted by the plan, not made twice."""
    made = site.folder.parent
    site.prepare(f'echo $NAME >> "{made}/made"', srv1="a", srv2="b")
    asked: list[ResourceChange] = []

    def existing(change: ResourceChange) -> str | None:
        asked.append(change)
        return "default/srv1" if change.what.endswith("srv1") else None

    changes = site.driver.plan(existing=existing)
    assert {each.what: each.adopted for each in changes.resources} == {
        "terraform data srv1": True,
        "terraform data srv2": False,
    }
    assert (changes.counts.adopt, changes.counts.add) == (1, 1)
    assert asked[0].values == {"input": "a", "triggers_replace": None}
    site.driver.apply(changes)
    assert count(made) == 1
    assert site.driver.plan(existing=existing).is_empty


def test_what_is_there_already_is_destroyed_too(site: Site) -> None:
    """What a killed apply made and never noted is not left behind."""
    site.make(srv1="a")
    site.prepare(srv1="a", srv2="b", other="c")

    def existing(change: ResourceChange) -> str:
        name = change.what.rpartition(" ")[2]
        if name == "other":
            raise StepError("it is not of this site")
        return f"default/{name}"

    changes = site.driver.plan(destroy=True, existing=existing)
    assert [each.text for each in site.events if each.level == "warn"] == [
        "left alone: it is not of this site"
    ]
    assert changes.lines() == ("remove terraform data srv1", "remove terraform data srv2")
    site.driver.apply(changes)
    assert site.driver.plan(destroy=True).is_empty


def apply_aside(site: Site) -> tuple[threading.Thread, list[BaseException]]:
    """Apply in a thread; what it raises is kept."""
    raised: list[BaseException] = []
    changes = site.driver.plan()

    def run() -> None:
        try:
            site.driver.apply(changes)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def is_begun(event: TfEvent) -> bool:
    """Whether a machine is being made."""
    return event.kind is Kind.APPLY_START


def test_one_interrupt_ends_it_cleanly_and_running_again_continues(site: Site) -> None:
    """What was done is kept, what was under way is not taken for broken, and the lock is free."""
    made = site.folder.parent
    command = f'echo $NAME >> "{made}/made"; [ $NAME = srv1 ] || exec sleep 60'
    site.prepare(command, srv1="a", srv2="b")
    thread, raised = apply_aside(site)
    site.wait_for(lambda each: each.kind is Kind.APPLY_COMPLETE)
    site.stop.set()
    thread.join()
    assert isinstance(raised[0], StopRequestedError)
    assert "killed" not in str(raised[0])
    assert not (site.folder / ".terraform.tfstate.lock.info").exists()
    site.stop.clear()
    site.prepare(srv1="a", srv2="b")
    assert site.driver.plan().is_empty
    assert count(made) == 2


def test_what_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    """Asked once, asked twice, killed: each has its limit."""
    script = tmp_path / "deaf"
    script.write_text(
        "#!/bin/sh\n"
        'case "$1" in version) echo \'{"terraform_version":"1.11.4"}\';; plan)\n'
        "trap 'echo asked' INT; echo begun; while :; do sleep 0.1; done;; esac\n"
    )
    script.chmod(0o755)
    site = make_site(tmp_path, program=script, patience=Patience(first=2, second=2))
    site.prepare()

    def stop() -> None:
        site.wait_for(lambda each: each.text == "begun")
        site.stop.set()

    threading.Thread(target=stop).start()
    with pytest.raises(StopRequestedError, match="was killed"):
        site.driver.plan()
    assert [each.text for each in site.events] == ["begun", "asked", "asked"]


def holder_of(folder: Path) -> int:
    """Give the process that applies in this folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            if b"apply" in words and Path(f"{path.parent}/cwd").readlink() == folder:
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError("nobody applies here")


def test_killed_half_way_and_run_again(site: Site) -> None:
    """kill -9 of Terraform: said so; its lock is gone with it, and running again goes on.

    What the state holds by then is chance: Terraform 1.11 writes all of it as srv1 is done,
    OpenTofu 1.12 up to 20 s later. `existing` is there for what it does not hold.
    """
    made = site.folder.parent
    command = f'echo $NAME >> "{made}/made"; [ $NAME = srv1 ] || exec sleep 60'
    site.prepare(command, srv1="a", srv2="b")
    thread, raised = apply_aside(site)
    site.wait_for(lambda each: each.kind is Kind.APPLY_COMPLETE)
    os.kill(holder_of(site.folder), signal.SIGKILL)
    thread.join()
    assert isinstance(raised[0], StepError)
    assert "ended by signal 9" in str(raised[0])
    assert (site.folder / ".terraform.tfstate.lock.info").exists()  # a dead man's note
    site.prepare(srv1="a", srv2="b")
    changes = site.driver.plan()
    assert set(changes.lines()) <= {"make terraform data srv1", "make terraform data srv2"}
    site.driver.apply(changes)
    assert site.driver.outputs() == {"machines": {"srv1": "a", "srv2": "b"}}
    assert site.driver.plan().is_empty


def test_the_second_is_told_who_holds_the_state(site: Site) -> None:
    """Two at once: the second waits as long as it was told to, then names the process."""
    site.prepare("sleep 60", srv1="a")
    thread, raised = apply_aside(site)
    site.wait_for(is_begun)
    second = make_site(site.folder.parent, patience=Patience(first=10, second=5, lock=0))
    with pytest.raises(BusyError) as caught:
        second.driver.plan()
    assert f"process {holder_of(site.folder)}" in caught.value.why
    assert "apply" in caught.value.why
    site.stop.set()
    thread.join()
    assert isinstance(raised[0], StopRequestedError)


ASIDE = """
import sys, threading
from pathlib import Path
from tests.unit.vms.conftest import make_site
site = make_site(Path(sys.argv[1]))
site.make(sys.argv[2], srv1="a", srv2="b")
"""


def test_killing_the_appliance_ends_terraform_cleanly(site: Site) -> None:
    """Terraform is interrupted as its parent dies: its state is whole; a rerun goes on."""
    made = site.folder.parent
    command = f'echo $NAME >> "{made}/made"; [ $NAME = srv1 ] || exec sleep 60'
    appliance = subprocess.Popen(
        [sys.executable, "-c", ASIDE, str(made), command], cwd=Path(__file__).parents[3]
    )
    try:
        log = site.folder / "apply.jsonl"
        wait = threading.Event()
        while not (log.exists() and "apply_complete" in log.read_text()):
            assert appliance.poll() is None
            wait.wait(0.1)
    finally:
        appliance.kill()
        appliance.wait()
    site.prepare(srv1="a", srv2="b")
    assert site.driver.plan().is_empty
    assert count(made) == 2


def test_a_failure_names_the_machine_and_the_next_action(site: Site) -> None:
    """The provider's words, the machine, what was seen last, what to do."""
    site.prepare("echo no memory; [ $NAME != srv2 ]", srv1="a", srv2="b")
    with pytest.raises(StepError) as caught:
        site.driver.apply(site.driver.plan())
    error = caught.value
    assert error.what == "the apply failed: local-exec provisioner error"
    assert error.where == "terraform data srv2"
    assert "no memory" in error.why
    assert "last seen: " in error.why
    assert error.fix
    assert site.driver.plan().lines() == ("replace terraform data srv2 (it was left half made)",)


def test_stopped_before_it_begins(site: Site) -> None:
    """Nothing is started once the operator has asked to stop."""
    site.prepare(srv1="a")
    site.stop.set()
    with pytest.raises(StopRequestedError):
        site.driver.plan()
    assert not (site.folder / "plan.jsonl").exists()


def test_no_program(tmp_path: Path) -> None:
    """One sentence with what to do."""
    site = make_site(tmp_path, program=Path("no-such-terraform"))
    with pytest.raises(StepError, match=r"Terraform is missing: .*no-such-terraform → put"):
        site.prepare(srv1="a")


def test_another_major(tmp_path: Path) -> None:
    """A Terraform of tomorrow is refused before it does anything."""
    script = tmp_path / "terraform2"
    script.write_text('#!/bin/sh\necho \'{"terraform_version":"2.0.0"}\'\n')
    script.chmod(0o755)
    site = make_site(tmp_path, program=script)
    with pytest.raises(StepError, match=r"Terraform 2\.0\.0 is of another major version"):
        site.prepare(srv1="a")


def test_a_provider_that_the_mirror_lacks(site: Site) -> None:
    """Offline: the mirror is the only place, and what it holds is named."""
    modules = site.folder.parent / "modules"
    (modules / "versions.tf").write_text(
        "terraform {\n required_providers {\n  harvester = {\n"
        '   source = "registry.terraform.io/harvester/harvester"\n   version = "1.8.1"\n'
        "  }\n }\n}\n"
    )
    mirror = site.folder.parent / "mirror/registry.terraform.io/harvester/harvester/1.7.0"
    (mirror / "linux_amd64").mkdir(parents=True)
    (mirror / "linux_amd64/terraform-provider-harvester_v1.7.0").touch(0o755)
    with pytest.raises(StepError) as caught:
        site.prepare(srv1="a")
    assert caught.value.what == (
        "the provider harvester/harvester is missing in the version that is needed"
    )
    assert caught.value.why.startswith("there is 1.7.0; ")


def test_a_fault_of_the_modules_is_told(site: Site) -> None:
    """`validate` finds it before anything is planned."""
    (site.folder.parent / "modules/more.tf").write_text('output "x" { value = var.nowhere }\n')
    with pytest.raises(StepError, match="Reference to undeclared input variable"):
        site.prepare(srv1="a")


def test_what_an_interrupt_cut_short() -> None:
    """Only what was being made when it came: what failed before, failed."""
    events = [
        TfEvent(Kind.APPLY_ERRORED, "", address="a", action="create"),
        TfEvent(Kind.LOG, "Interrupt received.\nPlease wait"),
        TfEvent(Kind.APPLY_ERRORED, "", address="b", action="create"),
        TfEvent(Kind.APPLY_ERRORED, "", address="c", action="delete"),
    ]
    assert cut_short(events) == ("b",)


def test_what_will_never_be_ready_is_given_up(site: Site) -> None:
    """It is told, Terraform is stopped, and the next plan makes that one anew and no other."""
    site.prepare("exec sleep 60", srv1="a", srv2="b")
    changes = site.driver.plan()
    with pytest.raises(StepError) as caught:
        site.driver.apply(changes, hopeless=lambda: {"terraform data srv1": "wrong sha512"})
    assert not isinstance(caught.value, StopRequestedError)
    assert str(caught.value) == (
        "terraform data srv1: terraform data srv1 failed; Terraform was stopped (wrong sha512) "
        "→ fetch the image again ('provision fetch'), then run again"
    )
    site.prepare(srv1="a", srv2="b")
    assert site.driver.plan().lines() == ("replace terraform data srv1 (it was left half made)",)
