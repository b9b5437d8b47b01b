"""The installed node's HTTPS servers, on loopback."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.lab.payload.standin.servers import Kubernetes, Members, Supervisor, Web, listen

Open = Callable[[Web | Kubernetes | Supervisor], str]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate and its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = (str(folder / "tls.crt"), str(folder / "tls.key"))
    words = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=x"
    subprocess.run(
        [*words.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True
    )
    return files


@pytest.fixture
def opened(certificate: tuple[str, str]) -> Iterator[Open]:
    """Give a function that serves an application and gives its URL."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def open_one(app: Web | Kubernetes | Supervisor) -> str:
        server = listen(("127.0.0.1", 0), app, certificate)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"https://127.0.0.1:{server.server_port}"

    yield open_one
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def _ask(url: str, body: bytes | None = None, token: str = "") -> tuple[int, str]:
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    login = base64.b64encode(f"node:{token}".encode()).decode()
    request = urllib.request.Request(url, body, {"Authorization": f"Basic {login}"})
    try:
        with urllib.request.urlopen(request, timeout=10, context=tls) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_node_answers_ping_and_names_its_members(tmp_path: Path, opened: Open) -> None:
    """What nobody serves is a 404."""
    members = Members(tmp_path / "members.json")
    members.add("hv1", "10.0.0.11")
    url = opened(Web(members, ""))
    assert _ask(f"{url}/ping") == (200, "pong")
    assert json.loads(_ask(f"{url}/v1-standin/nodes")[1]) == {
        "nodes": [{"name": "hv1", "address": "10.0.0.11"}]
    }
    assert _ask(f"{url}/")[0] == 200
    assert _ask(f"{url}/api")[0] == 404


def test_joining_takes_the_token(tmp_path: Path, opened: Open) -> None:
    """The CA is for anybody; without the token nobody becomes a member, nor after a restart."""
    path = tmp_path / "members.json"
    url = opened(Supervisor("s3cret token", "THE CA", Members(path)))
    member = json.dumps({"name": "hv2", "address": "10.0.0.12"}).encode()
    assert _ask(f"{url}/cacerts") == (200, "THE CA")
    assert _ask(f"{url}/v1-rke2/config", token="wrong")[0] == 401
    assert _ask(f"{url}/v1-rke2/nodes", member, token="wrong")[0] == 401
    assert not path.exists()
    assert _ask(f"{url}/v1-rke2/config", token="s3cret token")[0] == 200
    assert _ask(f"{url}/v1-rke2/nodes", member, token="s3cret token")[0] == 200
    assert Members(path).all() == {"hv2": "10.0.0.12"}


class _Far(BaseHTTPRequestHandler):
    """The lab's API: says what it was asked, with the size of what came."""

    def do_POST(self) -> None:
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        said = f"{self.path} {size} {self.headers['Connection']}".encode()
        self.send_response(201)
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def test_what_is_not_the_node_s_goes_to_the_lab_s_api(tmp_path: Path, opened: Open) -> None:
    """A large body arrives whole, and the answer comes back with its status."""
    with HTTPServer(("127.0.0.1", 0), _Far) as far:
        thread = threading.Thread(target=far.serve_forever)
        thread.start()
        url = opened(Web(Members(tmp_path / "m"), f"http://127.0.0.1:{far.server_port}"))
        body = b"x" * 3_000_000
        assert _ask(f"{url}/v1/upload?a=b", body) == (201, "/v1/upload?a=b 3000000 close")
        assert _ask(f"{url}/ping") == (200, "pong")
        # What the lab's API tells its nodes alone is not for the world before the VIP.
        assert _ask(f"{url}/lab/node-token", b"")[0] == 404
        far.shutdown()
        thread.join()


def test_kubernetes_own_port_relays_kubernetes_alone(opened: Open) -> None:
    """6443 knows neither Rancher's paths nor the lab's; without a relay it knows none."""
    with HTTPServer(("127.0.0.1", 0), _Far) as far:
        thread = threading.Thread(target=far.serve_forever)
        thread.start()
        url = opened(Kubernetes(f"http://127.0.0.1:{far.server_port}"))
        assert _ask(f"{url}/api/v1/pods?watch=1", b"x") == (201, "/api/v1/pods?watch=1 1 close")
        for path in ("/v3-public/x", "/lab/node-token", "/ping", "/"):
            assert _ask(f"{url}{path}", b"")[0] == 404
        far.shutdown()
        thread.join()
    assert _ask(f"{opened(Kubernetes(''))}/api", b"")[0] == 404


def test_a_relay_to_nowhere_says_so(tmp_path: Path, opened: Open) -> None:
    """502, with the reason."""
    with HTTPServer(("127.0.0.1", 0), _Far) as gone:
        port = gone.server_port
    status, said = _ask(f"{opened(Web(Members(tmp_path / 'm'), f'http://127.0.0.1:{port}'))}/v1")
    assert status == 502
    assert "does not answer" in said
