"""The settings of one start, typed: read from flags once, and passed on as values."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .flags import (
    SWITCHES,
    Values,
    from_arguments,
    from_document,
    lay_over,
    with_arguments,
    with_environment,
)
from .log import FatalError

_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
CRITICAL = (
    "cluster-cidr",
    "service-cidr",
    "cluster-dns",
    "cluster-domain",
    "disable-cloud-controller",
    "disable-kube-proxy",
    "egress-selector-mode",
)
"""What must be equal on all servers (facts: harvester-rke2 4.4)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are said and how long silence is borne, in seconds.

    A kubelet renews its lease every 10 s and is given up after 40 s, as Kubernetes does. Servers
    ask one another more often: without a majority they must fall silent soon.
    """

    beat: float = 10.0
    grace: float = 40.0
    peer_beat: float = 4.0
    peer_grace: float = 20.0
    retry: float = 3.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the program stands: other folders and another pace in tests, given by a variable."""

    etc: Path = Path("/etc")
    proc: Path = Path("/proc")
    pace: Pace = Pace()

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Surroundings:
        """Read `STANDIN_SURROUNDINGS`, a JSON map of these fields."""
        given = json.loads(variables.get("STANDIN_SURROUNDINGS", "{}"))
        return cls(
            Path(given.get("etc", "/etc")),
            Path(given.get("proc", "/proc")),
            Pace(**given.get("pace", {})),
        )


@dataclass(frozen=True, slots=True)
class Product:
    """Which of the two is played: `rke2` or `k3s`, and its version."""

    name: str
    version: str

    @property
    def supervisor_port(self) -> int:
        """Where members join: a port of its own for RKE2, the API's for K3s."""
        return 9345 if self.name == "rke2" else 6443

    @property
    def kubernetes(self) -> str:
        """Kubernetes' own version, `v1.36.3`."""
        return self.version.partition("+")[0]


@dataclass(frozen=True, slots=True)
class Options:
    """One start's settings."""

    product: Product
    command: str
    values: Values
    around: Surroundings

    def text(self, name: str, default: str = "") -> str:
        """Give a flag's value: the last one given."""
        values = self.values.get(name)
        return values[-1] if values else default

    def texts(self, name: str) -> tuple[str, ...]:
        """Give a list's values; upstream splits them at commas."""
        return tuple(p for v in self.values.get(name, ()) for p in v.split(",") if p)

    def switch(self, name: str) -> bool:
        """Whether a switch is on. Raises FatalError if its value is neither true nor false."""
        value = self.text(name, "false").lower()
        if value not in {"true", "false", "1", "0", "t", "f"}:
            raise FatalError(f'invalid boolean value "{value}" for -{name}: parse error')
        return value in {"true", "1", "t"}

    @property
    def is_server(self) -> bool:
        """Whether this is a server."""
        return self.command == "server"

    @property
    def data(self) -> Path:
        """The folder of all state."""
        return Path(self.text("data-dir", f"/var/lib/rancher/{self.product.name}"))

    @property
    def config_folder(self) -> Path:
        """`/etc/rancher/rke2`."""
        return self.around.etc / "rancher" / self.product.name

    @property
    def images_folder(self) -> Path:
        """Where archives of images are imported from at start."""
        return self.data / "agent" / "images"

    @property
    def kubeconfig(self) -> Path:
        """Where the administrator's kubeconfig is written."""
        default = self.config_folder / f"{self.product.name}.yaml"
        return Path(self.text("write-kubeconfig", str(default)))

    @property
    def bind_address(self) -> str:
        """Where the ports are opened."""
        return self.text("bind-address", "0.0.0.0")

    @property
    def loopback(self) -> str:
        """How this machine reaches its own ports."""
        return "127.0.0.1" if self.bind_address == "0.0.0.0" else self.bind_address

    @property
    def token(self) -> str:
        """The cluster's secret as it was given, or nothing."""
        return self._secret("token")

    @property
    def agent_token(self) -> str:
        """The secret for agents alone, or nothing."""
        return self._secret("agent-token")

    def _secret(self, name: str) -> str:
        file = self.text(f"{name}-file")
        if self.text(name) or not file:
            return self.text(name)
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise FatalError(f"open {file}: {(error.strerror or str(error)).lower()}") from error

    @property
    def node_name(self) -> str:
        """This member's name. Raises FatalError if Kubernetes would not take it."""
        name = self.text("node-name", socket.gethostname()).strip().lower()
        if not _NODE_NAME.fullmatch(name):
            raise FatalError(
                f'Node "{name}" is invalid: metadata.name: Invalid value: "{name}": '
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                "characters, '-' or '.', and must start and end with an alphanumeric character"
            )
        return name

    @property
    def profile(self) -> str:
        """The benchmark to hold to. Raises FatalError for one that upstream does not know."""
        profile = self.text("profile")
        if profile not in {"", "cis", "etcd"}:
            raise FatalError("invalid value provided for --profile flag")
        return profile

    @property
    def cluster_networks(self) -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Network]:
        """The networks of pods and of services."""
        pods = self.text("cluster-cidr", "10.42.0.0/16").split(",")[0]
        services = self.text("service-cidr", "10.43.0.0/16").split(",")[0]
        try:
            return ipaddress.IPv4Network(pods), ipaddress.IPv4Network(services)
        except ValueError as error:
            raise FatalError(f"invalid cluster-cidr or service-cidr: {error}") from error

    @property
    def critical(self) -> dict[str, str]:
        """The settings that must be equal on all servers, with their defaults."""
        pods, services = self.cluster_networks
        return {
            "cluster-cidr": str(pods),
            "service-cidr": str(services),
            "cluster-dns": self.text("cluster-dns", str(services[10])),
            "cluster-domain": self.text("cluster-domain", "cluster.local"),
            "disable-cloud-controller": str(self.switch("disable-cloud-controller")).lower(),
            "disable-kube-proxy": str(self.switch("disable-kube-proxy")).lower(),
            "egress-selector-mode": self.text("egress-selector-mode", "agent"),
        }

    @property
    def keeps_members(self) -> bool:
        """Whether several servers can be: always with RKE2, with K3s once it was asked for."""
        return self.product.name == "rke2" or self.switch("cluster-init") or bool(self.server)

    @property
    def server(self) -> str:
        """The address to join at, or nothing. Raises FatalError if it is no https URL."""
        url = self.text("server").rstrip("/")
        if url and not url.startswith("https://"):
            raise FatalError(f"only https:// URLs are supported, invalid scheme: {url}")
        return url


def read_options(
    product: Product, command: str, words: list[str], variables: Mapping[str, str]
) -> Options:
    """Read command line, config files and environment. Raises FatalError for what is wrong."""
    around = Surroundings.of(variables)
    arguments = from_arguments(product.name, command, words)
    asked = arguments.get("config", [variables.get(f"{product.name.upper()}_CONFIG_FILE", "")])[-1]
    main = Path(asked or around.etc / "rancher" / product.name / "config.yaml")
    values = _files(product, command, main, required=bool(asked))
    values = with_environment(with_arguments(values, arguments), variables, product.name)
    options = Options(product, command, values, around)
    for name in SWITCHES & values.keys():
        options.switch(name)
    return options


def _files(product: Product, command: str, main: Path, *, required: bool) -> Values:
    found: Values = {}
    if main.exists() or required:
        found = from_document(product.name, command, _yaml(main), main.name)
    parts = sorted(main.parent.glob(f"{main.name}.d/*.yaml"))
    parts += sorted(main.parent.glob(f"{main.name}.d/*.yml"))
    for part in parts:
        found = lay_over(found, from_document(product.name, command, _yaml(part), part.name))
    return found


def _yaml(path: Path) -> Any:
    import yaml

    try:
        with path.open(encoding="utf-8") as opened:
            return yaml.safe_load(opened)
    except OSError as error:
        raise FatalError(f"open {path}: {os.strerror(error.errno or 0).lower()}") from error
    except yaml.YAMLError as error:
        raise FatalError(f"failed to parse {path}: yaml: {' '.join(str(error).split())}") from error
