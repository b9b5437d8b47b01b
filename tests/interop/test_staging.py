"""The staging machine's bundle under Debian's own Python, asked by foreign clients."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from appliance.lab import releases, site_image
from appliance.site.artifact_names import registry_files
from appliance.staging import bundle
from appliance.staging.config import FillConfig, ImageSource, StagedFile
from appliance.staging.fill import writable_registry
from appliance.staging.inventory import serve_config
from appliance.staging.proof import prove
from appliance.staging.push import push
from appliance.staging.registry_settings import registry_settings
from appliance.tools.cache import cache_folder
from tests.namespaces import Pair, inside, ip, veth_pair
from tests.staged import staged

pytestmark = pytest.mark.root

PLAN = staged(images=(site_image.ARCHIVE,))
NAMES = ("rke2.linux-amd64.tar.gz", "kubectl-v1.36.3-linux-amd64")
PYTHON = "/usr/bin/python3"
PATIENCE = 30.0


@dataclass
class Site:
    """A laptop's end and the staging machine's end of a cable."""

    pair: Pair
    folder: Path
    files: dict[str, StagedFile]

    def ask(self, *words: str) -> str:
        """Run a foreign client at the laptop's end; give what it says."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.pair.client, *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def started(self, *words: str, **environment: str) -> Iterator[None]:
        """Run a program at the staging machine's end."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.pair.server, *words],
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)

    def until_it_listens(self, port: int) -> None:
        """Wait for a port at the staging machine's end."""
        end = time.monotonic() + PATIENCE
        words = ["ip", "netns", "exec", self.pair.server, "ss", "-Hltn", f"sport = :{port}"]
        while not subprocess.run(words, capture_output=True, check=True).stdout:
            assert time.monotonic() < end, f"nobody listens on {port}"
            time.sleep(0.05)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The services run from the unpacked bundle, with nothing of this environment."""
    needs(PYTHON)
    files = {}
    for name in NAMES:
        (tmp_path / name).write_bytes(name.encode())
        files[name] = StagedFile(name, len(name), hashlib.sha256(name.encode()).hexdigest())
    config = replace(serve_config(PLAN, files), folder=str(tmp_path))
    (tmp_path / "staging.json").write_text(json.dumps(config.as_json()))
    with tarfile.open(fileobj=io.BytesIO(bundle.pack())) as tar:
        tar.extractall(tmp_path / "programs")
    with veth_pair(IPv4Interface(f"{PLAN.services}/24")) as pair:
        bridge = f"{PLAN.provisioning.bridge}/24"
        ip("-n", pair.client, "address", "add", bridge, "dev", pair.client_interface)
        made = Site(pair, tmp_path, files)
        words = (PYTHON, "-P", "-s", "-m", "appliance.staging.serve", "--config")
        where = str(tmp_path / "programs")
        with made.started(*words, str(tmp_path / "staging.json"), PYTHONPATH=where):
            made.until_it_listens(80)
            yield made


@pytest.fixture
def archive(site: Site) -> Iterator[Path]:
    """An archive, and the real registry, read-only, that was filled with it."""
    payload = cache_folder() / "payload"
    if not (payload / releases._go_programs_name()).is_dir():
        pytest.skip("the registry is not built: .ci/set-up --lab does it")
    packed = releases.build(payload) / registry_files().archive
    with tarfile.open(packed) as tar:
        tar.extract("registry", site.folder)
    program, root = str(site.folder / "registry"), str(site.folder / "store")
    folder = site_image.build(site.folder / "cache")
    path = folder / site_image.ARCHIVE
    source = ImageSource(path.name, "", hashlib.sha256(path.read_bytes()).hexdigest())
    with writable_registry(FillConfig(program, root, (source,))) as registry:
        assert push(path, registry)[0].changed
    settings = site.folder / "registry.json"
    settings.write_text(json.dumps(registry_settings(root, ":5000", readonly=True)))
    with site.started(program, "serve", str(settings), OTEL_TRACES_EXPORTER="none"):
        site.until_it_listens(5000)
        yield path


def needs(program: str) -> None:
    """Fail in words where a foreign program is not installed."""
    assert shutil.which(program), f"{program} is missing: .ci/set-up installs it"


def test_dig_looks_names_up(site: Site) -> None:
    """Forward, in reverse, and all servers of the cluster."""
    needs("dig")
    dig = ("dig", f"@{PLAN.services}", "+short", "+tries=1")
    assert site.ask(*dig, "hv1.alpha.site").split() == ["10.20.0.11"]
    assert site.ask(*dig, "-x", "10.20.0.31").split() == ["agent1.alpha.site."]
    assert sorted(site.ask(*dig, "+tcp", "cluster.alpha.site").split()) == [
        f"10.20.0.{last}" for last in (21, 22, 23)
    ]


def test_ntpdate_takes_the_time(site: Site) -> None:
    """A client without a daemon finds a server that it may use."""
    needs("ntpdate")
    said = site.ask("ntpdate", "-q", str(PLAN.services))
    assert str(PLAN.services) in said
    assert "s10" in said or "stratum 10" in said


def test_curl_continues_a_download(site: Site) -> None:
    """By the paths that the laptop has."""
    needs("curl")
    target = site.folder / "got"
    target.write_bytes(NAMES[0].encode()[:4])
    url = f"http://{PLAN.services}/a/{NAMES[0]}"
    site.ask("curl", "-fsS", "-C", "-", "-o", str(target), url)
    assert target.read_text() == NAMES[0]


def test_skopeo_pulls_what_was_pushed_and_pushes_nothing(site: Site, archive: Path) -> None:
    """The image is the archive's, to the digest; the registry that all reach takes nothing."""
    needs("skopeo")
    source = f"docker://{PLAN.services}:5000/{site_image.REPOSITORY}:{site_image.TAG}"
    pulled = site.folder / "pulled"
    site.ask("skopeo", "copy", "--src-tls-verify=false", source, f"oci:{pulled}:1")
    manifest = json.loads((pulled / "index.json").read_text())["manifests"][0]["digest"]
    with tarfile.open(archive) as tar:
        (index,) = (tar.extractfile(each) for each in tar if each.name == "index.json")
        assert index is not None
        assert json.load(index)["manifests"][0]["digest"] == manifest
    pushing = ("skopeo", "copy", "--dest-tls-verify=false", f"oci:{pulled}:1")
    done = subprocess.run(
        ["ip", "netns", "exec", site.pair.client, *pushing, f"{source}-mine"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    assert "405" in done.stderr or "not allowed" in done.stderr


def test_all_four_are_proven(site: Site, archive: Path) -> None:
    """As the flow asks before it says that the laptop may leave."""
    found = inside(site.pair.client, lambda: prove(PLAN, site.files, [archive], utc=time.time))
    assert {each.text for each in found if not each.ok} == set()
    assert len(found) == 4
