"""A machine's two finished documents: the script that starts its installer, and the answers."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.hypervisor.boot_script import install_script
from appliance.hypervisor.config import NodeSecrets, config_for, dump
from appliance.site.plan import MachinePlan, Plan
from appliance.values import Secret

CONFIG_NAME = "config.yaml"


@dataclass(frozen=True, slots=True)
class InstallDocuments:
    """Both hold the token mark where the boot services put the token of one boot."""

    script: Secret
    config: Secret


def documents_for(
    plan: Plan, machine: MachinePlan, secrets: NodeSecrets, *, token_mark: str
) -> InstallDocuments:
    """Make a machine's documents. `token_mark` stands where the boot token will be put.

    Raises InputError for what the installer of this version would not take.
    """
    config = config_for(plan, machine, secrets, hook_base_url=f"{plan.base_url}/hook/{token_mark}")
    script = install_script(
        plan, machine, config_url=f"{plan.base_url}/c/{token_mark}/{CONFIG_NAME}"
    )
    return InstallDocuments(script=Secret(script), config=dump(config))
