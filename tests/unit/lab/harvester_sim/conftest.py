"""What the tests of the stand-in share: a furnished store, a server of images, a machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim.admission import admit
from appliance.lab.harvester_sim.first_objects import first_objects
from appliance.lab.harvester_sim.objects import ObjectStore
from tests.unit.lab.harvester_sim.parts import ImageServer, Machine

Json = dict[str, Any]


@pytest.fixture
def image_server() -> Iterator[ImageServer]:
    """A server of images on the loopback interface."""
    served = ImageServer()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            served.asked.append(f"{self.command} {self.headers.get('Range', '')}".strip())

        def do_GET(self) -> None:
            content = served.files.get(self.path.strip("/"))
            if content is None:
                self.send_error(404)
                return
            span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if span and served.knows_ranges:
                content = content[int(span[1]) : int(span[2]) + 1]
            self.send_response(206 if span and served.knows_ranges else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - http.server's name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    """A store as a fresh Harvester has it."""
    made = ObjectStore(tmp_path / "objects.db")
    for kind, body in first_objects("v1.8.2"):
        admit(made, kind, body, None)
        made.create(kind, body)
    yield made
    made.close()


@pytest.fixture
def machine() -> Machine:
    """Give a virtual machine's object as the provider sends it."""

    def make(
        name: str = "vm1",
        *,
        image: str = "debian",
        size: str = "16Mi",
        strategy: str = "RerunOnFailure",
        network: str = "",
        user_data_secret: str = "",
        **domain: Any,
    ) -> Json:
        claim = {
            "metadata": {
                "name": f"{name}-disk",
                "annotations": {"harvesterhci.io/imageId": f"default/{image}"},
            },
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": size}},
                "storageClassName": f"longhorn-{image}",
                "volumeMode": "Block",
            },
        }
        disks: list[Json] = [{"name": "disk", "disk": {"bus": "virtio"}, "bootOrder": 1}]
        volumes: list[Json] = [
            {"name": "disk", "persistentVolumeClaim": {"claimName": f"{name}-disk"}}
        ]
        if user_data_secret:
            disks.append({"name": "cloudinitdisk", "disk": {"bus": "virtio"}})
            source = {"userDataSecretRef": {"name": user_data_secret}}
            volumes.append({"name": "cloudinitdisk", "cloudInitNoCloud": source})
        inner = {
            "domain": {
                "cpu": {"cores": 1},
                "resources": {"limits": {"cpu": "1", "memory": "128Mi"}},
                "devices": {
                    "disks": disks,
                    "interfaces": [
                        {
                            "name": "nic",
                            "bridge": {},
                            "model": "virtio",
                            "macAddress": "02:00:00:00:00:01",
                        }
                    ],
                },
                **domain,
            },
            "networks": [
                {"name": "nic", "multus": {"networkName": network}}
                if network
                else {"name": "nic", "pod": {}}
            ],
            "volumes": volumes,
        }
        return {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": {
                "name": name,
                "namespace": "default",
                "labels": {"harvesterhci.io/creator": "terraform-provider-harvester"},
                "annotations": {"harvesterhci.io/volumeClaimTemplates": json.dumps([claim])},
            },
            "spec": {"runStrategy": strategy, "template": {"metadata": {}, "spec": inner}},
        }

    return make
