"""Processors and memory."""

from __future__ import annotations

from pathlib import Path

from appliance.discover.stage1 import processor
from tests.unit.discover.stage1 import machine_tree


def test_the_recorded_machine(tmp_path: Path) -> None:
    """Two cores in one socket."""
    assert processor.gather(str(machine_tree.write(tmp_path))) == {
        "cpu_model": "QEMU Virtual CPU version 2.5+",
        "sockets": 1,
        "cores": 2,
        "threads": 2,
        "memory": 466492 * 1024,
    }


def test_two_sockets_with_two_threads_a_core() -> None:
    """Core 0 of one socket is not core 0 of the other."""
    blocks = [
        f"processor\t: {n}\nmodel name\t: Xeon\nphysical id\t: {n // 4}\ncore id\t: {n % 2}\n"
        for n in range(8)
    ]
    found = processor.count("\n".join(blocks))
    assert (found["sockets"], found["cores"], found["threads"]) == (2, 4, 8)


def test_a_kernel_that_names_no_sockets() -> None:
    """Each thread is a core of the one socket."""
    found = processor.count("processor\t: 0\n\nprocessor\t: 1\n\n")
    assert found == {"cpu_model": "", "sockets": 1, "cores": 2, "threads": 2}


def test_nothing_readable() -> None:
    """Empty files count nothing."""
    assert processor.count("")["threads"] == 0
    assert processor.mem_total("MemTotal: lots\n") == 0
    assert processor.mem_available("/nowhere") == 0
