"""SSH host keys of virtual machines: made here and given by cloud-init, so known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from appliance.site.plan import Plan, VmPlan
from appliance.values import Secret


@dataclass(frozen=True, slots=True)
class HostKey:
    """An ed25519 pair: private in OpenSSH's PEM form, public as `ssh-ed25519 AAAA…`."""

    private: Secret
    public: str


def make_host_key() -> HostKey:
    """Draw a new pair."""
    drawn = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    return host_key_of(Secret(drawn.decode()))


def host_key_of(private: Secret) -> HostKey:
    """Give the pair of a private key that was kept. Raises ValueError or TypeError."""
    loaded = load_ssh_private_key(private.reveal().encode(), None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise TypeError("the kept host key is no ed25519 key")
    public = loaded.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return HostKey(private, public.decode())


def known_hosts_line(plan: Plan, vm: VmPlan, public: str) -> str:
    """Give the line of known_hosts (sshd(8)) for a machine: its address, name and full name."""
    address = () if vm.address is None else (str(vm.address),)
    return f"{','.join((*address, vm.name, f'{vm.name}.{plan.zone}'))} {public}\n"
