"""What `server` and `agent` can be told: upstream's flags, and how files and arguments give them.

Pure. Upstream reads a config file as if its keys were flags before those of the command line, so
that a flag given there wins and a list goes on (k3s, `configfilearg`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .log import FatalError

Values = dict[str, list[str]]
"""Each flag's values, in the order given."""

_SHARED = """
    config debug v vmodule log alsologtostderr bind-address data-dir token token-file node-name
    with-node-id node-label node-taint image-credential-provider-bin-dir
    image-credential-provider-config container-runtime-endpoint disable-default-registry-endpoint
    nonroot-devices default-runtime private-registry node-ip node-external-ip node-internal-dns
    node-external-dns resolv-conf kubelet-arg kube-proxy-arg server protect-kernel-defaults
    snapshotter selinux lb-server-port airgap-extra-registry enable-pprof system-default-registry
"""
_SERVER = """
    advertise-address tls-san tls-san-security disable-agent cluster-cidr service-cidr
    cluster-reset cluster-reset-restore-path cluster-dns cluster-domain write-kubeconfig
    write-kubeconfig-mode write-kubeconfig-group write-kubeconfig-name kube-apiserver-arg etcd-arg
    kube-scheduler-arg kube-controller-manager-arg kube-cloud-controller-manager-arg
    datastore-endpoint datastore-cafile datastore-certfile datastore-keyfile disable
    disable-scheduler disable-cloud-controller disable-kube-proxy disable-apiserver
    disable-controller-manager disable-etcd etcd-disable-snapshots etcd-snapshot-schedule-cron
    etcd-snapshot-reconcile-interval etcd-snapshot-retention etcd-snapshot-dir etcd-snapshot-name
    etcd-snapshot-compress embedded-registry supervisor-metrics egress-selector-mode agent-token
    agent-token-file secrets-encryption secrets-encryption-provider service-node-port-range
    etcd-expose-metrics etcd-s3 etcd-s3-access-key etcd-s3-bucket etcd-s3-bucket-lookup-type
    etcd-s3-config-secret etcd-s3-endpoint etcd-s3-endpoint-ca etcd-s3-folder etcd-s3-insecure
    etcd-s3-proxy etcd-s3-region etcd-s3-secret-key etcd-s3-session-token etcd-s3-skip-ssl-verify
    etcd-s3-timeout etcd-s3-retention helm-job-image helm-controller-arg servicelb-namespace
"""
_RKE2 = """
    kube-apiserver-image kube-controller-manager-image cloud-controller-manager-image
    kube-proxy-image kube-scheduler-image pause-image runtime-image etcd-image kubelet-path
    cloud-provider-name cloud-provider-config node-name-from-cloud-provider-metadata profile
    audit-policy-file pod-security-admission-config-file control-plane-resource-requests
    control-plane-resource-limits control-plane-probe-configuration kube-apiserver-extra-mount
    kube-scheduler-extra-mount kube-controller-manager-extra-mount kube-proxy-extra-mount
    etcd-extra-mount cloud-controller-manager-extra-mount kube-apiserver-extra-env
    kube-scheduler-extra-env kube-controller-manager-extra-env kube-proxy-extra-env etcd-extra-env
    cloud-controller-manager-extra-env
"""
_RKE2_SERVER = "cni ingress-controller enable-servicelb"
_K3S = """
    docker image-service-endpoint pause-image flannel-iface flannel-conf flannel-cni-conf vpn-auth
    vpn-auth-file rootless prefer-bundled-bin disable-apiserver-lb
"""
_K3S_SERVER = """
    https-listen-port advertise-port cluster-init flannel-backend flannel-ipv6-masq
    flannel-external-ip default-local-storage-path disable-network-policy disable-helm-controller
"""

LISTS = frozenset(
    """
    tls-san cluster-cidr service-cidr cluster-dns node-label node-taint node-ip node-external-ip
    kubelet-arg kube-proxy-arg kube-apiserver-arg etcd-arg kube-scheduler-arg cni disable
    kube-controller-manager-arg kube-cloud-controller-manager-arg ingress-controller
    """.split()
)
"""Flags that may be given several times."""

SWITCHES = frozenset(
    """
    debug with-node-id protect-kernel-defaults selinux tls-san-security disable-agent cluster-init
    cluster-reset disable-scheduler disable-cloud-controller disable-kube-proxy disable-apiserver
    disable-controller-manager disable-etcd disable-network-policy disable-helm-controller
    etcd-disable-snapshots etcd-snapshot-compress etcd-expose-metrics etcd-s3 embedded-registry
    secrets-encryption rootless prefer-bundled-bin disable-default-registry-endpoint
    nonroot-devices enable-pprof supervisor-metrics enable-servicelb
    """.split()
)
"""Flags that need no value."""

_SHORT = {"d": "data-dir", "t": "token", "s": "server", "c": "config", "i": "node-ip"}
_SHORT_SERVER = {"o": "write-kubeconfig"}

ENVIRONMENT = {
    "TOKEN": "token",
    "TOKEN_FILE": "token-file",
    "AGENT_TOKEN": "agent-token",
    "URL": "server",
    "NODE_NAME": "node-name",
    "SELINUX": "selinux",
    "CIS_PROFILE": "profile",
}
"""Variables, after `RKE2_` or `K3S_`, that stand for a flag where it is not given."""


def known(program: str, command: str) -> frozenset[str]:
    """Give the flags of `rke2` or `k3s`, for `server` or `agent`."""
    words = _SHARED + (_RKE2 if program == "rke2" else _K3S)
    if command == "server":
        words += _SERVER + (_RKE2_SERVER if program == "rke2" else _K3S_SERVER)
    return frozenset(words.split())


def from_arguments(program: str, command: str, words: list[str]) -> Values:
    """Read a command line after its command. Raises FatalError for what is no flag."""
    flags, found = known(program, command), Values()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        name = {**_SHORT, **_SHORT_SERVER}.get(name, name)
        if not word.startswith("-") or name not in flags:
            raise FatalError(f"Incorrect Usage: flag provided but not defined: {word}")
        if not equals:
            value = "true" if name in SWITCHES else (rest.pop(0) if rest else "")
        found.setdefault(name, []).append(value)
    return found


def from_document(program: str, command: str, document: object, where: str) -> Values:
    """Read a config file's content. Raises FatalError for a key that is no flag.

    Upstream only warns of such a key and goes on without it (k3s issue 4510). A key of `server`
    in the file of an agent is left out, as upstream does.
    """
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise FatalError(f"failed to read {where}: it is not a map of settings")
    flags, servers = known(program, command), known(program, "server")
    found = Values()
    for given, value in document.items():
        name = str(given)
        plain = name.removesuffix("+")
        plain = _SHORT.get(plain, plain)
        if plain in flags:
            found[plain + name[len(name.removesuffix("+")) :]] = _texts(value)
        elif plain not in servers:
            raise FatalError(
                f"Unknown flag --{plain} found in {where} "
                "(upstream would skip it with a warning; the lab refuses it)"
            )
    return found


def lay_over(under: Values, over: Values) -> Values:
    """Lay a later config file over an earlier one: its keys win, a key that ends in + goes on."""
    result = dict(under)
    for name, values in over.items():
        plain = name.removesuffix("+")
        result[plain] = [*result.get(plain, []), *values] if plain != name else values
    return result


def with_arguments(file: Values, arguments: Values) -> Values:
    """Join a config with a command line: a list goes on, of anything else the last one wins."""
    result = dict(file)
    for name, values in arguments.items():
        result[name] = [*result.get(name, []), *values]
    return result


def with_environment(given: Values, variables: Mapping[str, str], program: str) -> Values:
    """Fill what is not given from variables such as `RKE2_TOKEN`."""
    result = dict(given)
    for suffix, name in ENVIRONMENT.items():
        value = variables.get(f"{program.upper()}_{suffix}")
        if value and name not in result:
            result[name] = [value]
    return result


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    if isinstance(value, bool):
        return [str(value).lower()]
    return ["" if value is None else str(value)]


def usage(program: str, command: str, flags: Iterable[str]) -> str:
    """Give the text of `--help`."""
    what = {"server": "Run management server", "agent": "Run node agent"}[command]
    lines = [
        f"NAME:\n   {program} {command} - {what}\n\nUSAGE:\n   {program} {command} [OPTIONS]\n"
    ]
    lines.append("OPTIONS:")
    lines += [f"   --{name}{'' if name in SWITCHES else ' value'}" for name in sorted(flags)]
    return "\n".join(lines) + "\n"
