"""The administrator's kubeconfig: read from a server, and made to name the servers' addresses."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from appliance.cluster.config import API_PORT, LAYOUTS
from appliance.cluster.inventory import cluster_of, member
from appliance.errors import StepError
from appliance.site.plan import Plan
from appliance.tools.quoted_yaml import dump_quoted
from appliance.tools.ssh import PORT, KeyHost, known_fingerprints, run_remote
from appliance.values import Secret

USER = "bridgehead"
"""Whom cloud-init makes on every virtual machine."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is in a kubeconfig: where the API is, who vouches for it, who we are. PEM, decoded."""

    servers: tuple[str, ...]
    authority: str
    certificate: str
    key: Secret


def fetch_kubeconfig(
    plan: Plan, key: Secret, known_hosts: str, *, user: str = USER, port: int = PORT
) -> Secret:
    """Read the kubeconfig from the first server that gives it, over SSH, and re-address it.

    Raises StepError: no server gave it, with what the first one said.
    """
    cluster = cluster_of(plan)
    path = LAYOUTS[cluster.distribution].kubeconfig
    refused: list[StepError] = []
    for name in cluster.servers:
        address = str(member(plan, name).address)
        host = KeyHost(known_fingerprints(known_hosts, address), key)
        try:
            output = run_remote(address, user, host, f"sudo -n cat {path}", port=port)
        except StepError as error:
            refused.append(error)
            continue
        if output.status == 0:
            return readdressed(output.out.decode(errors="replace"), plan)
        refused.append(
            StepError(
                "the kubeconfig cannot be read",
                where=name,
                why=f"{path}: cat ended with {output.status}",
                fix=f"does the cluster's service run on {name}? Run again to continue",
            )
        )
    raise refused[0]


def readdressed(text: str, plan: Plan) -> Secret:
    """Give a kubeconfig with a context for each server; the first server's is the current one.

    RKE2 writes `https://127.0.0.1:6443`. Contexts are the site's id, and `<id>-<server>` for
    the further servers. Raises StepError if the text is no kubeconfig of RKE2 or K3s.
    """
    document = _read(text)
    shared = document["clusters"][0]["cluster"]
    user = document["users"][0]["user"]
    cluster = cluster_of(plan)
    names = {
        (plan.site_id if name == cluster.servers[0] else f"{plan.site_id}-{name}"): member(
            plan, name
        )
        for name in cluster.servers
    }
    made = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {**shared, "server": f"https://{vm.address}:{API_PORT}"},
            }
            for name, vm in names.items()
        ],
        "users": [{"name": plan.site_id, "user": user}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": plan.site_id}} for name in names
        ],
        "current-context": plan.site_id,
    }
    return dump_quoted(made)


def read_credentials(kubeconfig: Secret) -> Credentials:
    """Give what a client needs, the current context's server first. Raises StepError."""
    document = _read(kubeconfig.reveal())
    try:
        user = document["users"][0]["user"]
        return Credentials(
            servers=tuple(str(each["cluster"]["server"]) for each in document["clusters"]),
            authority=_pem(document["clusters"][0]["cluster"]["certificate-authority-data"]),
            certificate=_pem(user["client-certificate-data"]),
            key=Secret(_pem(user["client-key-data"])),
        )
    except (KeyError, ValueError) as error:
        raise _unreadable(f"{type(error).__name__} in it") from error


def _read(text: str) -> dict[str, Any]:
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise _unreadable("it is no YAML") from error
    if not isinstance(document, dict) or not document.get("clusters") or not document.get("users"):
        raise _unreadable("it names no cluster or no user")
    return document


def _pem(data: str) -> str:
    return base64.b64decode(data, validate=True).decode("ascii")


def _unreadable(why: str) -> StepError:
    return StepError(
        "the kubeconfig cannot be read", why=why, fix="does the first server's service run?"
    )
