"""A site's Terraform on bad days: killed, interrupted, refused; nothing is made twice."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from appliance.errors import StepError, StopRequestedError
from appliance.hypervisor.access import gain_access, why_not_valid
from appliance.hypervisor.api import HarvesterApi
from appliance.hypervisor.objects import ImageState
from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.sim import HarvesterSim
from appliance.tools.http_client import HttpClient
from appliance.values import Secret
from appliance.vms.changes import ResourceChange
from tests.terraform.parts import (
    NETWORK_DATA,
    Served,
    Site,
    give_user_data,
    machine,
    variables,
)

pytestmark = pytest.mark.timeout(240)

HERE = IPv4Address("127.0.0.1")


class Kept:
    """A vault in memory."""

    def __init__(self) -> None:
        self.secrets: dict[str, Secret] = {}

    def get_or_make(self, name: str, characters: int = 32) -> Secret:
        """Make one at first use."""
        return self.secrets.setdefault(name, Secret("x" * characters))


def api_of(sim: HarvesterSim, kept: Kept) -> HarvesterApi:
    """Gain access to the stand-in as to a site's hypervisor."""
    access = gain_access(HERE, None, kept, port=urlsplit(sim.url).port or 0)
    return HarvesterApi.by(access.kubeconfig)


def looks(sim: HarvesterSim) -> Callable[[ResourceChange], str | None]:
    """Give what looks whether a thing is there already, as the flow hands it to the driver."""
    api = api_of(sim, Kept())
    return lambda change: api.existing(change.kind, dict(change.values or {}))


@contextmanager
def held(image: Served) -> Iterator[tuple[Served, threading.Event, threading.Event]]:
    """Serve the image by a server that waits in the middle; give it, `asked` and `go on`."""
    asked, go_on = threading.Event(), threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Pass the question on, once the test says so."""
            asked.set()
            go_on.wait(120)
            wanted = {"Range": self.headers["Range"]} if self.headers["Range"] else {}
            with HttpClient().get(image.url, wanted) as answer:
                self.send_response(answer.status)
                self.send_header("Content-Length", answer.headers["Content-Length"])
                self.end_headers()
                while piece := answer.read(65536):
                    self.wfile.write(piece)

        def do_HEAD(self) -> None:
            """Say how much there is."""
            self.send_response(200)
            self.send_header("Content-Length", str(image.octets))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with ThreadingHTTPServer((str(HERE), 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://{HERE}:{server.server_address[1]}/{image.url.rpartition('/')[2]}"
        try:
            yield replace(image, url=url), asked, go_on
        finally:
            go_on.set()
            server.shutdown()


def apply_aside(site: Site, raised: list[BaseException]) -> threading.Thread:
    """Apply in a thread; what it raises is kept."""
    changes = site.driver.plan()

    def run() -> None:
        try:
            site.driver.apply(changes)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def image_uid(sim: HarvesterSim) -> str:
    """Give the image's identity: another one, and it was made twice."""
    return str(sim.store.get(kinds.IMAGE, "default", "blank")["metadata"]["uid"])


def machine_uid(sim: HarvesterSim, name: str) -> str:
    """Give a machine's identity."""
    return str(sim.store.get(kinds.MACHINE, "default", name)["metadata"]["uid"])


def applying(folder: Path) -> int:
    """Give the process that applies in this folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            if b"apply" in words and (path.parent / "cwd").readlink() == folder:
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError("nobody applies here")


def test_killed_while_an_image_is_fetched(
    site: Site, sim: HarvesterSim, image: Served, tmp_path: Path
) -> None:
    """The image is there and not in the state: taken over, not made twice."""
    raised: list[BaseException] = []
    with held(image) as (slow, asked, go_on):
        values = variables(slow, one=machine(running=False))
        site.driver.prepare(values)
        thread = apply_aside(site, raised)
        assert asked.wait(60)
        os.kill(applying(tmp_path / "terraform"), signal.SIGKILL)
        thread.join()
        before = image_uid(sim)
        assert isinstance(raised[0], StepError)
        assert "ended by signal 9" in str(raised[0])
        go_on.set()
        site.driver.prepare(values)
        changes = site.driver.plan(existing=looks(sim))
        assert "image blank" in [each.what for each in changes.resources if each.adopted]
        assert changes.counts.remove == 0
        site.driver.apply(changes)
    assert image_uid(sim) == before
    assert site.driver.plan().is_empty


def test_interrupted_while_an_image_is_fetched(
    site: Site, sim: HarvesterSim, image: Served
) -> None:
    """One interrupt ends it; the image goes on being fetched, and is not made twice."""
    raised: list[BaseException] = []
    with held(image) as (slow, asked, go_on):
        values = variables(slow, one=machine(running=False))
        site.driver.prepare(values)
        thread = apply_aside(site, raised)
        assert asked.wait(60)
        site.stop.set()
        thread.join()
        before = image_uid(sim)
        assert isinstance(raised[0], StopRequestedError)
        assert "killed" not in str(raised[0])
        site.stop.clear()
        go_on.set()
        site.driver.prepare(values)
        changes = site.driver.plan(existing=looks(sim))
        assert changes.counts.remove == 0
        site.driver.apply(changes)
    assert image_uid(sim) == before
    assert site.driver.plan().is_empty


def test_machines_that_the_state_lost(
    site: Site, sim: HarvesterSim, image: Served, tmp_path: Path
) -> None:
    """A power cut took the state: all is taken over from what is there, and nothing made twice."""
    give_user_data(sim, "srv1-user-data")
    values = variables(
        image,
        srv1=machine(user_data_secret="srv1-user-data", network_data=NETWORK_DATA, running=False),
        old=machine(mac="02:00:00:00:00:02", image=None, iso="blank", running=False),
    )
    site.driver.prepare(values)
    site.driver.apply(site.driver.plan())
    before = {name: machine_uid(sim, name) for name in ("srv1", "old")}
    (tmp_path / "terraform" / "terraform.tfstate").unlink()
    site.driver.prepare(values)
    changes = site.driver.plan(existing=looks(sim))
    assert (changes.counts.adopt, changes.counts.add, changes.counts.remove) == (5, 0, 0)
    site.driver.apply(changes)
    assert {name: machine_uid(sim, name) for name in before} == before
    assert site.driver.plan().is_empty
    assert site.driver.drift().is_empty


def test_an_image_that_failed_is_made_anew(site: Site, sim: HarvesterSim, image: Served) -> None:
    """Its download was damaged: told with Harvester's words; the next run fetches it again."""
    values = variables(image, one=machine(running=False))
    sim.faults.add("checksum=blank")
    site.driver.prepare(values)
    api = api_of(sim, Kept())
    with pytest.raises(StepError) as caught:
        site.driver.apply(site.driver.plan(), hopeless=api.failed_images)
    assert caught.value.where == "image blank"
    assert "fetch the image again" in caught.value.fix
    failed = api.image("blank")
    assert failed is not None
    assert failed.state is ImageState.FAILED
    sim.faults.clear()
    site.driver.prepare(values)
    changes = site.driver.plan()
    assert "replace image blank (it was left half made)" in changes.lines()
    site.driver.apply(changes)
    assert site.driver.plan().is_empty


def test_a_machine_taken_away_behind_its_back(site: Site, sim: HarvesterSim, image: Served) -> None:
    """Drift says that it is gone, and puts nothing back."""
    site.driver.prepare(variables(image, one=machine(running=False)))
    site.driver.apply(site.driver.plan())
    sim.store.delete(kinds.MACHINE, "default", "one")
    assert "virtual machine one is gone" in site.driver.drift().findings()
    assert sim.store.find(kinds.MACHINE, "default", "one") is None


def test_an_api_that_is_away(site: Site, image: Served, tmp_path: Path) -> None:
    """One sentence: it does not answer, and what to do."""
    site.driver.prepare(variables(image, one=machine(running=False)))
    changes = site.driver.plan()
    path = tmp_path / "kubeconfig"
    path.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", path.read_text()))
    with pytest.raises(StepError, match=r"(?i)connection refused") as caught:
        site.driver.apply(changes)
    assert "does the VIP answer" in caught.value.fix


def test_a_kubeconfig_that_is_refused(site: Site, image: Served, tmp_path: Path) -> None:
    """Its token ran out: a new one is to be fetched."""
    site.driver.prepare(variables(image, one=machine(running=False)))
    changes = site.driver.plan()
    path = tmp_path / "kubeconfig"
    path.write_text(re.sub(r"(token:? ?\"?)[\w:-]+", r"\1kubeconfig-x:gone", path.read_text()))
    with pytest.raises(StepError) as caught:
        site.driver.apply(changes)
    assert "a new kubeconfig is fetched" in caught.value.fix


def test_access_to_the_stand_in(sim: HarvesterSim) -> None:
    """First login, password, kubeconfig; then everything that is needed is served."""
    kept = Kept()
    port = urlsplit(sim.url).port or 0
    first = gain_access(HERE, None, kept, port=port)
    again = gain_access(HERE, first.front.fingerprint, kept, port=port)
    assert (first.password_changed, again.password_changed) == (True, False)
    assert why_not_valid(again.kubeconfig) == ""
    api = HarvesterApi.by(again.kubeconfig)
    data = {"userdata": Secret("#cloud-config\n")}
    assert [api.put_secret("default", "x-user-data", data) for _ in range(2)] == [True, False]
    assert api.put_secret("default", "x-user-data", {"userdata": Secret("other")})
    api.delete_secret("default", "x-user-data")
    assert api.vms() == ()
    assert api.image("blank") is None
