"""The laptop's network adapter is pulled and put back while the image is being fetched."""

from __future__ import annotations

import time

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal
from tests.lab.rehearsing import installs_on_disk, last_states, run_to_the_end, staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]


class Pull:
    """Takes the adapter out for a few seconds, once."""

    def __init__(self) -> None:
        self.done = False

    def watch(self, rehearsal: Rehearsal, event: EventDict) -> None:
        """A USB adapter that is put back is a new interface of the same name."""
        if not self.done and event["kind"] == "evidence" and event["data"]["seen"] == "image-asked":
            self.done = True
            rehearsal.network.remove_adapter()
            time.sleep(5)
            rehearsal.network.insert_adapter()


def test_an_adapter_pulled_in_mid_transfer() -> None:
    """The services are opened again on the new interface, and the same installation goes on."""
    pull = Pull()
    with staged("lab-bare.yaml") as rehearsal:
        assert run_to_the_end(rehearsal, pull.watch) == 0
        assert pull.done
        assert last_states(rehearsal) == {"hv1": "ready"}
        assert installs_on_disk(rehearsal, "hv1") == 1
        told = [event["text"] for event in rehearsal.history if event["kind"] == "finding"]
        assert any("is gone" in text for text in told)
        assert any("is back" in text for text in told)
