"""Processors and memory, as the kernel counts them."""

from __future__ import annotations

from typing import Any

from .files import clean, octets

_KIB = 1024


def gather(root: str) -> dict[str, Any]:
    """Give cpu_model, sockets, cores, threads, and memory in octets (MemTotal)."""
    facts = count(octets(f"{root}/proc/cpuinfo").decode("utf-8", "replace"))
    facts["memory"] = mem_total(octets(f"{root}/proc/meminfo").decode("utf-8", "replace"))
    return facts


def count(cpuinfo: str) -> dict[str, Any]:
    """Read /proc/cpuinfo. A kernel that names no socket has one, with a core to each thread."""
    model = ""
    threads: list[tuple[str, str]] = []
    for block in cpuinfo.split("\n\n"):
        fields = {}
        for line in block.splitlines():
            key, _, value = line.partition(":")
            fields[key.strip()] = value.strip()
        if "processor" not in fields:
            continue
        model = model or clean(fields.get("model name", ""))
        threads.append((fields.get("physical id", "0"), fields.get("core id", f"t{len(threads)}")))
    return {
        "cpu_model": model,
        "sockets": len({socket for socket, _ in threads}),
        "cores": len(set(threads)),
        "threads": len(threads),
    }


def mem_total(meminfo: str) -> int:
    """Read MemTotal of /proc/meminfo, in octets; 0 if it is not there."""
    return _line(meminfo, "MemTotal:")


def mem_available(path: str) -> int:
    """Give the octets of memory that may still be taken (MemAvailable), by the file at `path`."""
    return _line(octets(path).decode("utf-8", "replace"), "MemAvailable:")


def _line(meminfo: str, name: str) -> int:
    for line in meminfo.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == name and words[1].isdigit():
            return int(words[1]) * _KIB
    return 0
