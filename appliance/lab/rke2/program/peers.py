"""The other servers: asked all the time, given every write."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from .client import Client, RequestError
from .cluster import Cluster
from .log import Log
from .options import Pace, Product
from .store import Entries

_WRITE_LIMIT = 4.0  # seconds for one server to take a write


class Peers:
    """Threads that keep in touch with the other servers, one each."""

    def __init__(
        self, product: Product, pace: Pace, ca: bytes, certificate: tuple[Path, Path], say: Log
    ) -> None:
        self._product, self._pace = product, pace
        self._ca, self._certificate, self._say = ca, certificate, say
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._silent: set[str] = set()
        self._cluster: Cluster | None = None

    def attach(self, cluster: Cluster) -> None:
        """Begin: look for new members, and ask each in a thread of its own."""
        self._cluster = cluster
        threading.Thread(target=self._look, args=(cluster,), daemon=True).start()

    def send(self, entries: Entries) -> int:
        """Pass a write on to all servers at once; give how many took it."""
        if self._cluster is None:
            return 0
        others = self._cluster.others()
        near = self._cluster.quorum.present(set(others), time.monotonic())
        taken: list[str] = []

        def give(name: str) -> None:
            link = self._client(others[name], _WRITE_LIMIT)
            try:
                link.post(self._path("entries"), entries)
                taken.append(name)
            except RequestError as error:
                self._say.warning(f"a write did not reach {name}: {error}")
            finally:
                link.close()

        threads = [threading.Thread(target=give, args=(name,)) for name in sorted(near)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return len(taken)

    def _look(self, cluster: Cluster) -> None:
        while True:
            for name, address in cluster.others().items():
                with self._lock:
                    is_new = self._known.get(name) != address
                    self._known[name] = address
                if is_new:
                    talk = threading.Thread(
                        target=self._talk, args=(cluster, name, address), daemon=True
                    )
                    talk.start()
            time.sleep(min(1.0, self._pace.peer_beat))

    def _talk(self, cluster: Cluster, name: str, address: str) -> None:
        link = self._client(address, self._pace.peer_grace / 2)
        while cluster.others().get(name) == address:
            self._try(name, lambda: self._ask(cluster, name, link))
            time.sleep(self._pace.peer_beat)
        link.close()
        with self._lock:
            if self._known.get(name) == address:
                del self._known[name]

    def _try(self, name: str, work: Callable[[], None]) -> None:
        """Work, and tell of a peer's silence once, and once of its return."""
        try:
            work()
        except RequestError as error:
            if name not in self._silent:
                self._silent.add(name)
                self._say.warning(f"lost contact with etcd member {name}: {error}")
        else:
            if name in self._silent:
                self._silent.discard(name)
                self._say.info(f"etcd member {name} is back")

    def _ask(self, cluster: Cluster, name: str, link: Client) -> None:
        digest = cluster.store.digest()
        word = {"name": cluster.name, "digest": digest}
        answer = link.post(self._path("ask"), word).json()
        cluster.quorum.heard(name, time.monotonic())
        if "entries" in answer:
            cluster.store.merge(answer["entries"])
            if cluster.store.digest() != answer["digest"]:
                link.post(self._path("entries"), cluster.store.all())

    def _path(self, name: str) -> str:
        return f"/v1-{self._product.name}/standin/{name}"

    def _client(self, address: str, limit: float) -> Client:
        port = self._product.supervisor_port
        return Client(address, port, self._ca, self._certificate, limit)
