"""The page Done, as a browser without JavaScript uses it."""

from __future__ import annotations

from pathlib import Path

from appliance.flow.stocking import fetching
from appliance.flow.transferring import import_state
from appliance.paths import Paths
from appliance.store.lock import hold
from appliance.values import Secret
from tests.unit.web.test_pages_run import begin, look
from tests.unit.web.wizard_world import Browser, World


def test_the_kubeconfig_is_given_to_a_click_alone(world: World, browser: Browser) -> None:
    """No page holds it; a GET gives nothing; the click gives the very file, as a download."""
    assert browser.get("/done/kubeconfig").status_code == 405
    assert browser.post("/done/kubeconfig").status_code == 422
    with look(world).writing() as context:
        begin(context.journal, world)
        context.vault.put("kubeconfig", Secret("apiVersion: v1\nsecret: yes\n"))
    page = browser.get("/done")
    assert "Get the kubeconfig" in page.text
    assert "secret: yes" not in page.text
    given = browser.post("/done/kubeconfig")
    assert given.data == b"apiVersion: v1\nsecret: yes\n"
    assert given.headers["Content-Disposition"] == 'attachment; filename="kubeconfig.yaml"'
    assert given.headers["Cache-Control"] == "no-store"


def test_safe_to_unplug_is_said_only_after_it_was_proven(world: World, browser: Browser) -> None:
    """Before: every reason. After: what was seen."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.tell("finding", "not yet safe to unplug: names: nobody answers")
        context.journal.add_event("run-ended", "", run=run, data={"outcome": "done"})
    page = browser.get("/done").text
    assert "Safe to unplug" not in page
    assert "names: nobody answers" in page
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.tell("safe-to-unplug", "safe to unplug", data={"because": ["names: it answers"]})
        context.journal.add_event("run-ended", "", run=run, data={"outcome": "done"})
    page = browser.get("/done").text
    assert "Safe to unplug" in page
    assert "names: it answers" in page


def test_report_sheet_and_support_file_are_downloads(world: World, browser: Browser) -> None:
    """Never shown under the wizard's own name; a report is not left behind."""
    assert browser.get("/done/sheet").status_code == 409
    assert browser.post("/done/report").status_code == 422
    with look(world).writing() as context:
        begin(context.journal, world)
        context.site_paths.reports.mkdir()
        (context.site_paths.reports / "hand-over.html").write_text("<h1>sheet</h1>")
    for answer, start in (
        (browser.get("/done/sheet"), b"<h1>"),
        (browser.post("/done/report"), b"<!"),
        (browser.post("/run/support"), b"\x1f\x8b"),
    ):
        assert answer.status_code == 200
        assert answer.data.startswith(start)
        assert answer.headers["Content-Disposition"].startswith("attachment")
    left = sorted(each.name for each in world.deps.paths.site("alpha").reports.iterdir())
    assert left == ["hand-over.html", "support-alpha.tar.gz"]


WORDS = "five words that nobody guesses"


def finished(world: World) -> None:
    """The run has proven that the laptop may go."""
    with look(world).writing() as context:
        run = begin(context.journal, world)
        context.tell("safe-to-unplug", "safe to unplug", data={"because": ["names: it answers"]})
        context.journal.add_event("run-ended", "", run=run, data={"outcome": "done"})
        context.journal.end_run(run, "done")
        context.vault.put("kubeconfig", Secret("apiVersion: v1\n"))


def test_the_state_is_taken_along_sealed(world: World, browser: Browser, tmp_path: Path) -> None:
    """Refused at its field: too short, or not the same twice. A second laptop opens it."""
    both = {"passphrase": f"{WORDS} ", "again": f"{WORDS} "}  # the blank is a part of it
    assert browser.post("/done/export", data=both).status_code == 422
    finished(world)
    assert "All that this laptop knows of the site, sealed" in browser.get("/done").text
    for again, said in ((WORDS, "the passphrase is too short"), ("other", "are not the same")):
        short = "short" if again == WORDS else WORDS
        sent = {"passphrase": short, "again": short if again == WORDS else again}
        refused = browser.post("/done/export", data=sent)
        assert refused.status_code == 422
        assert said in refused.text
        assert WORDS not in refused.text
        assert '<details id="export" open>' in refused.text
    given = browser.post("/done/export", data=both)
    assert given.headers["Content-Disposition"] == 'attachment; filename="state.sealed"'
    file = tmp_path / "state.sealed"
    file.write_bytes(given.data)
    assert import_state(file, Paths(tmp_path / "two"), lambda: Secret(f"{WORDS} ")) == "alpha"


def test_the_laptop_is_wiped_by_typing_the_sites_name(world: World, browser: Browser) -> None:
    """The page says what is lost; then nothing of the site is kept, and the pages say so."""
    assert "Wipe alpha" not in browser.get("/done").text
    finished(world)
    page = browser.get("/done").text
    assert "it cannot be changed from this laptop any more" in page
    assert 'name="unfinished"' not in page
    assert "open>" not in page  # what is dangerous is behind a click
    refused = browser.post("/done/wipe", data={"name": "beta"})
    assert refused.status_code == 422
    assert "the name of the site, alpha, is not typed here" in refused.text
    assert '<details id="wipe" open>' in refused.text
    assert world.deps.paths.site("alpha").database.exists()
    wiped = browser.post("/done/wipe", data={"name": "alpha"})
    assert (wiped.status_code, wiped.location) == (303, "/done?said=wiped")
    assert not world.deps.paths.site("alpha").folder.exists()
    after = browser.get("/done?said=wiped").text
    assert "What this laptop kept of the site is gone." in after
    assert "Safe to unplug" not in after
    assert "Get the kubeconfig" not in after
    assert world.site_file is not None
    assert world.site_file.exists()


def test_a_wipe_that_was_killed_is_ended_from_the_page(world: World, browser: Browser) -> None:
    """Though the site is nowhere to be seen any more, its secrets are still there."""
    finished(world)
    folder = world.deps.paths.site("alpha").folder
    aside = folder.with_name(".wiping.alpha")
    folder.rename(aside)
    assert "A wipe was broken off" in browser.get("/done").text
    assert browser.post("/done/wipe", data={"name": "alpha"}).status_code == 303
    assert not aside.exists()
    assert "A wipe was broken off" not in browser.get("/done").text


def test_a_site_that_is_not_finished_is_wiped_only_if_that_is_said(
    world: World, browser: Browser
) -> None:
    """A box more, with the reason."""
    with look(world).writing() as context:
        begin(context.journal, world)
    page = browser.get("/done").text
    assert 'name="unfinished"' in page
    assert "Its last run did not come to its end." in page
    refused = browser.post("/done/wipe", data={"name": "alpha"})
    assert refused.status_code == 422
    assert "is not finished" in refused.text
    assert "--unfinished" not in refused.text
    sent = {"name": "alpha", "unfinished": "yes"}
    assert browser.post("/done/wipe", data=sent).status_code == 303
    assert not world.deps.paths.site("alpha").folder.exists()


def test_nothing_is_wiped_while_a_run_goes_on(world: World, browser: Browser) -> None:
    """Whoever holds the site is named."""
    finished(world)
    with hold(world.deps.paths.site("alpha").lock, who="provision run", since="09:30"):
        refused = browser.post("/done/wipe", data={"name": "alpha"})
    assert refused.status_code == 409
    assert "another run holds this site" in refused.text
    assert "provision run" in refused.text
    assert world.deps.paths.site("alpha").database.exists()


def test_nothing_is_wiped_while_files_are_fetched(world: World, browser: Browser) -> None:
    """By a command as well, and in the command's words."""
    finished(world)
    with fetching(world.deps.paths, "alpha"):
        refused = browser.post("/done/wipe", data={"name": "alpha"})
    assert refused.status_code == 409
    assert "the files of this site are in use" in refused.text
    assert "provision fetch" in refused.text
    assert world.deps.paths.site("alpha").database.exists()


def test_files_that_other_sites_share_stay(world: World, browser: Browser) -> None:
    """Said at its box."""
    finished(world)
    other = world.deps.paths.site("beta").folder
    other.mkdir()
    (other / "main.db").write_text("")
    refused = browser.post("/done/wipe", data={"name": "alpha", "files": "yes"})
    assert refused.status_code == 422
    assert "other sites as well: beta" in refused.text
    assert world.deps.paths.site("alpha").database.exists()
