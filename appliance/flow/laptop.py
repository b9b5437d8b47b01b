"""`provision install`: this laptop made the bridge by its playbook, and what takes it back."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance import advice
from appliance.boot.sockets import SERVICE_PORTS
from appliance.boot.unit import PREFIX
from appliance.bridge.inventory import Build, Laptop, OpenPort, inventory, undo_inventory
from appliance.errors import InputError, StepError
from appliance.flow.preflight import refuse_unless_root
from appliance.tools import data
from appliance.tools.ansible import LOCAL_ONLY, run_playbook
from appliance.tools.ansible_events import AnsibleEvent, Outcome
from appliance.tools.distributions import versions_of
from appliance.tools.interface import choose
from appliance.tools.process import run

_NAME = "bridgehead"
_UFW = Path("/etc/ufw/ufw.conf")
_FIREWALLD = Path("/run/firewalld.pid")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class InstallWish:
    """What the operator asked for. None and "": what this laptop has and offers."""

    interface: str = ""
    wheel: Path | None = None
    wheels_folder: Path | None = None
    packages_folder: Path | None = None


def install(wish: InstallWish, tell: Tell, stop: threading.Event, *, check: bool = False) -> int:
    """Make this laptop the bridge; give how many things changed, or would with `check`.

    Each is told. Raises PreflightError, InputError before anything is changed; StepError if a
    task fails: the same again continues, `take_back` undoes what was done.
    """
    refuse_unless_root("setting up the laptop needs root", why="it installs what runs as root")
    interface = wish.interface or choose()
    for line in other_firewalls(interface):
        tell(line)
    with _build(wish.wheel) as build:
        laptop = Laptop(
            interface=interface,
            build=build,
            wheels_folder=_folder(wish.wheels_folder),
            packages_folder=_folder(wish.packages_folder),
        )
        ports = [OpenPort(each.port, each.protocol, each.purpose) for each in SERVICE_PORTS]
        return _play("bridge.yml", inventory(laptop, ports), tell, stop, check=check)


def take_back(tell: Tell, stop: threading.Event) -> int:
    """Take back what `install` put on this laptop; what sites have left in its state stays.

    Gives how many things changed; each is told. Raises PreflightError, StepError.
    """
    refuse_unless_root("taking back the set-up of the laptop needs root", why="root set it up")
    # Ansible cannot take away what it runs from.
    inside = Path(sys.prefix) == PREFIX
    changed = _play("bridge_undo.yml", undo_inventory(keep_programs=inside), tell, stop)
    if inside:
        shutil.rmtree(PREFIX)
        tell(f"Remove {PREFIX}")
        changed += 1
    return changed


def other_firewalls(
    interface: str, *, ufw: Path = _UFW, firewalld: Path = _FIREWALLD
) -> Iterator[str]:
    """Say what the laptop's own firewall must be told: what it drops, nobody else lets in."""
    with_ours = "Bridgehead's own table still opens no more than its services"
    try:
        on = "ENABLED=yes" in ufw.read_text(encoding="utf-8").splitlines()
    except OSError:
        on = False
    if on:
        yield f"ufw is on: run 'ufw allow in on {interface}'; {with_ours}"
    if firewalld.exists():
        let = f"firewall-cmd --permanent --zone=trusted --change-interface={interface}"
        yield f"firewalld is on: run '{let}' and '--reload'; {with_ours}"


def _play(
    name: str,
    given: Mapping[str, Any],
    tell: Tell,
    stop: threading.Event,
    *,
    check: bool = False,
) -> int:
    def hear(event: AnsibleEvent) -> None:
        if event.outcome is Outcome.CHANGED:
            tell(event.task)

    # Not in the state folder, which is not there yet, or goes.
    folder = Path(tempfile.mkdtemp(prefix="bridgehead-"))
    result = run_playbook(
        data.path("playbooks") / name,
        given,
        folder=folder,
        ssh=LOCAL_ONLY,
        secret_vars={},
        on_event=hear,
        stop=stop,
        check=check,
    )
    result.raise_for_failure()
    if check and result.changed:
        tell(f"as differences of files: {result.log}")
    else:
        shutil.rmtree(folder)
    return result.changed


@contextmanager
def _build(wheel: Path | None) -> Iterator[Build | None]:
    """Give what is to be installed: that wheel, else this clone's, else nothing new."""
    if wheel is not None:
        if not wheel.is_file():
            raise InputError("there is no such file", where=str(wheel), fix="name a wheel")
        yield _read(wheel)
    elif Path(sys.prefix) == PREFIX:
        yield None
    else:
        with tempfile.TemporaryDirectory(prefix="bridgehead-wheel-") as folder:
            yield build_here(Path(folder))


def build_here(folder: Path) -> Build:
    """Build this clone's appliance into `folder`. Raises InputError, StepError."""
    return _read(_built(folder))


def _built(folder: Path) -> Path:
    hatchling = Path(sys.prefix) / "bin" / "hatchling"
    clone = data.path("pyproject.toml")
    if not (clone.exists() and hatchling.exists()):
        raise InputError(
            "which build of the appliance is to be installed?",
            why="this one runs neither from a clone nor from where it would be installed",
            fix=advice.name_wheel(),
        )
    done = run(
        ["env", "-C", str(clone.parent), str(hatchling), "build", "-t", "wheel", "-d", str(folder)],
        seconds=120,
    )
    found = sorted(folder.glob("*.whl"))
    if not done.ok or len(found) != 1:
        raise StepError("the appliance cannot be built", where=str(clone.parent), why=done.err)
    return found[0]


def _read(wheel: Path) -> Build:
    with wheel.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Build(str(wheel.absolute()), digest, versions_of(_NAME))


def _folder(path: Path | None) -> str:
    if path is None:
        return ""
    if not path.is_dir():
        raise InputError("there is no such folder", where=str(path), fix="name one that is there")
    return str(path.absolute())
