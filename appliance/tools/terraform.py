"""Terraform or OpenTofu as a program: short commands through python-terraform, long ones by hand.

Both go through one small script in the run folder, `terraform.sh`, which gives the program an
environment of our own and nothing of the caller's. python-terraform 0.10.1 cannot do that by
itself: it passes on either the whole environment or none of it. Measured, and seen to here:

- it reads the state file before and after each command and fails on a damaged one: it is told
  another name;
- it waits without a limit: `timeout` ends what does not end;
- at DEBUG it logs what the program said: its logger is silent here;
- it cannot stream, and its `apply` and `destroy` cannot be used: long commands are ours.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from python_terraform import Terraform as PythonTerraform

from appliance import advice
from appliance.errors import StepError
from appliance.tools.process import Result

_SCRIPT = "terraform.sh"
_PAUSE_SECONDS = 0.1
_NO_STATE_FILE = "none"
_ENDED_BY_TIMEOUT = (124, 137)

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits in seconds: to end when interrupted, when interrupted twice; to wait for a lock."""

    first: float = 120.0
    second: float = 20.0
    lock: int = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """How a long command ended. `interrupted`: we asked it to; `killed`: it had to be."""

    code: int
    err: str
    interrupted: bool = False
    killed: bool = False


class TerraformProgram:
    """One Terraform folder's program, always run inside that folder and with that environment."""

    def __init__(self, program: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self._program = program
        self._folder = folder
        self._environment = dict(environment)

    def write_script(self) -> Path:
        """Write the script that starts the program; an operator may use it by hand too.

        Raises StepError if the program is missing.
        """
        found = shutil.which(self._program)
        if found is None:
            raise StepError(
                f"Terraform is missing: there is no program {self._program}",
                fix=f"put terraform or tofu into the depot {advice.by_fetching()}, or install it",
            )
        words = [f"{name}={value}" for name, value in sorted(self._environment.items())]
        line = shlex.join(["exec", "env", "-i", *words, str(Path(found).absolute())])
        script = self._folder / _SCRIPT
        draft = script.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700)
        with os.fdopen(descriptor, "w") as file:
            file.write(
                f'#!/bin/sh\n# Terraform of this site, as Bridgehead runs it.\n{line} "$@"\n'
            )
        draft.replace(script)
        return script

    def once(self, command: str, *arguments: str, seconds: float = 60) -> Result:
        """Run a short command to its end, such as `show` with `-json`. Any exit code is an answer.

        Raises StepError if it does not end within `seconds`.
        """
        # At a code other than 0 it calls `Logger.warn`, deprecated since Python 3.3.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"python_terraform\Z")
        logging.getLogger("python_terraform").disabled = True
        logging.getLogger("python_terraform.tfstate").disabled = True
        # Its own name for the program, put before the command, is split at no blank; the command
        # is. `timeout` makes a process group, so that Ctrl-C reaches us alone.
        limited = PythonTerraform(
            working_dir=str(self._folder),
            state=_NO_STATE_FILE,
            terraform_bin_path=shutil.which("timeout") or "timeout",
            is_env_vars_included=False,
        )
        words = f"--signal=INT --kill-after=10 {seconds:g} ./{_SCRIPT} {command}"
        code, out, err = limited.cmd(words, *arguments)
        if code in _ENDED_BY_TIMEOUT:
            raise StepError(
                f"'terraform {command}' did not end within {seconds:g} s",
                why=last_line(err or out),
                fix="run again to continue",
            )
        return Result(int(code), str(out), str(err))

    def stream(
        self,
        arguments: Sequence[str],
        log: Path,
        on_line: OnLine,
        stop: Callable[[], bool],
        patience: Patience,
    ) -> Ended:
        """Run a long command, giving each line it writes to `on_line` as it comes.

        What it writes goes to the file `log` and is read from there: so it neither blocks on a
        reader that is slow, nor dies of one that is gone. Once `stop` says so it is interrupted,
        a second time after `patience.first` seconds, and killed `patience.second` later. If this
        process dies, it is interrupted too (`setpriv --pdeathsig`), and ends as cleanly.
        """
        errors = log.with_suffix(".stderr")
        with _fresh(log) as out, _fresh(errors) as err:
            process = subprocess.Popen(  # noqa: TID251 - watched while it runs
                [*_dying_with_us(), f"./{_SCRIPT}", *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # Ctrl-C in our terminal is ours: twice ends it at once
            )
        ending = _Ending(process, stop, patience)
        try:
            with log.open("rb") as stream:
                _follow(stream.readline, on_line, ending)
        finally:
            ending.kill_what_is_left()
        words = errors.read_text(errors="replace")
        return Ended(process.returncode, words, ending.interrupts > 0, ending.killed)


class _Ending:
    """Sees to it that a process ends: asked, asked again, killed."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],  # noqa: TID251 - its type
        stop: Callable[[], bool],
        patience: Patience,
    ) -> None:
        self._process = process
        self._stop = stop
        self._limits = (patience.first, patience.second)
        self._next = 0.0
        self.interrupts = 0
        self.killed = False

    def has_ended(self) -> bool:
        """Look whether it has ended; if it was to be stopped, ask it, or see to it."""
        # Not reaped before its group is ended: until then its number cannot be another's.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if (
            self._process.returncode is not None
            or os.waitid(os.P_PID, self._process.pid, flags) is not None
        ):
            return True
        if time.monotonic() >= self._next and self._stop():
            self._ask()
        return False

    def _ask(self) -> None:
        if self.interrupts == len(self._limits):
            self.kill_what_is_left()
            self.killed = True
            return
        # Terraform alone is asked: its providers end when it tells them to.
        self._process.send_signal(signal.SIGINT)
        self._next = time.monotonic() + self._limits[self.interrupts]
        self.interrupts += 1

    def kill_what_is_left(self) -> None:
        """End the process and whatever it started, at once; a second time does nothing."""
        if self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _follow(read_line: Callable[[], bytes], on_line: OnLine, ending: _Ending) -> None:
    """Give every whole line of a growing file, and at the end what is left of one."""
    rest = b""
    while True:
        last = ending.has_ended()  # asked before reading: what it wrote until then is there
        while piece := read_line():
            rest += piece
            if rest.endswith(b"\n"):
                on_line(rest.decode("utf-8", "replace"))
                rest = b""
        if last:
            break
        time.sleep(_PAUSE_SECONDS)
    if rest:
        on_line(rest.decode("utf-8", "replace"))


def _fresh(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _dying_with_us() -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "INT") if setpriv else ()


def last_line(text: str) -> str:
    """Give the last line that says something, "" where none does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
