"""Filling the registry, in the virtual machine: `python3 -m appliance.staging.fill < FILE`.

The registry that everybody reaches is read-only. This starts a second one on the same store, on
the loopback alone and for the moment, fetches each archive, checks it and pushes it. What was
pushed is noted by digest, so that a second time costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import ArtifactError, BridgeheadError, StepError
from appliance.staging.config import FillConfig, ImageSource, parse
from appliance.staging.push import push
from appliance.staging.registry import Registry
from appliance.staging.registry_settings import registry_settings

_NOTES = ".filled"
_START_SECONDS = 60.0
_PAUSE = 0.1
_STOP_SECONDS = 10.0
_SILENCE_SECONDS = 60.0
_PART = 1 << 20


def fill(config: FillConfig) -> tuple[str, ...]:
    """Push what was not pushed before; give a line for each image. Raises BridgeheadError."""
    notes = Path(config.root) / _NOTES
    notes.mkdir(parents=True, exist_ok=True)
    missing = [each for each in config.images if not (notes / each.sha256).exists()]
    if not missing:
        return ()
    lines: list[str] = []
    with writable_registry(config) as registry, tempfile.TemporaryDirectory() as folder:
        for source in missing:
            path = Path(folder) / source.name
            fetch(source, path)
            pushed = push(path, registry)
            path.unlink()
            lines += [f"{each.image} {each.digest}" for each in pushed]
            (notes / source.sha256).write_text("".join(f"{each.image}\n" for each in pushed))
    return tuple(lines)


def fetch(source: ImageSource, path: Path) -> None:
    """Fetch an archive and check it. Raises ArtifactError, StepError if nobody answers."""
    digest = hashlib.sha256()
    if not source.url.startswith("http://"):
        raise ArtifactError("an archive's URL is not of this site", where=source.url)
    try:
        with (
            urllib.request.urlopen(source.url, timeout=_SILENCE_SECONDS) as answer,  # noqa: S310 - the scheme is checked
            path.open("wb") as file,
        ):
            while part := answer.read(_PART):
                digest.update(part)
                file.write(part)
    except OSError as error:
        raise StepError(
            f"{source.name} cannot be fetched",
            where=source.url,
            why=str(error),
            fix="see that the laptop is there and serves it, then run again",
        ) from error
    if digest.hexdigest() != source.sha256:
        raise ArtifactError(
            f"{source.name} is not what it should be",
            where=source.url,
            why=f"its SHA-256 is {digest.hexdigest()}, not {source.sha256}",
            fix="run again; if it happens again, fetch it into the depot anew",
        )


@contextmanager
def writable_registry(config: FillConfig) -> Iterator[Registry]:
    """Run a registry on the loopback that takes images into the store."""
    port = _free_port()
    registry = Registry(f"127.0.0.1:{port}")
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "registry.json"
        settings.write_text(json.dumps(registry_settings(config.root, f"127.0.0.1:{port}")))
        said = (Path(folder) / "said").open("w+b")
        running = subprocess.Popen(  # noqa: TID251 - it serves while we push, and is ended here
            [config.program, "serve", str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
        )
        with said:
            try:
                _await(registry, lambda: running.poll() is None, Path(said.name))
                yield registry
            finally:
                running.terminate()
                try:
                    running.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    running.kill()
                    running.wait()


def _await(registry: Registry, runs: Callable[[], bool], said: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while not registry.answers():
        if not runs() or time.monotonic() > end:
            words = said.read_text(errors="replace").strip().splitlines()
            raise StepError("the registry did not start", why="; ".join(words[-3:]))
        time.sleep(_PAUSE)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    """Fill the registry as standard input says, and say what was done. Gives the exit code.

    By standard input: the URLs are the laptop's, and nothing that stays names the laptop.
    """
    try:
        lines = fill(FillConfig.from_json(parse(sys.stdin.read(), "standard input")))
    except BridgeheadError as error:
        print(error, file=sys.stderr)  # noqa: T201 - Ansible shows it
        return 1
    for line in lines:
        print(f"pushed {line}")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
