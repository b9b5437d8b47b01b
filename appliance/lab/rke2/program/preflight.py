"""What a machine must have before anything starts, refused in upstream's words otherwise."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from .log import FatalError
from .options import Options

CIS_KERNEL = {
    "vm.overcommit_memory": 1,
    "vm.panic_on_oom": 0,
    "kernel.panic": 10,
    "kernel.panic_on_oops": 1,
}
"""The kernel parameters of the hardening guide; `rke2-cis-sysctl.conf` sets them."""


def check(options: Options) -> list[str]:
    """Look at the machine; give warnings. Raises FatalError for what stops a start."""
    proc, etc = options.around.proc, options.around.etc
    profile = options.profile
    if profile == "cis":
        check_kernel(proc)
        if "false" in options.values.get("protect-kernel-defaults", [])[-1:]:
            raise FatalError("--protect-kernel-defaults must be true when using --profile=cis")
    if profile and options.is_server:
        check_accounts(etc)
    # Looked for even where the node's own address is given (rke2#1242).
    check_default_route(proc)
    return [] if profile else ["not running in CIS mode"]


def check_kernel(proc: Path) -> None:
    """Compare kernel parameters with the benchmark's. Raises FatalError with all that differ."""
    wrong = []
    for name, wanted in CIS_KERNEL.items():
        path = proc / "sys" / name.replace(".", "/")
        try:
            found = int(path.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise FatalError(f"open {path}: no such file or directory") from error
        if found != wanted:
            wrong.append(f"invalid kernel parameter value {name}={found} - expected {wanted}")
    if wrong:
        raise FatalError("\n".join(wrong))


def check_accounts(etc: Path) -> None:
    """Look for the user and group that own etcd's data. Raises FatalError if one is missing."""
    wrong = [
        f"missing required: {kind}: unknown {kind} etcd"
        for kind, file in (("user", "passwd"), ("group", "group"))
        if "etcd" not in _names(etc / file)
    ]
    if wrong:
        raise FatalError("\n".join(wrong))


def _names(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {line.partition(":")[0] for line in lines}


def check_default_route(proc: Path) -> None:
    """Look for a default route. Raises FatalError where there is none (rke2#1242, #1572)."""
    if not default_interface(proc):
        raise FatalError(
            "starting kubernetes: preparing server: init cluster datastore and https: "
            'no default routes found in "/proc/net/route" or "/proc/net/ipv6_route"'
        )


def default_interface(proc: Path) -> str:
    """Name the interface of the IPv4 default route, or nothing."""
    for line in _lines(proc / "net" / "route")[1:]:
        words = line.split()
        if words[1:2] == ["00000000"] and words[7:8] == ["00000000"] and int(words[3], 16) & 1:
            return words[0]
    return ""


def source_address(proc: Path) -> str:
    """Give the address this machine has towards its default route, or nothing."""
    gateway = _gateway(proc)
    if not gateway:
        return ""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((gateway, 9))  # sends nothing: only the source address is chosen
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _gateway(proc: Path) -> str:
    for line in _lines(proc / "net" / "route")[1:]:
        words = line.split()
        if words[1:2] == ["00000000"] and words[7:8] == ["00000000"]:
            return str(ipaddress.IPv4Address(bytes.fromhex(words[2])[::-1]))
    return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
