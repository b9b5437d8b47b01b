"""The install script, as a whole text and rule by rule."""

from __future__ import annotations

import pytest

from appliance.hypervisor.boot_script import PAUSE, TRIES, install_script, lint_script
from appliance.values import Mac
from tests import plans

URL = "http://10.20.0.2/c/@TOKEN@/config.yaml"
BAR = "=" * 66
GOLDEN = f"""\
#!ipxe
# hv1: Harvester v1.8.2. Made for this machine alone.
echo
echo {BAR}
echo Bridgehead - hv1 (52:54:00:12:34:01)
echo Harvester v1.8.2 will be installed on
echo   /dev/disk/by-id/nvme-disk
echo Its address will be 10.20.0.11. It creates the cluster.
echo {BAR}
# A switch port is silent for up to 50 s after link-up (spanning tree): 30 tries, 5 s apart.
set tries:int32 0
goto fetch

:again
inc tries
iseq ${{tries}} 30 && goto give_up ||
echo No answer, trying again in 5 s ...
sleep 5
isset ${{ip}} || dhcp || goto again

:fetch
imgfree
kernel http://10.20.0.2/a/harvester-v1.8.2-vmlinuz-amd64 || goto again
initrd http://10.20.0.2/a/harvester-v1.8.2-initrd-amd64 || goto again
imgargs harvester-v1.8.2-vmlinuz-amd64 initrd=harvester-v1.8.2-initrd-amd64 ip=dhcp \
rd.net.dhcp.retry=30 net.ifnames=1 rd.cos.disable rd.noverifyssl \
root=live:http://10.20.0.2/a/harvester-v1.8.2-rootfs-amd64.squashfs console=tty1 \
harvester.install.automatic=true \
harvester.install.config_url=http://10.20.0.2/c/@TOKEN@/config.yaml || goto again
echo Starting the installer of hv1
boot || goto again

:give_up
echo Bridgehead - hv1: the files could not be fetched from http://10.20.0.2
echo It starts over in 60 s. Is the laptop still plugged in?
sleep 60
reboot
"""


def test_the_whole_script() -> None:
    """Every octet, with upstream's documented kernel line."""
    plan = plans.plan()
    assert install_script(plan, plan.create, config_url=URL) == GOLDEN
    assert lint_script(GOLDEN) == ()


def test_the_tries_outlast_spanning_tree() -> None:
    """50 s of a silent port, twice over."""
    assert TRIES * PAUSE >= 100


def test_a_joining_machine_differs_only_by_what_it_says() -> None:
    """Create and join have the same kernel line but for the token's URL."""
    plan = plans.plan(plans.machine(1), plans.machine(2))
    first, second = (install_script(plan, each, config_url=URL) for each in plan.machines)
    line = next(each for each in first.splitlines() if each.startswith("imgargs"))
    assert line in second
    assert "It joins the cluster" in second


def test_several_cards_are_told_apart_by_the_one_that_booted() -> None:
    """One `ip=` still, and the hardware address iPXE itself booted from."""
    machine = plans.machine(1, macs=(Mac("525400123401"), Mac("525400123499")))
    script = install_script(plans.plan(machine), machine, config_url=URL)
    assert " ip=dhcp BOOTIF=01-${netX/mac:hexhyp} rd.net" in script
    assert "(52:54:00:12:34:01, 52:54:00:12:34:99)" in script


def test_cards_that_only_its_report_named_count_too() -> None:
    """The machine is installed with one card, and has more: dracut must not try them all."""
    machine = plans.machine(1, other_macs=(Mac("525400123499"),))
    script = install_script(plans.plan(machine), machine, config_url=URL)
    assert " ip=dhcp BOOTIF=01-${netX/mac:hexhyp} rd.net" in script
    assert "(52:54:00:12:34:01)" in script


def test_consoles_in_their_order() -> None:
    """The installer shows itself on the first."""
    plan = plans.plan(console=("ttyS0,115200n8", "tty1"))
    script = install_script(plan, plan.create, config_url=URL)
    assert " console=ttyS0,115200n8 console=tty1 harvester." in script


def test_text_of_the_site_file_is_no_script() -> None:
    """What iPXE's shell would read is taken out of names and disks."""
    machine = plans.machine(1, name="a;reboot\nexit ${x} || shell")
    script = install_script(plans.plan(machine), machine, config_url=URL)
    assert "echo Bridgehead - a_reboot_exit __x_ __ shell" in script


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (" initrd=harvester-v1.8.2-initrd-amd64", "", "initrd must stand once"),
        ("initrd=harvester-v1.8.2", "initrd=harvester-v1.8.1", "initrd must stand once"),
        ("ip=dhcp", "ip=ens3:dhcp ip=ens4:dhcp", "one ip=, there are 2"),
        (" ip=dhcp", "", "one ip=, there are 0"),
        ("root=live:http", "root=live:https", "root must be"),
        (" console=tty1", "", "console="),
        ("automatic=true", "automatic=false", "harvester.install.automatic"),
        ("rd.cos.disable ", "", "rd.cos.disable"),
        ("config_url=http", "config_url=http://a harvester.install.config_url=http", "config_url"),
        ("rd.noverifyssl", "harvester.os.ntp_servers=1.2.3.4", "double"),
        ("initrd http", "initrd http://a/b || goto again\ninitrd http", "one initrd, there are 2"),
        ("kernel http:", "kernel https:", "kernel must be fetched"),
        ("-vmlinuz-amd64 || goto again", "-vmlinuz-amd64 || shell", "no shell"),
        ("boot || goto again", "boot", "boot must go to a retry"),
        ("imgfree\n", "", "imgfree"),
        (":again", ":once_more", "no label again"),
        ("#!ipxe", "#ipxe", "first line"),
        ("reboot", "exit", "boot order"),
        ("rd.noverifyssl", "x" * 2000, "longer than 2047"),
    ],
)
def test_each_rule_is_kept(old: str, new: str, named: str) -> None:
    """One change to a good script breaks one rule."""
    changed = GOLDEN.replace(old, new, 1)
    assert changed != GOLDEN
    assert any(named in fault for fault in lint_script(changed)), lint_script(changed)


@pytest.mark.parametrize("text", ["", "\n\n", "kernel", "initrd\nkernel\nimgargs"])
def test_the_lint_reads_anything(text: str) -> None:
    """A torn script has faults, and the lint does not fall over it."""
    assert lint_script(text)
