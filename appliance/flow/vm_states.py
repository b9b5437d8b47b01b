"""Where each virtual machine is, from the last thing that was told of it."""

from __future__ import annotations

from appliance.handover.report import VM_EVENTS
from appliance.site.plan import Plan
from appliance.store.journal import Journal


def vm_states(journal: Journal, plan: Plan) -> dict[str, str]:
    """Give each planned machine's last state: planned, created, answers, ready, joined, removed.

    One that joined the cluster once stays so, though it was seen to answer again since.
    """
    states = {vm.name: "planned" for vm in plan.vms}
    for event in journal.events(kinds=VM_EVENTS):
        now = str(event.data.get("now", ""))
        if event.machine in states and now:
            again = states[event.machine] == "joined" and now in ("answers", "ready")
            states[event.machine] = "joined" if again else now
    return states
