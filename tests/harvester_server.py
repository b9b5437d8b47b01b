"""A real HTTPS server on loopback that gives Harvester's documented answers, for tests.

Three kinds: one that works, one that is empty (it runs, and serves nothing yet), and one that
breaks whatever is asked of it.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ADDRESS = IPv4Address("127.0.0.1")
VIRTUAL_MACHINE = re.compile(r".*/namespaces/default/virtualmachines/(\w+)/(\w+)")


class Mood(Enum):
    """The three kinds."""

    WORKING = "working"
    EMPTY = "empty"
    BROKEN = "broken"


@dataclass(slots=True)
class Identity:
    """A certificate with its key, and its authority where it has one."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        """The key in PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256 in hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def identity(
    name: str = "dynamic",
    *names: x509.GeneralName,
    issuer: Identity | None = None,
    authority: bool = False,
) -> Identity:
    """Make a certificate of these names; it signs for itself where no issuer is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return Identity(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


VIP = x509.IPAddress(ADDRESS)


@dataclass(slots=True)
class Harvester:
    """What the server knows; a test may change any of it while it runs."""

    identity: Identity
    password: str = "admin"
    mood: Mood = Mood.WORKING
    authority: str = ""
    token: str = "token-abcde:first"
    kubeconfig_fails: bool = False
    die_after_change: bool = False
    port: int = 0
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    client: str = ""

    def kubeconfig(self) -> str:
        """Give the kubeconfig as Rancher writes it, with its own idea of the address."""
        data = base64.b64encode(self.authority.encode()).decode()
        return f"""apiVersion: v1
kind: Config
clusters:
- name: "local"
  cluster:
    server: "https://rancher.cattle-system/k8s/clusters/local"
    certificate-authority-data: "{data}"
- name: "local-hv1"
  cluster:
    server: "https://10.20.0.11:6443"
users:
- name: "local"
  user:
    token: "{self.token}"
contexts:
- name: "local"
  context:
    user: "local"
    cluster: "local"
current-context: "local"
"""

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Give status and body."""
        self.asked.append((method, path))
        if self.mood is Mood.BROKEN:
            return 500, {"type": "error", "code": "ServerError", "message": "etcd has no leader"}
        if self.mood is Mood.EMPTY:
            return 404, {"kind": "Status", "message": "the server could not find this"}
        if path == "/v3-public/localProviders/local?action=login":
            if (body["username"], body["password"]) != ("admin", self.password):
                return 401, {
                    "type": "error",
                    "code": "Unauthorized",
                    "message": "authentication failed",
                }
            return 201, {"type": "token", "id": "token-abcde", "token": self.token}
        if token != f"Bearer {self.token}" and not self.client:
            return 401, {"type": "error", "code": "Unauthorized", "message": "must authenticate"}
        if path == "/v3/users?action=changepassword":
            return self.change(body)
        if path == "/v1/management.cattle.io.clusters/local?action=generateKubeconfig":
            if self.kubeconfig_fails:
                return 503, {"message": "cluster is not ready"}
            return 200, {"config": self.kubeconfig()}
        return self.objects_answer(method, path.removeprefix("/k8s/clusters/local"), body)

    def change(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Change the password."""
        if body["currentPassword"] != self.password:
            return 422, {"code": "InvalidBodyContent", "message": "invalid current password"}
        if len(body["newPassword"]) < 12:
            return 422, {"code": "InvalidBodyContent", "message": "must be at least 12 characters"}
        self.password = body["newPassword"]
        return (0, None) if self.die_after_change else (200, {})

    def objects_answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Answer as a Kubernetes API does."""
        order = VIRTUAL_MACHINE.fullmatch(path)
        if order and "/subresources." in path:
            if order.groups() in self.orders:
                return 409, {"message": "already so"}
            self.orders.append((order[1], order[2]))
            return 202, None
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            if path in self.objects:
                return 409, {"kind": "Status", "reason": "AlreadyExists", "message": "it is there"}
            self.objects[path] = body
            return 201, body
        if path not in self.objects:
            return 404, {"kind": "Status", "reason": "NotFound", "message": f"{path} not found"}
        if method == "PUT":
            self.objects[path] = body
        if method == "DELETE":
            del self.objects[path]
        return 200, self.objects.get(path, {})


@contextmanager
def serving(harvester: Harvester, *, client_authority: str = "") -> Iterator[Harvester]:
    """Serve until the block ends. With `client_authority` (PEM) clients may show certificates."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"{}")
            shown: dict[str, Any] = self.connection.getpeercert() or {}
            harvester.client = str(shown.get("subject", ""))
            token = self.headers.get("Authorization", "")
            status, said = harvester.answer(self.command, self.path, token, body)
            if not status:
                self.close_connection = True
                return
            raw = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Stay silent."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_text(harvester.identity.pem + harvester.identity.key_pem)
        context.load_cert_chain(file)
    if client_authority:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_authority)
    server = ThreadingHTTPServer((str(ADDRESS), harvester.port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    harvester.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield harvester
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
