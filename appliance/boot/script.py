"""The iPXE scripts that boot itself owns: wait, discover, own disk, and iPXE 2's autoexec.

Pure. The install script comes finished from the flow. Text from outside (a reason, a hostname)
passes through `screen_text` before it enters a script: iPXE would expand `${…}` in it, and a line
break would begin a new command.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from appliance.boot.model import CARD_MARK, STAGE1_INITRD, STAGE1_KERNEL
from appliance.site.plan import OwnDisk
from appliance.values import Mac

WAIT_SECONDS = 10
SCREEN_LIMIT = 300
DISCOVER_TRIES, DISCOVER_PAUSE = 30, 5
"""150 s of pauses: three times the silence of a switch port with spanning tree."""

_REPLACED = str.maketrans({"$": "S", "{": "(", "}": ")", "\\": "/", "|": "/", "&": "+", "#": "No."})


def screen_text(text: str) -> str:
    """Give a text that iPXE's `echo` shows as it is: printable ASCII with no syntax of iPXE's.

    iPXE's shell splits on `||`, `&&` and `;`, expands `${`, and starts comments at `#`
    (ipxe src/core/exec.c, settings.c).
    """
    flat = " ".join(text.split()).translate(_REPLACED).replace(";", ",")
    shown = "".join(char if " " <= char <= "~" else "?" for char in flat)
    return shown[:SCREEN_LIMIT].strip()


def wait_script(
    *,
    mac: Mac,
    name: str,
    state: str,
    reason: str,
    seconds: int = WAIT_SECONDS,
    script_url: str,
) -> str:
    """Show who the machine is and why it waits, then ask again; for ever.

    Each round that fails sleeps again, so a switch port that is silent for the 50 s of spanning
    tree only costs rounds. iPXE's `dhcp` is repeated because the lease may have changed hands.
    """
    return "\n".join(
        (
            "#!ipxe",
            "echo",
            "echo ==================================================================",
            f"echo Bridgehead - {screen_text(name) or 'a machine that is not in the site file'}",
            f"echo MAC address  {mac}",
            f"echo State        {screen_text(state)}",
            f"echo It waits     {screen_text(reason)}",
            "echo ==================================================================",
            ":again",
            f"echo Asking again in {seconds} s ...",
            f"sleep {seconds}",
            f"chain --replace {script_url} || goto network",
            "goto again",
            ":network",
            "echo No answer: bringing the network up again",
            "ifclose ||",
            "dhcp || goto again",
            "goto again",
            "",
        )
    )


def discover_script(
    *, mac: Mac, name: str, reason: str, base: str, script_url: str, console: tuple[str, ...] = ()
) -> str:
    """Start stage-1, our small Linux, which shows what the machine is; else ask again, for ever.

    `base` is the bridge's URL, which stage-1 is told with the card that booted. An initrd that was
    half fetched is dropped before the next try. It is built for x86-64; another processor waits.
    """
    files = f"{base}/a"
    arguments = " ".join(
        (
            f"initrd={STAGE1_INITRD}",
            f"bridgehead={base}",
            f"BOOTIF=01-{CARD_MARK}",
            *(f"console={each}" for each in console),
        )
    )
    return "\n".join(
        (
            "#!ipxe",
            "echo",
            "echo ==================================================================",
            f"echo Bridgehead - {screen_text(name) or 'a machine that is not in the site file'}",
            f"echo MAC address  {mac}",
            "echo It starts our small Linux and shows itself. Nothing is written to its disks",
            f"echo Because      {screen_text(reason)}",
            "echo ==================================================================",
            "set tries:int32 0",
            "iseq ${buildarch} arm64 && goto anew ||",
            "goto fetch",
            ":again",
            "inc tries",
            f"iseq ${{tries}} {DISCOVER_TRIES} && goto anew ||",
            f"echo No answer, trying again in {DISCOVER_PAUSE} s ...",
            f"sleep {DISCOVER_PAUSE}",
            "isset ${ip} || dhcp || goto again",
            ":fetch",
            "imgfree",
            f"kernel {files}/{STAGE1_KERNEL} || goto again",
            f"initrd {files}/{STAGE1_INITRD} || goto again",
            f"imgargs {STAGE1_KERNEL} {arguments} || goto again",
            "boot || goto again",
            ":anew",
            f"echo It did not start: asking again in {WAIT_SECONDS} s ...",
            f"sleep {WAIT_SECONDS}",
            f"chain --replace {script_url} || goto network",
            "goto anew",
            ":network",
            "echo No answer: bringing the network up again",
            "ifclose ||",
            "dhcp || goto anew",
            "goto anew",
            "",
        )
    )


def own_disk_script(way: OwnDisk, *, name: str, reason: str) -> str | None:
    """Have the machine boot its own disk; None for the way that is a HTTP status, not a script.

    `exit 1` returns to the firmware as a boot that failed, so it tries its next boot entry: a bare
    `exit` is success to UEFI, which then opens its setup menu (measured, OVMF 2022.11). `sanboot`
    reads the first BIOS disk itself, for firmware that stops when a network boot returns
    (siderolabs/sidero#287).
    """
    if way is OwnDisk.NOT_FOUND:
        return None
    lines = ["#!ipxe", f"echo Bridgehead - {screen_text(name)} boots its own disk"]
    lines.append(f"echo Because: {screen_text(reason)}")
    if way is OwnDisk.SANBOOT:
        lines.append("iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||")
    lines.extend(("exit 1", ""))
    return "\n".join(lines)


def autoexec_script(bridge: IPv4Address, *, port: int = 80) -> str:
    """The `autoexec.ipxe` that iPXE 2 asks for beside its binary (tinkerbell/tinkerbell#424).

    A signed iPXE has no script of ours embedded: this is then its whole script.
    """
    return "\n".join(
        (
            "#!ipxe",
            ":network",
            "dhcp || goto retry",
            f"chain --replace {base_url(bridge, port)}/m/${{net0/mac:hexraw}}.ipxe || goto retry",
            ":retry",
            "echo No script yet: trying again in 5 s",
            "sleep 5",
            "goto network",
            "",
        )
    )


def base_url(bridge: IPv4Address, port: int = 80) -> str:
    """Give `http://B` as it stands in scripts: without the port where it is 80."""
    return f"http://{bridge}" if port == 80 else f"http://{bridge}:{port}"


def script_path(mac: Mac) -> str:
    """Give the path of a machine's script. Some firmware wants the `.ipxe` at its end."""
    return f"/m/{mac.bare}.ipxe"
