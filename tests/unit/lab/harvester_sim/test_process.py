"""The stand-in as a process, in a switch's namespace and without one."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest

from appliance.errors import MachineError
from appliance.lab.harvester_sim.process import SimPlace, SimProcess
from appliance.lab.network import create


def free_port() -> int:
    """Give a port that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_the_command_line_is_what_the_place_says() -> None:
    """And the node's relay is where the door is."""
    place = SimPlace(Path("/lab/sim"), "10.0.0.1", "10.0.0.9", options=("--quick-firmware",))
    words = " ".join(place.words())
    assert "--state /lab/sim --listen 10.0.0.1:6080 --harvester v1.8.2" in words
    assert "--bridge br0 --vip 10.0.0.9 --quick-firmware" in words
    assert place.relay == "http://10.0.0.1:6080"


def test_a_process_is_asked_killed_and_started_again(tmp_path: Path) -> None:
    """By its own socket; faults end with the process, objects do not."""
    folder = tmp_path / ("long" * 30)
    place = SimPlace(folder, "127.0.0.1", "", bridge="", port=free_port())
    with SimProcess(place) as process:
        assert process.status()["nodes"] == ["standin"]
        process.add_fault("conflict=2")
        assert process.status()["faults"]["conflict"] == 2
        process.clear_faults()
        process.release()
        with pytest.raises(MachineError, match="refused /lab/faults"):
            process.add_fault("rain=1")
        with pytest.raises(MachineError, match="not found"):
            process.kill_machine("none")
        process.start()
        process.kill()
        assert not process.is_on
        process.power_cycle()
        assert process.status()["running"] == []
        assert process.console("none") == ""
    assert not process.is_on


def test_a_process_that_does_not_start_says_why(tmp_path: Path) -> None:
    """Its port is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        process = SimProcess(SimPlace(tmp_path, "127.0.0.1", "", bridge="", port=port))
        with pytest.raises(MachineError, match="in use"):
            process.start()


@pytest.mark.root
def test_a_process_in_the_switch_s_namespace_is_asked_from_outside(tmp_path: Path) -> None:
    """A Unix socket knows no network namespaces."""
    with create(secrets.token_hex(3), "prov0") as network:
        network.add_switch_address("10.66.0.1/24")
        prefix = network.exec_prefix(network.switch)
        place = SimPlace(tmp_path, "10.66.0.1", "", prefix)
        with SimProcess(place) as process:
            assert process.status()["url"] == "http://10.66.0.1:6080"
