"""The stand-in for an installed Harvester node: its addresses, its logins, its servers.

The same after every start: all it knows is the configuration on the OEM partition and the
folder on the persistent one.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import secrets
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from . import system
from .config import Config
from .servers import LAB_ONLY, Kubernetes, Members, Supervisor, Web, serve
from .system import say

OEM = Path("/oem")
PERSISTENT = Path("/persistent")
STATE = PERSISTENT / "standin"
KUBECONFIG = Path("/etc/rancher/rke2/rke2.yaml")
API_PORT = 443
KUBERNETES_PORT = 6443
SUPERVISOR_PORT = 9345
JOIN_PAUSE_S = 10.0
TOKEN_PAUSE_S = 5.0


def live_on() -> None:
    """Bring the installed node up and serve until the machine stops."""
    config = _read()
    hostname = _set_hostname(config["os"].get("hostname", ""))
    card = system.find_card(config["install"]["management_interface"])
    address = bring_up(config, card)
    system.set_login(config["os"])
    _write_files(config["os"].get("write_files", []))
    sshd = config["os"].get("sshd", {})
    key = system.start_sshd(STATE / "ssh", passwords=not sshd.get("disable_password_auth"))
    os.sync()  # a host key that somebody has seen must be the same after a power cut
    say(f"node {hostname}: {card} {address}, host key {key}")
    if config["install"]["mode"] == "create":
        lead(config, hostname, card, address)
    else:
        follow(config, hostname, address)


def _read() -> Config:
    for label, folder in (("COS_OEM", OEM), ("COS_PERSISTENT", PERSISTENT)):
        system.run("mount", f"LABEL={label}", str(folder))
    STATE.mkdir(exist_ok=True)
    config: Config = yaml.safe_load((OEM / "harvester.config").read_text(encoding="utf-8"))
    return config


def _set_hostname(wanted: str) -> str:
    """Take the configured name, else the random one of this node's first start."""
    kept = STATE / "hostname"
    name = wanted or (kept.read_text() if kept.exists() else f"harvester-{secrets.token_hex(3)}")
    kept.write_text(name)
    socket.sethostname(name)
    Path("/etc/hostname").write_text(f"{name}\n")
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    return name


def bring_up(config: Config, card: str) -> str:
    """Give the card its address, route and name servers; give the address."""
    interface = config["install"]["management_interface"]
    if interface.get("mtu"):
        system.run("ip", "link", "set", card, "mtu", str(interface["mtu"]))
    if interface["method"] == "dhcp":
        system.lease(card)
        return system.card_address(card)
    mask = ipaddress.IPv4Interface(f"{interface['ip']}/{interface['subnet_mask']}")
    system.run("ip", "link", "set", card, "up")
    system.quietly("ip", "addr", "flush", "dev", card)
    system.run("ip", "addr", "add", mask.with_prefixlen, "broadcast", "+", "dev", card)
    system.run("ip", "route", "replace", "default", "via", interface["gateway"])
    servers = "".join(f"nameserver {server}\n" for server in config["os"]["dns_nameservers"])
    Path("/etc/resolv.conf").write_text(servers)
    system.announce(card, interface["ip"])
    return str(interface["ip"])


def _write_files(files: list[dict[str, str]]) -> None:
    for entry in files:
        path = Path(entry["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        content = entry.get("content", "").encode()
        if entry.get("encoding", "") in ("b64", "base64"):
            content = base64.b64decode(content)
        path.write_bytes(content)
        path.chmod(int(entry.get("permissions", "0644"), 8))


# --- create ---------------------------------------------------------------------------------


def lead(config: Config, hostname: str, card: str, address: str) -> None:
    """Be the first node: hold the VIP and serve the API, the supervisor and the member list."""
    vip = config["install"]["vip"]
    system.run("ip", "addr", "replace", f"{vip}/32", "dev", card)
    system.announce(card, vip)
    say(f"node {hostname}: VIP {vip} on {card}")
    names = [vip, address, hostname, "127.0.0.1", *config.get("sans", [])]
    certificate = _certificate(names)
    members = Members(STATE / "members.json")
    members.add(hostname, address)
    relay = system.from_host("relay")
    ca = Path(certificate[0]).read_text(encoding="ascii")
    supervisor = serve(SUPERVISOR_PORT, Supervisor(config["token"], ca, members), certificate)
    serve(KUBERNETES_PORT, Kubernetes(relay), certificate)
    web = serve(API_PORT, Web(members, relay), certificate)
    if relay:
        threading.Thread(target=_keep_kubeconfig, args=(relay, ca), daemon=True).start()
    say(f"node {hostname}: ready, https://{vip}/ping answers")
    supervisor.join()
    web.join()


def _certificate(names: list[str]) -> tuple[str, str]:
    """Make this node's self-signed certificate at its first start; give certificate and key."""
    certificate, key = STATE / "tls.crt", STATE / "tls.key"
    if not certificate.exists():
        sans = ",".join(f"{_kind(name)}:{name}" for name in dict.fromkeys(names))
        system.run(
            *"openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256".split(),
            *("-days", "3650", "-subj", "/O=harvester-standin/CN=dynamic"),
            *(
                "-addext",
                f"subjectAltName={sans}",
                "-keyout",
                str(key),
                "-out",
                f"{certificate}.new",
            ),
        )
        key.chmod(0o600)
        Path(f"{certificate}.new").rename(certificate)
        os.sync()
    return str(certificate), str(key)


def _kind(name: str) -> str:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "DNS"
    return "IP"


def _keep_kubeconfig(relay: str, ca: str) -> None:
    """Write RKE2's own kubeconfig, with a token of the lab's API, as soon as that can be had.

    The real one holds a client certificate instead; it is found and used in the same way.
    """
    kept = STATE / "rke2.yaml"
    while not kept.exists():
        try:
            with urllib.request.urlopen(f"{relay}{LAB_ONLY}node-token", timeout=15) as answer:
                token = json.load(answer)["token"]
        except (OSError, ValueError):
            time.sleep(TOKEN_PAUSE_S)
            continue
        draft = kept.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(rke2_kubeconfig(token, ca))
        draft.rename(kept)
        os.sync()
    KUBECONFIG.parent.mkdir(parents=True, exist_ok=True)
    KUBECONFIG.unlink(missing_ok=True)
    KUBECONFIG.touch(mode=0o600)
    KUBECONFIG.write_text(kept.read_text())
    say(f"node: {KUBECONFIG} written")


def rke2_kubeconfig(token: str, ca: str) -> str:
    """Give a kubeconfig as RKE2 leaves it on a server node: it leads to the node itself."""
    authority = base64.b64encode(ca.encode()).decode()
    cluster = {
        "certificate-authority-data": authority,
        "server": f"https://127.0.0.1:{KUBERNETES_PORT}",
    }
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "clusters": [{"cluster": cluster, "name": "default"}],
            "contexts": [{"context": {"cluster": "default", "user": "default"}, "name": "default"}],
            "current-context": "default",
            "kind": "Config",
            "preferences": {},
            "users": [{"name": "default", "user": {"token": token}}],
        }
    )


# --- join -----------------------------------------------------------------------------------


def follow(config: Config, hostname: str, address: str) -> None:
    """Join the first node, trying for ever, and serve only once it has taken us."""
    host = config["server_url"].removeprefix("https://").removesuffix("/").removesuffix(":443")
    while not _join(host, config["token"], hostname, address):
        time.sleep(JOIN_PAUSE_S)
    certificate = _certificate([address, hostname, *config.get("sans", [])])
    web = serve(API_PORT, Web(Members(STATE / "members.json"), ""), certificate)
    say(f"node {hostname}: ready, joined {host}, https://{address}/ping answers")
    web.join()


def _join(host: str, token: str, hostname: str, address: str) -> bool:
    try:
        _ask(host, "/v1-rke2/config", token, None)
        _ask(host, "/v1-rke2/nodes", token, {"name": hostname, "address": address})
    except urllib.error.HTTPError as error:
        reason = "token not accepted" if error.code == 401 else f"HTTP {error.code}"
        say(f"join refused: {reason} by {host}")
        return False
    except OSError as error:
        say(f"join not yet possible: {host} does not answer ({error})")
        return False
    return True


def _ask(host: str, path: str, token: str, body: dict[str, Any] | None) -> None:
    login = base64.b64encode(f"node:{token}".encode()).decode()
    request = urllib.request.Request(
        f"https://{host}:{SUPERVISOR_PORT}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Basic {login}", "Content-Type": "application/json"},
    )
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE  # the token's hash pins the CA in the real one
    with urllib.request.urlopen(request, timeout=15, context=tls) as answer:
        answer.read()
