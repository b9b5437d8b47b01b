"""The folder Terraform works in: what is written there, and how its state is kept from harm.

Terraform writes its state file in place: a power cut in that moment leaves half of one. So there
is a numbered copy from before each apply, and a torn file is replaced by the newest good one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from appliance.errors import StepError
from appliance.tools.whole_file import whole

STATE = "terraform.tfstate"
PLAN = "site.tfplan"
DRIFT_PLAN = "drift.tfplan"
APPLY_LOG = "apply.jsonl"
ADOPTION = "adopt.tf.json"
KEPT_BACKUPS = 20

_VARIABLES = "terraform.tfvars.json"
_CLI_CONFIG = "terraform.rc"
_LOCK_FILE = ".terraform.lock.hcl"
_BACKUPS = "backups"
_HOPELESS = "hopeless.json"
_MODULES = "modules"
_FLOCK = "hhqqi4x"  # struct flock on 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(folder: Path, kubeconfig: Path) -> dict[str, str]:
    """Give all that Terraform and its provider see of the surroundings: nothing of the caller's."""
    return {
        "CHECKPOINT_DISABLE": "1",
        "HOME": str(folder.absolute()),
        "KUBECONFIG": str(kubeconfig.absolute()),
        "LANG": "C.UTF-8",
        "NO_PROXY": "*",
        "PATH": _PATH,
        "TF_CLI_CONFIG_FILE": str(folder.absolute() / _CLI_CONFIG),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }


class RunFolder:
    """The files of one site's Terraform folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def state(self) -> Path:
        """Terraform's state file."""
        return self.path / STATE

    def make(self, modules: Path, mirror: Path, variables: Mapping[str, Any]) -> None:
        """Write the module, the CLI configuration and the variables, in place of what was there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.chmod(0o700)
            self._copy(modules)
            # The depot vouches for the provider; a lock of an earlier build would refuse a new one.
            (self.path / _LOCK_FILE).unlink(missing_ok=True)
            (self.path / ADOPTION).unlink(missing_ok=True)
            write_private(self.path / _CLI_CONFIG, _cli_config(mirror))
            write_private(self.path / _VARIABLES, json.dumps(variables, indent=1, sort_keys=True))
        except OSError as error:
            raise StepError(
                "Terraform's folder cannot be written",
                where=str(self.path),
                why=str(error),
                fix="run as root, and make room on this laptop's disk",
            ) from error

    def _copy(self, modules: Path) -> None:
        for old in self.path.glob("*.tf"):
            old.unlink()
        shutil.rmtree(self.path / _MODULES, ignore_errors=True)
        for new in modules.glob("*.tf"):
            shutil.copyfile(new, self.path / new.name)
        if (modules / _MODULES).is_dir():
            shutil.copytree(modules / _MODULES, self.path / _MODULES)

    def adopt(self, ids: Mapping[str, str]) -> None:
        """Have the next plan take over what is there: addresses to ids; nothing if there are none.

        Import blocks (Terraform 1.5, OpenTofu 1.6) are part of the plan, and shown with it.
        """
        if not ids:
            (self.path / ADOPTION).unlink(missing_ok=True)
            return
        blocks = [{"to": address, "id": each} for address, each in sorted(ids.items())]
        write_private(self.path / ADOPTION, json.dumps({"import": blocks}, indent=1))

    def note_hopeless(self, words: Iterable[str]) -> None:
        """Note what the last apply was given up for, for the next plan."""
        write_private(self.path / _HOPELESS, json.dumps(sorted(words)))

    def hopeless(self) -> tuple[str, ...]:
        """Give what the last apply was given up for."""
        path = self.path / _HOPELESS
        return tuple(json.loads(path.read_text())) if path.exists() else ()

    def back_up(self) -> Path | None:
        """Copy the state under the next number; the oldest beyond `KEPT_BACKUPS` go."""
        if not self.state.exists():
            return None
        folder = self.path / _BACKUPS
        folder.mkdir(exist_ok=True, mode=0o700)
        copies = self._numbered(folder)
        copy = folder / f"{STATE}.{max(copies, default=0) + 1}"
        write_private(copy, self.state.read_text())
        for number in sorted(copies, reverse=True)[KEPT_BACKUPS - 1 :]:
            copies[number].unlink()
        return copy

    def mend_state(self) -> tuple[str, ...]:
        """Replace a torn state file by its newest good copy; say what was done, a line each.

        What was made since that copy is taken over by the next plan, not made twice.
        """
        if not self.state.exists() or _is_state(self.state):
            return ()
        torn = self.state.with_suffix(".torn")
        self.state.replace(torn)
        for copy in self._copies():
            if _is_state(copy):
                write_private(self.state, copy.read_text())
                name = copy.relative_to(self.path)
                return (f"Terraform's state was torn; its copy {name} is used instead",)
        return ("Terraform's state was torn and there is no good copy: it is built up anew",)

    def _copies(self) -> Iterable[Path]:
        yield self.path / f"{STATE}.backup"  # Terraform's own, from before its last write
        copies = self._numbered(self.path / _BACKUPS)
        yield from (copies[number] for number in sorted(copies, reverse=True))

    @staticmethod
    def _numbered(folder: Path) -> dict[int, Path]:
        return {
            int(path.suffix[1:]): path
            for path in folder.glob(f"{STATE}.*")
            if path.suffix[1:].isdigit()
        }

    def plan_digest(self, name: str = PLAN) -> str:
        """Give the SHA-256 of a plan file, "" where there is none."""
        path = self.path / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""

    def lock_holder(self) -> str:
        """Say which process holds the state's lock, "" where none does.

        Terraform locks the file itself (fcntl): the kernel knows the holder, and lets go of the
        lock when it dies, whatever `.terraform.tfstate.lock.info` still says.
        """
        try:
            with self.state.open("rb") as file:
                asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                told = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
        except OSError:
            return ""
        return "" if told[0] == fcntl.F_UNLCK else f"process {told[4]}"


def write_private(path: Path, text: str) -> None:
    """Write a file for our eyes only, whole or not at all."""
    with whole(path) as file:
        file.write(text.encode())


def _cli_config(mirror: Path) -> str:
    """Give the CLI configuration: providers come from the mirror and from nowhere else."""
    place = json.dumps(str(mirror.absolute())).replace("${", "$${").replace("%{", "%%{")
    return (
        "disable_checkpoint = true\n"
        "provider_installation {\n"
        "  filesystem_mirror {\n"
        f"    path = {place}\n"
        "  }\n"
        "}\n"
    )


def _is_state(path: Path) -> bool:
    """Whether it is a whole state file. An empty one is what Terraform leaves by locking first."""
    try:
        text = path.read_text()
        return not text or "version" in json.loads(text)
    except (OSError, ValueError, TypeError):
        return False
