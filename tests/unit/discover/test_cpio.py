"""Archives for the kernel, read back by cpio(1)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from appliance.discover import cpio

TREE = cpio.with_folders(
    {
        "init": cpio.file(b"#!/bin/sh\n", 0o755),
        "dev/console": cpio.node(5, 1),
        "usr/bin/busybox": cpio.file(b"x" * 1001, 0o755),
        "usr/bin/sh": cpio.link("busybox"),
        "run": cpio.folder(),
    }
)


def test_cpio_reads_it(tmp_path: Path) -> None:
    """Every name, kind, mode, owner and time, as another program sees them."""
    listed = subprocess.run(
        ["cpio", "-itvn", "--quiet"],
        input=cpio.archive(TREE, 1767225600),
        capture_output=True,
        check=True,
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
    )
    shown = [line.split() for line in listed.stdout.decode().splitlines()]
    assert [line[0] for line in shown] == [
        "drwxr-xr-x",
        "crw-------",
        "-rwxr-xr-x",
        "drwxr-xr-x",
        "drwxr-xr-x",
        "drwxr-xr-x",
        "-rwxr-xr-x",
        "lrwxrwxrwx",
    ]
    assert {tuple(line[2:4]) for line in shown} == {("0", "0")}
    assert shown[-1][-3:] == ["usr/bin/sh", "->", "busybox"]
    assert shown[1][4:6] == ["5,", "1"]
    assert all("Jan" in line for line in shown)
    folder = tmp_path / "out"
    folder.mkdir()
    subprocess.run(
        ["cpio", "-id", "--quiet", "usr/bin/busybox"],
        input=cpio.archive(TREE, 1),
        cwd=folder,
        check=True,
    )
    assert (folder / "usr/bin/busybox").read_bytes() == b"x" * 1001


def test_the_order_of_the_tree_does_not_matter() -> None:
    """Equal trees give equal octets."""
    backwards = dict(reversed(TREE.items()))
    assert cpio.archive(TREE, 1) == cpio.archive(backwards, 1)
    assert len(cpio.archive(TREE, 1)) % 512 == 0


def test_folders_come_before_what_is_in_them() -> None:
    """The kernel makes none by itself."""
    names = sorted(TREE)
    assert names.index("usr") < names.index("usr/bin") < names.index("usr/bin/sh")
