"""What the tests of the root module are made of."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from appliance.lab import releases
from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.sim import HarvesterSim
from appliance.site.artifact_names import PROVIDER_SOURCE, provider_files
from appliance.vms.driver import Driver
from appliance.vms.events import TfEvent

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "terraform"
MIB = 1 << 20
NETWORK_DATA = "version: 2\nethernets: {}\n"


def programs() -> list[str]:
    """Name those of the two programs that are here; set-up sees to one at least."""
    path = f"{os.environ.get('PATH', '')}:{ROOT / '.venv' / 'bin'}"
    found = [shutil.which(name, path=path) for name in ("terraform", "tofu")]
    return [each for each in found if each]


def make_mirror(folder: Path, version: str) -> Path:
    """Lay the provider's release out as a filesystem mirror.

    Where BRIDGEHEAD_HARVESTER_PROVIDER names upstream's own program, that one is tested instead.
    """
    upstream = os.environ.get("BRIDGEHEAD_HARVESTER_PROVIDER", "")
    if upstream:
        place = folder / "mirror" / PROVIDER_SOURCE / version / "linux_amd64"
        place.mkdir(parents=True)
        target = place / f"terraform-provider-harvester_v{version}"
        shutil.copyfile(upstream, target)
        target.chmod(0o755)
        return folder / "mirror"
    releases.write_provider(folder, version)
    place = folder / "mirror" / PROVIDER_SOURCE / version / "linux_amd64"
    with zipfile.ZipFile(folder / provider_files(version).archive) as archive:
        archive.extractall(place)
    for path in place.iterdir():
        path.chmod(0o755)
    return folder / "mirror"


@dataclass(slots=True)
class Folder:
    """The root module in a folder of its own, with the surroundings that the program is given."""

    path: Path
    program: Path
    environment: dict[str, str]

    def run(self, *words: str, good: tuple[int, ...] = (0,)) -> str:
        """Run a command; give all it said. Fails where it ends otherwise than expected."""
        done = subprocess.run(
            [self.program, *words],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode in good, done.stdout + done.stderr
        return done.stdout + done.stderr


class Files(SimpleHTTPRequestHandler):
    """HEAD, and the first octets: what Harvester asks of who serves an image."""

    def do_GET(self) -> None:
        """Answer 206 to who asks for a part, the whole to others."""
        wanted = self.headers.get("Range", "")
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            super().do_GET()
            return
        first, last = wanted.removeprefix("bytes=").split("-")
        content = path.read_bytes()[int(first) : int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class Served:
    """An image behind a URL."""

    url: str
    sha512: str
    octets: int


def give_user_data(sim: HarvesterSim, name: str) -> None:
    """Make the Secret that a machine's user data comes from, as the flow does before an apply."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"userdata": "I2Nsb3VkLWNvbmZpZwo="},
    }
    sim.store.create(kinds.SECRET, secret)


@dataclass(slots=True)
class Site:
    """A site's Terraform, driven as the product drives it."""

    driver: Driver
    stop: threading.Event
    events: list[TfEvent] = field(default_factory=list)


def variables(image: Served, **machines: dict[str, Any]) -> dict[str, Any]:
    """Give the module's variables: one image, one network, these machines."""
    return {
        "site_id": "alpha",
        "images": {"blank": {"url": image.url, "sha512": image.sha512}},
        "networks": {"main": {"cidr": "10.20.0.0/24", "gateway": "10.20.0.1"}},
        "vms": machines,
        "timeouts": {"image": "1m", "network": "1m", "secret": "1m", "machine": "1m"},
    }


def machine(**said: Any) -> dict[str, Any]:
    """Give one machine: as small as the lab starts one, from the image, unless said otherwise."""
    return {
        "kind": "plain",
        "cpus": 1,
        "memory": 128 * MIB,
        "disk": 128 * MIB,
        "network": "main",
        "mac": "02:00:00:00:00:01",
        "image": "blank",
        "efi": False,
        **said,
    }
