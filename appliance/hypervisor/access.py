"""First access to an installed hypervisor: certificate, password, kubeconfig.

Safe to be killed at any point and called again: the new password is kept before it is set, and is
tried before the one that every Harvester starts with.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Protocol

from appliance.errors import StepError
from appliance.hypervisor import kubeconfig as kubeconfigs
from appliance.hypervisor.api import HarvesterApi, changed
from appliance.hypervisor.certificates import as_pem, fingerprint, is_vouched_for, server_name
from appliance.hypervisor.ready import why_not
from appliance.tools.pinned_https import CertificateChangedError, shown_certificate
from appliance.tools.ssh import PORT as SSH_PORT
from appliance.tools.ssh import KnownHost, UnknownHost, run_remote
from appliance.values import Secret

ADMIN_PASSWORD = "harvester-admin-password"
"""The vault's name for it."""
FIRST_PASSWORD = Secret("admin")
"""What Harvester's manual prints; it must be changed at first login."""
SSH_USER = "rancher"
_RKE2_KUBECONFIG = "sudo cat /etc/rancher/rke2/rke2.yaml"


class PasswordStore(Protocol):
    """Where passwords are kept: the vault."""

    def get_or_make(self, name: str, characters: int = 32) -> Secret:
        """Give a password, making and keeping one at first use."""


@dataclass(frozen=True, slots=True)
class Front:
    """The VIP's certificate: what the hypervisor is known by. `renewed`: since first contact."""

    fingerprint: str
    pem: str
    name: str | None
    renewed: bool = False


@dataclass(frozen=True, slots=True)
class SshWay:
    """How to log in to the hypervisor's first node where the API gives no kubeconfig."""

    address: IPv4Address
    host: KnownHost | UnknownHost
    port: int = SSH_PORT


@dataclass(frozen=True, slots=True)
class Access:
    """How to work with the hypervisor. `way` is "api" or "ssh"; `note` says why it was not "api".

    `kubeconfig` is a secret. `password_changed` says whether this call changed it.
    """

    kubeconfig: Secret
    front: Front
    way: str
    password_changed: bool
    note: str = ""


def see_front(
    vip: IPv4Address, pinned: str | None = None, *, authorities: str = "", port: int = 443
) -> Front:
    """Look at the VIP's certificate, and compare it with the one of first contact.

    `authorities` are those known so far (PEM; those of the kubeconfig): a certificate renewed by
    one of them is taken. Raises StepError: no answer, or another certificate.
    """
    try:
        der = shown_certificate(str(vip), port=port)
    except OSError as error:
        raise StepError(
            "the VIP does not answer",
            where=str(vip),
            why=why_not(error),
            fix="see to the hypervisor's machines, then run again to continue",
        ) from error
    found = fingerprint(der)
    renewed = pinned is not None and found != pinned
    if renewed and not is_vouched_for(der, authorities):
        raise changed(str(vip), CertificateChangedError(pinned or "", found))
    return Front(found, as_pem(der), server_name(der, vip), renewed)


def gain_access(
    vip: IPv4Address,
    pinned: str | None,
    passwords: PasswordStore,
    *,
    ssh: SshWay | None = None,
    authorities: str = "",
    port: int = 443,
) -> Access:
    """Log in, change the password at first login, and get a kubeconfig that works from outside.

    `pinned` is the certificate's SHA-256 of first contact, None at first contact. Raises StepError
    with one sentence: no answer, another certificate, a password that somebody else changed, no
    kubeconfig to be had.
    """
    front = see_front(vip, pinned, authorities=authorities, port=port)
    api = HarvesterApi.at(vip, front.fingerprint, port=port)
    fresh = log_in(api, vip, passwords)
    if front.name is None:
        why = "the VIP's certificate names neither its address nor a host: no client would take it"
        return _by_ssh(vip, front, ssh, why, password_changed=fresh)
    try:
        given = api.kubeconfig()
    except StepError as error:
        why = f"{error.what} ({error.why})" if error.why else error.what
        return _by_ssh(vip, front, ssh, why, password_changed=fresh)
    ours = kubeconfigs.through_vip(given, vip, front.pem, front.name, port=port)
    return Access(ours, front, "api", fresh)


def log_in(api: HarvesterApi, vip: IPv4Address, passwords: PasswordStore) -> bool:
    """Log in as admin, with our password; set it where the first one still stands.

    Says whether it was set now. Raises StepError if neither is taken.
    """
    ours = passwords.get_or_make(ADMIN_PASSWORD, 24)  # kept before it is set
    if api.login(ours) is not None:
        return False
    if api.login(FIRST_PASSWORD) is None:
        raise StepError(
            "the hypervisor takes neither its first password nor ours",
            where=str(vip),
            why="somebody else has changed the password of 'admin'",
            fix="set it back to 'admin' on Harvester's page, then run again",
        )
    api.change_password(FIRST_PASSWORD, ours)
    if api.login(ours) is None:
        raise StepError(
            "the hypervisor does not take the password it was just given",
            where=str(vip),
            fix="run again; look at Harvester's page if it happens again",
        )
    return True


def _by_ssh(
    vip: IPv4Address, front: Front, ssh: SshWay | None, why: str, *, password_changed: bool
) -> Access:
    """Take RKE2's own kubeconfig from the node."""
    if ssh is None:
        raise StepError(
            "the hypervisor gives no kubeconfig",
            where=str(vip),
            why=why,
            fix="run again to continue; if it happens again, look at Harvester's page",
        )
    try:
        said = run_remote(str(ssh.address), SSH_USER, ssh.host, _RKE2_KUBECONFIG, port=ssh.port)
    except StepError as error:
        raise StepError(
            "the hypervisor gives no kubeconfig, neither by its API nor by SSH",
            where=str(ssh.address),
            why=f"{why}; {error.what} ({error.why})",
            fix=error.fix,
        ) from error
    if said.status != 0 or not said.out:
        raise StepError(
            "the hypervisor gives no kubeconfig, neither by its API nor by SSH",
            where=str(ssh.address),
            why=f"{why}; '{_RKE2_KUBECONFIG}' ended with {said.status}",
            fix="is RKE2 up on this node? run again to continue",
        )
    given = Secret(said.out.decode("utf-8", "replace"))
    return Access(kubeconfigs.past_the_node(given, vip), front, "ssh", password_changed, note=why)


def why_not_valid(kubeconfig: Secret) -> str:
    """Say why a kept kubeconfig no longer serves, "" if it does. Never raises."""
    try:
        return HarvesterApi.by(kubeconfig).why_not_ready()
    except StepError as error:
        return str(error)
