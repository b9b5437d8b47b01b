"""The secrets of a site: made once, kept in the vault, handed only to who needs them."""

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
from passlib.hash import sha512_crypt

from appliance.store.vault import Vault
from appliance.values import Secret

_ROUNDS = 5000  # crypt(3)'s own default, which every login program reads


@dataclass(frozen=True, slots=True)
class SiteSecrets:
    """What a site's hypervisor machines share."""

    token: Secret
    password: Secret
    password_hash: Secret
    ssh_key: Secret
    ssh_public: str


def site_secrets(vault: Vault) -> SiteSecrets:
    """Give the site's secrets, making them at first use. The hash is kept, so that it is stable."""
    password = vault.get_or_make("hypervisor-password", 20)
    hashed = vault.get("hypervisor-password-hash")
    if hashed is None:
        hashed = Secret(sha512_crypt.using(rounds=_ROUNDS).hash(password.reveal()))
        vault.put("hypervisor-password-hash", hashed)
    key = vault.get("ssh-key")
    if key is None:
        made = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
        )
        key = Secret(made.decode())
        vault.put("ssh-key", key)
    token = vault.get_or_make("cluster-token", 32)
    return SiteSecrets(token, password, hashed, key, _public(key))


def kubernetes_token(vault: Vault) -> Secret:
    """Give the token with which machines join the Kubernetes cluster, made at first use."""
    return vault.get_or_make("kubernetes-token", 40)


def _public(key: Secret) -> str:
    private = load_ssh_private_key(key.reveal().encode(), None)
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return f"{public.decode()} bridgehead"
