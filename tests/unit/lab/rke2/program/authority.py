"""Authorities and certificates for tests: a server for 127.0.0.1, and a node."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.lab.rke2.program.certificates import Pair, make_authority, make_leaf


@dataclass(frozen=True)
class Authorities:
    """Two authorities, a server's certificate, a node's."""

    server: Pair
    client: Pair
    serving: Pair
    node: Pair

    @property
    def ca(self) -> bytes:
        """The server authority's certificate."""
        return self.server.certificate.read_bytes()

    @classmethod
    def make(
        cls, folder: Path, names: tuple[str, ...] = ("127.0.0.1", "localhost"), days: float = -1
    ) -> Authorities:
        """Make all of them, valid since (or from) so many days."""
        server, client = Pair(folder, "server-ca"), Pair(folder, "client-ca")
        begins = datetime.now(UTC) + timedelta(days=days)
        make_authority(server, "rke2-server-ca", begins)
        make_authority(client, "rke2-client-ca", begins)
        made = cls(server, client, Pair(folder, "serving"), Pair(folder, "node"))
        make_leaf(server, made.serving, "kube-apiserver", names=names)
        make_leaf(client, made.node, "system:node:w1", "system:nodes")
        return made


@pytest.fixture
def authorities(tmp_path: Path) -> Authorities:
    """Valid ones."""
    return Authorities.make(tmp_path / "authorities")
