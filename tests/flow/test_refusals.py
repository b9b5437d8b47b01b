"""What a run refuses before it touches anything: each with its code, the place and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.other_dhcp_server import SERVER_MAC, other_dhcp_server
from tests.flow.rehearsed_site import (
    INTERFACE,
    JOINING,
    SITE,
    EventDict,
    Provision,
    RehearsedSite,
    is_step,
)
from tests.namespaces import ip

pytestmark = pytest.mark.root

_HOLD_TFTP = (
    "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
    "s.bind(('0.0.0.0',69)); print('held', flush=True); time.sleep(60)"
)


def _refusal(run: Provision, code: int = 3) -> EventDict:
    """Wait for the end and give the error; nothing of the interface may have been changed."""
    assert run.end() == code, (run.errors, run.tail)
    assert "Traceback" not in run.errors
    (error,) = (each for each in run.history if each["kind"] == "error")
    return error


def test_another_dhcp_server_is_named(site: RehearsedSite) -> None:
    """Code 3, with its address and MAC; the laptop's address is taken away again."""
    with other_dhcp_server(site):
        error = _refusal(site.run())
    assert error["code"] == "BH202"
    assert "10.77.0.1 " in error["what"]
    assert str(SERVER_MAC) in error["what"]
    assert "--proxy" in error["fix"]
    assert site.addresses() == ""


def test_beside_another_dhcp_server_machines_boot_by_proxy(site: RehearsedSite) -> None:
    """With --proxy the address is the site's, the boot file ours, and the end the same."""
    with other_dhcp_server(site):
        machine = site.machine()
        machine.power_on()
        run = site.run("--proxy")
        assert run.end(seconds=90) == 0, run.errors
        assert machine.partitioned == 1
        (mode,) = (e["data"]["evidence"]["mode"] for e in run.history if _ends(e, "s3"))
        assert mode == "proxy"
        assert any("beside the site's own DHCP server" in each for each in run.texts("finding"))


def _ends(event: EventDict, step: str) -> bool:
    return is_step(step, "step-done")(event)


def test_a_port_in_use_is_named_with_its_program(site: RehearsedSite) -> None:
    """Code 3: the port, what it is for, and which program to stop."""
    holder = subprocess.Popen(
        [*site.inside, sys.executable, "-c", _HOLD_TFTP], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        error = _refusal(site.run())
    finally:
        holder.kill()
        holder.communicate()
    assert error["code"] == "BH201"
    assert "port 69/udp (TFTP) is held by" in error["what"]
    assert "python" in error["what"]
    assert str(holder.pid) in error["what"]
    assert site.addresses() == ""


def test_without_root_it_says_so(site: RehearsedSite) -> None:
    """Code 3 and `sudo`, where the state could be written; and nothing was."""
    for path in (site.state, *site.state.rglob("*")):
        os.chown(path, 65534, 65534)
    as_nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    error = _refusal(site.run(prefix=as_nobody))
    assert "root" in error["what"]
    assert "sudo" in error["fix"]
    assert not (site.state / "alpha").exists()


def test_a_state_folder_of_others_is_refused(site: RehearsedSite) -> None:
    """Code 3 where the state cannot be written, by a run that needs no root otherwise."""
    as_nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    error = _refusal(site.run("--to", "s2", prefix=as_nobody))
    assert error["code"] == "BH200"
    assert str(site.state) in error["where"]


def test_an_interface_that_is_not_there(site: RehearsedSite) -> None:
    """Code 3, with those that are, before anything is written."""
    error = _refusal(site.provision("run", "--interface", "eth9", "--json", "--yes"))
    assert "'eth9'" in error["what"]
    assert INTERFACE in error["why"]
    assert not (site.state / "alpha").exists()


def test_an_interface_without_link(site: RehearsedSite) -> None:
    """Code 3: it is the cable or the switch."""
    site.network.unplug()
    error = _refusal(site.run())
    assert error["what"] == f"{INTERFACE} has no link"
    assert "cable" in error["fix"]


def test_an_interface_that_was_off_and_gets_no_link(site: RehearsedSite) -> None:
    """It is switched on to see; code 3 as well, and it is without an address again."""
    ip("-n", site.network.appliance, "link", "set", INTERFACE, "down")
    site.network.unplug()
    error = _refusal(site.run())
    assert error["what"] == f"{INTERFACE} has no link"
    assert site.addresses() == ""


def test_a_clock_that_nobody_confirms(site: RehearsedSite) -> None:
    """Code 3 without --yes and without a terminal to ask on; with --yes it is noted."""
    error = _refusal(site.provision("run", "--interface", INTERFACE, "--json"))
    assert "clock" in error["what"]
    assert "--yes" in error["fix"]


def test_a_damaged_file_is_named(site: RehearsedSite) -> None:
    """Code 3 before any machine is armed: one octet in the depot is another."""
    name = site.plan.artifacts.rootfs
    path = site.state / "depot" / name
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    error = _refusal(site.run())
    assert error["code"] == "BH300"
    assert name in error["why"]
    assert "provision fetch" in error["fix"]


def test_missing_files_are_all_named(site: RehearsedSite) -> None:
    """Code 3: each one, not only the first."""
    names = (site.plan.artifacts.iso, "snponly.efi")
    for name in names:
        (site.state / "depot" / name).unlink()
    error = _refusal(site.run())
    assert all(name in error["why"] for name in names)


def test_an_import_with_a_wrong_checksum_keeps_nothing(site: RehearsedSite) -> None:
    """`provision fetch --from` refuses the file and names it."""
    name = site.plan.artifacts.kernel
    (site.state / "depot" / name).unlink()
    (site.folder / "medium" / name).write_bytes(b"not the kernel")
    said = site.done("fetch", "--from", str(site.folder / "medium"), "--accept-ipxe", code=3)
    assert name in said
    assert not (site.state / "depot" / name).exists()


def test_check_says_what_is_right_and_changes_nothing(site: RehearsedSite) -> None:
    """All lines, code 0, no address set; no database and no key are made."""
    said = site.done("check", "--interface", INTERFACE, "--yes")
    for words in ("the file is right", "armed", "verified", "has link", "no other DHCP server"):
        assert words in said
    assert site.addresses() == ""
    assert not (site.state / "alpha").exists()
    assert not (site.state / "host.key").exists()


# -------------------------------------------------------------------- the site file


_BAD_FILES = {
    "misspelt key": (SITE.replace("harvester:", "harvster:"), "5:3", "harvester"),
    "duplicate MAC": (SITE + JOINING.replace("77:00:12", "77:00:11"), "8:", "52:54:00:77:00:11"),
    "VIP in the pool": (
        SITE.replace("gateway: 10.77.0.1}", "gateway: 10.77.0.1, pool: 10.77.0.20-10.77.0.90}")
        + "  vip: 10.77.0.33\n",
        "8:",
        "vip",
    ),
}


@pytest.mark.parametrize(("text", "place", "words"), _BAD_FILES.values(), ids=_BAD_FILES)
def test_a_bad_site_file_is_refused_at_its_place(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    """Code 2 with file:line:column, and nothing is written."""
    file, state = tmp_path / "site.yaml", tmp_path / "state"
    file.write_text(text)
    run = Provision(["run", str(file), "--state", str(state), "--interface", "lo", "--json"])
    try:
        error = _refusal(run, code=2)
    finally:
        run.close()
    assert error["code"] == "BH101"
    problems = [each for each in error["problems"] if words in each]
    assert any(each.startswith(f"{file}:{place}") for each in problems), problems
    assert not state.exists()
