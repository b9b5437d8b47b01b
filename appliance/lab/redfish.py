"""BMCs for machines of libvirt: sushy-tools' Redfish emulator, with TLS and a password.

It is a program of its own (OpenStack's), a foreign partner for `appliance.power`. One process
answers for all machines of the site, and for no other machine of this computer.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from appliance.errors import PreflightError
from appliance.lab.harvester_sim.server import certified
from appliance.tools.private_file import write_private

DEBIAN_PYTHON = Path("/usr/lib/python3/dist-packages")
"""Where Debian's python3-libvirt is: the index has it as source only."""
_LIBVIRT = ("libvirt.py", "libvirtmod*.so")


@dataclass(frozen=True, slots=True)
class RedfishPlace:
    """Where the emulator runs and whom it switches.

    `systems` are the domains' UUIDs, which are also the Redfish systems' Ids. `uri` is libvirt's.
    """

    folder: Path
    address: str
    port: int
    uri: str
    user: str
    systems: Sequence[str]

    @property
    def configuration(self) -> Path:
        """The emulator's own configuration, which is a Python file."""
        return self.folder / "emulator.conf"

    @property
    def log(self) -> Path:
        """What it says, each request with its answer."""
        return self.folder / "emulator.log"

    def settings(self) -> Mapping[str, object]:
        """Give its settings (sushy-tools, doc/source/admin/emulator.conf)."""
        return {
            "SUSHY_EMULATOR_LISTEN_IP": self.address,
            "SUSHY_EMULATOR_LISTEN_PORT": self.port,
            "SUSHY_EMULATOR_SSL_CERT": str(self.folder / "tls.crt"),
            "SUSHY_EMULATOR_SSL_KEY": str(self.folder / "tls.key"),
            "SUSHY_EMULATOR_AUTH_FILE": str(self.folder / "users"),
            "SUSHY_EMULATOR_LIBVIRT_URI": self.uri,
            "SUSHY_EMULATOR_ALLOWED_INSTANCES": list(self.systems),
        }

    def words(self) -> list[str]:
        """Give the command line."""
        program = Path(sys.prefix) / "bin" / "sushy-emulator"
        return [str(program), "--config", str(self.configuration)]

    def environment(self) -> dict[str, str]:
        """Give its environment: libvirt's binding, and its notes beside everything else."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(self.folder / "python"),
            "TMPDIR": str(self.folder),
        }

    def answers(self) -> bool:
        """Say whether its door is open."""
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1):
            return True
        return False


def furnish(place: RedfishPlace, password: str, *, debian: Path = DEBIAN_PYTHON) -> None:
    """Write all that the emulator reads: settings, certificate, user, libvirt's binding.

    Raises PreflightError where the binding is missing or is another Python's.
    """
    place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _bind(place.folder / "python", debian)
    certified(place.folder, (place.address,))
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()
    write_private(place.folder / "users", f"{place.user}:{hashed}\n".encode())
    lines = (f"{name} = {value!r}\n" for name, value in place.settings().items())
    place.configuration.write_text("".join(lines), encoding="utf-8")


def _bind(folder: Path, debian: Path) -> None:
    """Take libvirt's binding out of Debian's Python, and nothing else that is installed there."""
    wanted = f"cpython-{sys.version_info[0]}{sys.version_info[1]}-"
    found = [path for name in _LIBVIRT for path in sorted(debian.glob(name))]
    if not any(wanted in path.name for path in found):
        raise PreflightError(
            "libvirt cannot be spoken to from this Python",
            where=str(debian),
            why=f"there is no binding for Python {sys.version_info[0]}.{sys.version_info[1]}",
            fix="run '.ci/set-up --vagrant', with Debian's own Python in .venv",
        )
    folder.mkdir(exist_ok=True)
    for path in found:
        link = folder / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(path)
