"""How often one client may fill the log."""

from __future__ import annotations

from appliance.boot.throttle import Throttle
from tests.unit.boot.boot_world import HandClock


def test_so_many_lines_a_minute_each(  # one client's flood takes nothing from another
) -> None:
    """One client's flood takes no line from another, and a minute later it may speak again."""
    time = HandClock()
    throttle = Throttle(time.clock().monotonic, lines=3)

    assert [throttle.allows("a") for _ in range(5)] == [True, True, True, False, False]
    assert throttle.allows("b")
    time.pass_time(60)
    assert throttle.allows("a")


def test_a_flood_of_clients_is_bounded_too() -> None:
    """Made-up addresses do not fill the memory; those already counted still speak."""
    throttle = Throttle(HandClock().clock().monotonic)
    allowed = sum(throttle.allows(number) for number in range(10_000))

    assert allowed == 1024
    assert throttle.allows(5)
