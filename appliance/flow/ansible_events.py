"""What Ansible does, told: each task that changed something or failed, and what it waits for."""

from __future__ import annotations

from appliance.flow.tending import Say
from appliance.tools.ansible_events import AnsibleEvent, Outcome

_TOLD = frozenset(Outcome) - {Outcome.OK, Outcome.SKIPPED, Outcome.STARTED}


def tell_task(event: AnsibleEvent, say: Say) -> None:
    """Tell one event; what changed nothing is left out, it is in the run's own log."""
    if event.outcome not in _TOLD:
        return
    message = f": {event.message}" if event.message else ""
    text = f"{event.host}: {event.task}: {event.outcome}{message}"
    say("ansible", text, machine=event.host or None, data={"outcome": event.outcome.value})
