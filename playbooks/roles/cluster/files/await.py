"""Starts a member's service, and waits until it runs and the nodes asked about are Ready.

Asks systemd and the Kubernetes API (with the administrator's kubeconfig of this server), and
ends at the first sure sign that waiting is in vain. The last line says what was seen. Runs on
the member itself, with the standard library of any Python 3.9.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import re
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CRASHES = 3
PATIENCE_S = 30.0
PAUSE_S = 1.0
TIMEOUT_S = 5.0

IN_VAIN = re.compile(
    r"401 Unauthorized|CA hash does not match|certificate is valid for|not valid for any names"
    r"|has expired or is not yet valid|signed by unknown authority|encrypted with different token"
)
"""Members go on trying for ever after these; only somebody who changes something can help."""


def main() -> int:
    """Wait; 0 once all is as asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--unit", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--start", choices=["start", "restart"])
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--nodes", default="")
    asked = parser.parse_args()
    nodes = [name for name in asked.nodes.split(",") if name]
    end = time.monotonic() + asked.seconds
    began = time.time()
    crashes = int(show(asked.unit, "NRestarts") or 0)
    if asked.start:
        start(asked.unit, asked.start)
    vain_from = None
    while True:
        crashed = int(show(asked.unit, "NRestarts") or 0) - crashes
        missing = missing_of_unit(asked.unit)
        if not missing and asked.kubeconfig:
            missing = missing_of_api(asked.kubeconfig, nodes)
        if not missing:
            print(f"{asked.unit} runs; {', '.join(nodes) or 'it'} is ready")
            return 0
        given_up = show(asked.unit, "ActiveState") == "failed"
        said = last_words(asked.unit, began if crashed > 0 else since_of(asked.unit, began))
        if not IN_VAIN.search(said):
            vain_from = None
        elif vain_from is None:
            vain_from = time.monotonic()
        in_vain = vain_from is not None and time.monotonic() - vain_from > PATIENCE_S
        if given_up or crashed >= CRASHES or in_vain or time.monotonic() > end:
            print(f"{missing}: {said}")
            return 1
        time.sleep(PAUSE_S)


def start(unit: str, how: str) -> None:
    """Have a unit start, now and whenever the machine does; it is not waited for."""
    for words in (["daemon-reload"], ["enable", "--quiet", unit], [how, "--no-block", unit]):
        subprocess.run(["systemctl", *words], check=True)


def show(unit: str, key: str) -> str:
    """Give one property of a unit."""
    done = subprocess.run(
        ["systemctl", "show", "-p", key, "--value", "--timestamp=unix", unit],
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def since_of(unit: str, began: float) -> float:
    """Give the Unix time at which the service's process started; `began` where it has none."""
    started = show(unit, "ExecMainStartTimestamp").lstrip("@")
    return float(started) if started.isdigit() and started != "0" else began


def missing_of_unit(unit: str) -> str:
    """Say what keeps the service from being up; "" when nothing does."""
    state = show(unit, "ActiveState")
    return "" if state == "active" else f"{unit} is {state}"


def last_words(unit: str, since: float) -> str:
    """Give the last fatal line of the service's journal since then, else its last line."""
    done = subprocess.run(
        ["journalctl", "-u", unit, f"--since=@{since:.0f}", "-o", "cat", "-n", "300", "--no-pager"],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
    )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(f"{unit}.service:")]
    for level in ("level=fatal", "level=error"):
        found = [line for line in own if level in line]
        if found:
            said = re.search(r'msg="((?:[^"\\]|\\.)*)"', found[-1])
            return said.group(1).replace('\\"', '"') if said else found[-1]
    return (own or lines or ["its journal is empty"])[-1]


def missing_of_api(kubeconfig: Path, nodes: list[str]) -> str:
    """Say what the API still lacks; "" when it is ready and so is every node."""
    try:
        api = Api(kubeconfig.read_text(encoding="utf-8"))
        status, answer = api.get("/readyz")
        if status != http.client.OK:
            return f"the API is not ready ({status} {answer[:200].decode(errors='replace')})"
        status, answer = api.get("/api/v1/nodes")
        if status != http.client.OK:
            return f"the API does not list nodes ({status})"
    except FileNotFoundError:
        return f"{kubeconfig} is not written yet"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"the API does not answer ({error})"
    ready = ready_nodes(json.loads(answer))
    late = [name for name in nodes if name not in ready]
    return f"not ready: {', '.join(late)}" if late else ""


def ready_nodes(listed: dict[str, Any]) -> set[str]:
    """Give the names of the nodes whose condition Ready is True."""
    return {
        str(item["metadata"]["name"])
        for item in listed.get("items", [])
        for condition in item.get("status", {}).get("conditions", [])
        if condition.get("type") == "Ready" and condition.get("status") == "True"
    }


class Api:
    """The Kubernetes API, as a kubeconfig that RKE2 or K3s has written describes it."""

    def __init__(self, kubeconfig: str) -> None:
        pattern = r"^\s*server:\s*https://([^:/\s]+|\[[^\]]+\]):(\d+)"
        server = re.search(pattern, kubeconfig, re.MULTILINE)
        if server is None:
            raise ValueError("the kubeconfig names no server")
        self._host, self._port = server.group(1).strip("[]"), int(server.group(2))
        self._tls = ssl.create_default_context(cadata=decoded(kubeconfig, "certificate-authority"))
        # From Python 3.13 on; the certificates that RKE2 and K3s make lack what it asks for.
        self._tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        with tempfile.NamedTemporaryFile("w", dir="/run") as pem:  # 0600, and gone at once
            pem.write(decoded(kubeconfig, "client-certificate"))
            pem.write(decoded(kubeconfig, "client-key"))
            pem.flush()
            self._tls.load_cert_chain(pem.name)

    def get(self, path: str) -> tuple[int, bytes]:
        """Give status and body."""
        line = http.client.HTTPSConnection(
            self._host, self._port, timeout=TIMEOUT_S, context=self._tls
        )
        try:
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()


def decoded(kubeconfig: str, key: str) -> str:
    """Give one of the PEM texts."""
    found = re.search(rf"^\s*{key}-data:\s*(\S+)", kubeconfig, re.MULTILINE)
    if found is None:
        raise ValueError(f"the kubeconfig has no {key}-data")
    return base64.b64decode(found.group(1)).decode()


if __name__ == "__main__":
    sys.exit(main())
