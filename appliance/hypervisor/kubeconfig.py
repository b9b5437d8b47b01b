"""The hypervisor's kubeconfig: read, and re-addressed so that it works from outside. Pure.

Two come in: Rancher's, which `generateKubeconfig` gives and which leads through the VIP's port
443, and RKE2's own, `/etc/rancher/rke2/rke2.yaml` of a node, which names 127.0.0.1:6443.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from appliance import advice
from appliance.errors import StepError
from appliance.values import Secret


@dataclass(frozen=True, slots=True)
class Access:
    """What a kubeconfig's current context says: where, whom to trust, and who we are there."""

    host: str
    port: int
    path: str
    authority: str
    server_name: str
    token: Secret | None = None
    certificate: str = ""
    key: Secret | None = None


def read(kubeconfig: Secret) -> Access:
    """Read the current context. Raises StepError for what is no kubeconfig with data in it."""
    document = _document(kubeconfig)
    try:
        context = _named(document, "contexts", document["current-context"])["context"]
        cluster = _current(document)
        user = _named(document, "users", context["user"])["user"]
        url = urlsplit(cluster["server"])
        if url.scheme != "https" or not url.hostname:
            raise ValueError(f"its server is {cluster['server']!r}")
        key = _decoded(user, "client-key-data")
        return Access(
            host=url.hostname,
            port=url.port or 443,
            path=url.path.rstrip("/"),
            authority=_decoded(cluster, "certificate-authority-data"),
            server_name=cluster.get("tls-server-name") or url.hostname,
            token=Secret(user["token"]) if user.get("token") else None,
            certificate=_decoded(user, "client-certificate-data"),
            key=Secret(key) if key else None,
        )
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise _unreadable(str(error)) from error


def through_vip(
    kubeconfig: Secret, vip: IPv4Address, certificate: str, name: str, *, port: int = 443
) -> Secret:
    """Re-address Rancher's kubeconfig to the VIP, trusting the pinned certificate (PEM).

    The authority that Rancher named stays beside it, so that a renewed certificate is still
    trusted. `name` is what the certificate calls the server; where it is not the VIP, clients are
    told so (`tls-server-name`).
    """
    document = _document(kubeconfig)
    try:
        cluster = _current(document)
        named = _decoded(cluster, "certificate-authority-data")
        where = str(vip) if port == 443 else f"{vip}:{port}"
        cluster["server"] = f"https://{where}{urlsplit(cluster['server']).path}"
        _trust(cluster, "\n".join(filter(None, (certificate.strip(), named.strip()))))
        if name != str(vip):
            cluster["tls-server-name"] = name
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise _unreadable(str(error)) from error
    return _dumped(document)


def past_the_node(kubeconfig: Secret, vip: IPv4Address) -> Secret:
    """Re-address RKE2's kubeconfig from 127.0.0.1 to the VIP; its port and authority are kept."""
    document = _document(kubeconfig)
    try:
        cluster = _current(document)
        url = urlsplit(cluster["server"])
        cluster["server"] = f"https://{vip}:{url.port or 6443}{url.path}"
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise _unreadable(str(error)) from error
    return _dumped(document)


def _current(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give the current context's cluster. Rancher adds others, straight to the nodes."""
    context = _named(document, "contexts", document["current-context"])["context"]
    cluster: dict[str, Any] = _named(document, "clusters", context["cluster"])["cluster"]
    return cluster


def _trust(cluster: dict[str, Any], pem: str) -> None:
    cluster["certificate-authority-data"] = base64.b64encode(f"{pem}\n".encode()).decode()
    # Clients refuse a file that says both.
    cluster.pop("insecure-skip-tls-verify", None)
    cluster.pop("certificate-authority", None)


def _named(document: Mapping[str, Any], part: str, name: str) -> Any:
    return next(entry for entry in document[part] if entry["name"] == name)


def _decoded(entry: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode(entry.get(key) or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{key} is not base64 of a text") from error


def _document(kubeconfig: Secret) -> dict[str, Any]:
    try:
        document = YAML(typ="safe", pure=True).load(StringIO(kubeconfig.reveal()))
    except (YAMLError, ValueError) as error:
        # The parser's own words quote the text, which is secret.
        raise _unreadable(type(error).__name__) from None
    if not isinstance(document, dict) or document.get("kind") != "Config":
        raise _unreadable("it is no document of kind Config")
    return document


def _dumped(document: Mapping[str, Any]) -> Secret:
    """Write it as JSON, which every reader of YAML reads."""
    return Secret(json.dumps(document, indent=1, default=str) + "\n")


def _unreadable(why: str) -> StepError:
    return StepError(
        "the hypervisor's kubeconfig cannot be read",
        why=why,
        fix=f"run again; if it happens again, {advice.support()}",
    )
