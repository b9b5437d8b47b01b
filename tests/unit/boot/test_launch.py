"""Where no unit is installed, as in a clone, the boot process is our own child."""

from __future__ import annotations

from pathlib import Path

from appliance.boot.channel import Channel
from appliance.boot.control import Configure, Ready, Stop
from appliance.boot.launch import launch
from tests.unit.boot.boot_world import NETWORK
from tests.unit.boot.running_loop import PATIENCE, reachable, tcp


def test_the_child_comes_up_and_its_last_words_are_heard(tmp_path: Path) -> None:
    """Ready on its channel; what it writes to stderr ends when it does."""
    reachable(tmp_path)
    with tcp() as http:
        launched = launch({"http": http}, tmp_path / "boot")
        channel = Channel(launched.control)
        channel.send(Configure(NETWORK, ()))
        ready = next(each for each in channel.receive() if isinstance(each, Ready))
        assert launched.process.poll() is None
        channel.send(Stop())
        code = launched.process.wait(PATIENCE)
        words = launched.stderr.read()
        launched.stderr.close()
        channel.close()

    assert ready.services == ("http",)
    assert (code, launched.process.returncode, words) == (0, 0, b"")
    assert (tmp_path / "boot").stat().st_mode & 0o777 == 0o700
