"""Our playbooks without machines: their syntax, and the parts that are programs of their own."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import json
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "playbooks"
BIN = Path(sys.executable).parent
AWAIT = runpy.run_path(str(PLAYBOOKS / "roles" / "cluster" / "files" / "await.py"))


@pytest.mark.parametrize("name", sorted(each.name for each in PLAYBOOKS.glob("*.yml")))
def test_a_playbook_is_one(name: str) -> None:
    """Ansible reads it, and every role and module it names is there."""
    done = subprocess.run(
        [BIN / "ansible-playbook", "--syntax-check", "-i", "localhost,", PLAYBOOKS / name],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
    )

    assert done.returncode == 0, done.stderr


# --- site_files ---------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Give a folder, and the URL at which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def b64(text: str) -> str:
    """Give a text as a secret is passed."""
    return base64.b64encode(text.encode()).decode()


def site_files(files: list[dict[str, Any]], *, check: bool = False, **further: Any) -> Any:
    """Run the module as Ansible does, and give what it says."""
    asked = {"files": files, "_ansible_check_mode": check, **further}
    done = subprocess.run(
        [sys.executable, PLAYBOOKS / "library" / "site_files.py"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": asked}),
        check=False,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_files_are_put_in_their_places_once(tmp_path: Path, served: tuple[Path, str]) -> None:
    """Text, a secret and a download, each with its permissions; the second run changes nothing."""
    folder, url = served
    (folder / "program").write_bytes(b"octets")
    files: list[dict[str, Any]] = [
        {"path": str(tmp_path / "a/b/text"), "content": "hello\n"},
        {"path": str(tmp_path / "secret"), "secret_base64": b64("sesame-open"), "mode": "0600"},
        {
            "path": str(tmp_path / "program"),
            "url": f"{url}/program",
            "sha256": hashlib.sha256(b"octets").hexdigest(),
            "mode": "0755",
        },
        {"path": str(tmp_path / "unwanted"), "content": "", "wanted": False},
    ]
    first, second = site_files(files), site_files(files)

    assert first["changed"] is True
    assert len(first["changed_files"]) == 3
    assert (second["changed"], second["changed_files"]) == (False, [])
    assert "sesame-open" not in json.dumps(first)
    modes = {p: (tmp_path / p).stat().st_mode & 0o777 for p in ("a/b/text", "secret", "program")}
    assert modes == {"a/b/text": 0o644, "secret": 0o600, "program": 0o755}
    assert (tmp_path / "secret").read_text() == "sesame-open"
    assert not (tmp_path / "unwanted").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "program", "secret", "served"]


def test_the_machines_log_is_told_no_secret(tmp_path: Path) -> None:
    """Ansible logs each module's arguments on the machine; a secret of several lines is none."""
    secret = "token: sesame-open\nserver: elsewhere\n"
    files = [{"path": str(tmp_path / "x"), "secret_base64": b64(secret)}]
    program = (
        "import runpy, sys, syslog; "
        "syslog.syslog = lambda *words: print(*words, file=sys.stderr); "
        "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, PLAYBOOKS / "library" / "site_files.py"],
        # The controller says this at each call, whatever a module's own code would have.
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"files": files, "_ansible_no_log": False}}),
        check=True,
        capture_output=True,
        text=True,
    )

    assert (tmp_path / "x").read_text() == secret
    assert "Invoked with" in done.stderr
    told = done.stdout + done.stderr
    assert "sesame" not in told
    assert b64(secret) not in told


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It says what would be written."""
    said = site_files([{"path": str(tmp_path / "x"), "content": "y"}], check=True)

    assert said["changed_files"] == [str(tmp_path / "x")]
    assert not (tmp_path / "x").exists()


def test_permissions_alone_are_put_right(tmp_path: Path) -> None:
    """The text stays."""
    path = tmp_path / "x"
    path.write_text("y")
    path.chmod(0o666)

    assert site_files([{"path": str(path), "content": "y"}])["changed"] is True
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_damaged_download_is_refused(tmp_path: Path, served: tuple[Path, str]) -> None:
    """What was there before stays, and nothing half is left beside it."""
    folder, url = served
    (folder / "program").write_bytes(b"other octets")
    (tmp_path / "program").write_text("before")
    wanted = {"url": f"{url}/program", "sha256": hashlib.sha256(b"octets").hexdigest()}
    said = site_files([{"path": str(tmp_path / "program"), **wanted}])

    assert said["failed"] is True
    assert "changed or damaged" in said["msg"]
    assert (tmp_path / "program").read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["program", "served"]


def test_a_file_that_the_bridge_does_not_have(tmp_path: Path, served: tuple[Path, str]) -> None:
    """The URL and the answer are told."""
    wanted = {"url": f"{served[1]}/missing", "sha256": "0" * 64}
    said = site_files([{"path": str(tmp_path / "program"), **wanted}])

    assert "/missing gives 404" in said["msg"]


def test_a_block_between_its_marks(tmp_path: Path) -> None:
    """Put at the end, then replaced where it stands; the other lines are left alone."""
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n")
    marks = {"path": str(path), "begin": "# BEGIN x", "end": "# END x"}
    assert site_files([], blocks=[{**marks, "block": "10.0.0.1 a"}])["changed"] is True
    path.write_text(path.read_text() + "10.9.9.9 other\n")
    assert site_files([], blocks=[{**marks, "block": "10.0.0.1 a\n10.0.0.2 b"}])["changed"] is True
    assert site_files([], blocks=[{**marks, "block": "10.0.0.1 a\n10.0.0.2 b"}])["changed"] is False

    assert path.read_text().splitlines() == [
        *("127.0.0.1 localhost", "# BEGIN x", "10.0.0.1 a", "10.0.0.2 b", "# END x"),
        "10.9.9.9 other",
    ]


# --- await --------------------------------------------------------------------------------------


def test_ready_nodes() -> None:
    """Only a condition Ready that is True counts."""

    def node(name: str, kind: str, status: str) -> dict[str, Any]:
        conditions = [{"type": kind, "status": status}]
        return {"metadata": {"name": name}, "status": {"conditions": conditions}}

    listed = [node("a", "Ready", "True"), node("b", "Ready", "False"), node("c", "Disk", "True")]

    assert AWAIT["ready_nodes"]({"items": listed}) == {"a"}


@pytest.mark.parametrize(
    "said",
    [
        "https://cluster.alpha:9345/v1-rke2/config: 401 Unauthorized: not authorized",
        "token CA hash does not match the Cluster CA certificate hash: 0a != 0b",
        "x509: certificate is valid for server1, not cluster.beta",
        "x509: certificate has expired or is not yet valid: current time 2026-11-21T10:00:00Z",
    ],
)
def test_what_no_waiting_mends(said: str) -> None:
    """Upstream's words for a wrong token, another cluster, a name or a clock that is off."""
    assert AWAIT["IN_VAIN"].search(said)


@pytest.mark.parametrize(
    "said", ["connection refused", "503 Service Unavailable", "etcd: too many learner members"]
)
def test_what_waiting_mends(said: str) -> None:
    """A server that is still starting, and one learner at a time."""
    assert not AWAIT["IN_VAIN"].search(said)
