"""The support file: all that helps, nothing secret, and whole even where something is missing."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from appliance.handover import support as module
from appliance.handover.report import gather
from appliance.handover.short_code import Standing, decode_short_code
from appliance.handover.support import SupportSources, standing_of, write_support
from appliance.store.database import open_database
from appliance.store.journal import Journal
from appliance.tools.clock import Clock
from appliance.values import Secret
from tests.plans import machine, plan

NOW = 1_795_000_000.0
PASSWORD = "correct/horse battery+staple"
TOKEN = "Zm9vYmFyYmF6cXV4"
FORMS = (
    PASSWORD,
    quote(PASSWORD, safe=""),
    json.dumps(PASSWORD),
    b64encode(f"admin:{PASSWORD}".encode()).decode(),
)
PLAN = plan(machine(1), machine(2), machine(3, not_armed="its disk is not named"))


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[SupportSources]:
    """A site with a journal, reports and what boot wrote."""
    connection = open_database(tmp_path / "main.db")
    (tmp_path / "reports").mkdir()
    boot = sqlite3.connect(tmp_path / "boot.db")
    boot.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, text TEXT)")
    boot.execute("CREATE TABLE minted (digest TEXT)")
    boot.execute("INSERT INTO event (text) VALUES ('hv1 asked for an address')")
    boot.execute("INSERT INTO minted VALUES ('digest-of-a-token')")
    boot.commit()
    boot.close()
    yield SupportSources(
        journal=Journal(connection, lambda: NOW),
        plan=PLAN,
        reports=tmp_path / "reports",
        boot_database=tmp_path / "boot.db",
        clock=Clock(lambda: NOW, lambda: 5.0),
        secrets=(Secret(PASSWORD),),
    )
    connection.close()


def opened(path: Path) -> dict[str, str]:
    """Give the texts in a support file by their names."""
    with tarfile.open(path) as archive:
        return {
            member.name.removeprefix("bridgehead-support/"): file.read().decode()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }


def test_the_file_holds_what_helps(sources: SupportSources, tmp_path: Path) -> None:
    """Plan, journal, what boot saw, logs, versions, clock and the laptop's interfaces."""
    run = sources.journal.begin_run("0.1.0", "eth0")
    sources.journal.add_event("finding", "a rival", run=run)
    (sources.reports / "hv1-live.log").write_text("installer: no space left\n")
    made = write_support(sources, tmp_path / "alpha.tar.gz")
    files = opened(made.path)
    assert json.loads(files["plan.json"])["site_id"] == "alpha"
    assert json.loads(files["journal.jsonl"])["text"] == "a rival"
    assert json.loads(files["runs.jsonl"])["interface"] == "eth0"
    assert json.loads(files["boot-event.jsonl"])["text"] == "hv1 asked for an address"
    assert files["reports/hv1-live.log"] == "installer: no space left\n"
    assert json.loads(files["versions.json"])["jinja2"][0].isdigit()
    assert json.loads(files["clock.json"])["utc"] == "2026-11-18T11:06:40Z"
    assert made.code in files["README.txt"]
    assert "digest-of-a-token" not in "".join(files.values())


def test_no_secret_is_in_it(sources: SupportSources, tmp_path: Path) -> None:
    """Not in any form, wherever a careless program wrote it."""
    for number, form in enumerate(FORMS):
        sources.journal.add_event("syslog", f"said {form} here", data={"why": [form]})
        (sources.reports / f"console-{number}.log").write_text(f"line {form}\n")
    sources.journal.add_event("http", f"GET /c/{TOKEN}/config.yaml", data={"token": TOKEN})
    (sources.reports / f"{PASSWORD.replace('/', '_')}.log").write_text("")
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n"
    (sources.reports / "console.log").write_text(f"{key}password: swordfish\n")
    everything = "".join(opened(write_support(sources, tmp_path / "a.tar.gz").path).values())
    gone = (*FORMS, "horse", "ycmVjdC9ob3JzZSBi", TOKEN, "MIIE", "swordfish")
    assert [form for form in gone if form in everything] == []


def test_it_is_private_and_replaces_the_last_one_whole(
    sources: SupportSources, tmp_path: Path
) -> None:
    """Nobody else reads it, and no draft is left."""
    path = tmp_path / "out" / "a.tar.gz"
    path.parent.mkdir()
    old = os.umask(0)
    try:
        write_support(sources, path)
        write_support(sources, path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    with tarfile.open(path) as archive:
        assert {member.mode for member in archive} == {0o600}


def test_what_is_missing_is_named_and_the_rest_is_there(
    sources: SupportSources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged boot.db and a missing program are when help is needed most."""
    sources.boot_database.write_bytes(b"no database" * 100)
    monkeypatch.setattr(module, "_ASKED", (("no-such-program", "now"),))
    files = opened(write_support(sources, tmp_path / "a.tar.gz").path)
    assert "boot-event.jsonl: DatabaseError" in files["missing.txt"]
    assert "no-such-program" in files["missing.txt"]
    assert "plan.json" in files


def test_a_site_that_never_booted_anything_has_a_file_too(
    sources: SupportSources, tmp_path: Path
) -> None:
    """Without boot.db, without reports."""
    sources.boot_database.unlink()
    sources.reports.rmdir()
    files = opened(write_support(sources, tmp_path / "a.tar.gz").path)
    assert "boot-event.jsonl" in files["missing.txt"]
    assert not sources.boot_database.exists()


def test_of_a_long_log_the_end_is_kept(
    sources: SupportSources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a line's beginning on: half a secret would not be known as one."""
    monkeypatch.setattr(module, "MAX_LOG", 60)
    log = f"{'x' * 100}\n{PASSWORD}\n" + "the end comes last\n"
    (sources.reports / "long.log").write_text(log)
    text = opened(write_support(sources, tmp_path / "a.tar.gz").path)["reports/long.log"]
    assert text.endswith("the end comes last\n")
    assert "octets left out" in text
    assert "horse" not in text


def test_links_and_archives_among_the_reports_stay_out(
    sources: SupportSources, tmp_path: Path
) -> None:
    """A link may lead to the vault, and an archive hides what is in it."""
    (tmp_path / "host.key").write_text("deadbeef" * 8)
    (sources.reports / "link.log").symlink_to(tmp_path / "host.key")
    (sources.reports / "old.tar.gz").write_bytes(b"\x1f\x8b")
    names = opened(write_support(sources, tmp_path / "a.tar.gz").path)
    assert not [name for name in names if name.startswith("reports/")]


def test_the_code_says_how_the_run_stands(sources: SupportSources, tmp_path: Path) -> None:
    """Outcome, step, the worst machine, the error; machines not to be installed do not count."""
    journal = sources.journal
    run = journal.begin_run("0.1.0", "eth0")
    journal.begin_step(run, "s4", "")
    journal.add_event("state", "", machine="hv1", data={"state": "ready"})
    journal.add_event("state", "", machine="hv2", data={"state": "rootfs"})
    journal.add_event("step-failed", "", step="s4", data={"code": "BH401", "what": "late"})
    journal.end_step(run, "s4", "failed", {})
    journal.end_run(run, "failed")
    expected = Standing("failed", "s4", "rootfs", error=401, machines=2, not_ready=1)
    assert standing_of(gather(journal, PLAN, now=NOW)) == expected
    assert decode_short_code(write_support(sources, tmp_path / "a.tar.gz").code) == expected


def test_an_error_of_an_earlier_run_is_not_that_of_a_good_one(sources: SupportSources) -> None:
    """After all went well there is no error to tell."""
    journal = sources.journal
    first = journal.begin_run("0.1.0", "eth0")
    journal.add_event("step-failed", "", run=first, data={"code": "BH300"})
    journal.end_run(first, "failed")
    second = journal.begin_run("0.1.0", "eth0")
    journal.end_run(second, "done")
    assert standing_of(gather(journal, PLAN, now=NOW)).error == 0
