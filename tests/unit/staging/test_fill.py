"""Filling: fetched from the site, checked, pushed to a registry of its own, and only once."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import ArtifactError, StepError
from appliance.lab import site_image
from appliance.staging.config import FillConfig, ImageSource
from appliance.staging.fill import fill, main

_ROOT = Path(__file__).resolve().parents[3]
_PROGRAM = f"""#!{sys.executable}
import json, signal, sys
sys.path.insert(0, {str(_ROOT)!r})
from pathlib import Path
from http.server import ThreadingHTTPServer
from tests.unit.staging import little_registry
assert sys.argv[1] == "serve"
said = json.loads(Path(sys.argv[2]).read_text())
root = Path(said["storage"]["filesystem"]["rootdirectory"])
host, port = said["http"]["addr"].split(":")
store = little_registry.Store()
class Handler(little_registry._Handler):
    kept = store
def end(*_):
    (root / "pushed.json").write_text(json.dumps([list(each) for each in store.manifests]))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nobody reads it."""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[ImageSource]:
    """The archive as the laptop serves it."""
    folder = site_image.build(tmp_path / "cache")
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    digest = hashlib.sha256((folder / site_image.ARCHIVE).read_bytes()).hexdigest()
    url = f"http://127.0.0.1:{server.server_address[1]}/{site_image.ARCHIVE}"
    yield ImageSource(site_image.ARCHIVE, url, digest)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A registry program that takes its configuration as the real one does."""
    path = tmp_path / "registry"
    path.write_text(_PROGRAM)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def config(program: Path, *images: ImageSource) -> FillConfig:
    """Give a configuration with a store beside the program."""
    root = program.parent / "store"
    root.mkdir(exist_ok=True)
    return FillConfig(str(program), str(root), images)


def test_an_archive_is_fetched_and_pushed_once(program: Path, source: ImageSource) -> None:
    """The second time not even the registry is started."""
    wanted = config(program, source)
    (line,) = fill(wanted)
    assert line.startswith("site-hello:1 sha256:")
    pushed = json.loads((Path(wanted.root) / "pushed.json").read_text())
    assert ["site-hello", "1"] in pushed
    program.unlink()
    assert fill(wanted) == ()


def test_an_archive_that_is_another_is_not_pushed(program: Path, source: ImageSource) -> None:
    """Its digest was told beforehand; the next run tries again."""
    wanted = config(program, ImageSource(source.name, source.url, "0" * 64))
    with pytest.raises(ArtifactError, match="is not what it should be"):
        fill(wanted)
    assert json.loads((Path(wanted.root) / "pushed.json").read_text()) == []
    assert len(fill(config(program, source))) == 1


def test_a_laptop_that_is_gone_is_named(program: Path, source: ImageSource) -> None:
    """With where it was looked for; and nothing but the site's plain HTTP is fetched."""
    with pytest.raises(StepError, match="cannot be fetched") as caught:
        fill(config(program, ImageSource("x", "http://127.0.0.1:9/a/x", source.sha256)))
    assert caught.value.where == "http://127.0.0.1:9/a/x"
    with pytest.raises(ArtifactError, match="not of this site"):
        fill(config(program, ImageSource("x", "file:///etc/passwd", source.sha256)))


def test_a_registry_that_does_not_start_says_why(program: Path, source: ImageSource) -> None:
    """Its last words."""
    program.write_text("#!/bin/sh\necho 'no such store' >&2\nexit 1\n")
    with pytest.raises(StepError, match="did not start") as caught:
        fill(config(program, source))
    assert caught.value.why == "no such store"


def test_the_command_says_what_it_did(
    program: Path,
    source: ImageSource,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line for each image; nothing when there is nothing to do; the error and 1."""
    told = json.dumps(config(program, source).as_json())
    monkeypatch.setattr("sys.stdin", io.StringIO(told))
    assert main() == 0
    assert capsys.readouterr().out.startswith("pushed site-hello:1 ")
    monkeypatch.setattr("sys.stdin", io.StringIO(told))
    assert main() == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("sys.stdin", io.StringIO("nothing"))
    assert main() == 1
    assert "standard input: a configuration cannot be read" in capsys.readouterr().err
