"""The verb `web`, as a process: what it prints, how it ends, and the way back in."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.cli.web import _certificate, _greet, _in_journal
from appliance.paths import Paths
from appliance.tools.clock import Clock
from appliance.values import Secret
from appliance.web.deps import Listen
from appliance.web.password import PasswordStore

PROGRAM = [sys.executable, "-m", "appliance.cli", "web"]
PASSWORD = "four plain words here"


@contextmanager
def wizard(state: Path) -> Iterator[tuple[int, list[str]]]:
    """Start the wizard; give its port and what it printed. It must end well on Ctrl-C."""
    process = subprocess.Popen(
        [*PROGRAM, "--listen", "127.0.0.1:0", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.strip())
            if "Ctrl-C" in line:
                break
        yield int(lines[0].rstrip("/").rpartition(":")[2]), lines
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def call(port: int, path: str, **body: str) -> int:
    """Call the API; give the status."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    status = client.getresponse().status
    client.close()
    return status


def code_in(lines: list[str]) -> str:
    """Give the one-time code among lines, or nothing."""
    return "".join(line.partition(":")[2].strip() for line in lines if "one-time" in line)


def test_a_service_knows_that_its_words_are_in_the_journal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Named by systemd as one of its streams; a terminal may have inherited another's name."""
    seen = os.fstat(1)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert not _in_journal()
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    assert not _in_journal()
    monkeypatch.setenv("JOURNAL_STREAM", f"{seen.st_dev}:{seen.st_ino}")
    assert _in_journal()


def test_first_contact_and_the_way_back_in(tmp_path: Path) -> None:
    """The printed code sets the password once; a reset at the console gives another."""
    with wizard(tmp_path) as (port, lines):
        assert lines[0] == f"the wizard:     http://127.0.0.1:{port}/"
        assert call(port, "/api/password/first", code=code_in(lines), password=PASSWORD) == 200
        reset = subprocess.run(
            [*PROGRAM, "--reset-password", "--state", str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert call(port, "/api/session", password=PASSWORD) == 403
        new_code = code_in(reset.stdout.splitlines())
        assert call(port, "/api/password/first", code=new_code, password=PASSWORD) == 200
    with wizard(tmp_path) as (port, lines):
        assert code_in(lines) == ""
        assert call(port, "/api/session", password=PASSWORD) == 200


def refused(*words: str) -> tuple[int, str]:
    """Start it where it cannot run; give exit code and standard error."""
    done = subprocess.run(
        [*PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_what_is_no_address_is_bad_input(tmp_path: Path) -> None:
    """Exit 2."""
    code, said = refused("--listen", "bridge", "--state", str(tmp_path))

    assert code == 2
    assert "--listen" in said


def test_a_taken_port_is_a_refusal(tmp_path: Path) -> None:
    """Exit 3, with the address of the wizard that perhaps runs there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused("--listen", f"127.0.0.1:{port}", "--state", str(tmp_path))

    assert code == 3
    assert f"http://127.0.0.1:{port}/" in said
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_it_prints_names_and_the_fingerprint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Addresses that can be typed, and no code once a password is set."""
    paths = Paths(tmp_path)
    where = Listen("0.0.0.0", 8421, ("192.0.2.7", "bridge.local"))
    store = PasswordStore(paths.operator)
    store.set_first(store.new_code(), Secret(PASSWORD))
    made = _certificate(paths, where, Clock.of_this_machine())
    assert made is not None

    _greet(where, made, store)

    said = capsys.readouterr().out
    assert "https://192.0.2.7:8421/" in said
    assert "https://bridge.local:8421/" in said
    assert made.fingerprint in said
    assert "0.0.0.0" not in said
    assert "one-time" not in said
    ssl.create_default_context(cafile=str(made.file))


def test_loopback_needs_no_certificate(tmp_path: Path) -> None:
    """None is made."""
    assert _certificate(Paths(tmp_path), Listen("::1", 1), Clock.of_this_machine()) is None
    assert list(tmp_path.iterdir()) == []
