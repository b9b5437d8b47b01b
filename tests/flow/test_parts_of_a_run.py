"""`--to`, `--dry-run`, and what the report and the support file hold of a whole run."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.store.database import open_database
from appliance.store.vault import Vault, host_key
from tests.flow.rehearsed_site import RehearsedSite, is_seen
from tests.flow.scripted_machine import Point

pytestmark = pytest.mark.root


def test_a_run_to_s2_ends_there_well(site: RehearsedSite) -> None:
    """Code 0; the files are checked, no service began and no address was set."""
    run = site.run("--to", "s2")
    assert run.end() == 0, run.errors
    steps = [(each["kind"], each["step"]) for each in run.history if each["kind"] == "step-done"]
    assert steps == [("step-done", "s1"), ("step-done", "s2")]
    assert run.ended["outcome"] == "done"
    assert site.addresses() == ""
    wrong = site.run("--to", "s99")
    assert wrong.end() == 2
    assert "s99" in wrong.history[-1]["what"]


def test_a_dry_run_prints_the_plan_and_does_nothing(site: RehearsedSite) -> None:
    """The plan is that of `provision plan`; the journal stays without a run."""
    printed = site.done("run", "--dry-run")
    assert printed == site.done("plan")
    assert "10.77.0." in printed
    assert not (site.state / "alpha").exists()


def test_no_secret_leaves_the_vault(site: RehearsedSite) -> None:
    """Not in databases, events, reports, support files, nor in any process' arguments."""
    machine = site.machine()
    arguments: list[bytes] = []
    machine.at[Point.IMAGE_HALF] = lambda: arguments.extend(_processes(site))
    machine.power_on()
    run = site.run()
    run.until(is_seen("config-sent"))
    arguments += _processes(site)
    assert run.end() == 0, run.errors
    site.done("report", "--out", str(site.folder / "report.html"))
    site.done("support", "--out", str(site.folder / "support.tar.gz"))
    said = site.done("status", "hv1").encode()
    secrets = _secrets(site)
    assert len(secrets) >= 3
    assert machine.disk is not None
    assert machine.disk["token"].encode() in secrets, "the machine itself was given the token"
    boot_tokens = [url.split("/c/")[1].split("/")[0].encode() for url in machine.config_urls]
    assert boot_tokens
    places = {
        "events": json.dumps(run.history).encode() + run.errors.encode(),
        "arguments": b"\0".join(arguments),
        "status": said,
        "report": (site.folder / "report.html").read_bytes(),
        "support": gzip.decompress((site.folder / "support.tar.gz").read_bytes()),
        **{str(path): path.read_bytes() for path in (site.state / "alpha").rglob("*.*")},
    }
    assert any(name.endswith("boot.db") for name in places)
    found = {
        name
        for name, content in places.items()
        for secret in (*secrets, *boot_tokens)
        if secret in content
    }
    assert found == set()


def _secrets(site: RehearsedSite) -> list[bytes]:
    paths = Paths(site.state)
    connection = open_database(paths.site("alpha").database)
    try:
        vault = Vault(connection, host_key(paths.host_key))
        return [each.reveal().encode() for each in vault.all()]
    finally:
        connection.close()


def _processes(site: RehearsedSite) -> Iterator[bytes]:
    """Give arguments and environment of each process on the appliance's side."""
    words = ["ip", "netns", "pids", site.network.appliance]
    for pid in subprocess.run(words, check=True, capture_output=True, text=True).stdout.split():
        for name in ("cmdline", "environ"):
            path = Path(f"/proc/{pid}/{name}")
            if path.exists():
                yield path.read_bytes()
