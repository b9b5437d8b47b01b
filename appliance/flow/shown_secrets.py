"""The secrets of a site that people may ask for by name; all others stay in the vault."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from appliance.errors import InputError, PreflightError
from appliance.flow.context import Context
from appliance.values import Secret

NAMES = MappingProxyType(
    {
        "kubeconfig": "the cluster's kubeconfig",
        "harvester-kubeconfig": "Harvester's own kubeconfig",
        "harvester-admin-password": "password of admin in Harvester's web pages",
        "hypervisor-password": "password of rancher on the hypervisor machines",
        "ssh-key": "private key that may log in to all machines",
        "cluster-token": "token with which a machine joins Harvester",
        "kubernetes-token": "token with which a machine joins the Kubernetes cluster",
    }
)


def secrets_as_text(context: Context) -> Iterator[str]:
    """Give a line for each secret: its name, what it is, and whether it was made yet."""
    for name, what in NAMES.items():
        made = context.vault.get(name) is not None
        yield f"{name:<25} {what}{'' if made else ': not there yet'}"


def shown_secret(context: Context, name: str) -> Secret:
    """Give a secret by name.

    Raises InputError for a name that is none, PreflightError where it is not made yet.
    """
    if name not in NAMES:
        raise InputError(f"no secret is called {name!r}", fix=f"there are: {', '.join(NAMES)}")
    found = context.vault.get(name)
    if found is None:
        raise PreflightError(
            f"{NAMES[name]} is not there yet",
            where=str(context.site_paths.folder),
            why="no run of this site on this laptop came so far",
            fix="run the site, or import its state from the laptop that ran it",
        )
    return found
