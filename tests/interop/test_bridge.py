"""A laptop becomes the bridge and is a laptop again: real systemd, nft, apt, pip, foreign clients.

One story, because each part needs what the part before it left. It takes minutes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.booted_laptop import PATIENCE, ROOT, Laptop, booted, elsewhere, media

PROVISION = f"{sys.prefix}/bin/provision"
OFFLINE = ("--wheels", "/srv/wheels", "--packages", "/srv/packages")
UNIT = "bridgehead-boot@alpha.service"
WIZARD = "bridgehead-web.service"
STATE = "/var/lib/bridgehead"
NOTHING = "this laptop is the bridge: nothing is to be changed\n"


@pytest.mark.root
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the laptop is a Debian 12")
def test_a_laptop_becomes_the_bridge_and_is_a_laptop_again() -> None:
    """Dry run, set-up twice, a site served from the sandbox, undo with state and without."""
    with booted(media()) as laptop:
        before = laptop.tree()
        dry_run_says_and_changes_nothing(laptop, before)
        setting_up_twice_changes_nothing_the_second_time(laptop)
        units_are_as_systemd_wants_them(laptop)
        the_wizard_is_there_on_loopback_alone(laptop)
        a_site_is_served_from_the_sandbox(laptop)
        nothing_is_forwarded_and_nothing_else_is_open(laptop)
        undo_leaves_what_sites_left(laptop, before)
        laptop.run("sh", "-c", f"rm -r {STATE}/*")
        laptop.run(PROVISION, "undo", "--laptop")
        assert laptop.tree() == before
        assert "nothing" in laptop.run(PROVISION, "undo", "--laptop")
        assert laptop.run("systemctl", "list-units", "--failed", "--plain", "-q") == ""


def dry_run_says_and_changes_nothing(laptop: Laptop, before: list[str]) -> None:
    """Each change is named, the Debian packages too."""
    said = laptop.run(PROVISION, "install", "--interface", "eth1", *OFFLINE, "--dry-run")

    assert "would: Install Debian packages ipxe " in said
    assert "nftables" in said
    assert "would: Write the firewall of eth1" in said
    assert "would: Have the wizard start with the laptop" in said
    assert laptop.tree() == before


def setting_up_twice_changes_nothing_the_second_time(laptop: Laptop) -> None:
    """Nor when it is asked of the installed appliance, nor would it by the plan."""
    install = ("install", "--interface", "eth1")
    said = laptop.run(PROVISION, *install, *OFFLINE)
    assert "Install this very build" in said

    assert laptop.run(PROVISION, *install, *OFFLINE) == NOTHING
    assert laptop.run("provision", *install) == NOTHING
    plan = ("plan", f"{ROOT}/examples/minimal.yaml", "--laptop", "--interface", "eth1")
    assert laptop.run("provision", *plan).endswith(f"the laptop\n{NOTHING}")
    note = json.loads(laptop.run("cat", "/etc/bridgehead/installed.json"))
    assert (note["interface"], note["user"], note["state"]) == ("eth1", True, True)
    assert {"ipxe", "nftables", "python3-venv", "libnftables1"} <= set(note["packages"])
    assert "python3" not in note["packages"]


def units_are_as_systemd_wants_them(laptop: Laptop) -> None:
    """No line is passed over; firewall and wizard come with the next start."""
    names = (UNIT, "bridgehead-firewall.service", WIZARD)
    done = laptop.try_to("systemd-analyze", "verify", "--man=no", *names)

    assert (done.returncode, done.stderr) == (0, "")
    for name in names[1:]:
        assert laptop.run("systemctl", "is-enabled", name) == "enabled\n"
        assert laptop.run("systemctl", "is-active", name) == "active\n"


def the_wizard_is_there_on_loopback_alone(laptop: Laptop) -> None:
    """With its code in the journal; what systemd knows of it lets its runs go on without it."""
    assert what_the_wizard_says(laptop) == {"signed_in": False, "password_is_set": False}
    assert "127.0.0.1:8421" in laptop.run("ss", "-Hltn", "sport = :8421")
    assert "one-time code:" in laptop.run("journalctl", "-u", WIZARD, "-o", "cat", "--no-pager")
    for name, value in (("KillMode", "process"), ("OOMPolicy", "continue")):
        assert laptop.run("systemctl", "show", "-P", name, WIZARD) == f"{value}\n"
    laptop.run("systemctl", "restart", WIZARD)
    assert what_the_wizard_says(laptop)["password_is_set"] is False


def what_the_wizard_says(laptop: Laptop) -> dict[str, object]:
    """Ask it who is signed in, on the laptop itself, once it is there."""
    url = "http://127.0.0.1:8421/api/session"
    asks = f"import urllib.request as r; print(r.urlopen('{url}').read().decode())"
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        done = laptop.try_to("python3", "-c", asks)
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
        time.sleep(0.5)
    pytest.fail("the wizard does not answer")


@contextmanager
def serving(laptop: Laptop) -> Iterator[None]:
    """Serve a site by the installed appliance, as `provision run` does."""
    loader = f"{STATE}/depot/snponly.efi"
    program = ("/opt/bridgehead/bin/python", str(ROOT / "tests" / "interop" / "serve_site.py"))
    with subprocess.Popen(
        laptop.words(*program, "eth1", f"{STATE}/alpha", loader),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


def a_site_is_served_from_the_sandbox(laptop: Laptop) -> None:
    """Through the firewall, by a process that sees of the state what it may, and dies with main."""
    for words in (
        ("ip", "address", "add", "10.77.0.1/24", "dev", "eth1"),
        ("ip", "link", "set", "eth1", "up"),
        ("mkdir", "-p", f"{STATE}/alpha", f"{STATE}/depot"),
        ("cp", "/usr/lib/ipxe/snponly.efi", f"{STATE}/depot/"),
        ("install", "-m", "600", "/dev/null", f"{STATE}/alpha/main.db"),
    ):
        laptop.run(*words)
    elsewhere(laptop.machines, "ip", "link", "set", "port", "address", "52:54:00:00:00:01")
    with serving(laptop):
        pid = main_pid(laptop)
        seen = set(laptop.run("nsenter", "-t", pid, "-m", "find", STATE).split())
        own = {each for each in seen if each.startswith(f"{STATE}/alpha/boot/boot.db")}
        folders = {STATE, *(f"{STATE}/{each}" for each in ("alpha", "alpha/boot", "depot"))}
        assert seen - own == folders | {f"{STATE}/depot/snponly.efi"}
        status = laptop.run("cat", f"/proc/{pid}/status")
        assert "CapEff:\t0000000000000000" in status
        assert "Uid:\t0\t" not in status
        machines_are_answered(laptop)
        laptop.run("kill", "-9", pid)
        await_other(laptop, pid)
        machines_are_answered(laptop)
        laptop.run("pkill", "-9", "-f", "serve_site.py")
        await_other(laptop, "", "0")
    assert laptop.run("find", "/run/bridgehead/boot", "-name", "*.sock") == ""


def main_pid(laptop: Laptop) -> str:
    """Give the unit's process as the laptop numbers it; "0": there is none."""
    return laptop.run("systemctl", "show", "-P", "MainPID", UNIT).strip()


def await_other(laptop: Laptop, pid: str, wanted: str = "") -> None:
    """Wait until the unit has another process, or the one that is wanted."""
    end, now = time.monotonic() + PATIENCE, pid
    while time.monotonic() < end:
        now = main_pid(laptop)
        if now == wanted or (not wanted and now not in {pid, "0"}):
            return
        time.sleep(0.2)
    pytest.fail(f"the unit's process is still {now}")


def machines_are_answered(laptop: Laptop) -> None:
    """By DHCP, TFTP, HTTP, DNS and NTP."""
    there = laptop.machines
    dhcp = ("udhcpc", "-f", "-n", "-q", "-t", "20", "-T", "1", "-i", "port", "-s", "/bin/true")
    assert "lease of 10.77.0.11 obtained" in elsewhere(there, *dhcp).stderr
    elsewhere(there, "ip", "address", "replace", "10.77.0.11/24", "dev", "port")
    health = ("curl", "-s", "--retry", "20", "--retry-connrefused", "http://10.77.0.1/healthz")
    assert elsewhere(there, *health).stdout == "ok\n"
    got = Path(f"/dev/shm/{there}")
    options = ("--option", "blksize 1428", "--option", "timeout 1")
    names = ("-g", "-r", "snponly.efi", "-l", str(got), "10.77.0.1")
    elsewhere(there, "atftp", *options, *names)
    digest = hashlib.sha256(got.read_bytes()).hexdigest()
    got.unlink()
    assert laptop.run("sha256sum", "/usr/lib/ipxe/snponly.efi").startswith(digest)
    question = ("+short", "+time=2", "hv1.alpha.lan", "@10.77.0.1")
    assert elsewhere(there, "dig", *question).stdout == "10.77.0.11\n"
    assert elsewhere(there, "ntpdate", "-q", "10.77.0.1").returncode == 0


def nothing_is_forwarded_and_nothing_else_is_open(laptop: Laptop) -> None:
    """Although the laptop forwards for others, and has a server on all its addresses."""
    for words in (
        ("ip", "address", "add", "10.88.0.1/24", "dev", "eth0"),
        ("ip", "link", "set", "eth0", "up"),
        (
            "sh",
            "-c",
            "for f in all eth0 eth1; do echo 1 >/proc/sys/net/ipv4/conf/$f/forwarding; done",
        ),
    ):
        laptop.run(*words)
    for namespace, address, gateway in (
        (laptop.office, "10.88.0.2/24", "10.88.0.1"),
        (laptop.machines, "10.77.0.11/24", "10.77.0.1"),
    ):
        elsewhere(namespace, "ip", "address", "replace", address, "dev", "port")
        elsewhere(namespace, "ip", "route", "replace", "default", "via", gateway)
    server = "exec python3 -m http.server 8080 >/dev/null 2>&1"
    with subprocess.Popen(laptop.words("sh", "-c", server)) as web:
        try:
            assert reaches(laptop.office, "10.88.0.1")
            assert not reaches(laptop.machines, "10.77.0.1", tries="1")
        finally:
            laptop.run("pkill", "-f", "http.server")
            web.wait()
    ping = ("ping", "-c", "1", "-W", "2")
    across = ((laptop.machines, "10.88.0.2"), (laptop.office, "10.77.0.11"))
    assert elsewhere(laptop.machines, *ping, "10.77.0.1").returncode == 0
    assert [elsewhere(where, *ping, whom).returncode for where, whom in across] == [1, 1]
    # It is the table that keeps them apart; and what others take away comes again.
    laptop.run("nft", "delete", "table", "inet", "bridgehead")
    assert [elsewhere(where, *ping, whom).returncode for where, whom in across] == [0, 0]
    laptop.run("systemctl", "reload", "bridgehead-firewall.service")
    assert [elsewhere(where, *ping, whom).returncode for where, whom in across] == [1, 1]


def reaches(namespace: str, address: str, *, tries: str = "30") -> bool:
    """Say whether a web server there answers."""
    retries = ("--retry", tries, "--retry-all-errors", "--retry-delay", "1", "-m", "4")
    words = ("curl", "-s", "-o", "/dev/null", *retries, f"http://{address}:8080/")
    return elsewhere(namespace, *words).returncode == 0


def undo_leaves_what_sites_left(laptop: Laptop, before: list[str]) -> None:
    """The state, the user whose files are in it, and the note that says so; nothing else."""
    said = laptop.run("provision", "undo", "--laptop")
    left = sorted(set(laptop.tree()) - set(before))
    names = [fields[3 if len(fields) > 2 else 1] for fields in map(str.split, left)]

    assert "Remove /opt/bridgehead" in said
    assert {each for each in names if not each.startswith(STATE)} == {
        "/etc/bridgehead",
        "/etc/bridgehead/installed.json",
        *(f"/etc/{each}" for each in ("group", "gshadow", "passwd", "shadow")),
    }
    assert f"{STATE}/alpha/main.db" in names
    assert f"{STATE}/operator.json" not in names
    assert "bridgehead" in laptop.run("id", "bridgehead")
    assert laptop.try_to("provision", "--help").returncode != 0
