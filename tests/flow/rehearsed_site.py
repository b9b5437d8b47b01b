"""A site for flow tests: its wire in namespaces, a stocked depot, scripted machines, `provision`.

Everything real but the machines: the command runs as its users run it, as a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.flow.looking import look_at
from appliance.flow.stocking import stock
from appliance.lab.network import LabNetwork, create
from appliance.paths import Paths
from appliance.site.artifact_names import STAGE1_FILES
from appliance.site.plan import Plan
from appliance.values import Mac
from tests.flow.scripted_machine import Firmware, ScriptedMachine
from tests.namespaces import ip

PROVISION = Path(sys.executable).with_name("provision")
INTERFACE = "prov0"
IMAGE_OCTETS = 8 << 20
"""More than the socket buffers between server and machine take at once."""
CREATE, JOIN, OTHER = (Mac(f"5254007700{number}") for number in ("11", "12", "99"))
SITE = """\
site: alpha
networks:
  main: {cidr: 10.77.0.0/24, gateway: 10.77.0.1}
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {role: create, mac: "52:54:00:77:00:11", disk: /dev/disk/by-id/virtio-A}
"""
JOINING = '    hv2: {role: join, mac: "52:54:00:77:00:12", disk: /dev/disk/by-id/virtio-B}\n'

EventDict = dict[str, Any]


class Provision:
    """One `provision` process. `history` holds the JSON events it printed so far."""

    def __init__(self, words: Sequence[str], *, prefix: Sequence[str] = ()) -> None:
        self.history: list[EventDict] = []
        self.plain: list[str] = []
        self._events: queue.SimpleQueue[EventDict | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            [*prefix, str(PROVISION), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read_events(self) -> None:
        for line in self.process.stdout or ():
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if isinstance(event, dict):
                self._events.put(event)
            else:
                self.plain.append(line.rstrip("\n"))
        self._events.put(None)

    def _read_errors(self) -> None:
        self._errors.extend(self.process.stderr or ())

    @property
    def errors(self) -> str:
        """What it wrote to standard error, once it has ended."""
        self._readers[1].join(timeout=10)
        return "".join(self._errors)

    def until(self, wanted: Callable[[EventDict], bool], *, seconds: float = 60) -> EventDict:
        """Follow until an event; give it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                break
            assert event is not None, f"it ended: {self.process.wait(10)} {self.errors} {self.tail}"
            self.history.append(event)
            if wanted(event):
                return event
        raise AssertionError(f"not within {seconds} s; the last events: {self.tail}")

    def end(self, *, seconds: float = 60) -> int:
        """Wait for its end; give its exit code."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._drain()
            raise AssertionError(f"it did not end; the last events: {self.tail}") from None
        self._readers[0].join(timeout=10)
        self._drain()
        return code

    def kill(self) -> None:
        """kill -9, as a pulled plug would."""
        self.process.kill()
        self.end()

    def close(self) -> None:
        """Kill it if it still runs, and close what it wrote to."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        for reader, stream in zip(
            self._readers, (self.process.stdout, self.process.stderr), strict=True
        ):
            reader.join(timeout=10)
            if stream is not None:
                stream.close()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    @property
    def tail(self) -> list[str]:
        """The last events in short, for failures."""
        return [f"{e.get('kind')}: {e.get('text', e)}" for e in self.history[-12:]]

    @property
    def ended(self) -> EventDict:
        """What the last event, `run-ended`, said: the outcome, and each machine's state."""
        (last,) = (each for each in self.history if each.get("kind") == "run-ended")
        data: EventDict = last["data"]
        return data

    def texts(self, kind: str) -> list[str]:
        """Give the texts of the events of a kind."""
        return [str(each["text"]) for each in self.history if each.get("kind") == kind]

    def _drain(self) -> None:
        while not self._events.empty():
            event = self._events.get()
            if event is not None:
                self.history.append(event)


def is_step(step: str, kind: str = "step-started") -> Callable[[EventDict], bool]:
    """Tell the event of a step."""
    return lambda event: event.get("kind") == kind and event.get("step") == step


def is_seen(seen: str, machine: str = "hv1") -> Callable[[EventDict], bool]:
    """Tell a piece of evidence of a machine."""
    return lambda event: (
        event.get("kind") == "evidence"
        and event.get("machine") == machine
        and event["data"].get("seen") == seen
    )


def says(words: str) -> Callable[[EventDict], bool]:
    """Tell an event whose text holds these words."""
    return lambda event: words in str(event.get("text", ""))


@dataclass(slots=True)
class RehearsedSite:
    """The site `alpha` on its wire."""

    folder: Path
    network: LabNetwork
    certificate: Path
    stack: ExitStack
    machines: list[ScriptedMachine] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The site file."""
        return self.folder / "site.yaml"

    @property
    def state(self) -> Path:
        """The appliance's state folder."""
        return self.folder / "state"

    @property
    def plan(self) -> Plan:
        """The plan as a run sees it."""
        return look_at(self.file, Paths(self.state)).plan

    @property
    def inside(self) -> list[str]:
        """What is put before a command so that it runs on the appliance's side."""
        return self.network.exec_prefix(self.network.appliance)

    def run(self, *words: str, prefix: Sequence[str] = ()) -> Provision:
        """Start `provision run` as its user does."""
        options = ("--interface", INTERFACE, "--json", "--yes")
        return self.provision("run", *options, *words, prefix=prefix)

    def provision(self, verb: str, *words: str, prefix: Sequence[str] = ()) -> Provision:
        """Start a verb of `provision` for the site, on the appliance's side."""
        arguments = [verb, str(self.file), *words, "--state", str(self.state)]
        started = Provision(arguments, prefix=[*self.inside, *prefix])
        self.stack.callback(started.close)
        return started

    def done(self, verb: str, *words: str, code: int = 0) -> str:
        """Run a verb to its end, and give what it printed."""
        started = self.provision(verb, *words)
        found = started.end()
        assert found == code, f"{found}: {started.errors}{started.tail}{started.plain}"
        return "\n".join(started.plain) + started.errors

    def machine(self, mac: Mac = CREATE, firmware: Firmware = Firmware.UEFI) -> ScriptedMachine:
        """Put one more machine on the switch, switched off."""
        number = len(self.machines)
        namespace = f"bh-{self.network.rehearsal_id}-m{number}"
        ip("netns", "add", namespace)
        self.stack.callback(_delete, namespace)
        peer = ("peer", "name", "eth0", "address", str(mac), "netns", namespace)
        ip("-n", self.network.switch, "link", "add", f"m{number}", "type", "veth", *peer)
        ip("-n", self.network.switch, "link", "set", f"m{number}", "master", "br0", "up")
        for interface in ("lo", "eth0"):
            ip("-n", namespace, "link", "set", interface, "up")
        machine = ScriptedMachine(namespace, mac, self.certificate, firmware=firmware)
        self.machines.append(machine)
        self.stack.callback(machine.power_off)
        return machine

    @contextmanager
    def on_a_disk_of(self, size: str) -> Iterator[None]:
        """Move the state to a file system of its own."""
        aside = self.folder / "aside"
        self.state.rename(aside)
        self.state.mkdir(mode=0o755)
        words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(self.state)]
        subprocess.run(words, check=True)
        try:
            shutil.copytree(aside, self.state, dirs_exist_ok=True)
            yield
        finally:
            subprocess.run(["umount", "-l", str(self.state)], check=True)

    def addresses(self) -> str:
        """Give what addresses the appliance's interface has."""
        words = ["ip", "-n", self.network.appliance, "-4", "-o", "addr", "show", "dev", INTERFACE]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def seen(self, machine: str = "hv1") -> Counter[str]:
        """Count each kind of evidence of a machine in boot.db: over all runs."""
        database = self.state / "alpha" / "boot" / "boot.db"
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT seen FROM event WHERE kind='evidence' AND machine=?", (machine,)
            )
            return Counter(row[0] for row in rows)


@contextmanager
def rehearsed_site(
    text: str = SITE, *, stocked: bool = True, stage1: bool = False
) -> Iterator[RehearsedSite]:
    """Build a site on a wire of its own; all is taken away at the end.

    With `stage1` the depot holds what asks machines what they are.

    Not in pytest's own folder: the unprivileged boot process must reach state and depot.
    """
    folder = Path(tempfile.mkdtemp(prefix="bh-flow-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        network = stack.enter_context(create(secrets.token_hex(3), INTERFACE))
        certificate = folder / "pong.pem"
        certificate.write_bytes(_certificate())
        site = RehearsedSite(folder, network, certificate, stack)
        site.file.write_text(text)
        if stocked:
            stock_tiny(site.plan, Paths(site.state), folder / "medium", stage1=stage1)
        yield site


def stock_tiny(plan: Plan, paths: Paths, medium: Path, *, stage1: bool = False) -> None:
    """Fill the depot with tiny files of the right names, vouched for by a list of their own."""
    names = plan.artifacts
    medium.mkdir()
    contents = {
        names.kernel: os.urandom(5000),
        names.initrd: os.urandom(7000),
        names.rootfs: os.urandom(90_000),
        names.iso: os.urandom(IMAGE_OCTETS),
    }
    for name, content in contents.items():
        (medium / name).write_bytes(content)
    lines = [f"{hashlib.sha512(body).hexdigest()}  {name}" for name, body in contents.items()]
    (medium / names.sums).write_text("\n".join(lines) + "\n")
    programs = ("snponly.efi", "ipxe.efi", "undionly.kpxe", "ipxe.iso")
    for name in (*programs, *(STAGE1_FILES if stage1 else ())):
        (medium / name).write_bytes(os.urandom(20_000))
    stock(plan, paths, folder=medium, accept_ipxe=True, stand_ins=True)


def _certificate() -> bytes:
    """Give a key and a certificate that it signed itself, as a fresh hypervisor has."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "harvester")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("harvester")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(pem)


def _delete(namespace: str) -> None:
    subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
