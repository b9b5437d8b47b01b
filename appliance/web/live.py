"""The journal as a stream of server-sent events (WHATWG HTML, 9.2), for pages that stay open.

Each event carries its number: a browser that lost its network asks for what came since. Streams
hold a thread each, so only eight are given (libraries facts: with as many streams as threads,
every server stopped answering); who is refused polls. A stream ends by itself after some minutes
and the browser comes again: a phone that left without a word holds no place for ever.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, Response, current_app, jsonify, request

from appliance.errors import BridgeheadError, InputError
from appliance.flow.looking import Look
from appliance.store.journal import Event, Journal
from appliance.web.deps import Deps
from appliance.web.watching import Watching, has_state, identity

MAX_STREAMS = 8
HEARTBEAT_SECONDS = 3.0
"""That a page was left shows only when it is written to: its place is free two beats later."""
LIFE_SECONDS = 300.0
TURN_SECONDS = 1.0
RETRY_SECONDS = 5
"""When whoever is refused, or lost the stream, asks again."""

ENDING = "bridgehead-ending"
"""The app's extension that the server sets when it ends: a threading.Event."""

_NOISE = frozenset({"dhcp", "dns", "ntp", "syslog", "hook"})
"""Said by the thousand, and nothing on a page changes by them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a stream looks, beats, and how long it lives, in seconds."""

    turn: float = TURN_SECONDS
    heartbeat: float = HEARTBEAT_SECONDS
    life: float = LIFE_SECONDS
    sleep: Callable[[float], None] = time.sleep


class Places:
    """So many streams at once, and no more."""

    def __init__(self, most: int = MAX_STREAMS) -> None:
        self._lock = threading.Lock()
        self._left = most

    def take(self) -> bool:
        """Take a place, if there is one."""
        with self._lock:
            if self._left:
                self._left -= 1
                return True
            return False

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._left += 1


class Stream:
    """One stream: iterated over by the server, closed when the browser leaves or it is over."""

    def __init__(self, parts: Iterator[bytes], leave: Callable[[], None]) -> None:
        self._parts = parts
        self._leave = leave
        self._lock = threading.Lock()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        """Give the place back, once, whether a first part was ever asked for or not."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
            self._leave()


def event_text(event: Event) -> bytes:
    """Give one event as the stream writes it."""
    # JSON holds no line break, so that it is one `data` line.
    return f"id: {event.id}\ndata: {json.dumps(event.as_dict())}\n\n".encode()


def parts(
    look: Look,
    after: int,
    phase: Callable[[], str],
    monotonic: Callable[[], float],
    pace: Pace,
    ending: threading.Event | None = None,
) -> Generator[bytes, None, None]:
    """Give the stream's parts: events after a number, changes of the phase, a beat when silent.

    `ending` is set when the server ends: it waits for each stream, which would go on for minutes.
    """
    yield f"retry: {RETRY_SECONDS * 1000}\n\n".encode()
    end, beat_at, was = monotonic() + pace.life, monotonic() + pace.heartbeat, ""
    with ExitStack() as stack:
        journal: Journal | None = None
        of = identity(look)
        while monotonic() < end and not (ending and ending.is_set()):
            if journal is None and has_state(look):
                journal, of = stack.enter_context(look.writing()).journal, identity(look)
                if after > journal.newest():  # of a site that was wiped meanwhile
                    after = 0
            elif journal is not None and identity(look) != of:
                return  # its file is another's now; the browser asks again, and is told of that
            said = False
            for event in journal.events(after=after) if journal else ():
                after = event.id
                if event.kind not in _NOISE:
                    said = True
                    yield event_text(event)
            now = phase()
            if now != was:
                was, said = now, True
                yield f"data: {json.dumps({'kind': 'phase', 'text': now})}\n\n".encode()
            if said:
                beat_at = monotonic() + pace.heartbeat
            elif monotonic() >= beat_at:
                beat_at = monotonic() + pace.heartbeat
                yield b": still here\n\n"
            pace.sleep(pace.turn)


def after_of(last: str, asked: str) -> int:
    """Read the number after which to begin: the browser's header, else what the page asks for.

    Raises InputError for what is no number.
    """
    text = last or asked or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InputError("this is no number of an event", where="after", why=repr(text[:40]))
    return int(text)


def routes(deps: Deps, *, pace: Pace | None = None, most: int = MAX_STREAMS) -> Blueprint:
    """Give `/api/stream`."""
    part = Blueprint("live", __name__)
    watching, places = Watching(deps), Places(most)
    chosen = pace or Pace()

    @part.get("/api/stream")
    def stream() -> Response:
        after = after_of(request.headers.get("Last-Event-ID", ""), request.args.get("after", ""))
        look = watching.look()
        if request.method == "HEAD":  # nobody would ever close what it is not given
            return Response(mimetype="text/event-stream")
        if not places.take():
            return full()
        site = look.plan.site_id
        body = parts(
            look,
            after,
            lambda: watching.runs.now(site).phase.value,
            deps.clock.monotonic,
            chosen,
            current_app.extensions.get(ENDING),
        )
        response = Response(mimetype="text/event-stream")
        response.response = Stream(body, places.leave)
        response.headers["X-Accel-Buffering"] = "no"
        return response

    return part


def full() -> Response:
    """Say that all places are taken, and when to ask again."""
    refusal = BridgeheadError(
        f"{MAX_STREAMS} browsers are shown the run already",
        why="each further one asks every few seconds instead of being told",
        fix="nothing is to be done: the page asks by itself",
    )
    response = jsonify(refusal.as_dict())
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
