"""A laptop for tests: a small Debian with its real systemd, in namespaces of its own.

Nothing is emulated: systemd runs as the first process of a PID namespace, on a root folder of
Debian packages, in a network namespace with two cables. It starts in seconds.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.tools.building import debian_root, digest, in_place, run
from appliance.tools.cache import cache_folder
from appliance.tools.distributions import versions_of
from tests.namespaces import ip

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120.0
"""Seconds until a test gives up on a laptop that does not start; no test measures."""

PACKAGES = (
    *("apt", "ca-certificates", "dbus", "gpgv", "iproute2", "openssh-client", "procps", "python3"),
    *("systemd", "systemd-sysv"),
)
LACKS = ("ipxe", "nftables", "python3-venv")
"""What the set-up must bring, with all that comes along."""

_FETCH = f"""\
#!/bin/sh
set -e
chroot "$1" apt-get -q -y -d --no-install-recommends install {" ".join(LACKS)} >&2
mv "$1"/var/cache/apt/archives/*.deb "{{packages}}"
"""
_BOOT = """
root=$1 && shift
hostname laptop
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for each in null zero full random urandom tty; do
    touch "$root/dev/$each"
    mount --bind "/dev/$each" "$root/dev/$each"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for each in "$@"; do
    mkdir -p "$root$each"
    mount --bind "$each" "$root$each"
    mount -o remount,bind,ro "$root$each"
done
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir "$root/run/old"
cd "$root"
pivot_root . run/old
exec chroot . /bin/sh -ec '
    umount -l /run/old
    rmdir /run/old
    ip link set lo up
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd \
        --log-level=warning --log-target=console --show-status=no'
"""
_TREE = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /srv \
    -o -path "$1" -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg \
    -o -path /var/lib/apt -o -path /var/lib/systemd \) -prune -o -printf '%M %u %g %p %l\n'
find /etc -type f ! -name '*-' -exec sha256sum {} +
"""


@dataclass(frozen=True, slots=True)
class Media:
    """What a laptop is made from: its root, and what a set-up without the Internet brings."""

    root: Path
    packages: Path
    wheels: Path


def media() -> Media:
    """Give them, made once and kept in the cache: the first time takes minutes and mirrors."""
    versions = "\n".join(f"{name}=={each}" for name, each in versions_of("bridgehead").items())
    inputs = digest(*PACKAGES, _FETCH, versions, platform.python_version())
    folder = cache_folder() / f"laptop-{inputs[:16]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with in_place(folder) as draft:
            _make(draft, versions)
    return Media(folder / "root", folder / "packages", folder / "wheels")


def _make(folder: Path, versions: str) -> None:
    (folder / "packages").mkdir()
    fetch = folder / "fetch"
    fetch.write_text(_FETCH.replace("{packages}", str(folder / "packages")))
    fetch.chmod(0o755)
    debian_root("the tests' laptop", folder / "root", PACKAGES, fetch)
    (folder / "versions.txt").write_text(versions)
    run("wheels", "/usr/bin/python3", "-m", "venv", folder / "venv")
    pip = (folder / "venv" / "bin" / "python", "-m", "pip", "wheel", "-q", "--no-deps")
    run("wheels", *pip, "-r", folder / "versions.txt", "-w", folder / "wheels")
    shutil.rmtree(folder / "venv")


@dataclass(frozen=True, slots=True)
class Laptop:
    """A laptop that runs, with `eth0` plugged in at the office and `eth1` at the machines' switch.

    `office` and `machines` name the namespaces at the other ends, each with an interface `port`.
    """

    pid: int
    office: str
    machines: str

    def words(self, *words: str) -> list[str]:
        """Give the command that runs something inside."""
        path = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        clean = ("env", "-i", "HOME=/root", "LC_ALL=C.UTF-8", path)
        return ["nsenter", "-t", str(self.pid), "-a", *clean, *words]

    def run(self, *words: str) -> str:
        """Run a command inside; give what it prints. It must succeed."""
        done = self.try_to(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def try_to(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, whatever comes of it."""
        return subprocess.run(
            self.words(*words),
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE * 4,
        )

    def tree(self) -> list[str]:
        """Name every file, its owner and mode, and the contents of those in /etc.

        What Debian's own tools keep for themselves (logs, caches, lists) is left out.
        """
        return sorted(self.run("sh", "-c", _TREE, "tree", str(ROOT)).splitlines())


def elsewhere(namespace: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command at the other end of a cable."""
    return subprocess.run(
        ["ip", "netns", "exec", namespace, *words],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )


@contextlib.contextmanager
def booted(made: Media) -> Iterator[Laptop]:
    """Start a laptop from a copy of the root, and take all of it away at the end."""
    tag = uuid.uuid4().hex[:7]
    with tempfile.TemporaryDirectory(prefix="bh-laptop-") as name, contextlib.ExitStack() as stack:
        root = Path(name) / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(made.root), str(root)], check=True)
        for folder in (made.packages, made.wheels):
            shutil.copytree(folder, root / "srv" / folder.name)
        group = stack.enter_context(_control_group(tag))
        pid = stack.enter_context(_first_process(root, group, Path(name) / "log"))
        office, machines = f"bh-o-{tag}", f"bh-m-{tag}"
        for namespace, interface in ((office, "eth0"), (machines, "eth1")):
            ip("netns", "add", namespace)
            stack.callback(subprocess.run, ["ip", "netns", "del", namespace], check=False)
            peer = ("peer", "name", interface, "netns", str(pid))
            ip("-n", namespace, "link", "add", "port", "type", "veth", *peer)
            ip("-n", namespace, "link", "set", "port", "up")
        laptop = Laptop(pid, office, machines)
        _await_start(laptop, Path(name) / "log")
        yield laptop


@contextlib.contextmanager
def _first_process(root: Path, group: Path, log: Path) -> Iterator[int]:
    seen = sorted({str(ROOT), sys.prefix})
    own = ("--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup")
    unshare = ("unshare", *own, "--fork", "--kill-child", "--propagation", "private")
    enter = 'echo $$ >"$1" && shift && exec "$@"'
    words = ["sh", "-ec", enter, "enter", str(group / "cgroup.procs"), *unshare]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*words, "bash", "-euc", _BOOT, "boot", str(root), *seen],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        yield _child_of(process, log)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _child_of(process: subprocess.Popen[bytes], log: Path) -> int:
    """Give the process that unshare forked: systemd, once it is there."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        for each in children.read_text().split():
            if Path(f"/proc/{each}/comm").read_text().strip() == "systemd":
                return int(each)
        time.sleep(0.05)
    pytest.fail(f"the laptop does not start: {log.read_text()}")


def _await_start(laptop: Laptop, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    state = ""
    while time.monotonic() < end:
        state = laptop.try_to("systemctl", "is-system-running").stdout.strip()
        if state == "running":
            return
        time.sleep(0.2)
    pytest.fail(f"the laptop is {state}: {log.read_text()}")


@contextlib.contextmanager
def _control_group(tag: str) -> Iterator[Path]:
    """Make a control group of version 2, where systemd keeps its units."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    places = [Path(each[1]) for each in mounts if each[2] == "cgroup2"]
    group = next(iter(places), Path("/nowhere")) / f"bh-laptop-{tag}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group of version 2 can be made here: {error}")
    try:
        yield group
    finally:
        end = time.monotonic() + PATIENCE
        while group.exists() and time.monotonic() < end:
            for each in sorted(group.rglob("*"), reverse=True):
                if each.is_dir():
                    with contextlib.suppress(OSError):  # one that dies is in it yet
                        each.rmdir()
            with contextlib.suppress(OSError):
                group.rmdir()
            time.sleep(0.05)
