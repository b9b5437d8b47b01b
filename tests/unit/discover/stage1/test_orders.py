"""Orders, with programs that note how they were called in place of kexec and reboot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.discover.stage1 import orders
from appliance.discover.stage1.bridge import Bridge

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

    class Canned(Bridge):
        def download(self, url: str, path: str, progress: Callable[[int, int], None]) -> None:
            progress(1, 1)
            Path(path).write_text(url)

    bridge = Canned("http://b", "", "")
    folder = str(tmp_path / "r")
    install = orders.Install("http://b/k", "http://b/i", "a")
    with pytest.raises(orders.ImpossibleError, match="not replaced"):
        orders.start_installer(install, bridge, said.append, folder)
    assert (tmp_path / "r" / "kernel").read_text() == "http://b/k"
    assert (tmp_path / "r" / "initrd").read_text() == "http://b/i"
    assert noted.read_text().splitlines()[-1] == "-e"
    assert len(said) == 3


def test_restarting_and_switching_off(make: Made) -> None:
    """At once: there is nothing to be ended in order."""
    restarted, off = make("reboot", ""), make("poweroff", "")
    orders.reboot()
    orders.poweroff()
    assert (restarted.read_text(), off.read_text()) == ("-f\n", "-f\n")
