"""The stream of events, on a real cheroot at loopback: capped, resumed, and polled without it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from appliance.errors import InputError
from appliance.flow.looking import look_at
from appliance.store.lock import hold
from appliance.tools.clock import Clock
from appliance.web.deps import Listen
from appliance.web.live import Pace, Places, Stream, after_of, parts, routes
from appliance.web.server import open_socket, serving
from tests.unit.web.test_pages_run import look
from tests.unit.web.wizard_world import SITE, World

FAST = Pace(turn=0.02, heartbeat=0.05, life=60)


def served(tmp_path: Path) -> World:
    """A wizard of a site with one event, whose streams are fast and run on the real clock."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    world = World(tmp_path, file).with_password()
    object.__setattr__(world.deps.clock, "monotonic", time.monotonic)
    with look(world).writing() as context:
        context.journal.add_event("finding", "one")
    return world


class Listener:
    """A browser at a real socket."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port = port
        self._headers = {"Cookie": cookie, "Host": "127.0.0.1:8421", "Connection": "close"}

    def ask(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Ask for a page or a stream."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        connection.request("GET", path, headers={**self._headers, **headers})
        return connection.getresponse()


@contextmanager
def listening(world: World, pace: Pace = FAST) -> Iterator[Listener]:
    """Serve a wizard with fast streams on the wizard's own cheroot."""
    world.app.view_functions["live.stream"] = _fast(world, pace)
    cookie = world.operator().get_cookie("bridgehead", domain="127.0.0.1")
    assert cookie is not None
    clock = Clock.of_this_machine()
    with (
        open_socket(Listen("127.0.0.1", 0)) as opened,
        serving(opened, world.app, None, clock, world.log.append),
    ):
        yield Listener(opened.getsockname()[1], f"bridgehead={cookie.value}")


def _fast(world: World, pace: Pace) -> Any:
    app = Flask("fast")
    app.register_blueprint(routes(world.deps, pace=pace))
    return app.view_functions["live.stream"]


def block(stream: http.client.HTTPResponse) -> dict[str, str]:
    """Read one event or comment of a stream."""
    found: dict[str, str] = {}
    while line := stream.readline().decode().rstrip("\n"):
        key, _, value = line.partition(": ")
        found[key] = value
    return found


def event(stream: http.client.HTTPResponse) -> dict[str, str]:
    """Read the next event that has a number."""
    while "id" not in (found := block(stream)):
        pass
    return found


def test_events_come_as_they_happen_and_are_resumed_by_their_number(tmp_path: Path) -> None:
    """A lost network loses nothing: the browser names the last number it had."""
    world = served(tmp_path)
    with listening(world) as browser:
        stream = browser.ask("/api/stream")
        assert (stream.status, stream.headers["Content-Type"].split(";")[0]) == (
            200,
            "text/event-stream",
        )
        assert block(stream) == {"retry": "5000"}
        first = event(stream)
        assert (first["id"], json.loads(first["data"])["text"]) == ("1", "one")
        with look(world).writing() as context:
            context.journal.add_event("dns", "noise")
            context.journal.add_event("finding", "two\nlines\u2028and more")
        second = event(stream)
        assert second["id"] == "3"
        assert json.loads(second["data"])["text"] == "two\nlines\u2028and more"
        stream.close()
        with look(world).writing() as context:
            context.journal.add_event("finding", "while nobody listened")
        again = browser.ask("/api/stream", **{"Last-Event-ID": "3"})
        assert json.loads(event(again)["data"])["text"] == "while nobody listened"
        again.close()
        page = browser.ask("/api/stream?after=4")
        while "data" not in (found := block(page)):
            pass
        assert json.loads(found["data"]) == {"kind": "phase", "text": "idle"}
        page.close()


def test_the_ninth_is_told_when_to_ask_again_and_pages_go_on(tmp_path: Path) -> None:
    """Eight streams, and the ninth gets 503; polling and pages are answered; a place comes free."""
    world = served(tmp_path)
    with listening(world) as browser:
        streams = [browser.ask("/api/stream") for _ in range(8)]
        assert {each.status for each in streams} == {200}
        ninth = browser.ask("/api/stream")
        assert ninth.status == 503
        assert int(ninth.headers["Retry-After"]) > 0
        assert json.loads(ninth.read())["fix"], "the page goes on by asking"
        polled = browser.ask("/api/run")
        assert polled.status == 200, polled.read()
        assert json.loads(polled.read())["progress"]["last"] == 1
        page = browser.ask("/run")
        assert (page.status, b'data-stream="/api/stream?after=1"' in page.read()) == (200, True)
        streams.pop().close()
        streams.pop().close()
        end = time.monotonic() + 20
        while (free := browser.ask("/api/stream")).status != 200:
            free.close()
            assert time.monotonic() < end
            time.sleep(0.05)
        for each in (*streams, free):
            each.close()


def test_a_site_that_was_wiped_and_begun_anew_is_told_from_its_beginning(tmp_path: Path) -> None:
    """The stream of the old one ends; the number that the browser knows from it counts no more."""
    world = served(tmp_path)
    folder = world.deps.paths.site("alpha").folder
    with listening(world) as browser:
        stream = browser.ask("/api/stream?after=1")
        while "data" not in block(stream):
            pass
        folder.rename(folder.with_name("gone"))
        while block(stream):
            pass
        with look(world).writing() as context:
            context.tell("finding", "anew")
        again = browser.ask("/api/stream", **{"Last-Event-ID": "500"})
        while "data" not in (found := block(again)):
            pass
        assert json.loads(found["data"])["text"] == "anew"
        again.close()


def test_a_stream_tells_when_a_run_takes_and_leaves_the_site(tmp_path: Path) -> None:
    """A run that was killed writes no event: that nobody holds the site is told apart."""
    world = served(tmp_path)
    with listening(world) as browser:
        with hold(world.deps.paths.site("alpha").lock, who="provision run", since="09:30"):
            stream = browser.ask("/api/stream?after=1")
            while "data" not in (found := block(stream)):
                pass
            assert json.loads(found["data"])["text"] == "running"
        while "data" not in (found := block(stream)):
            pass
        assert json.loads(found["data"])["text"] == "idle"
        stream.close()


def test_a_stream_ends_by_itself_and_beats_while_silent(tmp_path: Path) -> None:
    """A phone that left without a word holds no place for ever."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    world = World(tmp_path, file)
    times = iter(range(1000))
    found = b"".join(
        parts(
            look_at(file, world.deps.paths),
            0,
            lambda: "idle",
            lambda: float(next(times)),
            Pace(turn=0, heartbeat=4, life=30, sleep=lambda _: None),
        )
    )
    assert found.count(b": still here\n\n") >= 3
    assert found.count(b"data: ") == 1
    assert not world.deps.paths.site("alpha").database.exists()


def test_a_site_that_is_run_for_the_first_time_is_followed(tmp_path: Path) -> None:
    """The stream is older than the journal."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    world = World(tmp_path, file)
    seen = look_at(file, world.deps.paths)
    stream = parts(seen, 0, lambda: "idle", time.monotonic, FAST)
    assert next(stream).startswith(b"retry")
    assert b"phase" in next(stream)
    with seen.writing() as context:
        context.tell("run-started", "on")
    while b"run-started" not in (part := next(stream)):
        assert part == b": still here\n\n"
    stream.close()


@pytest.mark.parametrize("text", ["x", "-1", "1e3", "٣", "9" * 16, " 1"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    """Nothing of it reaches the database."""
    with pytest.raises(InputError):
        after_of("", text)
    assert after_of("", "") == 0
    assert after_of("7", "3") == 7


def test_a_place_is_given_back_once() -> None:
    """Closed before it began, closed twice: one place."""
    places = Places(1)
    assert places.take()
    assert not places.take()
    stream = Stream(iter([b"x"]), places.leave)
    stream.close()
    stream.close()
    assert places.take()
    assert not places.take()


def test_asking_only_for_the_head_takes_no_place(tmp_path: Path) -> None:
    """Nobody would ever close it; a stranger and a wrong number are refused."""
    world = served(tmp_path)
    browser = world.operator()
    for _ in range(20):
        assert browser.head("/api/stream").status_code == 200
    assert browser.get("/api/stream?after=x").status_code == 422
    assert world.client().get("/api/stream").status_code == 401


def test_a_stream_ends_with_its_server(tmp_path: Path) -> None:
    """What is new by then is not looked for."""
    world = served(tmp_path)
    ending = threading.Event()
    told = parts(look(world), 0, lambda: "idle", time.monotonic, FAST, ending)
    assert next(told).startswith(b"retry")
    ending.set()
    assert list(told) == []
