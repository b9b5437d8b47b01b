"""Is the cluster as the Plan wants it? Read from its own API; to wait is the caller's affair.

`health` asks, `judge` decides, on nothing but what the API said.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from appliance.cluster.config import API_PORT, registry_name
from appliance.cluster.inventory import cluster_of
from appliance.cluster.kubeconfig import Credentials, read_credentials
from appliance.errors import StepError
from appliance.site.plan import ClusterPlan, Plan
from appliance.values import Secret

TIMEOUT = 10.0
_MOST_NAMED = 5
_DISTRIBUTIONS_OWN = "kube-system"
_DOCKER_HUB = ("index.docker.io/", "registry-1.docker.io/")
"""RKE2 writes its static pods' images with the first (rke2 `pkg/images`)."""

Listed = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """What the API shows. `ready` are the wanted nodes that are Ready; no reasons: all is well."""

    ready: tuple[str, ...]
    reasons: tuple[str, ...]
    pods: int = 0
    version: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is missing."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Seen:
    """What the API listed, and the version each server answered with, by its address."""

    nodes: tuple[Listed, ...]
    pods: tuple[Listed, ...]
    events: tuple[Listed, ...]
    versions: Mapping[str, str]


def health(kubeconfig: Secret, plan: Plan, images: Collection[str] = ()) -> Health:
    """Ask every server once, and judge. Never raises for what the cluster lacks.

    `images` are the names that the distribution's archives hold; empty: they are not compared.
    """
    try:
        credentials = read_credentials(kubeconfig)
    except StepError as error:
        return Health((), (str(error),))
    seen, reasons = look(credentials)
    if seen is None:
        return Health((), reasons)
    found = judge(seen, plan, images)
    return Health(found.ready, (*reasons, *found.reasons), found.pods, found.version)


def look(credentials: Credentials) -> tuple[Seen | None, tuple[str, ...]]:
    """Ask each server for its version, and the first that answers for the rest."""
    versions: dict[str, str] = {}
    reasons: list[str] = []
    first: Kubernetes | None = None
    for server in credentials.servers:
        api = Kubernetes(server, credentials)
        try:
            versions[api.host] = str(api.get("/version").get("gitVersion", ""))
            first = first or api
        except (OSError, ValueError) as error:
            reasons.append(f"the API at {api.host} does not answer: {_why(error)}")
    if first is None:
        return None, tuple(reasons)
    try:
        nodes, pods = (tuple(first.items(f"/api/v1/{each}")) for each in ("nodes", "pods"))
        events = tuple(first.items("/api/v1/events"))
    except (OSError, ValueError) as error:
        return None, (*reasons, f"the API at {first.host} does not list: {_why(error)}")
    return Seen(nodes, pods, events, versions), tuple(reasons)


def _why(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not the cluster's ({error.verify_message})"
        case TimeoutError():
            return f"nothing within {TIMEOUT:g} s"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
        case _:
            return str(error)


# --- the judgement: pure -----------------------------------------------------------------------


def judge(seen: Seen, plan: Plan, images: Collection[str] = ()) -> Health:
    """Say what is missing, each thing in a sentence."""
    cluster = cluster_of(plan)
    nodes = {str(each["metadata"]["name"]): each for each in seen.nodes}
    reasons: list[str] = []
    ready: list[str] = []
    for name in cluster.members:
        why = _node(nodes.get(name), plan, cluster, name)
        reasons += [f"{name} {each}" for each in why]
        if name in nodes and _is_ready(nodes[name]):
            ready.append(name)
    strangers = sorted(nodes.keys() - set(cluster.members))
    reasons += [f"a node {name} is in it that the site file does not name" for name in strangers]
    reasons += [
        f"the API at {host} is of version {version}, not {cluster.version}"
        for host, version in seen.versions.items()
        if version != cluster.version
    ]
    reasons += _pods(seen.pods)
    reasons += _images(seen, plan, images)
    return Health(tuple(ready), tuple(reasons), len(seen.pods), cluster.version)


def _node(node: Listed | None, plan: Plan, cluster: ClusterPlan, name: str) -> Iterator[str]:
    if node is None:
        yield "is not in the cluster"
        return
    if not _is_ready(node):
        yield f"is not Ready: {_not_ready_why(node)}"
    status = node.get("status", {})
    addresses = {
        each.get("address") for each in status.get("addresses", []) if each["type"] == "InternalIP"
    }
    wanted = str(plan.vm(name).address)
    if wanted not in addresses:
        yield f"has the address {', '.join(map(str, sorted(addresses))) or 'none'}, not {wanted}"
    version = status.get("nodeInfo", {}).get("kubeletVersion", "")
    if version != cluster.version:
        yield f"is of version {version or 'unknown'}, not {cluster.version}"
    labels = node["metadata"].get("labels", {})
    leads = any(f"node-role.kubernetes.io/{role}" in labels for role in ("control-plane", "master"))
    if leads != (name in cluster.servers):
        yield "is a server, not an agent" if leads else "is an agent, not a server"


def _condition(node: Listed) -> Listed:
    conditions = node.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each.get("type") == "Ready"), {})


def _is_ready(node: Listed) -> bool:
    return _condition(node).get("status") == "True"


def _not_ready_why(node: Listed) -> str:
    condition = _condition(node)
    return str(condition.get("message") or condition.get("reason") or "it says nothing")


def _pods(pods: tuple[Listed, ...]) -> list[str]:
    """Say which pods are not up. A job's failed attempt counts only until another succeeded."""
    done = {_job(pod) for pod in pods if _phase(pod) == "Succeeded"} - {""}
    down = [
        f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']} ({why})"
        for pod in pods
        if (why := _pod_down(pod)) and _job(pod) not in done
    ]
    if not down:
        return []
    more = f" and {len(down) - _MOST_NAMED} more" if len(down) > _MOST_NAMED else ""
    return [f"not up: {', '.join(sorted(down)[:_MOST_NAMED])}{more}"]


def _phase(pod: Listed) -> str:
    return str(pod.get("status", {}).get("phase", "Unknown"))


def _job(pod: Listed) -> str:
    owners = pod["metadata"].get("ownerReferences", [])
    return next((str(each["name"]) for each in owners if each.get("kind") == "Job"), "")


def _pod_down(pod: Listed) -> str:
    phase = _phase(pod)
    if phase == "Succeeded":
        return ""
    containers = pod.get("status", {}).get("containerStatuses", [])
    waiting = [
        str(each["state"]["waiting"].get("reason", "waiting"))
        for each in containers
        if each.get("state", {}).get("waiting")
    ]
    if waiting:
        return waiting[0]
    if phase != "Running":
        return phase
    return "" if all(each.get("ready") for each in containers) else "not ready"


def _images(seen: Seen, plan: Plan, images: Collection[str]) -> Iterator[str]:
    """Say which images came, or would have to come, from outside the site."""
    own = f"{registry_name(plan)}/"
    allowed = {_full(name) for name in images}
    # What the distribution itself runs; what people run later comes from where they say.
    own_pods = (pod for pod in seen.pods if pod["metadata"].get("namespace") == _DISTRIBUTIONS_OWN)
    for name in sorted({name for pod in own_pods for name in _image_names(pod)}):
        if allowed and _full(name) not in allowed and not name.startswith(own):
            yield f"the image {name} is neither in the archives nor in the staging registry"
    if plan.staging is None:
        # With a staging machine every pull goes to its registry: config.yaml and registries.yaml.
        pulled = {
            str(each.get("message", ""))
            for each in seen.events
            if each.get("reason") in {"Pulling", "Pulled"}
            and "already present" not in str(each.get("message", ""))
        }
        yield from (f"an image was pulled from outside: {message}" for message in sorted(pulled))


def _image_names(pod: Listed) -> Iterator[str]:
    spec = pod.get("spec", {})
    for container in (*spec.get("initContainers", []), *spec.get("containers", [])):
        yield str(container.get("image", ""))


def _full(image: str) -> str:
    """Give an image's whole name: `pause` is `docker.io/library/pause:latest`."""
    name = image.partition("@")[0]
    for other in _DOCKER_HUB:
        name = name.replace(other, "docker.io/", 1) if name.startswith(other) else name
    head, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif "." not in head and ":" not in head and head != "localhost":
        name = f"docker.io/{name}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


# --- the API over TLS --------------------------------------------------------------------------


class Kubernetes:
    """One server of the API. It must show a certificate of the cluster; we show ours."""

    def __init__(self, server: str, credentials: Credentials) -> None:
        parts = urlsplit(server)
        self.host = parts.hostname or ""
        self._port = parts.port or API_PORT
        self._credentials = credentials

    def get(self, path: str) -> dict[str, Any]:
        """GET a JSON object. Raises OSError, ValueError for any other answer."""
        line = http.client.HTTPSConnection(
            self.host, self._port, timeout=TIMEOUT, context=client_context(self._credentials)
        )
        try:
            line.request("GET", path, headers={"Accept": "application/json"})
            answer = line.getresponse()
            body = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"it does not speak HTTP: {error!r}") from error
        finally:
            line.close()
        if answer.status != http.client.OK:
            raise ValueError(f"{path} gives {answer.status} {answer.reason}")
        found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError(f"{path} gives no object")  # noqa: TRY004 - of the answer, not of ours
        return found

    def items(self, path: str) -> list[Listed]:
        """GET a list. Raises OSError, ValueError."""
        found = self.get(path).get("items") or []
        return [each for each in found if isinstance(each, Mapping)]


def client_context(credentials: Credentials) -> ssl.SSLContext:
    """Trust the cluster's authority alone, and show our certificate."""
    context = ssl.create_default_context(cadata=credentials.authority)
    # From Python 3.13 on; the certificates that RKE2 and K3s make lack what it asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with _in_memory(credentials.certificate, credentials.key.reveal()) as path:
        context.load_cert_chain(path)
    return context


@contextmanager
def _in_memory(*pems: str) -> Iterator[str]:
    """Give a path of a file that is on no disk: `load_cert_chain` takes only a path."""
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, "\n".join(pems).encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
