"""The installer's webhooks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from appliance.lab.payload.standin.webhooks import TemplateError, prepare, render, send


class _Listener(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str, bytes, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        login = self.headers.get("Authorization", "")
        self.seen.append((self.command, self.path, body, login))
        self.send_response(500 if "broken" in self.path else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def listener() -> Iterator[tuple[str, list[tuple[str, str, bytes, str]]]]:
    """Give a URL on loopback and what was posted there."""
    seen: list[tuple[str, str, bytes, str]] = []
    handler = type("Handler", (_Listener,), {"seen": seen})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def test_a_template_is_filled_in_and_what_is_absent_is_empty() -> None:
    """With a static address MAC and IP are not known yet."""
    text = "{{.Hostname}}/{{ .MACAddr }}/{{- .IPAddrV4 -}}/{{.IPAddrV6}}"
    assert render(text, {"Hostname": "hv1"}) == "hv1///"


@pytest.mark.parametrize("template", ["{{.Token}}", "{{if .Hostname}}x{{end}}"])
def test_what_cannot_be_rendered_is_refused(template: str) -> None:
    """Other fields and other actions raise."""
    with pytest.raises(TemplateError):
        render(template, {})


def test_an_event_sends_its_own_hooks(
    listener: tuple[str, list[tuple[str, str, bytes, str]]],
) -> None:
    """Method, path, payload and login arrive; another event's hook is not sent."""
    url, seen = listener
    hooks = prepare(
        [
            {
                "event": "STARTED",
                "method": "post",
                "url": f"{url}/h/{{{{.Hostname}}}}",
                "payload": '{"n": "{{.Hostname}}"}',
                "basicAuth": {"user": "u", "password": "p"},
            },
            {"event": "FAILED", "method": "POST", "url": f"{url}/failed", "payload": "x"},
        ],
        {"Hostname": "hv1"},
    )
    said: list[str] = []
    assert send(hooks, "STARTED", said.append)
    assert seen == [("POST", "/h/hv1", b'{"n": "hv1"}', "Basic dTpw")]
    assert said == ["hook STARTED sent"]


def test_the_first_failing_hook_ends_the_row(
    listener: tuple[str, list[tuple[str, str, bytes, str]]],
) -> None:
    """It is not sent again, and what comes after it is not sent at all."""
    url, seen = listener
    hook = {"event": "SUCCEEDED", "method": "POST", "payload": "x"}
    hooks = prepare([hook | {"url": f"{url}/broken"}, hook | {"url": f"{url}/next"}], {})
    said: list[str] = []
    assert not send(hooks, "SUCCEEDED", said.append)
    assert [path for _, path, _, _ in seen] == ["/broken"]
    assert said[0].startswith("hook SUCCEEDED failed")
