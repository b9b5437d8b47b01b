"""s1: the plan is worked out anew each run, and what it proposed stays."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from appliance.errors import SiteFileError, StaleError
from appliance.flow.context import Options
from appliance.flow.engine import Engine
from appliance.flow.orders import approve
from appliance.flow.s1_site import SiteStep, built_vms
from appliance.store.machines import Proven
from appliance.values import Mac
from tests.unit.flow.support import context_in

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
    hv2: {mac: "52:54:00:00:00:02"}
"""


def _file(folder: Path, text: str = _SITE) -> Path:
    path = folder / "site.yaml"
    path.write_text(text)
    return path


def test_the_plan_comes_with_what_proves_it(tmp_path: Path) -> None:
    """Its digest and who is armed; notes, and why a machine is not armed, are findings."""
    with context_in(tmp_path) as context:
        plan = Engine(context).take(SiteStep(context), _file(tmp_path))
        (entry,) = context.journal.steps()
        *notes, finding = (each for each in context.journal.events() if each.kind == "finding")
    assert entry.evidence == {"digest": plan.digest(), "armed": ["hv1"]}
    assert [each.text for each in notes] == list(plan.notes)
    assert finding.machine == "hv2"
    assert finding.text.startswith("hv2 is not armed: ")


def test_a_file_that_was_changed_since_it_was_looked_through_is_not_run(tmp_path: Path) -> None:
    """Nothing is frozen by it."""
    file = _file(tmp_path)
    reviewed = sha256(file.read_bytes()).hexdigest()
    with context_in(tmp_path, options=Options(interface="lo", reviewed=reviewed)) as context:
        assert SiteStep(context).run(file).value.site_id == "alpha"
    file.write_text(_SITE.replace("hv2", "hv3"))
    with context_in(tmp_path, options=Options(interface="lo", reviewed=reviewed)) as context:
        kept = context.frozen.read()
        with pytest.raises(StaleError, match="since it was looked through"):
            SiteStep(context).run(file)
        assert context.frozen.read() == kept


def test_proposals_stay_when_machines_are_inserted(tmp_path: Path) -> None:
    """A later run moves nobody."""
    with context_in(tmp_path) as context:
        step = SiteStep(context)
        before = step.run(_file(tmp_path)).value
        text = _SITE.replace("    hv1:", '    hv0: {mac: "52:54:00:00:00:03"}\n    hv1:')
        after = step.run(_file(tmp_path, text)).value
    assert len(after.machines) == 3
    for each in before.machines:
        found = after.machine(each.name)
        assert found is not None
        assert (found.address, found.role) == (each.address, each.role)


def test_approved_machines_are_in_the_plan(tmp_path: Path) -> None:
    """As if they stood in the file."""
    with context_in(tmp_path) as context:
        disk = {"role": "join", "disk": "/dev/disk/by-id/virtio-B"}
        approve(context, Mac.parse("52:54:00:00:00:09"), "hv9", disk)
        plan = SiteStep(context).run(_file(tmp_path)).value
    found = plan.machine("hv9")
    assert found is not None
    assert found.not_armed is None


def test_a_change_to_what_is_built_is_refused(tmp_path: Path) -> None:
    """The address of an installed machine cannot be another one now."""
    with context_in(tmp_path) as context:
        step = SiteStep(context)
        step.run(_file(tmp_path))
        context.proven.put(Proven("hv1", installed=5.0, installs=1))
        text = _SITE.replace('hv1: {mac: "52', 'hv1: {address: 10.10.0.77, mac: "52')
        kept = context.frozen.read()
        with pytest.raises(SiteFileError, match="hv1"):
            step.run(_file(tmp_path, text))
        assert context.frozen.read() == kept


_WITH_VMS = _SITE + "vms: {app: {}, old: {}}\n"


def test_a_change_to_a_virtual_machine_that_was_made_is_refused(tmp_path: Path) -> None:
    """Heard of in a run that was killed, it counts as made."""
    with context_in(tmp_path) as context:
        step = SiteStep(context)
        step.run(_file(tmp_path, _WITH_VMS))
        context.tell("vm", "app is created", machine="app", data={"now": "created"})
        text = _WITH_VMS.replace("app: {}", "app: {address: 10.20.0.99}")
        with pytest.raises(SiteFileError, match="app was made with"):
            step.run(_file(tmp_path, text))


def test_which_virtual_machines_were_made(tmp_path: Path) -> None:
    """What the last whole s6 had, and what was heard of since; not what was taken away."""
    with context_in(tmp_path) as context:
        journal = context.journal
        assert built_vms(journal) == frozenset()
        context.tell("vm", "old answers", machine="old", at=context.clock.utc() - 60)
        assert built_vms(journal) == {"old"}
        run = journal.begin_run("1", "eth0")
        journal.begin_step(run, "s6", "x")
        journal.end_step(run, "s6", "done", {"vms": {"app": "running"}})
        assert built_vms(journal) == {"app"}
        context.tell("vm", "new is created", machine="new", at=context.clock.utc() + 60)
        assert built_vms(journal) == {"app", "new"}
        gone = {"now": "removed"}
        context.tell("vm", "app is gone", machine="app", data=gone, at=context.clock.utc() + 90)
        assert built_vms(journal) == {"new"}
        again = journal.begin_run("1", "eth0")
        journal.begin_step(again, "s6", "x")
        journal.end_step(again, "s6", "done", {"vms": "none wanted"})
        assert "app" not in built_vms(journal)


def test_the_digest_is_of_the_files_bytes(tmp_path: Path) -> None:
    """A comment more is another input."""
    with context_in(tmp_path) as context:
        step = SiteStep(context)
        first = step.digest(_file(tmp_path))
        assert first == step.digest(_file(tmp_path))
        assert first != step.digest(_file(tmp_path, _SITE + "# a word\n"))
