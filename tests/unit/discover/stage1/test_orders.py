"""Orders, with programs that note how they were called in place of kexec and reboot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.discover.stage1 import orders
from appliance.discover.stage1.bridge import Bridge, NoRoomError

Made = Callable[[str, str], Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Make programs that are found before the real ones, and note their words in a file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def program(name: str, body: str) -> Path:
        noted = tmp_path / f"{name}.noted"
        noted.touch()
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "$*" >>{noted}\n{body}\n')
        path.chmod(0o755)
        return noted

    return program


_INSTALL = orders.Install("http://b/k", "http://b/i", "a")


class Canned(Bridge):
    """Files of a size that hold their URL; with `full`, one that is not written."""

    def __init__(self, octets: int, *, full: str = "") -> None:
        """Give files of so many octets each."""
        super().__init__("http://b", "", "")
        self.octets, self.full = octets, full
        self.fetched: list[str] = []

    def size(self, url: str) -> int:
        """Give the size."""
        return self.octets if url else 0

    def download(self, url: str, path: str, progress: Callable[[int, int], None]) -> None:
        """Write the URL."""
        self.fetched.append(url)
        progress(1, 1)
        Path(path).write_text(url)
        if url == self.full:
            raise NoRoomError("[Errno 28] No space left on device")


def test_an_order_to_install() -> None:
    """All three parts, or it is impossible."""
    order = {"order": "install", "kernel": "http://b/k", "initrd": "http://b/i", "arguments": "a=1"}
    assert orders.install_of(order) == orders.Install("http://b/k", "http://b/i", "a=1")
    for key in ("kernel", "initrd", "arguments"):
        with pytest.raises(orders.ImpossibleError):
            orders.install_of({**order, key: None})


def test_how_long_to_blink() -> None:
    """Bounded, whatever the order says."""
    said = [orders.blink_seconds({"seconds": n}) for n in (5, 0, -1, 10**9, True, "x", None)]
    assert said == [5, 30, 30, 300, 30, 30, 30]


def test_the_newer_way_to_load_a_kernel_comes_first(make: Made) -> None:
    """kexec_file_load; where it works, the other is not tried."""
    noted = make("kexec", "exit 0")
    orders.load("k", "i", "a b=c")
    assert noted.read_text() == "-s -l k --initrd=i --command-line=a b=c\n"


def test_the_older_way_is_tried_next(make: Made) -> None:
    """Some kernels are taken by kexec_load alone."""
    noted = make("kexec", '[ "$1" = -c ]')
    orders.load("k", "i", "a")
    assert [line.split()[0] for line in noted.read_text().splitlines()] == ["-s", "-c"]


def test_a_kernel_that_neither_takes(make: Made) -> None:
    """The reason is kexec's own, and says nothing of the arguments."""
    make("kexec", "echo kexec_file_load failed: Operation not permitted >&2; exit 255")
    with pytest.raises(orders.ImpossibleError, match="Operation not permitted") as raised:
        orders.load("k", "i", "token=s3cret")
    assert "s3cret" not in str(raised.value)


def test_a_kernel_that_takes_too_long(make: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python says of that has the whole command in it, and so the token."""
    monkeypatch.setattr(orders, "_KEXEC_SECONDS", 0.1)
    make("kexec", "exec sleep 5")
    with pytest.raises(orders.ImpossibleError, match="kexec took more than") as raised:
        orders.load("k", "i", "token=s3cret")
    assert "s3cret" not in str(raised.value)


def test_both_files_are_fetched_before_anything_is_loaded(make: Made, tmp_path: Path) -> None:
    """Fetch, fetch, load, jump; a jump that comes back is impossible."""
    noted = make("kexec", "exit 0")
    said: list[str] = []

    folder = str(tmp_path / "r")
    with pytest.raises(orders.ImpossibleError, match="not replaced"):
        orders.start_installer(_INSTALL, Canned(1), said.append, folder)
    assert (tmp_path / "r" / "kernel").read_text() == "http://b/k"
    assert (tmp_path / "r" / "initrd").read_text() == "http://b/i"
    assert noted.read_text().splitlines()[-1] == "-e"
    assert len(said) == 3


def test_what_the_memory_does_not_hold_is_not_fetched(make: Made, tmp_path: Path) -> None:
    """The kernel would end this program for it, again and again; both sizes are said."""
    make("kexec", "exit 0")
    bridge = Canned(1 << 50)
    with pytest.raises(NoRoomError) as raised:
        orders.start_installer(_INSTALL, bridge, lambda _said: None, str(tmp_path / "r"))
    assert bridge.fetched == []
    assert str(raised.value).startswith("its installer has 2147483648 MiB, and its memory has room")


def test_some_memory_stays_free(tmp_path: Path) -> None:
    """What may be taken less what this system needs; a machine that cannot say it has none."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 466492 kB\nMemFree: 1 kB\nMemAvailable: 204800 kB\n")
    orders.check_room(136 << 20, str(tmp_path), str(meminfo))
    with pytest.raises(NoRoomError, match="137 MiB, and its memory has room for 136 MiB of it"):
        orders.check_room(137 << 20, str(tmp_path), str(meminfo))
    with pytest.raises(NoRoomError, match="room for 0 MiB"):
        orders.check_room(1, str(tmp_path), str(tmp_path / "none"))


def test_what_did_not_fit_is_dropped(make: Made, tmp_path: Path) -> None:
    """Also what an earlier try left there: it would take the room of this one."""
    make("kexec", "exit 0")
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "initrd.old").write_text("left")
    bridge = Canned(1, full=_INSTALL.initrd)
    with pytest.raises(NoRoomError, match="No space left"):
        orders.start_installer(_INSTALL, bridge, lambda _said: None, str(folder))
    assert list(folder.iterdir()) == []


def test_restarting_and_switching_off(make: Made) -> None:
    """At once: there is nothing to be ended in order."""
    restarted, off = make("reboot", ""), make("poweroff", "")
    orders.reboot()
    orders.poweroff()
    assert (restarted.read_text(), off.read_text()) == ("-f\n", "-f\n")
