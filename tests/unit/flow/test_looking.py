"""Looking freezes nothing and shows what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError, PreflightError
from appliance.flow.context import Options
from appliance.flow.looking import look_at
from appliance.flow.roll import record_as_json
from appliance.flow.s1_site import plan_of
from appliance.flow.session import opened
from appliance.machines.state import Record, Seen, State
from appliance.paths import Paths
from appliance.site.load import load_file
from appliance.store.machines import Proven
from appliance.values import Secret

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
    hv2: {mac: "52:54:00:00:00:02"}
"""


def _site(folder: Path) -> Path:
    path = folder / "site.yaml"
    path.write_text(_SITE)
    return path


def _all(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Give mode and content of all that is there."""
    return {
        each: (each.stat().st_mode, each.read_bytes() if each.is_file() else b"")
        for each in folder.rglob("*")
    }


def test_a_first_look_leaves_nothing_behind(tmp_path: Path) -> None:
    """`provision plan` on a laptop that never ran the site writes no file."""
    look = look_at(_site(tmp_path), Paths(tmp_path / "state"))
    assert [each.name for each in look.plan.machines] == ["hv1", "hv2"]
    assert not (tmp_path / "state").exists()


def test_a_look_shows_the_plan_that_a_run_froze(tmp_path: Path) -> None:
    """A machine inserted later moves nobody, in looks as in runs."""
    paths, site = Paths(tmp_path / "state"), _site(tmp_path)
    with opened(site, "alpha", paths, Options("lo")) as context:
        ran = plan_of(context, load_file(site))
    site.write_text(_SITE + '    hv0: {mac: "52:54:00:00:00:03"}\n')
    seen = look_at(site, paths).plan
    for machine in ran.machines:
        found = seen.machine(machine.name)
        assert found is not None
        assert (found.address, found.role) == (machine.address, machine.role)


def test_status_tells_state_last_and_next(tmp_path: Path) -> None:
    """Per machine: where it stands, what was seen last, what is expected; and why not armed."""
    paths, site = Paths(tmp_path / "state"), _site(tmp_path)
    record = Record(State.CONFIG, 1, last_seen=Seen.CONFIG_SENT, last_text="it fetched it")
    look = look_at(site, paths)
    with look.writing() as context:
        context.proven.put(Proven("hv1", record=record_as_json(record)))
    known = look.status()["machines"]
    assert known["hv1"]["state"] == "config"
    assert known["hv1"]["text"].startswith("it fetched it; next: the installer reporting STARTED")
    assert known["hv2"]["text"].startswith("not armed: ")
    assert "hv2" not in look.status_as_text("hv1")


def test_a_status_of_a_site_that_never_ran_leaves_nothing_behind(tmp_path: Path) -> None:
    """Status changes nothing: no database, no key, no folder."""
    look = look_at(_site(tmp_path), Paths(tmp_path / "state"))
    assert look.status()["machines"]["hv1"]["state"] == "expected"
    assert "hv2" in look.status_as_text("")
    assert not (tmp_path / "state").exists()


def test_a_look_makes_no_key(tmp_path: Path) -> None:
    """Not even where the laptop's is gone: that is said, since a new one would open nothing."""
    paths, site = Paths(tmp_path / "state"), _site(tmp_path)
    with opened(site, "alpha", paths, Options("lo")) as context:
        context.vault.put("token", Secret("kept"))
    kept = paths.host_key.rename(tmp_path / "backup") if paths.host_key.exists() else None
    before = _all(paths.root)
    if kept is None:  # sealed with the host's own credential
        look_at(site, paths)
    else:
        with pytest.raises(PreflightError, match="key is gone"):
            look_at(site, paths)
    assert _all(paths.root) == before


def test_a_look_changes_nothing_of_a_site_that_ran(tmp_path: Path) -> None:
    """No file, no mode, no content: so that it needs the right to read, and no other."""
    paths, site = Paths(tmp_path / "state"), _site(tmp_path)
    with opened(site, "alpha", paths, Options("lo")) as context:
        plan_of(context, load_file(site))
    before = _all(paths.root)
    look_at(site, paths).status()
    assert _all(paths.root) == before


def test_one_machine_is_told_of_alone(tmp_path: Path) -> None:
    """By its name or its MAC address, for people and for programs."""
    look = look_at(_site(tmp_path), Paths(tmp_path / "state"))
    for which in ("hv2", "52:54:00:00:00:02"):
        assert list(look.status(which)["machines"]) == ["hv2"]
        assert look.status_as_text(which).startswith("hv2 ")


@pytest.mark.parametrize("which", ["hv9", "52:54:00:00:00:09"])
def test_one_that_nothing_is_known_of_is_refused(tmp_path: Path, which: str) -> None:
    """A slip of the pen is no machine without news."""
    look = look_at(_site(tmp_path), Paths(tmp_path / "state"))
    for ask in (look.status, look.status_as_text):
        with pytest.raises(InputError, match=which) as refused:
            ask(which)
        assert "'provision status SITE' lists them" in refused.value.fix


def test_status_says_where_a_bmc_differs(tmp_path: Path) -> None:
    """From what it said last: nothing is asked. Of a machine alone, its power as well."""
    paths, site = Paths(tmp_path / "state"), _site(tmp_path)
    bmc = 'bmc: {address: "10.0.0.51", user: root}, expect: {cpus: 64}, mac: "52:54:00:00:00:02"'
    site.write_text(_SITE.replace('mac: "52:54:00:00:00:02"', bmc))
    look = look_at(site, paths)
    with look.writing() as context:
        said = {"cpus": 32, "macs": ["52:54:00:00:00:02"]}
        context.switches.note("hv2", address="10.0.0.51", power="on", read_at=0.0, inventory=said)
    known = look.status()["machines"]
    (told,) = known["hv2"]["power"]["differences"]
    assert told == "its BMC counts 32 processor threads, and the site file expects 64"
    assert known["hv2"]["power"]["inventory"] == said
    assert known["hv1"]["power"]["way"] == "by-hand"
    assert f"  differs: {told}" in look.status_as_text("").splitlines()
    text = look.status_as_text("hv2")
    assert "  power on, by Redfish at 10.0.0.51 as root, read never" in text
