"""The stand-in for Harvester's installer, in the order of the real one's automatic mode.

Source: harvester-installer `pkg/console/install_panels.go` and `harv-install`. What stops before
harv-install gives screen text only; what fails in it sends FAILED.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from . import disk, system, webhooks
from .config import Config, from_kernel_line, merge, read
from .schema import Version
from .system import InstallError, RefusalError, say

FETCH_TIMEOUT_S = 15.0
FETCH_TRIES = 30
FETCH_PAUSE_S = 10.0
ISO_TRIES = 5
ISO_PAUSE_S = 2.0
BEFORE_REBOOT_S = 5.0
_MEDIA = Path("/run/standin/media")


@dataclass(frozen=True)
class Release:
    """The version written into the image the machine started from."""

    name: str
    version: Version


def install(release: Release) -> None:
    """Do the whole automatic installation, up to the reboot. Raises RefusalError."""
    refuse_bios(release)
    config = gather(release)
    system.set_login(config["os"])
    card = bring_up(config["install"]["management_interface"])
    preflight(config)
    hooks = _hooks(config, card)
    webhooks.send(hooks, "STARTED", say)
    try:
        harv_install(config)
    except (InstallError, OSError) as error:
        say(f"install failed: {error}")
        webhooks.send(hooks, "FAILED", say)
        return
    webhooks.send(hooks, "SUCCEEDED", say)
    leave(poweroff=bool(config["install"].get("poweroff")))


def refuse_bios(release: Release) -> None:
    """Stop a v1.8 or later installer on BIOS, before the configuration is fetched."""
    if system.is_uefi():
        return
    if release.version >= (1, 8):
        raise RefusalError(
            f"{release.name} installs on UEFI only, and this machine started from BIOS"
        )
    say("warning: started from BIOS, which later versions refuse")


def gather(release: Release) -> Config:
    """Fetch, merge and judge the configuration. Raises RefusalError with every problem found."""
    kernel = from_kernel_line(system.kernel_line())
    url = kernel.get("install", {}).get("config_url", "")
    fetched = _fetch(url) if url else {}
    config, problems = read(merge(fetched, kernel), release.version)
    for problem in problems:
        say(f"config problem: {problem}")
    if problems:
        raise RefusalError(f"the configuration has {len(problems)} problem(s)")
    say(f"config valid: mode {config['install']['mode']}")
    return config


def _fetch(url: str) -> Config:
    request = urllib.request.Request(url, headers={"User-Agent": "Go-http-client/1.1"})
    for attempt in range(FETCH_TRIES):
        if attempt:
            time.sleep(FETCH_PAUSE_S)
        try:
            with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT_S) as answer:
                body = answer.read()
            break
        except (urllib.error.URLError, OSError) as error:
            say(f"config not fetched, try {attempt + 1} of {FETCH_TRIES}: {error}")
    else:
        raise RefusalError("the configuration could not be fetched")
    say(f"config fetched from {urlsplit(url).netloc}: {len(body)} bytes")
    try:
        config = yaml.load(body, Loader=_GoLikeLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise RefusalError(f"the configuration is not YAML: {error}") from error
    if not isinstance(config, dict):
        raise RefusalError("the configuration is not a map")
    return config


class _GoLikeLoader(yaml.SafeLoader):
    """YAML as Go's readers take it: no base-60 numbers, so an unquoted MAC stays a string."""


_GoLikeLoader.yaml_implicit_resolvers = {
    first: [
        pair
        for pair in pairs
        if pair[0] not in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp")
    ]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_GoLikeLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+)$"),
    list("-+0123456789"),
)


def bring_up(interface: dict[str, Any]) -> str:
    """Make the live network what the configuration says; give the card's name.

    With a static address the live system keeps what dracut leased, as the real one does.
    """
    card = system.find_card(interface)
    if interface["method"] == "dhcp":
        try:
            system.lease(card)
        except InstallError as error:
            raise RefusalError(f"can't apply networks: {error}") from error
        if not system.has_default_route():
            raise RefusalError("no default route: DHCP gave none")
    say(f"network up: {card} {system.card_address(card)}")
    return card


def preflight(config: Config) -> None:
    """Judge the hardware as the real one does: any message stops, unless checks are skipped."""
    if system.from_host("hardware") == "as-planned":
        say("preflight: the hardware is taken as planned, in a rehearsal")
        return
    cores = os.cpu_count() or 1
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    found = []
    if cores < 16:
        found.append(f"{cores} CPU cores: 8 are the least, 16 the production minimum")
    if memory_gib < 64 * 0.9:
        found.append(f"{memory_gib:.1f} GiB memory: 32 are the least, 64 the production minimum")
    if system.quietly("systemd-detect-virt", "--vm", "--quiet"):
        found.append("the machine is virtual")
    for message in found:
        say(f"preflight: {message}")
    if found and not config["install"].get("skipchecks"):
        raise RefusalError("preflight checks failed and skipchecks is not set")


def _hooks(config: Config, card: str) -> list[webhooks.Hook]:
    """Render the webhooks; a definition that cannot be rendered is left out, as in the real one."""
    values = {"Hostname": config["os"].get("hostname", "")}
    if config["install"]["management_interface"]["method"] == "dhcp":
        # With a static address mgmt-br does not exist yet, and these stay empty.
        values |= {"MACAddr": system.card_mac(card), "IPAddrV4": system.card_address(card)}
    try:
        return webhooks.prepare(config["install"].get("webhooks", []), values)
    except webhooks.TemplateError as error:
        say(f"webhooks left out: {error}")
        return []


# --- harv-install ---------------------------------------------------------------------------


def harv_install(config: Config) -> None:
    """Put the system on the disk. Raises InstallError."""
    install_section = config["install"]
    url = install_section["iso_url"]
    disk.name_disks(system.from_host("disks"))
    target = disk.resolve(install_section["device"])
    say(f"install: target {install_section['device']} is {target}")
    _wipe_others(install_section, target)
    disk.partition(target)
    say("install: disk partitioned")
    iso = disk.TARGET / "COS_PERSISTENT" / "harvester.iso"
    _download(url, iso)
    say(f"install: ISO downloaded, {iso.stat().st_size} bytes")
    _MEDIA.mkdir(parents=True, exist_ok=True)
    system.run("mount", "-o", "loop,ro", str(iso), str(_MEDIA))
    disk.install_system(_MEDIA)
    system.run("umount", str(_MEDIA))
    iso.unlink()
    say("install: system copied")
    disk.install_loaders(target)
    _write_oem(config)
    disk.unmount()
    say("install: boot loader and configuration written")


def _wipe_others(install_section: Config, target: str) -> None:
    data = os.path.realpath(install_section.get("data_disk", "")) or target
    if install_section.get("wipe_all_disks"):
        chosen = [name for name in disk.all_disks() if name not in (target, data)]
    else:
        chosen = [disk.resolve(name) for name in install_section.get("wipe_disks_list", [])]
    for name in chosen:
        disk.wipe(name)
        say(f"install: wiped {name}")


def _download(url: str, target: Path) -> None:
    """HEAD, then GET up to five times, each from zero, unchecked: what harv-install's curl does."""
    system.run("curl", "-sSfIL", "-o", "/dev/null", url)
    for attempt in range(ISO_TRIES):
        if attempt:
            time.sleep(ISO_PAUSE_S)
        done = subprocess.run(
            ["curl", "-sSfL", "-o", str(target), url], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        say(f"install: ISO try {attempt + 1} of {ISO_TRIES}: {done.stderr.strip()}")
    raise InstallError("the ISO could not be downloaded")


def _write_oem(config: Config) -> None:
    """Keep the merged configuration where the installed system reads it, for root alone."""
    path = disk.TARGET / "COS_OEM" / "harvester.config"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as oem:
        yaml.safe_dump(config, oem, sort_keys=True)


def leave(*, poweroff: bool) -> None:
    """Wait the real one's five seconds, then reboot or power off."""
    word = "poweroff" if poweroff else "reboot"
    say(f"install succeeded: {word} in {BEFORE_REBOOT_S:.0f} s")
    time.sleep(BEFORE_REBOOT_S)
    os.sync()
    system.run("systemctl", word, "--force")
