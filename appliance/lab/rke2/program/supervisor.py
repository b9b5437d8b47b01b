"""The supervisor's port: where members join, get their certificates and say that they are there.

`/cacerts`, `/ping` and `/v1-rke2/…` are upstream's (k3s, `pkg/server`); what lies below
`/v1-rke2/standin/` takes the place of etcd and of the kubelet's own calls.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .api import status
from .certificates import Pair, sign_request
from .cluster import Cluster, NoQuorumError, now_text
from .http_service import Request, Response, as_json, as_text
from .log import Log

NODES = "system:nodes"
SERVERS = "system:etcd-peers"
REJECTED = (
    "Node password rejected, duplicate hostname or contents of '{file}' may not match server "
    "node-passwd entry, try enabling a unique node name with the --with-node-id flag"
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What proves a joiner's right: the cluster's secret, and one for agents alone if there is."""

    server: str = field(repr=False)
    agent: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Authority:
    """The cluster's two authorities, as files."""

    server: Pair
    client: Pair

    def files(self) -> dict[str, str]:
        """Give all that another server needs, by file name."""
        paths = [
            path for pair in (self.server, self.client) for path in (pair.certificate, pair.key)
        ]
        return {path.name: path.read_text(encoding="ascii") for path in paths}


class Supervisor:
    """Answers requests to port 9345."""

    def __init__(self, cluster: Cluster, authority: Authority, secrets: Secrets, say: Log) -> None:
        self._cluster, self._authority = cluster, authority
        self._secrets, self._say = secrets, say
        self._program = cluster.options.product.name
        self._ca = authority.server.certificate.read_bytes()

    def serves(self, path: str) -> bool:
        """Whether a path is the supervisor's, where one port serves both."""
        return path in {"/cacerts", "/ping"} or path.startswith(f"/v1-{self._program}/")

    def answer(self, request: Request) -> Response:
        """Answer one request; a failure is answered too."""
        path = request.path.removeprefix(f"/v1-{self._program}")
        try:
            if request.path in {"/cacerts", "/ping"}:
                return as_text(self._ca.decode() if request.path == "/cacerts" else "pong")
            for group, handlers in self._handlers().items():
                if (request.method, path) in handlers:
                    refused = self._refuse(request, group)
                    return refused or handlers[request.method, path](request)
        except NoQuorumError as error:
            return status(503, "ServiceUnavailable", str(error))
        except (ValueError, KeyError, TypeError) as error:
            return status(400, "BadRequest", f"the request cannot be understood: {error}")
        return as_text("404 page not found\n", 404)

    def _handlers(self) -> Mapping[str, Mapping[tuple[str, str], Callable[[Request], Response]]]:
        return {
            "token": {
                ("GET", "/readyz"): lambda _: as_text("ok"),
                ("GET", "/config"): self._config,
                ("GET", "/apiservers"): lambda _: as_json(self._addresses()),
                ("GET", "/server-ca.crt"): lambda _: as_text(self._ca.decode()),
                ("GET", "/client-ca.crt"): lambda _: as_text(
                    self._authority.client.certificate.read_text(encoding="ascii")
                ),
                ("POST", "/client-kubelet.crt"): self._kubelet_certificate,
            },
            "server token": {
                ("GET", "/server-bootstrap"): self._bootstrap,
                ("POST", "/standin/member"): self._member,
            },
            NODES: {
                ("POST", "/standin/register"): self._register,
                ("POST", "/standin/beat"): self._beat,
            },
            SERVERS: {
                ("POST", "/standin/ask"): self._ask,
                ("POST", "/standin/entries"): self._entries,
            },
        }

    # --- who may -----------------------------------------------------------------------------

    def _refuse(self, request: Request, group: str) -> Response | None:
        if group in {NODES, SERVERS}:
            if group in request.caller.groups:
                return None
        elif self._knows(request, servers_only=group == "server token"):
            return None
        text = "invalid username/password combination"
        self._say.error(f"Failed to authenticate request from {request.address}: {text}")
        return status(401, "Unauthorized", "not authorized")

    def _knows(self, request: Request, *, servers_only: bool) -> bool:
        scheme, _, word = request.header("Authorization").partition(" ")
        if scheme != "Basic":
            return False
        try:
            user, _, secret = base64.b64decode(word).decode().partition(":")
        except ValueError:
            return False
        allowed = [self._secrets.server]
        if not servers_only and self._secrets.agent:
            allowed.append(self._secrets.agent)
        good = [hmac.compare_digest(secret.encode(), each.encode()) for each in allowed]
        return user in {"node", "server"} and any(good)

    # --- joining -----------------------------------------------------------------------------

    def _config(self, _: Request) -> Response:
        critical = self._cluster.options.critical
        document = self._cluster.document()
        return as_json({"critical": critical, "cluster": document, "servers": self._addresses()})

    def _bootstrap(self, _: Request) -> Response:
        if not self._cluster.options.keeps_members:
            return as_text("404 page not found\n", 404)
        return as_json(self._authority.files())

    def _addresses(self) -> list[str]:
        return sorted(self._cluster.members().values())

    def _password(self, request: Request) -> tuple[str, Response | None]:
        """Give the node's name, or with it the refusal of one that another machine has."""
        name = request.header(f"{self._program}-Node-Name").lower()
        secret = request.header(f"{self._program}-Node-Password")
        if not name or not secret:
            return name, status(400, "BadRequest", "node name or password not set")
        fresh = hashlib.sha256(secret.encode()).hexdigest()
        known = self._cluster.store.get(f"passwords/{name}")
        if known is None:
            self._cluster.write({f"passwords/{name}": {"hash": fresh}})
        elif not hmac.compare_digest(str(known["hash"]), fresh):
            file = self._cluster.options.around.etc / "rancher" / "node" / "password"
            self._say.error(f"unable to verify password for node {name}")
            return name, status(403, "Forbidden", REJECTED.format(file=file))
        return name, None

    def _kubelet_certificate(self, request: Request) -> Response:
        name, refused = self._password(request)
        if refused:
            return refused
        user = f"system:node:{name}"
        signed = sign_request(self._authority.client, request.body, user, NODES)
        self._say.info(f"certificate CN={user},O={NODES} signed for {request.address}")
        return as_text(signed.decode())

    def _member(self, request: Request) -> Response:
        name, refused = self._password(request)
        if refused:
            return refused
        address = str(request.json()["address"])
        if self._cluster.members().get(name) != address:
            self._cluster.write({f"members/{name}": {"address": address}})
            self._say.info(f"Adding member {name}=https://{address}:2380 to etcd cluster")
        self._cluster.quorum.heard(name, time.monotonic())
        return as_json(self._cluster.store.all())

    # --- nodes -------------------------------------------------------------------------------

    def _register(self, request: Request) -> Response:
        record = request.json()
        if request.caller.name != f"system:node:{record['name']}":
            text = "header node name does not match auth node name"
            return status(400, "BadRequest", text)
        self._cluster.register(record)
        return as_json({"servers": self._addresses()})

    def _beat(self, request: Request) -> Response:
        word = request.json()
        name = request.caller.name.removeprefix("system:node:")
        if self._cluster.store.get(f"nodes/{name}") is None:
            return status(404, "NotFound", f'nodes "{name}" not found')
        self._cluster.liveness.beat(name, word, time.monotonic(), now_text())
        return as_json({"servers": self._addresses()})

    # --- servers -----------------------------------------------------------------------------

    def _ask(self, request: Request) -> Response:
        asker = request.json()
        name = str(asker["name"])
        if name not in self._cluster.members():
            text = f"the member {name} has been permanently removed from the cluster"
            return status(410, "Gone", text)
        self._cluster.quorum.heard(name, time.monotonic())
        own = self._cluster.store.digest()
        answer: dict[str, object] = {"digest": own}
        if own != asker["digest"]:
            answer["entries"] = self._cluster.store.all()
        return as_json(answer)

    def _entries(self, request: Request) -> Response:
        self._cluster.store.merge(request.json())
        return as_json({})
