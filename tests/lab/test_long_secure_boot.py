"""Secure Boot is on: the boot file is fetched and refused, and the operator is told why."""

from __future__ import annotations

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.machine import Firmware
from appliance.lab.rehearsal import Rehearsal
from tests.lab.rehearsing import seen_counts, staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(900),
]


class Listener:
    """Ends the run once it has said that Secure Boot is probably on."""

    def __init__(self) -> None:
        self.advice = ""

    def watch(self, rehearsal: Rehearsal, event: EventDict) -> None:
        """Wait for the advice."""
        if event["kind"] == "overdue" and rehearsal.appliance is not None:
            self.advice = event["data"]["advice"]
            rehearsal.appliance.interrupt()


def test_firmware_that_refuses_the_boot_file() -> None:
    """OVMF with Microsoft's keys refuses Debian's iPXE: no script is ever asked for."""
    listener = Listener()
    with staged("lab-bare.yaml", firmware={"hv1": Firmware.UEFI_SECURE}) as rehearsal:
        rehearsal.start_appliance()
        assert rehearsal.follow(listener.watch, seconds=600) == 130
        assert "Secure Boot is probably on" in listener.advice
        assert "Disabled" in listener.advice
        seen = seen_counts(rehearsal, "hv1")
        assert seen["bootloader-sent"] >= 1
        assert seen["install-script"] == 0
