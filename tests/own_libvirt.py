"""A libvirt of the tests' own: no systemd, no KVM, and nothing of this computer's own libvirt.

virtlogd and libvirtd run in PID, mount and network namespaces, with folders of their own where
libvirt has its settings, its state and its sockets. The first process of the PID namespace is
the test's child: with it all that was started in there ends, however the test ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0
"""Seconds until a test gives up on a libvirt that does not start; no test measures."""
URI = "qemu:///system"
_CLONE_NEWNET = 0x40000000
NOTHING: Mapping[str, str] = MappingProxyType({})
T = TypeVar("T")

# QEMU as root: its files are in a folder of root's. Without systemd there are no control groups.
_QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
"""
# Debian's libvirtd looks for the user that the package libvirt-daemon-system would make, before it
# reads that it needs none. /sys is mounted anew to show this namespace's network.
_START = """
folder=$1
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/home
for place in etc lib cache log; do
    mkdir -p "/$([ $place = etc ] || echo var/)$place/libvirt"
    mount --bind "$folder/$place" "/$([ $place = etc ] || echo var/)$place/libvirt"
done
name=libvirt-qemu
for list in passwd group; do
    cp "/etc/$list" "$folder/$list"
    mount --bind "$folder/$list" "/etc/$list"
done
grep -q "^$name:" /etc/group || echo "$name:x:64055:" >>/etc/group
grep -q "^$name:" /etc/passwd || echo "$name:x:64055:64055::/:/usr/sbin/nologin" >>/etc/passwd
ip link set lo up
virtlogd --daemon
LIBVIRT_LOG_OUTPUTS=3:file:/var/log/libvirt/libvirtd.log libvirtd --daemon
while :; do sleep 3600 & wait; done
"""


@dataclass(frozen=True, slots=True)
class Lists:
    """What there is at a moment; two of them are compared."""

    machines: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    interfaces: tuple[str, ...]
    processes: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnLibvirt:
    """A libvirt that runs. `pid` is the first process of its namespaces."""

    pid: int
    folder: Path

    def words(self, *words: str, more: Mapping[str, str] = NOTHING) -> list[str]:
        """Give the command that runs something inside; `more` goes into its environment."""
        vagrant = {
            "HOME": "/run/home",  # short: OpenSSH has its sockets below it
            "VAGRANT_HOME": str(self.folder / "vagrant"),
            "VAGRANT_DOTFILE_PATH": str(self.folder / "dot"),
            "VAGRANT_CWD": str(ROOT),
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "LIBVIRT_DEFAULT_URI": URI,
            "BRIDGEHEAD_DRIVER": "qemu",
            **more,
        }
        settings = [f"{name}={value}" for name, value in vagrant.items()]
        return ["nsenter", "-t", str(self.pid), "-a", "env", *settings, *words]

    def try_to(
        self, *words: str, seconds: float = PATIENCE, more: Mapping[str, str] = NOTHING
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, whatever comes of it."""
        return subprocess.run(
            self.words("timeout", "-k", "10", str(seconds), *words, more=more),
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def run(self, *words: str, seconds: float = PATIENCE, more: Mapping[str, str] = NOTHING) -> str:
        """Run a command inside; give what it prints. It must succeed."""
        done = self.try_to(*words, seconds=seconds, more=more)
        assert done.returncode == 0, f"{words}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout

    def virsh(self, *words: str) -> str:
        """Ask libvirt's own client."""
        return self.run("virsh", "-q", *words).strip()

    def inside(self, work: Callable[[], T]) -> T:
        """Run `work` on a thread of its own in the network namespace."""

        def enter_and_work() -> T:
            libc = ctypes.CDLL(None, use_errno=True)
            with Path(f"/proc/{self.pid}/ns/net").open("rb") as namespace:
                if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            return work()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(enter_and_work).result()

    def lists(self) -> Lists:
        """Look what there is: machines, networks, volumes, interfaces, processes, UEFI's files."""

        def lines(*words: str) -> tuple[str, ...]:
            return tuple(sorted(filter(None, map(str.strip, self.run(*words).splitlines()))))

        pools = self.virsh("pool-list", "--all", "--name").split()
        volumes = tuple(v for p in pools for v in self.virsh("vol-list", p).splitlines())
        return Lists(
            lines("virsh", "-q", "list", "--all", "--name"),
            lines("virsh", "-q", "net-list", "--all", "--name"),
            tuple(sorted(volumes)),
            lines("sh", "-c", "ls /sys/class/net"),
            tuple(p for p in lines("ps", "-eo", "args=") if not p.startswith(_OWN_LOOK)),
            lines("sh", "-c", "find /etc/libvirt /var/lib/libvirt -type f"),
        )


_OWN_LOOK = ("timeout ", "ps ")
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")


@contextlib.contextmanager
def own_libvirt(folder: Path, *, limit_s: float) -> Iterator[OwnLibvirt]:
    """Start one with a pool `default`; all in it is killed at the end, or after `limit_s`."""
    for name in ("etc", "lib", "lib/images", "cache", "log"):
        (folder / name).mkdir(parents=True)
    (folder / "etc" / "qemu.conf").write_text(_QEMU_CONF, encoding="ascii")
    own = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
    with (folder / "log" / "start.log").open("wb") as said:
        process = subprocess.Popen(
            [
                *_WITH_PARENT,
                *("timeout", "-s", "KILL", str(limit_s)),
                *(*_WITH_PARENT, "unshare", *own, "--propagation", "private"),
                *("bash", "-euc", _START, "start", str(folder)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        libvirt = OwnLibvirt(_first_inside(process), folder)
        _await(libvirt)
        libvirt.virsh("pool-define-as", "default", "dir", "--target", "/var/lib/libvirt/images")
        libvirt.virsh("pool-start", "default")
        yield libvirt
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _first_inside(process: subprocess.Popen[bytes]) -> int:
    """Give the process that unshare forked: `timeout` has one child, which has one."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        pid = process.pid
        for _ in range(2):
            found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
            if not found:
                break
            pid = int(found[0])
        else:
            if _namespace(str(pid)) != _namespace("self"):
                return pid
        time.sleep(0.05)
    pytest.fail("the namespaces of libvirt were not made")


def _namespace(process: str) -> Path:
    return Path(f"/proc/{process}/ns/pid").readlink()


def _await(libvirt: OwnLibvirt) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if Path(f"/proc/{libvirt.pid}").exists():
            done = libvirt.try_to("virsh", "-q", "list")
            if done.returncode == 0:
                return
        time.sleep(0.2)
    said = (libvirt.folder / "log" / "start.log").read_text(errors="replace")
    pytest.fail(f"libvirt does not answer: {said}")
