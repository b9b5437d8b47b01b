"""The live system's log is fetched beside the watch; a machine without SSH costs nothing."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from appliance.flow.live_logs import LiveLogs
from tests.plans import machine, plan
from tests.unit.flow.support import context_in


def test_a_machine_that_does_not_answer_gives_no_log_and_no_error(tmp_path: Path) -> None:
    """Nothing listens on this loopback address. A real SSH server: machines/test_live_log.py."""
    silent = machine(1, address=IPv4Address("127.9.9.9"))
    with context_in(tmp_path) as context:
        logs = LiveLogs(context, plan(silent))
        logs.fetch(silent)
        logs.fetch(silent)
        logs.stop()
        logs.stop()
        assert not any(each.name.endswith(".log") for each in tmp_path.rglob("*"))
