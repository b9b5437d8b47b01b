"""Do 32 watching browsers slow pages or boot downloads? `python bench/watching_browsers.py`.

The wizard with a site of 40 machines, a boot listener that sends a file, and 32 browsers that do
what `live.js` does are processes of their own on loopback. Three events a second are journalled.
Printed are the times of one more browser's pages, and the rate of a download, without watchers and
with them.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask, Response

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from appliance.boot.file_body import FileBody
from appliance.boot.http_server import BootHttpServer
from appliance.flow.looking import look_at
from appliance.paths import Paths
from appliance.tools.clock import Clock
from appliance.values import Secret
from appliance.web.app import make_app
from appliance.web.deps import Deps, Listen
from appliance.web.password import PasswordStore
from appliance.web.runs import Runs
from appliance.web.server import open_socket, serving

WATCHERS = 32
SECONDS = 10.0
OCTETS = 64 << 20
PAGES = ("/run", "/machines", "/artifacts")
PASSWORD = "four plain words here"
POLL = 10.0
SOONEST = 0.7

Port = Any


def _site(folder: Path) -> Path:
    rows = (
        f'    hv{n}: {{mac: "52:54:00:00:01:{n:02x}", disk: /dev/disk/by-id/d{n}}}\n'
        for n in range(1, 41)
    )
    file = folder / "site.yaml"
    file.write_text("site: alpha\nhypervisor:\n  harvester: v1.8.2\n  machines:\n" + "".join(rows))
    return file


def wizard(folder: Path, port: Port, end: Event) -> None:
    """Serve the wizard, and journal three events a second."""
    paths, clock = Paths(folder / "state"), Clock.of_this_machine()
    store = PasswordStore(paths.operator, PasswordHasher(time_cost=1))
    store.set_first(store.new_code(), Secret(PASSWORD))
    listen = Listen("127.0.0.1", 0)
    deps = Deps(paths, _site(folder), clock, store, Runs(paths), "", listen)
    with (
        open_socket(listen) as opened,
        serving(opened, make_app(deps), None, clock, print),
        look_at(folder / "site.yaml", paths).writing() as context,
    ):
        context.journal.begin_run("1", "lo")
        context.tell("run-started", "on", data={"interface": "lo"})
        port.send(opened.getsockname()[1])
        number = 0
        while not end.wait(0.33):
            number += 1
            context.tell("evidence", f"something {number}", machine=f"hv{number % 40 + 1}")


def boot(folder: Path, port: Port, end: Event) -> None:
    """Send a file as the boot listener does."""
    file, app = folder / "image", Flask("boot")
    file.write_bytes(os.urandom(1 << 20) * (OCTETS >> 20))

    @app.get("/a")
    def image() -> Response:
        descriptor = os.open(file, os.O_RDONLY)
        body = FileBody(
            descriptor, offset=0, length=OCTETS, on_progress=_nothing, on_close=_nothing
        )
        answer = Response(body, mimetype="application/octet-stream", direct_passthrough=True)
        answer.headers["Content-Length"] = str(OCTETS)
        return answer

    listening = socket.create_server(("127.0.0.1", 0))
    server = BootHttpServer(listening, app, monotonic=time.monotonic, log=print)
    server.start_threads()
    port.send(listening.getsockname()[1])
    end.wait()
    server.stop()


def _nothing(_: int) -> None:
    """Nobody watches."""


def ask(port: int, path: str, cookie: str, number: int = 0) -> http.client.HTTPResponse:
    """Ask for a page, each browser from an address of its own: one address has its share."""
    source = (f"127.0.2.{number + 1}", 0)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=source)
    connection.request("GET", path, headers={"Cookie": cookie, "Connection": "close"})
    return connection.getresponse()


def watchers(port: int, cookie: str, told: Port, end: Event) -> None:
    """Watch as many browsers do; tell how many had a stream, and how many pages were loaded."""
    counts = {"streams": 0, "pages": 0, "refused": 0}

    def browser(number: int) -> None:
        while not end.is_set():
            with suppress(OSError, http.client.HTTPException):
                _watch(lambda path: ask(port, path, cookie, number), counts, end)

    threads = [
        threading.Thread(target=browser, args=(number,), daemon=True)
        for number in range(1, WATCHERS + 1)
    ]
    for each in threads:
        each.start()
    end.wait()
    told.send(counts)


def _watch(
    get: Callable[[str], http.client.HTTPResponse], counts: dict[str, int], end: Event
) -> None:
    stream = get("/api/stream")
    if stream.status != 200:
        stream.read()
        counts["refused"] += 1
        while not end.wait(POLL):
            get("/run").read()
            counts["pages"] += 1
        return
    counts["streams"] += 1
    loaded = 0.0
    while not end.is_set() and (line := stream.readline()):
        if line.startswith(b"data:") and time.monotonic() - loaded > SOONEST:
            loaded = time.monotonic()
            get("/run").read()
            counts["pages"] += 1


def measure(web: int, files: int, cookie: str) -> dict[str, float]:
    """Load pages and the file for some seconds; give the medians."""
    times: dict[str, list[float]] = {path: [] for path in PAGES}
    rates: list[float] = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for path in PAGES:
            times[path].append(_timed(lambda path=path: ask(web, path, cookie).read()))
        rates.append(OCTETS / _timed(lambda: ask(files, "/a", "").read()) / 1e6)
        time.sleep(0.2)
    found = {f"{path} ms": 1000 * statistics.median(each) for path, each in times.items()}
    worst = 1000 * max(max(each) for each in times.values())
    return {**found, "slowest page ms": worst, "download MB/s": statistics.median(rates)}


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _sign_in(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = json.dumps({"password": PASSWORD})
    connection.request("POST", "/api/session", body, {"Content-Type": "application/json"})
    cookie: str = connection.getresponse().headers["Set-Cookie"]
    connection.close()
    return cookie.partition(";")[0]


def main() -> None:
    """Measure without watchers, then with them."""
    context = multiprocessing.get_context("spawn")
    end, over = context.Event(), context.Event()
    with tempfile.TemporaryDirectory() as name:
        ports = []
        children = []
        for work in (wizard, boot):
            here, there = context.Pipe()
            children.append(
                context.Process(target=work, args=(Path(name), there, over), daemon=True)
            )
            children[-1].start()
            ports.append(here.recv())
        cookie = _sign_in(ports[0])
        alone = measure(*ports, cookie)
        here, there = context.Pipe()
        children.append(
            context.Process(target=watchers, args=(ports[0], cookie, there, end), daemon=True)
        )
        children[-1].start()
        time.sleep(3)
        watched = measure(*ports, cookie)
        end.set()
        counts = here.recv()
        over.set()
        for each in children:
            each.join(20)
    print(f"{'':<18}{'alone':>10}{f'with {WATCHERS}':>10}")
    for key, value in alone.items():
        print(f"{key:<18}{value:>10.0f}{watched[key]:>10.0f}")
    print(counts)


if __name__ == "__main__":
    main()
