"""The stage-1 image boots, reports a machine's real disks, takes orders and jumps into a kernel."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from appliance.discover import image
from appliance.discover.report import Report, decode
from appliance.discover.stage1.report import LOOK_SECONDS
from appliance.tools.cache import cache_folder

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not shutil.which("qemu-system-x86_64"), reason="QEMU is not installed"),
]
GIB = 1 << 30
_HUGE = "huge-initrd"


class Bridge(http.server.ThreadingHTTPServer):
    """Plays the bridge: gives a token, takes reports, and orders what `orders` says, in turn."""

    daemon_threads = True

    def __init__(self, files: Path) -> None:
        """Serve on a free port of the loopback, with the files of a folder."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.reports: list[Report] = []
        self.orders: list[Mapping[str, object]] = []
        self.asked = 0


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    server: Bridge

    def log_message(self, *_words: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer health, token, orders and files."""
        if self.path == "/healthz":
            self._answer(b"ok\n")
        elif self.path == "/d/525400123456":
            self._answer(b"a-token\n")
        elif self.path == "/d/a-token/orders":
            order = self.server.orders[min(self.server.asked, len(self.server.orders) - 1)]
            self.server.asked += 1
            self._answer(json.dumps(order).encode())
        elif self.path.startswith("/a/"):
            self._answer((self.server.files / self.path.removeprefix("/a/")).read_bytes())
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        """Say how large a file is; one is larger than any memory, and is not there."""
        file = self.server.files / self.path.removeprefix("/a/")
        self.send_response(200)
        size = 100 * GIB if file.name == _HUGE else file.stat().st_size
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def do_POST(self) -> None:
        """Take a report; one that the bridge could not read is refused."""
        assert self.path == "/d/a-token/report"
        self.server.reports.append(decode(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(b"taken\n")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def built() -> image.Stage1Image:
    """Give the image that set-up has built."""
    found = image.find(cache_folder() / "payload")
    if found is None:
        pytest.skip("the stage-1 image is not built: .ci/set-up --lab")
    return found


@pytest.fixture
def bridge(built: image.Stage1Image) -> Iterator[Bridge]:
    """Give a bridge that plays on the loopback."""
    server = Bridge(built.folder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _blank(path: Path, size: int) -> Path:
    with path.open("wb") as opened:
        opened.truncate(size)
    return path


def _installed(tmp_path: Path) -> Path:
    """Make a disk with an ext4 file system on all of it, which names its system."""
    tree = tmp_path / "tree" / "etc"
    tree.mkdir(parents=True)
    (tree / "os-release").write_text('PRETTY_NAME="Somebody\'s Linux 7"\n')
    disk = _blank(tmp_path / "installed", 128 << 20)
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-L", "THEIRS", "-d", tree.parent, disk], check=True
    )
    return disk


def _boot(built: image.Stage1Image, bridge: Bridge, log: Path, memory: int, *more: str) -> str:
    """Boot the image until the machine is off or starts over; give its serial line."""
    arguments = f"{built.arguments} bridgehead=http://10.0.2.2:{bridge.server_port}"
    subprocess.run(
        [
            *("timeout", "400", "nice", "-n", "19", "qemu-system-x86_64", "-accel", "tcg"),
            *("-m", str(memory), "-smp", "2", "-display", "none", "-vga", "none", "-no-reboot"),
            *("-monitor", "none", "-serial", f"file:{log}"),
            *("-kernel", str(built.kernel), "-initrd", str(built.initrd), "-append", arguments),
            *("-smbios", "type=1,manufacturer=ACME,product=Server9,serial=SN123"),
            *("-netdev", "user,id=n0"),
            *("-device", "virtio-net-pci,netdev=n0,mac=52:54:00:12:34:56"),
            *more,
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return log.read_text(errors="replace")


def _drive(name: str, path: Path, device: str, *, more: str = "") -> list[str]:
    drive = f"file={path},format=raw,if=none,id={name}{more}"
    return ["-drive", drive, "-device", f"{device},drive={name},serial={name}"]


def test_a_machine_reports_its_disks_and_obeys(
    built: image.Stage1Image, bridge: Bridge, tmp_path: Path
) -> None:
    """512 MiB: a blank disk, one with a system, one that hangs; nothing is written to any."""
    blank, theirs = _blank(tmp_path / "blank", GIB), _installed(tmp_path)
    before = hashlib.sha256(theirs.read_bytes()).hexdigest()
    wait = {"order": "wait", "name": "hv1", "state": "held", "reason": "its disk holds data"}
    bridge.orders = [wait, {"order": "blink", "seconds": 1}, wait, {"order": "poweroff"}]
    hangs = ",throttling.bps-total=512"
    shown = _boot(
        built,
        bridge,
        tmp_path / "serial",
        512,
        *_drive("BLANK1", blank, "virtio-blk-pci"),
        *("-device", "ahci,id=ahci"),
        *_drive("THEIRS1", theirs, "ide-hd,bus=ahci.0"),
        *_drive("HANGS1", _blank(tmp_path / "hangs", GIB), "virtio-blk-pci", more=hangs),
    )
    report = bridge.reports[0]
    disks = {disk.by_id[0] if disk.by_id else disk.name: disk for disk in report.disks}
    found = disks["/dev/disk/by-id/ata-QEMU_HARDDISK_THEIRS1"]
    assert [(each.kind, each.label, each.system) for each in found.contents] == [
        ("ext4", "THEIRS", "Somebody's Linux 7")
    ]
    assert disks["/dev/disk/by-id/virtio-BLANK1"].contents == ()
    assert disks["/dev/disk/by-id/virtio-BLANK1"].size == GIB
    slow = next(disk for disk in report.disks if disk.problem)
    assert slow.problem == f"reading it took more than {LOOK_SECONDS:.0f} s"
    assert (report.vendor, report.product, report.serial) == ("ACME", "Server9", "SN123")
    assert [(str(nic.mac), nic.link) for nic in report.nics] == [("52:54:00:12:34:56", True)]
    for expected in ("52:54:00:12:34:56", "hv1", "its disk holds data", "THIS ONE", "Somebody"):
        assert expected in shown
    assert hashlib.sha256(theirs.read_bytes()).hexdigest() == before
    assert not any(blank.read_bytes())


def test_an_order_to_install_jumps_into_the_kernel_that_it_names(
    built: image.Stage1Image, bridge: Bridge, tmp_path: Path
) -> None:
    """By kexec: the kernel that comes up is a second stage-1 here, which is then switched off."""
    base = f"http://10.0.2.2:{bridge.server_port}"
    install = {
        "order": "install",
        "kernel": f"{base}/a/{built.kernel.name}",
        "initrd": f"{base}/a/{built.initrd.name}",
        "arguments": f"{built.arguments} bridgehead={base}",
    }
    bridge.orders = [install, {"order": "poweroff"}]
    shown = _boot(built, bridge, tmp_path / "serial", 1024)
    assert "starting the installer" in shown
    assert len(bridge.reports) == 2
    assert bridge.asked == 2


def test_an_installer_that_the_memory_does_not_hold_is_reported_and_not_fetched(
    built: image.Stage1Image, bridge: Bridge, tmp_path: Path
) -> None:
    """It says so on its screen and in its report, however often it is ordered to."""
    base = f"http://10.0.2.2:{bridge.server_port}"
    install = {
        "order": "install",
        "kernel": f"{base}/a/{built.kernel.name}",
        "initrd": f"{base}/a/{_HUGE}",
        "arguments": "quiet",
    }
    bridge.orders = [*[install] * 6, {"order": "poweroff"}]
    shown = _boot(built, bridge, tmp_path / "serial", 512)
    assert [bool(each.failed) for each in bridge.reports] == [False, True]
    assert bridge.reports[1].failed.startswith("its installer has 10240")
    assert "cannot be installed" in shown
    assert "fetching the installer" not in shown
    assert bridge.asked == 7
