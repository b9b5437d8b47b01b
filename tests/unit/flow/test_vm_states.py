"""The state of a virtual machine is the last that was told of it."""

from __future__ import annotations

from pathlib import Path

from appliance.flow.vm_states import vm_states
from tests.site_files import whole_plan
from tests.unit.flow.support import context_in


def test_each_machine_is_where_it_was_last_seen(tmp_path: Path) -> None:
    """A member stays one while it answers again; one that is removed is removed."""
    with context_in(tmp_path) as context:
        for kind, machine, now in (
            ("vm", "server1", "created"),
            ("vm", "server1", "ready"),
            ("node", "server1", "joined"),
            ("vm", "server1", "answers"),
            ("vm", "app1", "ready"),
            ("node", "agent1", "joined"),
            ("vm", "agent1", "removed"),
            ("vm", "stranger", "ready"),
        ):
            context.tell(kind, now, machine=machine, data={"now": now})
        found = vm_states(context.journal, whole_plan())
    assert found == {
        "staging": "planned",
        "server1": "joined",
        "server2": "planned",
        "server3": "planned",
        "agent1": "removed",
        "app1": "ready",
    }
