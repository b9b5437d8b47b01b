"""The root module as a site has it: the real program, a mirror, no network, an API to speak to."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim.accounts import kubeconfig
from appliance.lab.harvester_sim.sim import HarvesterSim, SimOptions
from appliance.vms.driver import Driver
from appliance.vms.events import TfEvent
from tests.terraform.parts import MODULE, Files, Folder, Served, Site, make_mirror, programs


@pytest.fixture(params=programs() or [""], ids=lambda path: Path(path).name or "none")
def program(request: pytest.FixtureRequest) -> Path:
    """Give Terraform, then OpenTofu: whichever are here."""
    assert request.param, "neither terraform nor tofu is here: run .ci/set-up --lab"
    return Path(request.param)


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a mirror with the provider for Harvester 1.8."""
    return make_mirror(tmp_path_factory.mktemp("release"), "1.8.1")


@pytest.fixture
def folder(tmp_path: Path, program: Path, mirror: Path) -> Folder:
    """Give the root module, initialized from the mirror alone."""
    path = tmp_path / "module"
    shutil.copytree(MODULE, path)
    config = tmp_path / "terraform.rc"
    config.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
    )
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TF_CLI_CONFIG_FILE": str(config),
        "CHECKPOINT_DISABLE": "1",
        "NO_PROXY": "*",
    }
    made = Folder(path, program, environment)
    made.run("init", "-no-color", "-input=false")
    return made


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a small disk image with nothing on it."""
    folder = tmp_path_factory.mktemp("images")
    path = folder / "blank.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "64M"], check=True)

    def handler(*given: Any) -> Files:
        return Files(*given, directory=str(folder))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Served(
            f"http://127.0.0.1:{server.server_address[1]}/{path.name}",
            hashlib.sha512(path.read_bytes()).hexdigest(),
            path.stat().st_size,
        )
        server.shutdown()


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[HarvesterSim]:
    """Give the API's stand-in, with its own TLS and no hypervisor beneath."""
    options = SimOptions(tmp_path / "sim", tmp_path / "place", tls=True, retry_pause_s=0.2)
    with HarvesterSim(options) as started:
        yield started


@pytest.fixture
def site(tmp_path: Path, program: Path, mirror: Path, sim: HarvesterSim) -> Site:
    """Give a driver whose kubeconfig leads to the stand-in of the API."""
    _, token = sim.accounts.new_token("test")
    path = tmp_path / "kubeconfig"
    path.touch(mode=0o600)
    ca = base64.b64encode((tmp_path / "sim" / "tls.crt").read_bytes())
    path.write_text(kubeconfig(sim.url, token, ca))
    stop = threading.Event()
    events: list[TfEvent] = []
    driver = Driver(tmp_path / "terraform", program, mirror, path, events.append, stop)
    return Site(driver, stop, events)
