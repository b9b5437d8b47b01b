"""The wizard on a real wire: it starts the real run, dies, comes back, and sees it to its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest

from appliance.store.lock import holder_of
from tests.flow.rehearsed_site import CREATE, INTERFACE, OTHER, Provision, RehearsedSite
from tests.flow.rehearsed_site import rehearsed_site as a_site
from tests.namespaces import inside

pytestmark = pytest.mark.root

_SITE = """\
# written by hand
site: alpha
networks:
  main: {cidr: 10.77.0.0/24, gateway: 10.77.0.1}
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {role: create, match: {serial: SN-11}, disk: "size >= 250G, not usb"}
"""
_PORT = 8421
_PASSWORD = "four plain words here"


class Wizard:
    """A browser's side of `provision web`, on the appliance's side of the wire."""

    def __init__(self, site: RehearsedSite) -> None:
        self._site = site
        self._cookie = ""
        self.process = self._start()

    def _start(self) -> Provision:
        listen = f"127.0.0.1:{_PORT}"
        started = self._site.provision("web", "--listen", listen, "--interface", INTERFACE)
        self._until(lambda: any("Ctrl-C" in line for line in started.plain))
        return started

    @property
    def code(self) -> str:
        """The one-time code that it printed."""
        (line,) = (each for each in self.process.plain if each.startswith("one-time code"))
        return line.split()[-1]

    def die(self) -> None:
        """kill -9, then start it anew."""
        self.process.kill()
        self.process = self._start()

    def ask(self, path: str, said: Any = None, *, form: dict[str, str] | None = None) -> Any:
        """Ask for a page or call; give JSON as it is, else the text."""
        body = urlencode(form) if form is not None else None if said is None else json.dumps(said)
        kind = "application/x-www-form-urlencoded" if form is not None else "application/json"
        headers = {"Cookie": self._cookie, **({"Content-Type": kind} if body else {})}

        def work() -> tuple[int, str, str]:
            connection = http.client.HTTPConnection("127.0.0.1", _PORT, timeout=30)
            try:
                connection.request("GET" if body is None else "POST", path, body, headers)
                answer = connection.getresponse()
                text = answer.read().decode()
                return answer.status, answer.headers.get("Set-Cookie", ""), text
            finally:
                connection.close()

        status, cookie, text = inside(self._site.network.appliance, work)
        if cookie:
            self._cookie = cookie.partition(";")[0]
        assert status < 400, f"{path}: {status} {text}"
        return json.loads(text) if path.startswith("/api/") else text

    def until(self, path: str, wanted: Callable[[Any], bool], *, seconds: float = 90) -> Any:
        """Ask again and again, as a page without a stream does, until it is so."""
        end = time.monotonic() + seconds
        while not wanted(found := self.ask(path)):
            assert time.monotonic() < end, f"it did not come so far: {found}"
            time.sleep(0.3)
        return found

    @staticmethod
    def _until(done: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, "it did not come so far"
            time.sleep(0.3)


@contextmanager
def _wizard() -> Iterator[tuple[RehearsedSite, Wizard]]:
    with a_site(_SITE, stage1=True) as site:
        lock = site.state / "alpha" / "lock"
        try:
            yield site, Wizard(site)
        finally:
            holder = holder_of(lock)
            if holder is not None:
                os.kill(holder.pid, signal.SIGKILL)


def _is_at(step: str) -> Callable[[Any], bool]:
    return lambda run: run["progress"]["step"] == step


def _confirmed(review: Any) -> dict[str, object]:
    erase = {each["machine"]: each["machine"] for each in review["erased"]}
    return {"digest": review["digest"], "erase": erase, "clock": True}


def test_from_the_one_time_code_to_installed_machines_through_a_killed_wizard() -> None:
    """Unknown machines appear and are approved; the wizard dies meanwhile and nothing is lost."""
    with _wizard() as (site, wizard):
        said = {"code": wizard.code, "password": _PASSWORD, "again": _PASSWORD}
        wizard.ask("/first", form=said)
        assert "verified" in wizard.ask("/artifacts")
        wizard.ask("/api/review/start", _confirmed(wizard.ask("/api/review")))
        wizard.until("/api/run", _is_at("s4"))
        run = holder_of(site.state / "alpha" / "lock")
        assert run is not None
        wizard.die()
        wizard.ask("/api/session", {"password": _PASSWORD})
        again = wizard.ask("/api/run")
        assert (again["phase"], again["progress"]["step"]) == ("running", "s4")
        assert f"process {run.pid}," in again["holder"]

        hv1, stranger = site.machine(CREATE), site.machine(OTHER)
        stranger.power_on()
        seen = wizard.until("/api/machines", lambda found: bool(found["waiting"]))
        (waits,) = seen["waiting"]
        assert (waits["mac"], waits["disks"][0]["name"]) == (str(OTHER), "vda")
        page = wizard.ask("/machines")
        assert "Rehearsal Scripted, serial SN-99" in page
        assert re.search(r'name="disk" value="vda" checked', page)
        wizard.ask("/machines/blink", form={"which": str(OTHER)})
        approved = {"which": str(OTHER), "name": "", "new_name": "hv2", "disk": "vda"}
        wizard.ask("/machines/approve", form=approved)
        hv1.power_on()
        done = wizard.until("/api/run", lambda each: each["phase"] == "idle", seconds=150)
        assert done["progress"]["outcome"] == "done", done
        assert {each["name"]: each["state"] for each in done["progress"]["machines"]} == {
            "hv1": "ready",
            "hv2": "ready",
        }
        assert (hv1.partitioned, stranger.partitioned) == (1, 1)
        assert "Get the sheet" in wizard.ask("/done")
        assert site.file.read_text() == _SITE


def test_a_run_is_paused_and_goes_on() -> None:
    """Pause ends the step cleanly and the services with it; Continue takes up the same run."""
    with _wizard() as (site, wizard):
        said = {"code": wizard.code, "password": _PASSWORD, "again": _PASSWORD}
        wizard.ask("/first", form=said)
        wizard.ask("/api/review/start", _confirmed(wizard.ask("/api/review")))
        wizard.until("/api/run", _is_at("s4"))
        wizard.ask("/api/run/pause", {})
        paused = wizard.until("/api/run", lambda each: each["phase"] == "idle")
        assert paused["progress"]["outcome"] == "interrupted"
        assert "10.77.0" not in site.addresses()
        assert ">Continue</button>" in wizard.ask("/run")
        wizard.ask("/run/start", form={"lose": ""})
        wizard.until("/api/run", _is_at("s4"))
        machine = site.machine(CREATE)
        machine.power_on()
        done = wizard.until("/api/run", lambda each: each["phase"] == "idle", seconds=150)
        assert done["progress"]["outcome"] == "done", done
