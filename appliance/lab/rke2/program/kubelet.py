"""A node's own half: it joins over TLS with the CA pinned, registers, and keeps its lease.

An agent knows every server that ever answered it, on disk, so that it comes back after a power
cut with whichever of them lives, as upstream's load balancer does.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import machine, tokens
from .certificates import Pair, make_request, write_private
from .client import Client, RequestError, basic, fetch_ca
from .images import Image, needs
from .log import FatalError, Log
from .objects import network_ready
from .options import Options
from .pods import settings

_LIMIT = 10.0  # seconds for one request


@dataclass(frozen=True, slots=True)
class Place:
    """One server's supervisor."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str, port: int) -> Place:
        """Read `https://host:port`; without a port it is the supervisor's."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or port)


class Kubelet:
    """The node of one process."""

    def __init__(self, options: Options, images: tuple[Image, ...], say: Log) -> None:
        self._options, self._images, self._say = options, images, say
        self._folder = options.data / "agent"
        self._own = Pair(self._folder, "client-kubelet")
        self._prefix = f"/v1-{options.product.name}"
        self._lock = threading.Lock()
        self._beating: set[str] = set()
        self._state = (True, "kubelet is posting ready status")
        self._ca = b""

    def join(self, first: Place, token: tokens.Token) -> None:
        """Join at whichever server answers, and register; tries until it is done."""
        while True:
            for place in self._places(first):
                try:
                    self._join(place, token)
                    return
                except (RequestError, FatalError) as error:
                    # Each time, as upstream's: who looks at the journal later must find it.
                    self._complain(error)
            time.sleep(self._options.around.pace.retry)

    def keep(self, stopped: threading.Event) -> None:
        """Renew the lease on every server until the program ends."""
        self._spread(self._known())
        stopped.wait()

    def _complain(self, error: Exception) -> None:
        status = getattr(error, "status", 0)
        if isinstance(error, FatalError) or status in {401, 403}:
            self._say.error(
                f"Waiting to retrieve agent configuration; server is not ready: {error}"
            )
        else:
            self._say.info(f"Waiting to retrieve agent configuration; server is not ready: {error}")

    # --- where the servers are ---------------------------------------------------------------

    @property
    def _list(self) -> Any:
        return self._folder / "etc" / f"{self._options.product.name}-agent-load-balancer.json"

    def _known(self) -> list[str]:
        try:
            return [str(each) for each in json.loads(self._list.read_bytes())["ServerAddresses"]]
        except (OSError, ValueError, KeyError):
            return []

    def _places(self, first: Place) -> list[Place]:
        port = self._options.product.supervisor_port
        known = [Place(address, port) for address in self._known()]
        return list(dict.fromkeys([first, *known]))

    def _learn(self, addresses: list[str]) -> None:
        with self._lock:
            if addresses and addresses != self._known():
                document = {"ServerAddresses": addresses}
                write_private(self._list, json.dumps(document).encode())
        self._spread(addresses)

    # --- joining -----------------------------------------------------------------------------

    def _join(self, place: Place, token: tokens.Token) -> None:
        ca = fetch_ca(place.host, place.port, _LIMIT)
        self._check_ca(token, ca)
        headers = basic("node", token.secret)
        link = Client(place.host, place.port, ca, limit=_LIMIT)
        try:
            config = link.get(f"{self._prefix}/config", headers).json()
            if not self._own.exists:
                self._get_certificate(link, headers)
        finally:
            link.close()
        self._judge_network(config["cluster"])
        self._ca = ca
        self._register(place)

    def _check_ca(self, token: tokens.Token, ca: bytes) -> None:
        """Hold to the token's pin, and to the CA of the cluster this node belongs to already."""
        tokens.check_pin(token, ca)
        kept = self._folder / "server-ca.crt"
        if kept.is_file() and kept.read_bytes() != ca:
            raise FatalError(
                "CA cert validation failed: the server's CA is another than that of the cluster "
                f"this node has joined ({kept})"
            )
        if not kept.is_file():
            if not token.ca_hash:
                self._say.warning(
                    "Cluster CA certificate is not trusted by the host CA bundle, but the token "
                    "does not include a CA hash. Use the full token from the server's node-token "
                    "file to enable Cluster CA validation."
                )
            write_private(kept, ca, 0o644)

    def _get_certificate(self, link: Client, headers: dict[str, str]) -> None:
        options = self._options
        program = options.product.name
        proof = {
            f"{program}-Node-Name": options.node_name,
            f"{program}-Node-Password": machine.node_password(options.around.etc),
        }
        draft = Pair(self._folder, "client-kubelet.new")
        request = make_request(draft, f"system:node:{options.node_name}")
        path = f"{self._prefix}/client-kubelet.crt"
        signed = link.post(path, request, {**headers, **proof}).body
        draft.key.rename(self._own.key)
        write_private(self._own.certificate, signed, 0o644)

    def _judge_network(self, document: dict[str, Any]) -> None:
        product = self._options.product
        cni = str(document.get("cni", "canal")) if product.name == "rke2" else "embedded"
        chosen = settings(product.name, document, needs(product))
        present = frozenset(image.reference for image in self._images)
        self._state = network_ready(present, chosen.network, cni)
        if not self._state[0]:
            self._say.error(self._state[1])

    def _register(self, place: Place) -> None:
        link = self._client(place.host, place.port)
        try:
            record = machine.record(self._options, self._images)
            answer = link.post(f"{self._prefix}/standin/register", record).json()
            link.post(f"{self._prefix}/standin/beat", self._word())
        finally:
            link.close()
        self._learn([str(each) for each in answer["servers"]])

    def _client(self, host: str, port: int) -> Client:
        own = (self._own.certificate, self._own.key)
        return Client(host, port, self._ca, own, _LIMIT)

    # --- the lease ---------------------------------------------------------------------------

    def _word(self) -> dict[str, Any]:
        ready, message = self._state
        reason = "KubeletReady" if ready else "KubeletNotReady"
        return {"ready": ready, "reason": reason, "message": message}

    def _spread(self, addresses: list[str]) -> None:
        """Have a thread for each server."""
        for address in addresses:
            with self._lock:
                is_new = address not in self._beating
                self._beating.add(address)
            if is_new:
                threading.Thread(target=self._beat, args=(address,), daemon=True).start()

    def _beat(self, address: str) -> None:
        pace = self._options.around.pace
        link = self._client(address, self._options.product.supervisor_port)
        silent = False
        while True:
            try:
                answer = link.post(f"{self._prefix}/standin/beat", self._word()).json()
                self._learn([str(each) for each in answer["servers"]])
                if silent:
                    self._say.info(f"Connection to {address} is back")
                silent = False
            except RequestError as error:
                if not silent:
                    self._say.warning(f"Failed to update lease at {address}: {error}")
                silent = True
            time.sleep(pace.retry if silent else pace.beat)
