"""A server's life: found a cluster or join one, answer on both ports, be a node of it too."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import machine, tokens
from .api import Api
from .certificates import Pair, make_authority, make_leaf, write_private
from .client import Client, RequestError, basic, fetch_ca
from .cluster import Cluster, now_text
from .http_service import Request, Response, Service
from .images import Image, needs
from .kubelet import Kubelet, Place
from .log import FatalError, Log, notify
from .options import CRITICAL, Options
from .peers import Peers
from .registry import Registry
from .store import Entries, Store
from .supervisor import SERVERS, Authority, Secrets, Supervisor

API_PORT = 6443
_STARTING = "starting kubernetes: preparing server"


@dataclass(frozen=True, slots=True)
class Files:
    """A server's own files, below its data folder."""

    options: Options

    @property
    def folder(self) -> Path:
        """`/var/lib/rancher/rke2/server`."""
        return self.options.data / "server"

    @property
    def tls(self) -> Path:
        """Where certificates and keys are."""
        return self.folder / "tls"

    @property
    def authority(self) -> Authority:
        """The cluster's two authorities."""
        return Authority(Pair(self.tls, "server-ca"), Pair(self.tls, "client-ca"))

    @property
    def serving(self) -> Pair:
        """What both ports show."""
        return Pair(self.tls, "serving-kube-apiserver")

    @property
    def admin(self) -> Pair:
        """What the administrator's kubeconfig holds."""
        return Pair(self.tls, "client-admin")

    @property
    def peer(self) -> Pair:
        """What this server shows to the others."""
        return Pair(self.tls, "client-etcd-peer")

    @property
    def store(self) -> Path:
        """The state of the cluster."""
        return self.folder / "db" / "state.json"

    @property
    def token(self) -> Path:
        """The join token, in full."""
        return self.folder / "token"


def run(options: Options, images: tuple[Image, ...], say: Log) -> None:
    """Be a server until the process ends. Raises FatalError if it cannot start."""
    files = Files(options)
    is_new = not files.store.is_file()
    if is_new and options.server:
        entries = _join(options, files, say)
    elif is_new:
        entries = _found(options, files, say)
    else:
        entries = None
        say.info("Managed etcd cluster bootstrap already complete and initialized")
    secret = _secret(options, files)
    _write_tokens(options, files, secret)
    _make_certificates(options, files)
    server = Server(options, files, secret, entries, say)
    server.start()
    server.be_a_node(images)


# --- a new server ---------------------------------------------------------------------------


def _found(options: Options, files: Files, say: Log) -> Entries:
    """Found a cluster: make its authorities; give its first entries."""
    say.info("Managed etcd cluster initializing")
    now = datetime.now(UTC)
    program = options.product.name
    for pair, name in (
        (files.authority.server, f"{program}-server-ca"),
        (files.authority.client, f"{program}-client-ca"),
    ):
        if not pair.exists:
            make_authority(pair, name, now)
    document: dict[str, Any] = {
        "created": now_text(),
        "cni": options.text("cni", "canal"),
        "ingress": options.text("ingress-controller", "traefik"),
        "disable": list(options.texts("disable")),
        **options.critical,
    }
    founder = {"address": machine.address(options)}
    return {
        "cluster": [1, options.node_name, document],
        f"members/{options.node_name}": [2, options.node_name, founder],
    }


def _join(options: Options, files: Files, say: Log) -> Entries:
    """Join a cluster: get its authorities, become a member; give the entries it has."""
    if not options.token:
        raise FatalError(f"{options.product.name.upper()}_TOKEN is required to join a cluster")
    say.info("Managed etcd cluster not yet initialized")
    place = Place.of(options.server, options.product.supervisor_port)
    token = tokens.parse(options.token)
    try:
        ca = fetch_ca(place.host, place.port)
        tokens.check_pin(token, ca)
        if not token.ca_hash:
            say.warning(
                "Cluster CA certificate is not trusted by the host CA bundle, but the token does "
                "not include a CA hash. Use the full token from the server's node-token file to "
                "enable Cluster CA validation."
            )
    except (RequestError, FatalError) as error:
        raise FatalError(f"{_STARTING}: {error}") from error
    link = Client(place.host, place.port, ca)
    try:
        return _become_member(options, files, link, token, say)
    finally:
        link.close()


def _become_member(
    options: Options, files: Files, link: Client, token: tokens.Token, say: Log
) -> Entries:
    prefix, headers = f"/v1-{options.product.name}", basic("server", token.secret)
    try:
        config = link.get(f"{prefix}/config", headers).json()
        _compare(options, config["critical"], say)
        bootstrap = link.get(f"{prefix}/server-bootstrap", headers).json()
    except RequestError as error:
        text = f"failed to validate server configuration: {error}"
        raise FatalError(f"{_STARTING}: {text}") from error
    for name, content in bootstrap.items():
        mode = 0o644 if name.endswith(".crt") else 0o600
        write_private(files.tls / Path(name).name, str(content).encode(), mode)
    program = options.product.name
    proof = {
        f"{program}-Node-Name": options.node_name,
        f"{program}-Node-Password": machine.node_password(options.around.etc),
    }
    word = {"address": machine.address(options)}
    try:
        answer = link.post(f"{prefix}/standin/member", word, {**headers, **proof})
    except RequestError as error:
        raise FatalError(f"{_STARTING}: etcd cluster join failed: {error}") from error
    entries: Entries = answer.json()
    return entries


def _compare(options: Options, theirs: dict[str, str], say: Log) -> None:
    """Compare what must be equal on all servers. Raises FatalError if it is not."""
    own = options.critical
    wrong = [name for name in CRITICAL if own[name] != theirs.get(name)]
    for name in wrong:
        text = f"critical configuration mismatched: {name}"
        say.warning(f"{text} (here {own[name]}, there {theirs.get(name)})")
    if wrong:
        raise FatalError(
            f"{_STARTING}: failed to validate server configuration: critical configuration value "
            f"mismatch between servers: {', '.join(wrong)}"
        )


# --- secrets and certificates ---------------------------------------------------------------


def _secret(options: Options, files: Files) -> str:
    """Give the cluster's secret: the one given, the one kept, or a new one."""
    kept = tokens.parse(files.token.read_text().strip()).secret if files.token.is_file() else ""
    given = tokens.parse(options.token).secret if options.token else ""
    if kept and given and kept != given:
        raise FatalError(
            f"{_STARTING}: failed to bootstrap cluster data: bootstrap data already found and "
            "encrypted with different token"
        )
    return given or kept or secrets.token_hex(16)


def _write_tokens(options: Options, files: Files, secret: str) -> None:
    ca = files.authority.server.certificate.read_bytes()
    text = tokens.full(ca, "server", secret)
    write_private(files.token, f"{text}\n".encode())
    _link(files.folder / "node-token", files.token)
    agent = files.folder / "agent-token"
    if options.agent_token:
        agent_secret = tokens.parse(options.agent_token).secret
        agent.unlink(missing_ok=True)
        write_private(agent, f"{tokens.full(ca, 'node', agent_secret)}\n".encode())
    else:
        _link(agent, files.token)
    (files.folder / "manifests").mkdir(mode=0o700, exist_ok=True)


def _link(path: Path, target: Path) -> None:
    if not path.is_symlink():
        path.unlink(missing_ok=True)
        path.symlink_to(target)


def serving_names(options: Options) -> list[str]:
    """Give all names and addresses that the ports' certificate holds."""
    domain = options.critical["cluster-domain"]
    _, services = options.cluster_networks
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    own = (options.node_name, "localhost", "127.0.0.1", "::1", machine.address(options))
    names = [*service, f"kubernetes.default.svc.{domain}", *own, str(services[1])]
    if options.bind_address != "0.0.0.0":
        names.append(options.bind_address)
    names += [options.text("advertise-address")]
    names += [*options.texts("node-external-ip"), *options.texts("tls-san")]
    return [name for name in dict.fromkeys(names) if name]


def _make_certificates(options: Options, files: Files) -> None:
    """Make what is not there yet; the ports' certificate again if its names changed."""
    authority = files.authority
    note = files.tls / "dynamic-cert.json"
    names = serving_names(options)
    if not files.serving.exists or _noted(note) != names:
        make_leaf(authority.server, files.serving, "kube-apiserver", names=names)
        write_private(note, json.dumps(names).encode())
    if not files.admin.exists:
        make_leaf(authority.client, files.admin, "system:admin", "system:masters")
    if not files.peer.exists:
        make_leaf(authority.client, files.peer, f"etcd-peer-{options.node_name}", SERVERS)


def _noted(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def kubeconfig(files: Files, url: str) -> str:
    """Write the administrator's kubeconfig."""

    def data(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    return (
        "apiVersion: v1\n"
        "clusters:\n"
        "- cluster:\n"
        f"    certificate-authority-data: {data(files.authority.server.certificate)}\n"
        f"    server: {url}\n"
        "  name: default\n"
        "contexts:\n"
        "- context:\n"
        "    cluster: default\n"
        "    user: default\n"
        "  name: default\n"
        "current-context: default\n"
        "kind: Config\n"
        "preferences: {}\n"
        "users:\n"
        "- name: default\n"
        "  user:\n"
        f"    client-certificate-data: {data(files.admin.certificate)}\n"
        f"    client-key-data: {data(files.admin.key)}\n"
    )


# --- running --------------------------------------------------------------------------------


class Server:
    """The two ports and what stands behind them."""

    def __init__(
        self, options: Options, files: Files, secret: str, entries: Entries | None, say: Log
    ) -> None:
        self._options, self._files, self._say = options, files, say
        self._secret = secret
        ca = files.authority.server.certificate.read_bytes()
        own = (files.peer.certificate, files.peer.key)
        self._peers = Peers(options.product, options.around.pace, ca, own, say)
        store = Store(files.store, options.node_name)
        if entries is not None:
            store.merge(entries)
        self._cluster = Cluster(options, store, needs(options.product), self._peers.send)
        self._own_address()
        agent = tokens.parse(options.agent_token).secret if options.agent_token else ""
        self._supervisor = Supervisor(self._cluster, files.authority, Secrets(secret, agent), say)
        self._api = Api(self._cluster, Registry(self._cluster.objects, lambda: store.version))

    def _own_address(self) -> None:
        """A member's address is fixed: upstream's etcd does not start at another (rke2#3176)."""
        have = self._cluster.members().get(self._options.node_name)
        own = machine.address(self._options)
        if have is None:
            raise FatalError(
                f"{_STARTING}: this server is not a member of the etcd cluster. Found "
                f"{sorted(self._cluster.members().items())}, expect: "
                f"{self._options.node_name}={own}"
            )
        if have != own:
            raise FatalError(
                f"{_STARTING}: the address of this server was {have} when it joined and is {own} "
                "now: etcd does not start at another address"
            )

    def start(self) -> None:
        """Open the ports. Raises FatalError if one is taken."""
        is_one_port = self._options.product.supervisor_port == API_PORT
        if not is_one_port:
            self._listen(self._options.product.supervisor_port, self._supervisor.answer)
        self._peers.attach(self._cluster)
        self._listen(API_PORT, self._either if is_one_port else self._api.answer)
        self._say.info("Running kube-apiserver, kube-scheduler, kube-controller-manager")

    def be_a_node(self, images: tuple[Image, ...]) -> None:
        """Wait for a majority, become a node, say that all is up, and stay."""
        waiting = False
        while not self._cluster.has_quorum():
            if not waiting:
                members = ", ".join(sorted(self._cluster.others()))
                self._say.info(f"Waiting for etcd server to become available: {members}")
            waiting = True
            time.sleep(self._options.around.pace.retry / 3)
        kubelet = Kubelet(self._options, images, self._say)
        port = self._options.product.supervisor_port
        ca = self._files.authority.server.certificate.read_bytes()
        token = tokens.parse(tokens.full(ca, "server", self._secret))
        kubelet.join(Place(self._options.loopback, port), token)
        self._write_kubeconfig()
        self._say.info(f"{self._options.product.name} is up and running")
        notify("READY=1\n")
        kubelet.keep(threading.Event())

    def _either(self, request: Request) -> Response:
        if self._supervisor.serves(request.path):
            return self._supervisor.answer(request)
        return self._api.answer(request)

    def _listen(self, port: int, handler: Any) -> None:
        address = (self._options.bind_address, port)
        client_ca = self._files.authority.client.certificate.read_bytes()
        try:
            service = Service(address, self._files.serving, client_ca, handler, self._say)
        except OSError as error:
            where = f"{address[0]}:{port}"
            text = (error.strerror or str(error)).lower()
            raise FatalError(f"{_STARTING}: listen tcp {where}: bind: {text}") from error
        service.start()

    def _write_kubeconfig(self) -> None:
        url = f"https://{self._options.loopback}:{API_PORT}"
        mode = self._options.text("write-kubeconfig-mode", "0600")
        try:
            bits = int(mode, 8)
        except ValueError as error:
            raise FatalError(f"invalid write-kubeconfig-mode: {mode}") from error
        path = self._options.kubeconfig
        write_private(path, kubeconfig(self._files, url).encode(), bits)
        self._say.info(f"Wrote kubeconfig {path}")
