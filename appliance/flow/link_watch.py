"""Says once that the cable is out, or that nothing is heard on it; again after it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from appliance.flow.context import Context
from appliance.machines.watch import Link, link_advice
from appliance.tools.interface import carrier


class LinkWatch:
    """The watch over the provisioning interface of one run."""

    def __init__(self, context: Context, *, has_link: Callable[[str], bool] = carrier) -> None:
        self._context = context
        self._has_link = has_link
        self._link = Link(up=True, since=context.clock.monotonic())
        self._advice = ""

    def heard(self) -> None:
        """Note that a machine was heard."""
        self._link = replace(self._link, heard_at=self._context.clock.monotonic())

    def turn(self) -> None:
        """Look at the link, and say what changed."""
        now, interface = self._context.clock.monotonic(), self._context.options.interface
        up = self._has_link(interface)
        if up != self._link.up:
            self._link = replace(self._link, up=up, since=now)
        advice = link_advice(self._link, now)
        if advice and advice != self._advice:
            self._context.tell("finding", f"{interface}: {advice}")
        self._advice = advice
