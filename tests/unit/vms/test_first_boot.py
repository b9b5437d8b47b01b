"""Waiting for a machine, against a real SSH server on loopback."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import DeadlineError, StepError, StopRequestedError
from appliance.values import Secret
from appliance.vms import first_boot
from appliance.vms.boot_status import Boot
from appliance.vms.first_boot import Login, wait_for_vm
from appliance.vms.host_keys import make_host_key
from tests.clusters import cluster_plan
from tests.sshd import Sshd, serving

VM = replace(cluster_plan().vm("server1"), address=IPv4Address("127.0.0.1"))
KEY = make_host_key()
RUN = "/run/cloud-init"
DONE = {"v1": {"stage": None, "modules-final": {"errors": [], "start": 1.0, "finished": 2.0}}}
ERROR = {
    "v1": {
        "stage": None,
        "modules-final": {"errors": ["('scripts-user', oops)"], "start": 1.0, "finished": 2.0},
    }
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask often: the machine of these tests is quick."""
    monkeypatch.setattr(first_boot, "_PAUSE_SECONDS", 0.05)


def login(sshd: Sshd, *hidden: Secret) -> Login:
    """Give a login that knows the server's key; the server takes ours."""
    sshd.public_key = KEY.public
    return Login(f"127.0.0.1 {sshd.host_key}\n", KEY.private, hidden, user="rancher")


def put(folder: Path, **files: object) -> None:
    """Write files as cloud-init does below /run."""
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_a_machine_that_is_ready(tmp_path: Path) -> None:
    """It answers, says that it is done, and is told of once."""
    put(tmp_path, status=DONE, result={})
    answers: list[str] = []
    with serving("no", rewrite=(RUN, str(tmp_path))) as sshd:
        status = wait_for_vm(
            VM,
            login(sshd),
            stop=threading.Event(),
            seconds=30,
            on_answer=lambda: answers.append("answered"),
            port=sshd.port,
        )
    assert status.boot is Boot.DONE
    assert answers == ["answered"]
    assert sshd.passwords == []


def test_a_machine_whose_first_boot_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence: the machine, cloud-init's error, the script's own words, no secret."""
    put(tmp_path, status=ERROR, result={})
    output = tmp_path / "cloud-init-output.log"
    output.write_text(
        "the token is hush-hush-token\n2026-11-21 1:1 - x.py[WARNING]: scripts-user\n"
    )
    (tmp_path / "cloud-init.log").write_text(
        "2026-11-21 13:33:48,300 - x.py[WARNING]: Failed to run module scripts-user\n"
    )
    hidden = Secret("hush-hush-token")
    monkeypatch.setattr(first_boot, "LOG", str(tmp_path / "cloud-init.log"))
    monkeypatch.setattr(first_boot, "OUTPUT_LOG", str(output))
    with serving("no", rewrite=(RUN, str(tmp_path))) as sshd, pytest.raises(StepError) as raised:
        wait_for_vm(VM, login(sshd, hidden), stop=threading.Event(), seconds=30, port=sshd.port)
    error = raised.value
    assert error.what == "cloud-init failed in server1"
    assert "127.0.0.1" in error.where
    assert error.where.endswith("cloud-init.log")
    assert "('scripts-user', oops)" in error.why
    assert "the token is ******" in error.why


def test_a_machine_that_is_still_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When time is over, the stage it is at is told."""
    monkeypatch.setattr(first_boot, "_ASK", f"cat {RUN}/status.json")
    put(tmp_path, status={"v1": {"stage": "modules-config", "init": {"start": 1.0}}})
    with (
        serving("no", rewrite=(RUN, str(tmp_path))) as sshd,
        pytest.raises(DeadlineError) as raised,
    ):
        wait_for_vm(VM, login(sshd), stop=threading.Event(), seconds=0.5, port=sshd.port)
    assert "cloud-init in server1 did not end" in raised.value.what
    assert "modules-config" in raised.value.why


def test_a_machine_that_never_answers() -> None:
    """What was seen last, and what was expected next."""
    with serving("no") as sshd:
        unheard = login(sshd)
    with pytest.raises(DeadlineError) as raised:
        wait_for_vm(VM, unheard, stop=threading.Event(), seconds=0.3, port=sshd.port)
    assert "server1 does not answer by SSH" in raised.value.what
    assert "refused" in raised.value.why


def test_another_machine_at_that_address(tmp_path: Path) -> None:
    """Waiting longer would not make it ours."""
    put(tmp_path, status=DONE, result={})
    with serving("no", rewrite=(RUN, str(tmp_path))) as sshd:
        sshd.public_key = KEY.public
        other = make_host_key()
        wrong = Login(f"127.0.0.1 {other.public}\n", KEY.private, user="rancher")
        with pytest.raises(StepError, match="no SSH session") as raised:
            wait_for_vm(VM, wrong, stop=threading.Event(), seconds=30, port=sshd.port)
    assert "not the one known" in raised.value.why
    assert sshd.commands == []


def test_asked_to_stop() -> None:
    """At once, in the middle of a wait."""
    stop = threading.Event()
    stop.set()
    with serving("no") as sshd:
        unheard = login(sshd)
    with pytest.raises(StopRequestedError, match="server1"):
        wait_for_vm(VM, unheard, stop=stop, seconds=30, port=sshd.port)


def test_a_machine_without_cloud_init(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is none of a cloud says so by what it prints."""
    monkeypatch.setattr(first_boot, "_ASK", "echo 'status: disabled'")
    with serving("no") as sshd, pytest.raises(StepError, match="switched off in server1"):
        wait_for_vm(VM, login(sshd), stop=threading.Event(), seconds=30, port=sshd.port)
