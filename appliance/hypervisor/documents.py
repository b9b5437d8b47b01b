"""A machine's two finished documents: the script that starts its installer, and the answers."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.hypervisor.boot_script import install_script, kernel_arguments
from appliance.hypervisor.config import NodeSecrets, config_for, dump
from appliance.site.plan import MachinePlan, Plan
from appliance.values import Secret

CONFIG_NAME = "config.yaml"


@dataclass(frozen=True, slots=True)
class InstallDocuments:
    """All hold the token mark where the boot services put the token of one boot.

    `kernel` and `initrd` are the depot's names, `arguments` the kernel line after `initrd=`: for a
    machine that runs Linux already and starts the installer's kernel from there.
    """

    script: Secret
    config: Secret
    kernel: str
    initrd: str
    arguments: Secret


def documents_for(
    plan: Plan, machine: MachinePlan, secrets: NodeSecrets, *, token_mark: str
) -> InstallDocuments:
    """Make a machine's documents. `token_mark` stands where the boot token will be put.

    Raises InputError for what the installer of this version would not take.
    """
    config = config_for(plan, machine, secrets, hook_base_url=f"{plan.base_url}/hook/{token_mark}")
    config_url = f"{plan.base_url}/c/{token_mark}/{CONFIG_NAME}"
    return InstallDocuments(
        script=Secret(install_script(plan, machine, config_url=config_url)),
        config=dump(config),
        kernel=plan.artifacts.kernel,
        initrd=plan.artifacts.initrd,
        arguments=Secret(kernel_arguments(plan, machine, config_url=config_url)),
    )
