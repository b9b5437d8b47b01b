"""Scripts run as processes in a network namespace: there /sys shows that namespace's interfaces."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from tests.namespaces import Pair, ip, veth_pair

_ROOT = Path(__file__).resolve().parents[3]
_ADDRESS = IPv4Interface("10.20.0.2/24")

_PREAMBLE = """
import json
from pathlib import Path
from appliance.errors import BridgeheadError
from appliance.flow.context import Options
from tests.plans import machine, plan
from tests.unit.flow.support import Ticks, context_in
from appliance.tools.clock import Clock
FOLDER, INTERFACE = Path({folder!r}), {interface!r}
def say(**values):
    print(json.dumps(values), flush=True)
def refusal(call, *arguments):
    try:
        call(*arguments)
    except BridgeheadError as error:
        return error.as_dict()
    return None
"""


@dataclass(frozen=True, slots=True)
class Laptop:
    """A namespace with an interface of its own; `pair.client` is the other end of the cable."""

    pair: Pair
    folder: Path

    @property
    def interface(self) -> str:
        """The provisioning interface."""
        return self.pair.server_interface

    def run(self, script: str) -> dict[str, Any]:
        """Run a script there; give the JSON that it said last."""
        preamble = _PREAMBLE.format(folder=str(self.folder), interface=self.interface)
        done = subprocess.run(
            ["ip", "netns", "exec", self.pair.server, sys.executable, "-c", preamble + script],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said

    def link(self, *words: str) -> None:
        """Change the interface."""
        ip("-n", self.pair.server, "link", "set", self.interface, *words)

    def far_link(self, *words: str) -> None:
        """Change the other end."""
        ip("-n", self.pair.client, "link", "set", self.pair.client_interface, *words)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that the boot process, which is not root, can reach: pytest's own it cannot."""
    folder = Path(tempfile.mkdtemp(prefix="bh-unit-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def laptop(address: IPv4Interface = _ADDRESS) -> Iterator[Laptop]:
    """Make a laptop that lives in a namespace."""
    with veth_pair(address) as pair, open_folder() as folder:
        yield Laptop(pair, folder)
