"""Who answers is asked on threads of its own, each once at a time."""

from __future__ import annotations

import threading
import time
from ipaddress import IPv4Address

from appliance.flow.probing import Probing
from appliance.hypervisor.ready import Answer
from appliance.tools.clock import Clock
from tests.unit.flow.support import Ticks

_ONE, _TWO = IPv4Address("127.9.0.1"), IPv4Address("127.9.0.2")


def test_who_has_not_answered_is_not_asked_twice() -> None:
    """Answers come at a later turn; all are asked again every few seconds."""
    ticks, let, asked = Ticks(), threading.Event(), []

    def probe(address: IPv4Address) -> Answer:
        asked.append(address)
        if address == _TWO:
            let.wait(10)
        return Answer(ok=True, text="it answers")

    probing = Probing(Clock(ticks.read, ticks.read), probe)
    found: list[str] = []

    def turn() -> None:
        found.extend(name for name, _ in probing.turn(lambda: {"hv1": _ONE, "hv2": _TWO}))

    turn()
    for _ in range(200):
        if found:
            break
        time.sleep(0.01)
        turn()
    assert found == ["hv1"]
    ticks.now += 5
    turn()
    let.set()
    probing.stop()
    turn_after = [name for name, _ in probing.turn(dict)]
    assert sorted(found + turn_after) == ["hv1", "hv1", "hv2"]
    assert (asked.count(_ONE), asked.count(_TWO)) == (2, 1)
