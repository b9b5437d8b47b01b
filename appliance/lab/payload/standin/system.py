"""The machine the stand-in runs on: its console, its commands, its network cards."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

LOG = Path("/var/log/console.log")
PREFIX = "harvester-standin:"
_SCREENS = ("/dev/ttyS0", "/dev/tty1")
_RUN = Path("/run/standin")


class RefusalError(Exception):
    """Something the real installer stops at with nothing but text on the screen."""


class InstallError(Exception):
    """harv-install, or what follows it, failed: the FAILED webhook follows."""


def say(text: str) -> None:
    """Write one line to the screens, the serial line and /var/log/console.log.

    Every line starts with `harvester-standin:`, so a console file can be searched for it.
    """
    line = f"{PREFIX} {text}"
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
    for screen in _SCREENS:
        with contextlib.suppress(OSError):
            descriptor = os.open(screen, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                os.write(descriptor, f"\r\n{line}\r\n".encode())
            finally:
                os.close(descriptor)


def run(*words: str, given: str | None = None) -> str:
    """Run a command and give its output. Raises InstallError with what it said."""
    done = subprocess.run(
        words, input=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise InstallError(f"{words[0]} ended with {done.returncode}: {last}")
    return done.stdout


def quietly(*words: str) -> bool:
    """Run a command whose failure is an answer, not an error."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def is_uefi() -> bool:
    """Tell whether the firmware that started us was UEFI."""
    return Path("/sys/firmware/efi").is_dir()


def kernel_line() -> str:
    """Give the kernel command line."""
    return Path("/proc/cmdline").read_text(encoding="ascii", errors="replace").strip()


def from_host(name: str) -> str:
    """Read what the lab handed this machine as `opt/bridgehead/<name>` in fw_cfg; or nothing."""
    quietly("modprobe", "qemu_fw_cfg")
    try:
        return Path(f"/sys/firmware/qemu_fw_cfg/by_name/opt/bridgehead/{name}/raw").read_text()
    except OSError:
        return ""


# --- network cards --------------------------------------------------------------------------


def find_card(interface: dict[str, Any]) -> str:
    """Give the first configured network card's name. Raises RefusalError when none is there."""
    cards = {}
    for path in Path("/sys/class/net").iterdir():
        with contextlib.suppress(OSError):
            cards[(path / "address").read_text().strip().lower()] = path.name
    for wanted in interface["interfaces"]:
        name = cards.get(wanted.get("hwAddr", "").lower()) or wanted.get("name", "")
        if name in cards.values():
            return name
    raise RefusalError(
        f"no such network card: {interface['interfaces']}; there are {sorted(cards)}"
    )


def card_mac(card: str) -> str:
    """Give the card's hardware address."""
    return Path(f"/sys/class/net/{card}/address").read_text().strip()


def card_address(card: str) -> str:
    """Give the card's first IPv4 address, or nothing."""
    words = run("ip", "-4", "-o", "addr", "show", "dev", card).split()
    return words[words.index("inet") + 1].split("/")[0] if "inet" in words else ""


def has_default_route() -> bool:
    """Tell whether IPv4 has a default route."""
    return bool(run("ip", "-4", "route", "show", "default").strip())


def lease(card: str) -> None:
    """Ask DHCP for an address on the card and keep it renewed. Raises InstallError."""
    _RUN.mkdir(exist_ok=True)
    run("ip", "link", "set", card, "up")
    pid, leases = str(_RUN / f"dhclient.{card}.pid"), str(_RUN / f"dhclient.{card}.leases")
    run("dhclient", "-4", "-1", "-pf", pid, "-lf", leases, card)


def announce(card: str, address: str) -> None:
    """Broadcast gratuitous ARP requests, so neighbours forget who had the address before."""
    mac = bytes.fromhex(card_mac(card).replace(":", ""))
    who = socket.inet_aton(address)
    arp = b"\x00\x01\x08\x00\x06\x04\x00\x01" + mac + who + b"\x00" * 6 + who
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((card, 0))
        for _ in range(3):
            sock.send(b"\xff" * 6 + mac + b"\x08\x06" + arp)


# --- users and sshd -------------------------------------------------------------------------


def set_login(system: dict[str, Any]) -> None:
    """Give the rancher user the configured password (plain or crypt) and keys."""
    password = system.get("password", "")
    if password:
        crypted = ["-e"] if password.startswith("$") else []
        run("chpasswd", *crypted, given=f"rancher:{password}\n")
    keys = system.get("ssh_authorized_keys", [])
    if keys:
        folder = Path("~rancher/.ssh").expanduser()
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "authorized_keys").write_text("".join(f"{key}\n" for key in keys))
        run("chown", "-R", "rancher:rancher", str(folder))


def start_sshd(key_folder: Path, *, passwords: bool = True) -> str:
    """Start sshd with the host key kept in `key_folder`, made at first use; give its public key."""
    key_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = key_folder / "ssh_host_ed25519_key"
    if not key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key))
    Path("/run/sshd").mkdir(exist_ok=True)
    Path("/run/nologin").unlink(missing_ok=True)  # systemd-user-sessions would have done so
    allow = "yes" if passwords else "no"
    options = ("-o", f"HostKey={key}", "-o", f"PasswordAuthentication={allow}")
    run("/usr/sbin/sshd", *options)
    return Path(f"{key}.pub").read_text().strip()
