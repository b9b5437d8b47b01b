"""The two documents of a machine."""

from __future__ import annotations

from appliance.hypervisor.config import NodeSecrets
from appliance.hypervisor.documents import documents_for
from appliance.values import Secret
from tests import plans

HASH = "$6$3umtovdY4sc1K7iu$" + "a" * 86
SECRETS = NodeSecrets(Secret("the-token"), Secret(HASH))


def test_the_mark_stands_where_the_boot_token_goes() -> None:
    """Once in the script, once in each of the three reports; and nothing shows unasked."""
    plan = plans.plan()
    made = documents_for(plan, plan.create, SECRETS, token_mark="@BOOT-TOKEN@")
    script, config = made.script.reveal(), made.config.reveal()
    assert script.count("http://10.20.0.2/c/@BOOT-TOKEN@/config.yaml") == 1
    assert script.count("@BOOT-TOKEN@") == 1
    assert config.count("http://10.20.0.2/hook/@BOOT-TOKEN@/") == 3
    assert config.count("@BOOT-TOKEN@") == 3
    assert "the-token" in config
    assert "the-token" not in script
    assert "the-token" not in repr(made)


def test_a_linux_that_runs_already_can_start_the_installer() -> None:
    """The kernel line is the script's own, with the mark in it; its files are the depot's."""
    plan = plans.plan()
    made = documents_for(plan, plan.create, SECRETS, token_mark="@BOOT-TOKEN@")
    assert (made.kernel, made.initrd) == (plan.artifacts.kernel, plan.artifacts.initrd)
    arguments = made.arguments.reveal()
    assert f"initrd={made.initrd} {arguments} ||" in made.script.reveal()
    assert arguments.count("http://10.20.0.2/c/@BOOT-TOKEN@/config.yaml") == 1
