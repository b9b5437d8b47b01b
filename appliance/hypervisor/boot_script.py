"""The iPXE script that starts Harvester's installer, and the rules such a script must hold to.

Pure but for reading its template. The kernel line is upstream's documented one (Harvester docs,
"PXE Boot Installation"; harvester/ipxe-examples `general/`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename

from jinja2 import Environment, StrictUndefined

from appliance.site.plan import MachinePlan, Plan, Role
from appliance.tools import data

TEMPLATE = "templates/ipxe/install.ipxe.j2"
TRIES, PAUSE = 30, 5
"""150 s of pauses: three times the silence of a switch port with spanning tree."""

CARD = "${netX/mac:hexhyp}"
"""What iPXE writes the hardware address for of the card that it booted by."""

MAX_COMMAND_LINE = 2047
"""The kernel's COMMAND_LINE_SIZE on x86 less its end."""

_FROM_SITE = re.compile(r"[^ -~]|[$`{}|&;#\\]")


def kernel_arguments(plan: Plan, machine: MachinePlan, *, config_url: str) -> str:
    """Give the kernel line after `initrd=`: what dracut needs, then what the installer needs.

    Only one `ip=` is taken, and interface names are unknown before the system runs. So it is
    `ip=dhcp`; where a machine has several network cards, `BOOTIF` (which upstream documents for
    VLANs) ties it to the one that booted, by its hardware address as iPXE knows it. What starts the
    kernel without iPXE fills that in itself: nothing else in this line is iPXE's to fill in.
    """
    cards = len(machine.macs) + len(machine.other_macs)
    several = [f"BOOTIF=01-{CARD}"] if cards > 1 else []
    return " ".join(
        (
            "ip=dhcp",
            *several,
            "rd.net.dhcp.retry=30",
            "net.ifnames=1",
            "rd.cos.disable",
            "rd.noverifyssl",
            f"root=live:{plan.base_url}/a/{plan.artifacts.rootfs}",
            *(f"console={each}" for each in plan.hypervisor.console or ("tty1",)),
            "harvester.install.automatic=true",
            f"harvester.install.config_url={config_url}",
        )
    )


def install_script(plan: Plan, machine: MachinePlan, *, config_url: str) -> str:
    """Give the whole install script. Raises ValueError if it breaks a rule of `lint_script`."""
    names, base = plan.artifacts, f"{plan.base_url}/a"
    template = Environment(  # noqa: S701 - a boot script is no HTML
        undefined=StrictUndefined, keep_trailing_newline=True
    ).from_string(data.path(TEMPLATE).read_text("utf-8"))
    script = template.render(
        machine=_plain(machine.name),
        macs=", ".join(str(mac) for mac in machine.macs),
        version=_plain(plan.hypervisor.harvester),
        disk=_plain(str(machine.disk or "")),
        address=machine.address,
        role="creates" if machine.role is Role.CREATE else "joins",
        tries=TRIES,
        pause=PAUSE,
        base_url=plan.base_url,
        kernel=names.kernel,
        kernel_url=f"{base}/{names.kernel}",
        initrd=names.initrd,
        initrd_url=f"{base}/{names.initrd}",
        arguments=kernel_arguments(plan, machine, config_url=config_url),
    )
    faults = lint_script(script)
    if faults:
        raise ValueError(f"the install script of {machine.name} is wrong: {'; '.join(faults)}")
    return script


def _plain(text: str) -> str:
    """Take out of a text of the site file what iPXE's shell would read."""
    return _FROM_SITE.sub("_", text)


def lint_script(text: str) -> tuple[str, ...]:
    """Give every rule that an install script breaks, in words; none for a good one."""
    lines = [line.strip() for line in text.splitlines()]
    return (*_lint_files(lines), *_lint_arguments(lines), *_lint_shell(lines))


def _command(lines: list[str], name: str) -> list[list[str]]:
    words = [line.split(" || ")[0].split() for line in lines]
    return [each for each in words if each and each[0] == name]


def _lint_files(lines: list[str]) -> Iterator[str]:
    kernels, initrds = _command(lines, "kernel"), _command(lines, "initrd")
    if len(kernels) != 1:
        yield f"there must be one kernel, there are {len(kernels)}"
    if len(initrds) != 1:
        yield f"there must be one initrd, there are {len(initrds)}"
    for command in (*kernels, *initrds):
        if len(command) < 2 or not command[1].startswith("http://"):
            yield f"{command[0]} must be fetched by http://"
    if kernels and initrds and "imgfree" not in lines:
        yield "a second try would load the initrd twice: imgfree is missing"


def _lint_arguments(lines: list[str]) -> Iterator[str]:
    commands = (*_command(lines, "imgargs"), *_command(lines, "kernel"))
    words = [word for command in commands for word in command[2:]]
    initrds = _command(lines, "initrd")
    file = basename(initrds[0][1]) if initrds and len(initrds[0]) > 1 else ""
    for key, wanted in (
        ("initrd", file),
        ("harvester.install.automatic", "true"),
        ("rd.cos.disable", ""),
        ("net.ifnames", "1"),
    ):
        found = [word.partition("=")[2] for word in words if word.partition("=")[0] == key]
        if found != [wanted]:
            yield f"{key} must stand once{f' and be {wanted}' if wanted else ''}, it is {found}"
    for key in ("ip", "root", "harvester.install.config_url", "rd.net.dhcp.retry"):
        count = sum(word.startswith(f"{key}=") for word in words)
        if count != 1:
            yield f"there must be one {key}=, there are {count}"
    if not any(word.startswith("root=live:http://") for word in words):
        yield "root must be root=live: and a http:// URL"
    if not any(word.startswith("console=") for word in words):
        yield "a console= is needed: the installer shows itself on the first"
    if any(word.startswith("harvester.") and word.split("=")[0] not in _ON_LINE for word in words):
        yield "lists given on the kernel line and in the file double: all else goes in the file"
    if len(" ".join(words)) > MAX_COMMAND_LINE:
        yield f"the kernel line is longer than {MAX_COMMAND_LINE} octets"


_ON_LINE = ("harvester.install.automatic", "harvester.install.config_url")


def _lint_shell(lines: list[str]) -> Iterator[str]:
    if not lines or lines[0] != "#!ipxe":
        yield "the first line must be #!ipxe"
    labels = {line[1:] for line in lines if line.startswith(":")}
    for line in lines:
        name = line.split(" ", 1)[0]
        target = re.search(r"goto (\S+)", line)
        if target is not None and target[1] not in labels:
            yield f"there is no label {target[1]}"
        if re.search(r"\bshell\b", line) and name not in ("echo", "#"):
            yield "no shell: nobody stands before the machine"
        if name in ("kernel", "initrd", "imgargs", "boot") and "|| goto " not in line:
            yield f"{name} must go to a retry when it fails"
        if line.startswith("exit"):
            yield "exit would leave the machine to its boot order"
    if not any(line.startswith("sleep ") for line in lines):
        yield "a retry must rest"
