"""Virtual machines that a cluster is made of, on a switch of their own, without a hypervisor.

The bridge's address is on the switch itself: from there they are served files and reached by SSH.
"""

from __future__ import annotations

import http.server
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from appliance.cluster.inventory import inventory
from appliance.lab import network
from appliance.lab.harvester_sim.seed import Seed, write_seed
from appliance.lab.harvester_sim.virtual_machine import VirtualMachine, VmCard, VmDisk, VmSpec
from appliance.lab.machine import Firmware
from appliance.site.plan import Plan, VmPlan
from appliance.tools.ansible import PlaybookResult, SshAccess, run_playbook
from appliance.tools.ansible_events import AnsibleEvent
from appliance.values import Secret
from appliance.vms.cloud_init import VmSecrets, network_data, user_data
from appliance.vms.host_keys import HostKey, known_hosts_line, make_host_key
from tests.namespaces import inside

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
USER = "bridgehead"
MEMORY_MIB = 512
LIMIT_S = 3000.0
T = TypeVar("T")


@dataclass(slots=True)
class Members:
    """The machines of one plan's cluster that were started, and how to reach them."""

    plan: Plan
    folder: Path
    image: Path
    files: Mapping[str, Path]
    lab: network.LabNetwork
    key: Secret
    public: str
    host_keys: dict[str, HostKey] = field(default_factory=dict)
    machines: dict[str, VirtualMachine] = field(default_factory=dict)

    def inside(self, work: Callable[[], T]) -> T:
        """Run something where the machines can be reached."""
        return inside(self.lab.switch, work)

    @property
    def known_hosts(self) -> str:
        """Give the lines for all that were started."""
        return "".join(
            known_hosts_line(self.plan, self.plan.vm(name), pair.public)
            for name, pair in self.host_keys.items()
        )

    def start(self, *names: str) -> None:
        """Start machines from the image, all at once, and wait until they answer by SSH."""
        for name in names:
            self.machines[name] = self._made(self.plan.vm(name))
            self.inside(self.machines[name].start)
        for name in names:
            self.inside(lambda name=name: _await_ssh(str(self.plan.vm(name).address)))  # type: ignore[misc]
            self.ssh(name, "cloud-init status --wait || true")

    def _made(self, vm: VmPlan) -> VirtualMachine:
        folder = self.folder / vm.name
        folder.mkdir()
        pair = self.host_keys[vm.name] = make_host_key()
        secrets = VmSecrets(pair.private, pair.public, (self.public,))
        user = user_data(self.plan, vm, secrets).reveal().encode()
        seed = Seed(user, network_data(self.plan, vm).encode(), vm.name, vm.name)
        write_seed(seed, folder / "seed.iso")
        disk = folder / "disk.qcow2"
        backing = ("-b", self.image, "-F", "qcow2")
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", *backing, disk, "6G"], check=True
        )
        spec = VmSpec(
            name=vm.name,
            cpus=1,
            memory_mib=MEMORY_MIB,
            firmware=Firmware.BIOS,
            disks=(VmDisk(disk), VmDisk(folder / "seed.iso", form="raw", read_only=True)),
            cards=(VmCard(str(vm.mac), self.lab.add_tap(f"t-{vm.name}"[:15])),),
        )
        return VirtualMachine(spec, folder, limit_s=LIMIT_S)

    def ssh(self, name: str, command: str) -> str:
        """Run a command on a machine, as its user; give what it says."""
        (self.folder / "known_hosts").write_text(self.known_hosts)
        options = (
            *("-F", "/dev/null", "-i", str(self.folder / "key"), "-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"),
        )
        words = ["ssh", *options, f"{USER}@{self.plan.vm(name).address}", command]
        return self.inside(
            lambda: (
                subprocess.run(
                    words, check=True, capture_output=True, text=True, timeout=300
                ).stdout
            )
        )

    def play(
        self,
        digests: Mapping[str, str],
        *,
        plan: Plan | None = None,
        playbook: str = "cluster.yml",
        token: str = "the-cluster-token-3791",
        on_event: Callable[[AnsibleEvent], None] = lambda _: None,
        changes: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> PlaybookResult:
        """Run a playbook over the plan's cluster; `changes` are further variables of all."""
        hosts = inventory(plan or self.plan, digests)
        hosts["rke2_cluster"]["vars"] |= dict(changes or {})
        return self.inside(
            lambda: run_playbook(
                PLAYBOOKS / playbook,
                hosts,
                folder=self.folder / "ansible",
                ssh=SshAccess(USER, self.key, self.known_hosts),
                secret_vars={"rke2_token": Secret(token)},
                on_event=on_event,
                stop=threading.Event(),
                **options,
            )
        )


def _await_ssh(address: str, seconds: float = 400) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection((address, 22), 2) as line:
            line.settimeout(5)
            if line.recv(4) == b"SSH-":
                return
        time.sleep(0.5)
    raise TimeoutError(f"{address} does not answer by SSH")


@contextmanager
def members(plan: Plan, folder: Path, image: Path, files: Mapping[str, Path]) -> Iterator[Members]:
    """Give a switch, and what is served on it at the bridge's address; take all away at the end."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    (folder / "key").touch(0o600)
    (folder / "key").write_text(private)
    with network.create(f"c{uuid.uuid4().hex[:6]}", "unused") as lab:
        prefix = plan.provisioning.cidr.prefixlen
        lab.add_switch_address(f"{plan.provisioning.bridge}/{prefix}")
        made = Members(plan, folder, image, files, lab, Secret(private), f"{public} test")
        server = made.inside(lambda: _file_server(str(plan.provisioning.bridge), files))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            for machine in made.machines.values():
                machine.power_off()
            server.shutdown()
            server.server_close()
            thread.join()


def _file_server(address: str, files: Mapping[str, Path]) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = files.get(self.path.removeprefix("/a/"))
            if path is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            with path.open("rb") as file, suppress(ConnectionError):
                shutil.copyfileobj(file, self.wfile)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    return http.server.ThreadingHTTPServer((address, 80), Handler)
