"""What pages and calls of the site file do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.errors import InputError, SiteFileError, StaleError
from appliance.flow.looking import look_at
from appliance.web.site_work import SiteWork
from tests.unit.web.wizard_world import World

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()
BROKEN = THREE.replace("cpus: 24", "cpus: many").replace("servers: 3", "servers: 2")


@dataclass
class Bench:
    """A site file and the work on it."""

    path: Path
    work: SiteWork
    world: World

    def save(self, key: str, given: dict[str, str]) -> str:
        """Save a form as it is shown now; give the file."""
        self.work.save(key, self.work.view(key).digest, given)
        return self.path.read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A hand-written file of three machines."""
    path = tmp_path / "site.yaml"
    path.write_text(THREE)
    world = World(tmp_path, path)
    return Bench(path, SiteWork(world.deps), world)


@pytest.mark.parametrize("key", ["site", "cluster"])
def test_a_form_as_it_was_shown_changes_nothing(bench: Bench, key: str) -> None:
    """Not an octet."""
    assert bench.save(key, dict(bench.work.view(key).values)) == THREE


def test_what_is_refused_is_the_commands_sentence_at_its_field(bench: Bench) -> None:
    """Read by `provision plan`, the same file says the same."""
    given = {"hypervisor.vip": "10.20.0.11"}
    with pytest.raises(SiteFileError) as refused:
        bench.save("site", given)
    view = bench.work.refused("site", given, refused.value)

    assert view.values["hypervisor.vip"] == "10.20.0.11"
    assert bench.path.read_text() == THREE
    elsewhere = (each.problem for each in view.elsewhere)
    (shown,) = (*view.problems.get("hypervisor.vip", []), *elsewhere)
    bench.path.write_text(THREE.replace("vip: 10.20.0.10", "vip: 10.20.0.11"))
    with pytest.raises(SiteFileError) as command:
        look_at(bench.path, bench.world.deps.paths)
    (said,) = command.value.problems
    assert (shown.key, shown.what, shown.fix) == (said.key, said.what, said.fix)


def test_a_file_is_mended_page_by_page(bench: Bench) -> None:
    """What was wrong before on another page does not keep this one from being saved."""
    bench.path.write_text(BROKEN)
    view = bench.work.view("site")
    assert {each.problem.key for each in view.elsewhere} == {
        "cluster.servers",
        "hypervisor.machines.hv3.cpus",
    }
    assert "vip: 10.20.0.9" in bench.save("site", {"hypervisor.vip": "10.20.0.9"})

    assert "cluster.servers" in bench.work.view("cluster").problems
    with pytest.raises(SiteFileError):
        bench.save("cluster", {"cluster.agents": "3"})
    assert "servers: 3" in bench.save("cluster", {"cluster.servers": "3"})


def test_a_change_that_breaks_another_page_is_refused(bench: Bench) -> None:
    """The machines' addresses would be outside of the network."""
    with pytest.raises(SiteFileError) as refused:
        bench.save("site", {"networks.main.cidr": "10.99.0.0/24"})

    keys = {each.key for each in refused.value.problems}
    assert "hypervisor.machines.hv1.address" in keys
    assert bench.path.read_text() == THREE


def test_checking_says_the_same_and_writes_nothing(bench: Bench) -> None:
    """So that conflicts are shown at once."""
    problems = bench.work.check("site", {"hypervisor.vip": "nonsense"})

    assert [each.what for each in problems] == ["'nonsense' is no IPv4 address"]
    assert bench.work.check("site", {"hypervisor.vip": "10.20.0.9"}) == ()
    assert bench.path.read_text() == THREE


def test_an_unknown_field_is_refused(bench: Bench) -> None:
    """By its name."""
    with pytest.raises(InputError, match=r"no field 'hypervisor\.vipp'"):
        bench.save("site", {"hypervisor.vipp": "10.20.0.9"})


def test_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    """Adding never changes what is there."""
    with pytest.raises(SiteFileError, match="there is a relay already"):
        bench.save("cluster", {"+vms": "relay", "+vms.cpus": "8"})
    assert bench.path.read_text() == THREE


def test_a_site_begins_from_nothing(tmp_path: Path) -> None:
    """With three fields it is a site whose machines are not known yet."""
    world = World(tmp_path, tmp_path / "site.yaml")
    work = SiteWork(world.deps)
    view = work.view("site")
    assert view.problems == {}
    assert not view.unreadable
    given = {"site": "alpha", "hypervisor.harvester": "v1.8.2"}
    with pytest.raises(SiteFileError) as refused:
        work.save("site", view.digest, given)
    assert "+hypervisor.machines" in work.refused("site", given, refused.value).problems

    given["+hypervisor.machines"] = "node1 node2 node3"
    work.save("site", view.digest, given)
    plan = look_at(tmp_path / "site.yaml", world.deps.paths).plan
    assert [each.name for each in plan.machines] == ["node1", "node2", "node3"]
    hints = {each.name: each.hint for each in work.view("site").form.fields}
    assert hints["networks.main.bridge"].endswith("Left empty: 10.20.0.2.")


def test_a_file_that_is_no_yaml_is_shown_as_such(bench: Bench) -> None:
    """Its line is named; no form writes over it."""
    bench.path.write_text("site: [\n")
    view = bench.work.view("site")

    assert view.unreadable
    assert [*view.elsewhere, *view.problems.values()]
    with pytest.raises(SiteFileError):
        bench.save("site", {"site": "beta"})


def test_the_review_has_the_plan_the_rules_and_what_is_lost(bench: Bench) -> None:
    """All of a right file."""
    view = bench.work.review()

    assert view.plan is not None
    assert view.digest == view.plan.digest()
    assert all(each.holds for each in view.rules)
    assert [each.machine for each in view.erased] == ["hv1", "hv2", "hv3"]
    assert view.problems == ()
    assert view.text == THREE


def test_the_review_leads_each_problem_to_its_field(bench: Bench) -> None:
    """What no form has is still named."""
    bench.path.write_text(BROKEN)
    view = bench.work.review()

    assert view.plan is None
    assert {each.problem.key: each.page for each in view.problems} == {
        "cluster.servers": "/cluster#cluster.servers",
        "hypervisor.machines.hv3.cpus": "",
    }
    assert [each.label for each in view.problems if each.page] == ["Kubernetes cluster: Servers"]


def test_the_review_knows_whether_a_run_ever_began(bench: Bench) -> None:
    """What was looked at alone is not touched yet."""
    assert not bench.work.review().has_run
    with look_at(bench.path, bench.world.deps.paths).writing() as context:
        context.tell("identified", "hv1 is known", machine="hv1")
    assert not bench.work.review().has_run
    with look_at(bench.path, bench.world.deps.paths).writing() as context:
        context.journal.begin_run("1", "eth1")
    assert bench.work.review().has_run


def test_a_run_asks_for_every_name_and_the_very_plan(bench: Bench) -> None:
    """What was shown is what is begun."""
    digest = bench.work.review().digest
    typed = {"hv1": "hv1", "hv2": "hv2"}

    assert bench.work.unconfirmed(digest, typed, clock=True).keys() == {"hv3"}
    assert bench.work.unconfirmed(digest, {**typed, "hv3": "hv3"}, clock=True) == {}
    bench.save("site", {"hypervisor.vip": "10.20.0.9"})
    with pytest.raises(StaleError, match="nothing was begun"):
        bench.work.unconfirmed(digest, {**typed, "hv3": "hv3"}, clock=True)
