"""What a laptop keeps of a site goes, all of it, and of no other site."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.artifacts.depot import Depot
from appliance.errors import BusyError, InputError, PreflightError, StepError
from appliance.flow.looking import look_at
from appliance.flow.stocking import fetching, stock
from appliance.flow.wiping import WipeWish, broken_off, shred, why_unfinished, wipe_site
from appliance.paths import Paths
from appliance.store.journal import Journal
from appliance.store.lock import hold
from appliance.values import Secret
from tests.unit.flow.support import context_in
from tests.unit.flow.test_stocking import medium

_SITE = """\
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""
_YES = WipeWish(agreed=True, unfinished=True)
_NOTE = {
    "interface": "lo",
    "address": "127.0.0.1/8",
    "lacked": True,
    "forwarding": "1",
    "boot": "of an earlier start of this laptop",
}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A laptop's state folder."""
    return Paths(tmp_path / "state")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site file."""
    path = tmp_path / "site.yaml"
    path.write_text(_SITE)
    return path


def begun(site: Path, paths: Paths, *kinds: str, outcome: str = "done") -> None:
    """Journal a run of the site, with a secret, a report and Terraform's state."""
    with look_at(site, paths).writing() as context:
        run = context.journal.begin_run("1", "lo")
        for kind in ("run-started", *kinds):
            context.journal.add_event(kind, "", run=run)
        context.journal.end_run(run, outcome)
        context.vault.put("kubeconfig", Secret("a secret"))
        for name in ("reports", "terraform", "boot"):
            folder = context.site_paths.folder / name
            folder.mkdir(exist_ok=True)
            (folder / "kept").write_text("a secret")


def wipe(site: Path, paths: Paths, wish: WipeWish = _YES) -> list[str]:
    """Wipe; give its lines."""
    return list(wipe_site(site, paths, wish))


def test_all_of_the_site_goes_and_nothing_else(site: Path, paths: Paths) -> None:
    """Another site, the laptop's own files, the depot and the site file stay as they were."""
    begun(site, paths, "safe-to-unplug")
    other = paths.site("alpha-2")
    other.folder.mkdir()
    (other.folder / "main.db").write_text("another's")
    stock(look_at(site, paths).plan, paths, folder=medium(site.parent / "m"), accept_ipxe=True)
    files = Depot(paths.depot).files()
    own = paths.host_key.read_text() if paths.host_key.exists() else ""
    (line,) = wipe(site, paths, WipeWish(agreed=True))

    assert "of alpha overwritten and removed" in line
    assert not paths.site("alpha").folder.exists()
    assert (other.folder / "main.db").read_text() == "another's"
    assert Depot(paths.depot).files() == files
    assert (paths.host_key.read_text() if paths.host_key.exists() else "") == own
    assert site.read_text() == _SITE
    assert not [each for each in paths.root.iterdir() if each.name.startswith(".wiping")]
    assert wipe(site, paths) == []


def test_nothing_goes_unless_it_was_agreed_to(site: Path, paths: Paths) -> None:
    """The consequence and the way to keep it are named."""
    begun(site, paths, "safe-to-unplug")
    with pytest.raises(InputError, match="would be lost") as caught:
        wipe(site, paths, WipeWish(agreed=False))
    assert "cannot be changed from here" in caught.value.why
    assert "provision export state" in caught.value.fix
    assert paths.site("alpha").database.exists()


def test_a_site_that_is_not_finished_stays_unless_that_is_said(site: Path, paths: Paths) -> None:
    """A run that ended before its end, or whose proof is missing, is no end."""
    with look_at(site, paths).writing() as context:
        assert why_unfinished(context.journal) == "it was never run"
    begun(site, paths, outcome="interrupted")
    with pytest.raises(InputError, match="not finished"):
        wipe(site, paths, WipeWish(agreed=True))
    assert paths.site("alpha").database.exists()
    assert wipe(site, paths)
    assert not paths.site("alpha").folder.exists()


@pytest.mark.parametrize(
    ("outcome", "kinds", "why"),
    [
        ("done", ("safe-to-unplug",), ""),
        ("done", (), "did not prove"),
        ("done", ("safe-to-unplug", "run-started"), "did not prove"),
        ("killed", ("safe-to-unplug",), "did not come to its end"),
    ],
)
def test_finished_is_what_the_last_run_proved(
    tmp_path: Path, outcome: str, kinds: tuple[str, ...], why: str
) -> None:
    """An earlier run's proof is none of the site as it is now."""
    with context_in(tmp_path) as context:
        journal: Journal = context.journal
        run = journal.begin_run("1", "lo")
        for kind in ("run-started", *kinds):
            journal.add_event(kind, "", run=run)
        journal.end_run(run, outcome)
        found = why_unfinished(journal)
        assert found == why or (why and why in found)


def test_a_site_file_that_is_anothers_by_now_wipes_nothing(site: Path, paths: Paths) -> None:
    """Somebody else put another file in its place, just before."""
    begun(site, paths, "safe-to-unplug")
    with pytest.raises(InputError, match="is that of alpha by now, not of beta"):
        wipe(site, paths, WipeWish(agreed=True, site="beta"))
    assert paths.site("alpha").database.exists()
    assert wipe(site, paths, WipeWish(agreed=True, site="alpha"))


def test_a_site_that_is_held_stays(site: Path, paths: Paths) -> None:
    """Whoever holds it is named; nothing is touched."""
    begun(site, paths, "safe-to-unplug")
    folder = paths.site("alpha")
    with (
        hold(folder.lock, who="provision run", since="09:30"),
        pytest.raises(BusyError) as caught,
    ):
        wipe(site, paths)
    assert "provision run" in caught.value.why
    assert folder.database.exists()


def test_a_site_whose_files_are_fetched_stays(site: Path, paths: Paths) -> None:
    """Said as by the wizard; a second fetch of the site is refused by the same lock."""
    begun(site, paths, "safe-to-unplug")
    with fetching(paths, "alpha"):
        with pytest.raises(BusyError, match="the files of this site are in use") as caught:
            wipe(site, paths)
        with pytest.raises(BusyError), fetching(paths, "alpha"):
            raise AssertionError("two fetch at once")
    assert "provision fetch" in caught.value.why
    assert paths.site("alpha").database.exists()
    assert wipe(site, paths)


def test_what_a_killed_run_left_is_taken_back_first(
    site: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its note is in the journal that goes. Without root nothing goes."""
    begun(site, paths, "safe-to-unplug")
    with look_at(site, paths).writing() as context:
        context.journal.left.write("s3", _NOTE)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PreflightError, match="needs root"):
        wipe(site, paths)
    assert paths.site("alpha").database.exists()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert wipe(site, paths)
    assert not paths.site("alpha").folder.exists()


def test_a_wipe_that_was_killed_is_finished_by_the_next(site: Path, paths: Paths) -> None:
    """What stands aside goes too, also where the site was begun anew meanwhile."""
    aside = paths.root / ".wiping.alpha"
    for again in (False, True):
        (aside / "terraform").mkdir(parents=True)
        (aside / "terraform" / "state").write_text("a secret")
        if again:
            begun(site, paths)
        assert broken_off(paths, "alpha")
        assert wipe(site, paths)
        assert not broken_off(paths, "alpha")
        assert not aside.exists()
        assert not paths.site("alpha").folder.exists()


def test_what_a_killed_wipe_put_aside_is_no_other_site(site: Path, paths: Paths) -> None:
    """The files may go with it, as the first one was told."""
    begun(site, paths, "safe-to-unplug")
    stock(look_at(site, paths).plan, paths, folder=medium(site.parent / "m"), accept_ipxe=True)
    paths.site("alpha").folder.rename(paths.root / ".wiping.alpha")
    assert len(wipe(site, paths, WipeWish(agreed=True, files=True))) == 2
    assert Depot(paths.depot).files() == ()


def test_a_site_that_is_a_link_leads_nowhere(site: Path, paths: Paths, tmp_path: Path) -> None:
    """What somebody put in its place is not followed."""
    begun(site, paths)
    elsewhere = tmp_path / "elsewhere"
    paths.site("alpha").folder.rename(elsewhere)
    paths.site("alpha").folder.symlink_to(elsewhere)
    with pytest.raises(StepError, match="cannot be removed"):
        wipe(site, paths)
    assert (elsewhere / "main.db").stat().st_size


def test_files_of_the_depot_go_only_if_asked_for_and_no_other_site_needs_them(
    site: Path, paths: Paths
) -> None:
    """A file that this site does not want stays."""
    begun(site, paths, "safe-to-unplug")
    stock(look_at(site, paths).plan, paths, folder=medium(site.parent / "m"), accept_ipxe=True)
    depot = Depot(paths.depot)
    strange = site.parent / "strange.iso"
    strange.write_bytes(b"of nobody")
    other = paths.site("beta")
    other.folder.mkdir()
    (other.folder / "main.db").write_text("")
    wish = WipeWish(agreed=True, files=True)
    with pytest.raises(InputError, match="other sites as well: beta"):
        wipe(site, paths, wish)
    assert paths.site("alpha").database.exists()
    (other.folder / "main.db").unlink()
    assert len(wipe(site, paths, wish)) == 2
    assert depot.files() == ()
    assert not list(paths.depot.glob("*.iso"))


def test_links_lead_nowhere_and_what_has_two_names_is_not_overwritten(tmp_path: Path) -> None:
    """Whatever an unprivileged process put into its own folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwords").write_text("kept")
    (outside / "shared.iso").write_text("kept")
    folder = tmp_path / "alpha"
    (folder / "boot").mkdir(parents=True)
    (folder / "boot" / "link").symlink_to(outside / "passwords")
    (folder / "boot" / "place").symlink_to(outside)
    os.link(outside / "shared.iso", folder / "boot" / "shared.iso")
    os.mkfifo(folder / "boot" / "pipe")
    secret = folder / "secret"
    secret.write_bytes(b"x" * ((1 << 20) + 7))
    with secret.open("rb") as still:
        assert shred(folder) == 4
        assert still.read() == bytes((1 << 20) + 7)
    assert not folder.exists()
    assert {each.name: each.read_text() for each in outside.iterdir()} == {
        "passwords": "kept",
        "shared.iso": "kept",
    }


def test_what_cannot_be_removed_is_named(tmp_path: Path) -> None:
    """A folder that is gone meanwhile, say."""
    with pytest.raises(StepError, match="cannot be removed") as caught:
        shred(tmp_path / "nosuch")
    assert "nosuch" in caught.value.where
