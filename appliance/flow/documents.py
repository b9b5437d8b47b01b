"""The finished documents of armed machines, rendered once and kept for the run."""

from __future__ import annotations

from appliance.boot.model import TOKEN_MARK, Documents
from appliance.flow.secrets import site_secrets
from appliance.hypervisor.config import NodeSecrets
from appliance.hypervisor.documents import documents_for
from appliance.site.plan import MachinePlan, Plan
from appliance.store.vault import Vault


class Documenter:
    """Gives a machine's script and configuration."""

    def __init__(self, plan: Plan, vault: Vault) -> None:
        self._plan = plan
        secrets = site_secrets(vault)
        self._secrets = NodeSecrets(
            token=secrets.token,
            password_hash=secrets.password_hash,
            ssh_keys=(secrets.ssh_public,),
        )
        self._made: dict[str, Documents] = {}

    def of(self, machine: MachinePlan) -> Documents:
        """Give the documents with the mark where boot puts its token."""
        if machine.name not in self._made:
            made = documents_for(self._plan, machine, self._secrets, token_mark=TOKEN_MARK)
            self._made[machine.name] = Documents(
                script=made.script,
                config=made.config,
                kernel=made.kernel,
                initrd=made.initrd,
                arguments=made.arguments,
            )
        return self._made[machine.name]
