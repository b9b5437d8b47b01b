"""Ansible, through ansible-runner: a playbook's run as a stream of typed events and one result.

What is secret (the private key, secret variables) lies in a folder in memory for the time of the
run; neither the command line nor the environment holds any of it, because ansible-runner writes
both to disk. Every host must show the key that is known of it. Nothing beside ansible-core is
needed, and nothing of the laptop's own Ansible or SSH set-up is read.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_runner.interface import init_runner

from appliance.errors import DeadlineError, StepError, StopRequestedError
from appliance.tools import process
from appliance.tools.ansible_events import AnsibleEvent, HostCounts, read_event, read_stats
from appliance.tools.redact import Redactor
from appliance.tools.secret_folder import secret_folder, write_secret
from appliance.values import Secret

KEPT_LOGS = 5
MAX_FORKS = 50
_LIMIT_S = 3600.0
_GRACE_S = 10.0
_LONGEST_SOCKET = 107
_SOCKET_NAME = 60
"""What OpenSSH makes of `%C`, and the suffix of the moment in which it makes the socket."""

_OWN_ENVIRONMENT = ("PATH", "HOME", "TZ", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class SshAccess:
    """How every host is reached: as whom, with which key, and the lines of known_hosts."""

    user: str
    private_key: Secret
    known_hosts: str


LOCAL_ONLY = SshAccess(user="root", private_key=Secret(""), known_hosts="")
"""Where the only host is this one (`ansible_connection: local`): nothing is reached by SSH."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first task that failed; host is "" where Ansible itself could not go on."""

    host: str
    task: str
    message: str

    def __str__(self) -> str:
        place = f"{self.host}: " if self.host else ""
        return f"{place}{self.task!r} failed: {self.message}"


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """What became of each host, and the first failure if there was one."""

    hosts: Mapping[str, HostCounts]
    failures: tuple[Failure, ...]
    seconds: float
    log: Path

    @property
    def failure(self) -> Failure | None:
        """The first that failed, which is the one to look at."""
        return self.failures[0] if self.failures else None

    @property
    def changed(self) -> int:
        """How many tasks changed something, on all hosts together."""
        return sum(each.changed for each in self.hosts.values())

    def raise_for_failure(self, fix: str = "") -> None:
        """Raise StepError in one sentence if anything failed: the host, the task, why."""
        if self.failure is None:
            return
        first = self.failure
        others = sorted({each.host for each in self.failures[1:]} - {first.host})
        also = f"; also failed: {', '.join(others)}" if others else ""
        raise StepError(
            f"the task '{first.task}' failed{also}",
            where=first.host or "ansible",
            why=first.message,
            fix=fix or f"see to it and run again to continue; all of it is in {self.log}",
        )


def run_playbook(  # noqa: PLR0913 - a playbook's run has that many sides
    playbook: Path,
    inventory: Mapping[str, Any],
    *,
    folder: Path,
    ssh: SshAccess,
    secret_vars: Mapping[str, Secret],
    on_event: Callable[[AnsibleEvent], None],
    stop: threading.Event,
    check: bool = False,
    seconds: float = _LIMIT_S,
    tags: str = "",
    limit: str = "",
) -> PlaybookResult:
    """Run a playbook to its end. `folder` keeps the logs of the last runs, without secrets.

    `on_event` is called on the caller's thread. A task that failed is in the result, not raised.
    Raises StopRequestedError once `stop` is set, DeadlineError after `seconds`, StepError if
    Ansible is not there or cannot make sense of the playbook.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    redactor = Redactor([ssh.private_key, *secret_vars.values()])
    with secret_folder(folder) as private, _furnished(private, playbook, ssh, inventory):
        extra = {name: secret.reveal() for name, secret in secret_vars.items()}
        write_secret(private / "vars.json", Secret(json.dumps(extra)))
        words = ["-e", f"@{private / 'vars.json'}"]
        words += ["--check", "--diff"] if check else []
        words += ["--tags", tags] if tags else []
        words += ["--limit", limit] if limit else []
        run = _Run(playbook, private, folder, words, redactor)
        return run.to_the_end(on_event, stop, seconds)


@contextmanager
def _furnished(
    private: Path, playbook: Path, ssh: SshAccess, inventory: Mapping[str, Any]
) -> Iterator[None]:
    """Write all that Ansible reads; at the end close the SSH sessions it left open."""
    sockets = private / "c"
    for each in (sockets, private / "tmp", private / "home", private / "artifacts"):
        each.mkdir(mode=0o700)
    key = ssh.private_key.reveal()
    write_secret(private / "key", Secret(key if key.endswith("\n") else f"{key}\n"))
    (private / "known_hosts").write_text(ssh.known_hosts)
    (private / "inventory.json").write_text(json.dumps(inventory))
    (private / "ansible.cfg").write_text(settings(private, playbook, ssh.user, inventory))
    try:
        yield
    finally:
        for socket in sockets.glob("*"):
            with suppress(StepError):
                process.run(
                    ["ssh", "-F", "/dev/null", "-O", "exit", "-o", f"ControlPath={socket}", "none"]
                )


def settings(private: Path, playbook: Path, user: str, inventory: Mapping[str, Any]) -> str:
    """Give ansible.cfg. Pure. `private` holds key, known_hosts and the sockets of the sessions."""
    shared = len(str(private / "c")) + 1 + _SOCKET_NAME <= _LONGEST_SOCKET
    session = "-o ControlMaster=auto -o ControlPersist=60s" if shared else "-o ControlMaster=no"
    options = (
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={private / 'known_hosts'}",
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "PreferredAuthentications=publickey",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
        "LogLevel=ERROR",
    )
    sections: dict[str, dict[str, object]] = {
        "defaults": {
            "remote_user": user,
            "private_key_file": private / "key",
            "host_key_checking": True,
            "forks": min(MAX_FORKS, max(5, len(host_names(inventory)))),
            "gathering": "explicit",
            # Looking for an interpreter costs each host a second; Debian and Ubuntu have this one.
            "interpreter_python": "/usr/bin/python3",
            "inject_facts_as_vars": False,
            "timeout": 30,
            "roles_path": playbook.parent / "roles",
            "collections_path": private / "home",
            "local_tmp": private / "tmp",
            "deprecation_warnings": False,
            "nocows": True,
        },
        "ssh_connection": {
            "pipelining": True,
            # `dd` through the session that is open: no SFTP server has to be started.
            "transfer_method": "piped",
            "ssh_args": f"-F /dev/null {session} " + " ".join(f"-o {each}" for each in options),
            "control_path_dir": private / "c",
            "control_path": "%(directory)s/%%C",
            "retries": 2,
        },
    }
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        for name, keys in sections.items()
    )


def host_names(inventory: Mapping[str, Any]) -> frozenset[str]:
    """Give the names of all hosts of an inventory in YAML's form. Pure."""
    found: set[str] = set()
    for group in inventory.values():
        found |= set(group.get("hosts") or {})
        found |= host_names(group.get("children") or {})
    return frozenset(found)


class _Run:
    """One run of ansible-playbook: a worker thread drives it, the caller's thread listens."""

    def __init__(
        self, playbook: Path, private: Path, folder: Path, words: list[str], redactor: Redactor
    ) -> None:
        self._private = private
        self._folder = folder
        self._redactor = redactor
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._kill = threading.Event()
        self._failures: list[Failure] = []
        self._hosts: Mapping[str, HostCounts] = {}
        self._broke: list[BaseException] = []
        self._ident = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{private.name}"
        self._runner = self._prepare(playbook.resolve(), words)

    def _prepare(self, playbook: Path, words: list[str]) -> Any:
        runner = init_runner(
            private_data_dir=str(self._private),
            artifact_dir=str(self._private / "artifacts"),
            project_dir=str(playbook.parent),
            playbook=str(playbook),
            inventory=str(self._private / "inventory.json"),
            cmdline=" ".join(words),
            ident=self._ident,
            rotate_artifacts=1,
            fact_cache_type="memory",
            quiet=True,
            suppress_env_files=True,
            envvars={"ANSIBLE_CONFIG": str(self._private / "ansible.cfg")},
            event_handler=self._heard,
            # Without one it takes over SIGINT and SIGTERM (ansible_runner.utils.signal_handler).
            cancel_callback=self._kill.is_set,
        )
        runner.config.env = self._environment(runner.config.env)
        # Given as an argument it is dropped where there is no settings file (ansible-runner 2.4.3).
        runner.config.pexpect_timeout = 0.5
        runner.config.command = self._command(runner.config.command)
        return runner

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Keep what ansible-runner adds and what programs need; the rest may hold anything."""
        own = ("ANSIBLE_CALLBACK", "ANSIBLE_STDOUT", "AWX_", "RUNNER_")
        kept = {
            name: value
            for name, value in env.items()
            if name in _OWN_ENVIRONMENT
            or (name.startswith(own) and (name not in os.environ or value != os.environ[name]))
        }
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', os.defpath)}"
        return kept | {
            "ANSIBLE_CONFIG": str(self._private / "ansible.cfg"),
            "ANSIBLE_HOME": str(self._private / "home"),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }

    def _command(self, command: list[str]) -> list[str]:
        """Have ansible-playbook die with us, and tell its process id."""
        program = Path(sys.executable).parent / "ansible-playbook"
        if not program.exists():
            raise StepError(
                "ansible-playbook is not installed",
                where=str(program),
                fix="run the set-up of this laptop again",
            )
        tell = 'echo $$ >"$0"; exec "$@"'
        pid = str(self._private / "pid")
        own = ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", tell, pid]
        return [*own, str(program), *command[1:]]

    def _heard(self, event: dict[str, Any]) -> bool:
        self._events.put(event)
        return False  # nothing of it is to be kept on disk

    def _work(self) -> None:
        try:
            self._runner.run()
        except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
            self._broke.append(error)

    # --- the caller's thread

    def to_the_end(
        self, on_event: Callable[[AnsibleEvent], None], stop: threading.Event, seconds: float
    ) -> PlaybookResult:
        """Pass events on until the run is over or must be."""
        began = time.monotonic()
        late = False
        worker = threading.Thread(target=self._work, name="ansible", daemon=True)
        worker.start()
        try:
            while worker.is_alive():
                self._pass_on(on_event, 0.2)
                late = time.monotonic() - began > seconds
                if stop.is_set() or late:
                    break
            else:
                self._pass_on(on_event, 0)
        finally:
            self._end(worker)
            log = self._keep_log()
        if stop.is_set():
            raise StopRequestedError("stopped as asked", fix="run again to continue")
        took = time.monotonic() - began
        if late:
            raise DeadlineError(
                "the playbook did not end in time", why=f"{seconds:g} s", fix=f"look into {log}"
            )
        return self._result(took, log)

    def _pass_on(self, on_event: Callable[[AnsibleEvent], None], wait: float) -> None:
        """Hand over the events that are there, after at most `wait` seconds for the first."""
        while True:
            try:
                raw = self._events.get(timeout=wait) if wait else self._events.get_nowait()
            except queue.Empty:
                return
            wait = 0
            if raw.get("event") == "playbook_on_stats":
                self._hosts = read_stats(raw)
            event = read_event(raw, self._redactor)
            if event is None:
                continue
            if event.outcome.is_failure:
                self._failures.append(Failure(event.host, event.task, event.message))
            on_event(event)

    def _end(self, worker: threading.Thread) -> None:
        """Interrupt what still runs, as Ctrl-C would; kill it after a grace."""
        if worker.is_alive():
            with suppress(OSError, ValueError):
                os.kill(int((self._private / "pid").read_text()), signal.SIGINT)
            worker.join(_GRACE_S)
        # Set also when the worker has ended by itself: it is harmless then.
        if worker.is_alive():
            self._kill.set()
            worker.join()

    def _keep_log(self) -> Path:
        """Keep what Ansible said, redacted, and only the last few runs of it."""
        log = self._folder / f"{self._ident}.log"
        said = self._said()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(said)
        for old in sorted(self._folder.glob("*.log"))[:-KEPT_LOGS]:
            old.unlink(missing_ok=True)
        return log

    def _said(self) -> str:
        path = self._private / "artifacts" / self._ident / "stdout"
        try:
            return self._redactor.text(path.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return ""

    def _result(self, seconds: float, log: Path) -> PlaybookResult:
        if self._broke:
            raise StepError(
                "Ansible broke off", why=self._redactor.text(repr(self._broke[0])), where=str(log)
            ) from self._broke[0]
        if self._runner.rc != 0 and not self._failures:
            raise StepError(
                "Ansible could not run the playbook",
                where=str(log),
                why=_last_error(self._said()) or f"it ended with {self._runner.rc}",
                fix="look into that file",
            )
        return PlaybookResult(self._hosts, tuple(self._failures), seconds, log)


def _last_error(said: str) -> str:
    """Give what Ansible called an error, else its last words."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("[ERROR]", "ERROR!", "error:"))]
    return (errors or lines or [""])[-1][:500]
