"""The command line: `rke2 server`, `rke2 agent`, `rke2 --version`, as upstream's."""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import images as archives
from . import preflight
from .flags import known, usage
from .log import FatalError, Log, notify
from .options import Options, Product, read_options

_COMMANDS = {"server": "Run management server", "agent": "Run node agent"}
_REGISTRIES_KEYS = {"mirrors", "configs", "auths"}


def main(product: Product, words: list[str], variables: Mapping[str, str]) -> int:
    """Do what the words say; gives the exit code."""
    say = Log()
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_overview(product.name))
        return 0
    if words[0] in {"-v", "--version"}:
        sys.stdout.write(version(product))
        return 0
    command = words[0]
    if command not in _COMMANDS:
        sys.stderr.write(f"No help topic for '{command}'\n")
        return 3
    if {"-h", "--help"} & set(words[1:]):
        sys.stdout.write(usage(product.name, command, known(product.name, command)))
        return 0
    try:
        _run(read_options(product, command, words[1:], variables), say)
    except FatalError as error:
        say.fatal(str(error))
        return 1
    return 0


def version(product: Product) -> str:
    """Give what `--version` prints: upstream's form, with the stand-in's name for the commit."""
    return (
        f"{product.name} version {product.version} (bridgehead-lab-stand-in)\n"
        f"python version {platform.python_version()}\n"
    )


def _overview(program: str) -> str:
    full = {"rke2": "Rancher Kubernetes Engine 2", "k3s": "Kubernetes, but small and simple"}
    lines = [f"NAME:\n   {program} - {full[program]}\n\nUSAGE:\n   {program} command [options]\n"]
    lines.append("COMMANDS:")
    lines += [f"   {name}  {what}" for name, what in _COMMANDS.items()]
    return "\n".join(lines) + "\n"


def _run(options: Options, say: Log) -> None:
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    name = options.node_name
    for warning in preflight.check(options):
        say.warning(warning)
    say.info(f"Starting {options.product.name} {options.product.version} (stand-in) on {name}")
    check_registries(Path(options.text("private-registry", _registries(options))))
    images = import_images(options, say)
    if options.is_server:
        from . import server

        server.run(options, images, say)
    else:
        _agent(options, images, say)


def _end(number: int, _: Any) -> None:
    # Threads wait in reads and sleeps: nothing is half-written, files are renamed into place.
    notify("STOPPING=1\n")
    os._exit(0 if number == signal.SIGTERM else 130)


def _agent(options: Options, images: tuple[archives.Image, ...], say: Log) -> None:
    from . import tokens
    from .kubelet import Kubelet, Place

    if not options.server:
        raise FatalError("--server is required")
    if not options.token:
        raise FatalError("--token is required")
    kubelet = Kubelet(options, images, say)
    place = Place.of(options.server, options.product.supervisor_port)
    kubelet.join(place, tokens.parse(options.token))
    say.info(f"{options.product.name} agent is up and running")
    notify("READY=1\n")
    kubelet.keep(threading.Event())


def _registries(options: Options) -> str:
    return str(options.config_folder / "registries.yaml")


def check_registries(path: Path) -> None:
    """Read `registries.yaml` where there is one. Raises FatalError if upstream could not."""
    if not path.is_file():
        return
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        text = " ".join(str(error).split())
        raise FatalError(f"failed to get registry configuration: yaml: {text}") from error
    unknown = set(found) - _REGISTRIES_KEYS if isinstance(found, dict) else {"its content"}
    if unknown:
        text = f"failed to get registry configuration: {path} has unknown keys"
        raise FatalError(f"{text}: {', '.join(sorted(map(str, unknown)))}")


def import_images(options: Options, say: Log) -> tuple[archives.Image, ...]:
    """Import every archive of the images folder. Raises FatalError without the runtime image."""
    folder = options.images_folder
    found: dict[str, archives.Image] = {}
    for path in archives.archives(folder):
        try:
            brought = archives.read_archive(path.read_bytes(), path.name)
        except archives.ArchiveError as error:
            say.error(f"Error encountered while importing {path}: {error}")
            continue
        say.info(f"Imported {len(brought)} images from {path}")
        found.update((each.reference, each) for each in brought)
    wanted = archives.needs(options.product)
    if wanted.runtime and wanted.runtime not in found:
        raise FatalError(
            f"failed to get runtime image {wanted.runtime}: not found in any file in {folder}: "
            "image not found, and no image is pulled from outside"
        )
    for missing in (each for each in wanted.all() if each not in found):
        say.warning(f"No local image available for {missing}: not found in any file in {folder}")
    return tuple(found.values())
