"""Main's side of the boot process: start it, tell it, hear it, start it again if it dies."""

from __future__ import annotations

import socket
import subprocess
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Event as Flag
from threading import Lock, Thread
from typing import IO

from appliance import advice
from appliance.boot.channel import Channel
from appliance.boot.control import (
    Configure,
    Event,
    Inject,
    Machines,
    Order,
    Ready,
    RecordChanged,
    Release,
    Released,
    Repeat,
    Reported,
    Stop,
    ToMain,
)
from appliance.boot.launch import Process, launch
from appliance.boot.model import BootEvent, BootMachine, BootNetwork, ServedFile
from appliance.errors import StepError, WireError
from appliance.machines.state import Evidence
from appliance.tools.clock import Clock

READY_SECONDS = 30.0
STOP_SECONDS = 5.0
RELEASE_SECONDS = 5.0
MAX_RESTARTS = 3
_STDERR_LINES = 30


@dataclass(slots=True)
class _Running:
    """One child with its channel, its last words and whether it reported ready."""

    process: Process
    channel: Channel
    stderr: deque[str]
    ready: Flag
    ended: Flag
    released: Flag
    reader: Thread | None = None


class BootProcess:
    """The boot services as one process beside us. Its methods may be called from any thread."""

    def __init__(
        self,
        *,
        clock: Clock,
        max_restarts: int = MAX_RESTARTS,
        ready_seconds: float = READY_SECONDS,
    ) -> None:
        self._clock = clock
        self._restarts_left = max_restarts
        self._ready_seconds = ready_seconds
        self._lock = Lock()
        self._events: Queue[ToMain] = Queue()
        self._sockets: dict[str, socket.socket] = {}
        self._state_dir = Path()
        self._configure: Configure | None = None
        self._machines = Machines(())
        self._heard = ""
        self._running: _Running | None = None
        self._stopping = False
        self._failure: StepError | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id while one runs."""
        running = self._running
        return running.process.pid if running and running.process.poll() is None else None

    def start(
        self,
        sockets: Mapping[str, socket.socket],
        state_dir: Path,
        network: BootNetwork,
        files: tuple[ServedFile, ...],
        *,
        after: str = "",
    ) -> None:
        """Start the services on open sockets; returns when all of them answer.

        `state_dir` becomes the child's own (boot.db lies there). `after` is the mark of the last
        event that the caller has: what came since is given again, before anything new, and some
        of it may have been given before. The sockets stay open here, for a restart. Raises
        StepError with the child's last words if it does not come up.
        """
        with self._lock:
            self._sockets = dict(sockets)
            self._state_dir = state_dir
            self._configure = Configure(network, files)
            self._heard = after
            self._stopping = False
            self._failure = None
            self._start_child()

    def configure(self, network: BootNetwork, files: tuple[ServedFile, ...]) -> None:
        """Change the network or the files that are served."""
        with self._lock:
            self._configure = Configure(network, files)
            self._send(self._configure)

    def set_machines(self, machines: tuple[BootMachine, ...]) -> None:
        """Hand over all machines, armed or held; replaces what was handed over before."""
        with self._lock:
            self._machines = Machines(machines)
            self._send(self._machines)

    def inject(self, evidence: Evidence) -> None:
        """Hand over evidence that main saw."""
        with self._lock:
            self._send(Inject(evidence))

    def order(self, order: Order) -> None:
        """Have the stage-1 of a machine do something; it is told when it next asks."""
        with self._lock:
            self._send(order)

    def release(self, names: Collection[str]) -> None:
        """Have these sockets closed by the child; returns when it can use them no more.

        They stay open here, with the caller, but no child is handed them again.
        """
        with self._lock:
            self._sockets = {
                name: each for name, each in self._sockets.items() if name not in names
            }
            running = self._running
            if running is None:
                return
            running.released.clear()
            running.channel.send(Release(tuple(names)))
        if not running.released.wait(RELEASE_SECONDS):
            # It hangs, or has died: one that holds nothing of it takes its place.
            running.process.kill()

    def events(self, timeout: float) -> Iterator[Event | RecordChanged | Reported]:
        """Give what has come, waiting up to `timeout` seconds for the first.

        Raises StepError, after the last event, once the child died too often.
        """
        wait = timeout
        while True:
            try:
                message = self._events.get(timeout=wait) if wait else self._events.get_nowait()
            except Empty:
                break
            wait = 0
            if isinstance(message, Event | RecordChanged | Reported):
                yield message
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the child: asked first, then made to. The sockets stay with the caller."""
        with self._lock:
            self._stopping = True
            running, self._running = self._running, None
        if running is None:
            return
        running.channel.send(Stop())
        try:
            running.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()
        running.channel.close()
        if running.reader is not None:
            running.reader.join(STOP_SECONDS)

    # ---------------------------------------------------------------- the child

    def _start_child(self) -> None:
        running = self._spawn()
        self._running = running
        # First of all: what is told next, such as a machine's record, follows from these events.
        running.channel.send(Repeat(self._heard))
        # Before the services start: leases read back must be known for what they are.
        running.channel.send(self._machines)
        if self._configure is not None:
            running.channel.send(self._configure)
        reader = Thread(target=self._read, args=(running,), name="boot events", daemon=True)
        running.reader = reader
        reader.start()
        if not self._wait_ready(running):
            self._running = None
            raise self._not_started(running)

    def _spawn(self) -> _Running:
        started = launch(self._sockets, self._state_dir)
        running = _Running(
            started.process,
            Channel(started.control),
            deque(maxlen=_STDERR_LINES),
            Flag(),
            Flag(),
            Flag(),
        )
        Thread(target=_keep_last_words, args=(started.stderr, running.stderr), daemon=True).start()
        return running

    def _wait_ready(self, running: _Running) -> bool:
        end = self._clock.monotonic() + self._ready_seconds
        while self._clock.monotonic() < end:
            if running.ready.wait(0.05):
                return True
            if running.ended.is_set():
                return running.ready.is_set()
        return False

    def _read(self, running: _Running) -> None:
        try:
            for message in running.channel.receive():
                if isinstance(message, Ready):
                    running.ready.set()
                elif isinstance(message, Released):
                    running.released.set()
                elif isinstance(message, Event | RecordChanged | Reported):
                    self._events.put(message)
                    if isinstance(message, Event) and message.event.mark:
                        self._heard = message.event.mark
        except WireError as error:
            self._find(f"the boot process sent what is no message: {error}")
        running.released.set()
        running.ended.set()
        if running.ready.is_set():
            self._died(running)

    def _died(self, running: _Running) -> None:
        with self._lock:
            if self._stopping or self._running is not running:
                return
            self._running = None
            _reap(running)
            words = "; ".join(list(running.stderr)[-3:]) or "it left no word"
            ended = f"the boot process ended with {running.process.returncode}: {words}"
            while self._restarts_left:
                self._restarts_left -= 1
                self._find(f"{ended}; it is started again")
                try:
                    self._start_child()
                except StepError as error:
                    words = ended = str(error)
                else:
                    return
            self._find(f"{ended}; it is not started again")
            self._failure = StepError(
                "the boot services died too often",
                why=words,
                fix=f"run again; if it happens again, {advice.support()}",
            )

    def _not_started(self, running: _Running) -> StepError:
        _reap(running)
        words = "\n".join(running.stderr)
        return StepError(
            "the boot services did not start",
            where="boot process",
            why=words or f"it ended with {running.process.returncode} and left no word",
            fix=f"run again; if it happens again, {advice.support()}",
        )

    def _send(self, message: Configure | Machines | Inject | Order) -> None:
        if self._running is not None:
            self._running.channel.send(message)

    def _find(self, text: str) -> None:
        self._events.put(Event(BootEvent(self._clock.utc(), "finding", text)))


def _reap(running: _Running) -> None:
    try:
        running.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()
    running.channel.close()


def _keep_last_words(said: IO[bytes], kept: deque[str]) -> None:
    with said as stream:
        for line in stream:
            kept.append(line.decode("utf-8", "replace").rstrip())
