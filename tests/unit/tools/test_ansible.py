"""Playbooks really run, on hosts that are this machine: events, secrets, checks, stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import DeadlineError, StepError, StopRequestedError
from appliance.tools.ansible import PlaybookResult, SshAccess, host_names, run_playbook, settings
from appliance.tools.ansible_events import AnsibleEvent, Outcome
from appliance.tools.secret_folder import bases
from appliance.values import Secret

WORD = "sesame-open-3791"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nnever-shown-3791\n-----END OPENSSH PRIVATE KEY-----\n"
SSH = SshAccess("bridgehead", Secret(KEY), "10.0.0.1 ssh-ed25519 AAAA\n")

WRITE = """
    - name: Write the word
      ansible.builtin.copy:
        content: "{{ word }}"
        dest: "{{ folder }}/{{ inventory_hostname }}"
        mode: "0600"
"""
FAIL = """
    - name: Fail on b
      ansible.builtin.command: sh -c 'echo it is {{ word }} >&2; exit 3'
      when: inventory_hostname == 'b'
"""
WAIT = """
    - name: Wait for ever
      ansible.builtin.command: sleep 40
"""


def playbook(folder: Path, *tasks: str) -> Path:
    """Write a playbook of these tasks."""
    path = folder / "play.yml"
    head = "- name: Try\n  hosts: all\n  gather_facts: false\n  tasks:\n"
    path.write_text(head + "".join(tasks))
    return path


def inventory(folder: Path, *names: str) -> dict[str, Any]:
    """Give hosts that are this machine."""
    hosts: dict[str, dict[str, str]] = {name: {} for name in names}
    local = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "folder": str(folder),
    }
    return {"all": {"hosts": hosts, "vars": local}}


def run(
    folder: Path,
    path: Path,
    *names: str,
    on_event: Callable[[AnsibleEvent], None] = lambda _: None,
    **options: Any,
) -> PlaybookResult:
    """Run a playbook on hosts."""
    return run_playbook(
        path,
        inventory(folder, *(names or ("a",))),
        folder=folder / "state",
        ssh=SSH,
        secret_vars={"word": Secret(WORD)},
        on_event=on_event,
        stop=options.pop("stop", threading.Event()),
        **options,
    )


def held(folder: Path) -> str:
    """Give all that is in the files of a folder."""
    return "".join(p.read_text() for p in folder.rglob("*") if p.is_file())


def test_a_run_and_its_repetition(tmp_path: Path) -> None:
    """The first changes each host, the second nothing; the secret variable reaches the task."""
    path, events = playbook(tmp_path, WRITE), list[AnsibleEvent]()
    first = run(tmp_path, path, "a", "b", on_event=events.append)
    second = run(tmp_path, path, "a", "b")

    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == WORD
    assert first.changed == 2
    assert second.changed == 0
    assert first.failure is None
    assert [each.outcome for each in events] == [Outcome.STARTED, Outcome.CHANGED, Outcome.CHANGED]
    assert {each.host for each in events} == {"", "a", "b"}
    first.raise_for_failure()


def test_a_failure_on_one_of_two(tmp_path: Path) -> None:
    """Host, task and its words in one sentence; no secret in the error, the events or the log."""
    events: list[AnsibleEvent] = []
    result = run(tmp_path, playbook(tmp_path, FAIL), "a", "b", on_event=events.append)

    assert result.failure is not None
    assert (result.failure.host, result.failure.task) == ("b", "Fail on b")
    assert result.failure.message == "it is ******"
    assert (result.hosts["a"].failed, result.hosts["b"].failed) == (0, 1)
    with pytest.raises(StepError, match=r"b: the task 'Fail on b' failed \(it is \*{6}\)"):
        result.raise_for_failure()
    assert WORD not in repr(events)
    assert "Fail on b" in result.log.read_text()
    assert WORD not in held(tmp_path / "state")
    assert result.log.stat().st_mode & 0o777 == 0o600


def test_a_dry_run(tmp_path: Path) -> None:
    """It says what would change, and changes nothing."""
    result = run(tmp_path, playbook(tmp_path, WRITE), check=True)

    assert result.changed == 1
    assert not (tmp_path / "a").exists()


def test_nothing_secret_is_in_a_command_line_or_an_environment(tmp_path: Path) -> None:
    """Seen from within a task, over all processes of this run, as any user of the laptop could."""
    look = """
    - name: Look
      ansible.builtin.shell: >-
        p=$$; while [ "$p" -gt 1 ]; do cat /proc/$p/cmdline /proc/$p/environ;
        p=$(sed 's/.*) . //' /proc/$p/stat | cut -d' ' -f1); done >{{ folder }}/seen
"""
    os.environ["BRIDGEHEAD_TEST_SECRET"] = "of-the-caller-3791"
    try:
        result = run(tmp_path, playbook(tmp_path, look))
    finally:
        del os.environ["BRIDGEHEAD_TEST_SECRET"]
    seen = (tmp_path / "seen").read_text(errors="replace").split("\0")
    ours = [each for each in seen if "ansible-playbook" in each or each.startswith("ANSIBLE_")]

    assert result.failure is None
    assert ours
    assert not [each for each in seen if WORD in each or "never-shown" in each]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Only the redacted logs of the last runs stay."""
    path = playbook(tmp_path, WRITE)
    logs = {run(tmp_path, path).log for _ in range(2)}

    assert set((tmp_path / "state").iterdir()) == logs


def test_the_caller_is_told_on_his_own_thread(tmp_path: Path) -> None:
    """His database is bound to it."""
    threads: list[threading.Thread] = []
    run(
        tmp_path,
        playbook(tmp_path, WRITE),
        on_event=lambda _: threads.append(threading.current_thread()),
    )

    assert set(threads) == {threading.current_thread()}


def test_what_the_caller_raises_ends_the_run(tmp_path: Path) -> None:
    """It comes out again, and nothing runs on."""

    def raise_it(event: AnsibleEvent) -> None:
        raise LookupError(event.task)

    with pytest.raises(LookupError, match="Wait for ever"):
        run(tmp_path, playbook(tmp_path, WAIT), on_event=raise_it)


def test_a_stop(tmp_path: Path) -> None:
    """Ends Ansible and says how to go on."""
    stop = threading.Event()
    with pytest.raises(StopRequestedError):
        run(tmp_path, playbook(tmp_path, WAIT), stop=stop, on_event=lambda _: stop.set())


def test_a_run_that_takes_too_long(tmp_path: Path) -> None:
    """Ends, and names its log."""
    with pytest.raises(DeadlineError, match="in time"):
        run(tmp_path, playbook(tmp_path, WAIT), seconds=0.0)


def test_a_playbook_that_is_none(tmp_path: Path) -> None:
    """Ansible's own words for it."""
    path = tmp_path / "play.yml"
    path.write_text("- hosts: all\n  tasks: [{nonsense.of.module: {}}]\n")
    with pytest.raises(StepError, match="could not run the playbook"):
        run(tmp_path, path)


def test_a_kill_leaves_nothing_for_long(tmp_path: Path) -> None:
    """Ansible dies with us, and the next run sweeps the secrets away."""
    path = playbook(tmp_path, "    - ansible.builtin.command: sleep 40\n")
    program = (
        "import threading\n"
        "from pathlib import Path\n"
        "from tests.unit.tools.test_ansible import *\n"
        f"folder, path = Path({str(tmp_path)!r}), Path({str(path)!r})\n"
        "run(folder, path, on_event=lambda event: print(event, flush=True))\n"
    )
    before = {each for base in bases() if base.is_dir() for each in base.iterdir()}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as caller:
        assert caller.stdout is not None
        assert "started" in caller.stdout.readline()
        made = {each for base in bases() if base.is_dir() for each in base.iterdir()} - before
        pids = {(each / "pid").read_text().strip() for each in made if held(each).count(WORD)}
        caller.send_signal(signal.SIGKILL)
    assert len(pids) == 1
    (pid,) = pids
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    run(tmp_path, playbook(tmp_path, WRITE))
    assert not [each for each in made if each.exists()]


def test_the_settings_are_our_own(tmp_path: Path) -> None:
    """Each host must show its known key; nothing of the laptop's own SSH set-up is read."""
    hosts: dict[str, Any] = {"all": {"children": {"x": {"hosts": {f"h{n}": {} for n in range(9)}}}}}
    text = settings(Path("/run/b"), tmp_path / "play.yml", "bridgehead", hosts)

    assert "forks = 9" in text
    assert "pipelining = True" in text
    assert "ControlPersist" in text
    assert "StrictHostKeyChecking=yes" in text
    assert "-F /dev/null" in text
    assert "UserKnownHostsFile=/run/b/known_hosts" in text


def test_a_long_path_does_without_shared_sessions(tmp_path: Path) -> None:
    """A socket's path has 107 characters at most."""
    text = settings(Path("/x" * 30), tmp_path / "play.yml", "bridgehead", {})

    assert "ControlMaster=no" in text
    assert "ControlPersist" not in text


def test_hosts_of_nested_groups() -> None:
    """Each is counted once."""
    nested = {"a": {"hosts": {"x": None}, "children": {"b": {"hosts": {"x": {}, "y": {}}}}}}

    assert host_names(nested) == {"x", "y"}
