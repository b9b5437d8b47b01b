"""What each virtual machine is given in secret: its SSH host key, made once and kept."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.flow.secrets import site_secrets
from appliance.site.plan import Plan, VmPlan
from appliance.store.vault import Vault
from appliance.vms.cloud_init import VmSecrets
from appliance.vms.host_keys import host_key_of, known_hosts_line, make_host_key


def vm_secrets(plan: Plan, vault: Vault) -> dict[str, VmSecrets]:
    """Give the secrets of every machine that starts from an image, by name.

    Kept at first use: a machine shows the same host key whenever it is made anew.
    """
    return {vm.name: _of(vm, plan, vault) for vm in plan.vms if vm.image is not None}


def _of(vm: VmPlan, plan: Plan, vault: Vault) -> VmSecrets:
    name = f"vm.{vm.name}.host-key"
    kept = vault.get(name)
    key = make_host_key() if kept is None else host_key_of(kept)
    if kept is None:
        vault.put(name, key.private)
    ours = site_secrets(vault).ssh_public
    theirs = (*plan.hypervisor.ssh_keys, *vm.ssh_keys)
    return VmSecrets(key.private, key.public, tuple(dict.fromkeys((ours, *theirs))))


def known_hosts(plan: Plan, secrets: Mapping[str, VmSecrets]) -> str:
    """Give the lines of known_hosts for all of them."""
    return "".join(
        known_hosts_line(plan, plan.vm(name), each.host_public) for name, each in secrets.items()
    )
