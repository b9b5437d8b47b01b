"""The secrets of a site: made once, kept in the vault, handed only to who needs them."""

from __future__ import annotations

from dataclasses import dataclass

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


def site_secrets(vault: Vault) -> SiteSecrets:
    """Give the site's secrets, making them at first use. The hash is kept, so that it is stable."""
    password = vault.get_or_make("hypervisor-password", 20)
    hashed = vault.get("hypervisor-password-hash")
    if hashed is None:
        hashed = Secret(sha512_crypt.using(rounds=_ROUNDS).hash(password.reveal()))
        vault.put("hypervisor-password-hash", hashed)
    return SiteSecrets(vault.get_or_make("cluster-token", 32), password, hashed)
