"""A wizard in hand: its app with a cheap hash, a clock that tests move, and what it logged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.paths import Paths
from appliance.tools.clock import Clock
from appliance.values import Secret
from appliance.web.app import make_app
from appliance.web.deps import Deps, Listen
from appliance.web.password import PasswordStore
from appliance.web.runs import Runs

SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-01}
    hv2: {role: join}
"""
PASSWORD = "four plain words here"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Browser(FlaskClient):
    """Flask's test client, calling the wizard by its own address."""

    base = ""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Ask for a page."""
        options.setdefault("base_url", self.base)
        return super().open(*args, **options)


@dataclass(slots=True)
class World:
    """One wizard in a folder of its own. `now` is both of its clocks, in seconds."""

    folder: Path
    site_file: Path | None = None
    listen: Listen = field(default_factory=lambda: Listen("127.0.0.1", 8421))
    now: float = 1_700_000_000.0
    log: list[str] = field(default_factory=list)
    deps: Deps = field(init=False)
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        paths = Paths(self.folder / "state")
        clock = Clock(self._time, self._time)
        self.deps = Deps(
            paths,
            self.site_file,
            clock,
            PasswordStore(paths.operator, CHEAP),
            Runs(paths),
            "",
            self.listen,
            self.log.append,
        )
        self.app = make_app(self.deps)

    @property
    def store(self) -> PasswordStore:
        """The operator's password."""
        return self.deps.password

    def client(self) -> Browser:
        """Give a browser nobody has signed in with."""
        client = Browser(self.app, Response)
        client.base = self.listen.url()
        return client

    def with_password(self) -> World:
        """Set the operator's password, as first contact does."""
        self.store.set_first(self.store.new_code(), Secret(PASSWORD))
        return self

    def operator(self) -> Browser:
        """Give a browser with which the operator has signed in."""
        if not self.store.is_set:
            self.with_password()
        client = self.client()
        answer = client.post("/api/session", json={"password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client

    def _time(self) -> float:
        return self.now
