"""Two machines start from the lab's cloud image: one as we tell it, one with a bad command."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from dnslib import QTYPE, RR, A, DNSRecord

from appliance.errors import StepError
from appliance.lab import cloud_image, network
from appliance.lab.harvester_sim.seed import Seed, write_seed
from appliance.lab.harvester_sim.virtual_machine import VirtualMachine, VmCard, VmDisk, VmSpec
from appliance.lab.machine import Firmware
from appliance.lab.network import LabNetwork
from appliance.site.plan import Plan, VmPlan
from appliance.tools.cache import cache_folder
from appliance.tools.ssh import KeyHost, known_fingerprints, run_remote
from appliance.values import Secret
from appliance.vms.boot_status import Boot
from appliance.vms.cloud_init import USER, VmSecrets, network_data, user_data
from appliance.vms.first_boot import Login, wait_for_vm
from appliance.vms.host_keys import HostKey, known_hosts_line, make_host_key
from appliance.wire.ntp import ClockQuality, reply
from tests.clusters import cluster_plan
from tests.namespaces import inside

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(900),
]

LIMIT_SECONDS = 600.0
OURS = make_host_key()
DISK_GIB = 6
WORDS = "no such artifact: hush-hush-token"
TOKEN = Secret("hush-hush-token")


class Site:
    """The plan of a cluster, its host keys, and a switch for its machines."""

    def __init__(self, folder: Path, lab: LabNetwork) -> None:
        self.folder = folder
        self.lab = lab
        self.plan = cluster_plan()
        self.keys: dict[str, HostKey] = {vm.name: make_host_key() for vm in self.plan.vms}
        lines = [known_hosts_line(self.plan, vm, self.keys[vm.name].public) for vm in self.plan.vms]
        self.login = Login("".join(lines), OURS.private, (TOKEN,))

    def machine(self, vm: VmPlan, image: Path, more: str = "") -> VirtualMachine:
        """Give a machine as the hypervisor would start it; `more` goes behind its user data."""
        folder = self.folder / vm.name
        folder.mkdir()
        key = self.keys[vm.name]
        secrets = VmSecrets(key.private, key.public, (f"{OURS.public} test",))
        told = user_data(self.plan, vm, secrets).reveal() + more
        seed = Seed(told.encode(), network_data(self.plan, vm).encode(), f"id-{vm.name}", vm.name)
        write_seed(seed, folder / "seed.iso")
        disk = folder / "disk.qcow2"
        create = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image))
        subprocess.run([*create, str(disk), f"{DISK_GIB}G"], check=True)
        disks = (VmDisk(disk), VmDisk(folder / "seed.iso", form="raw", read_only=True))
        tap = self.lab.add_tap(f"t-{vm.name}")
        spec = VmSpec(vm.name, 1, 640, Firmware.BIOS, disks, (VmCard(str(vm.mac), tap),))
        return VirtualMachine(spec, folder, limit_s=LIMIT_SECONDS + 60)

    def wait(self, vm: VmPlan) -> Boot:
        """Wait for a machine, from where the laptop is."""
        stop = threading.Event()
        return inside(
            self.lab.appliance,
            lambda: wait_for_vm(vm, self.login, stop=stop, seconds=LIMIT_SECONDS).boot,
        )

    def ask(self, vm: VmPlan, command: str) -> str:
        """Run a command in a machine and give what it says."""
        address = str(vm.address)
        host = KeyHost(known_fingerprints(self.login.known_hosts, address), OURS.private)
        output = inside(
            self.lab.appliance,
            lambda: run_remote(address, USER, host, command, connect_timeout=60, seconds=120),
        )
        return output.out.decode().strip()


@contextmanager
def answering(namespace: str, address: IPv4Address, port: int, answer: Answer) -> Iterator[None]:
    """Answer datagrams at an address in a namespace until the block ends."""

    def opened() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((str(address), port))
        sock.settimeout(0.2)
        return sock

    sock = inside(namespace, opened)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                asked, client = sock.recvfrom(2048)
            except TimeoutError:
                continue
            if (said := answer(asked)) is not None:
                sock.sendto(said, client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        sock.close()


Answer = Callable[[bytes], bytes | None]


def tell_time(asked: bytes) -> bytes | None:
    """Answer as the product's time server does."""
    now = time.time()
    return reply(asked, received=now, transmit=now, clock=ClockQuality())


def name_registry(asked: bytes) -> bytes | None:
    """Know one name, `registry`."""
    question = DNSRecord.parse(asked)
    answer = question.reply()
    if question.q.qtype == QTYPE.A and str(question.q.qname).startswith("registry."):
        answer.add_answer(RR(question.q.qname, QTYPE.A, rdata=A("10.20.0.99"), ttl=1))
    packed: bytes = answer.pack()
    return packed


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Make the switch, and the laptop's port with the services address, DNS and time on it."""
    with ExitStack() as held:
        lab = held.enter_context(network.create(uuid.uuid4().hex[:8], "prov0"))
        made = Site(folder, lab)
        services, length = made.plan.services, made.plan.provisioning.cidr.prefixlen
        lab.add_appliance_address(f"{services}/{length}")
        held.enter_context(answering(lab.appliance, services, 123, tell_time))
        held.enter_context(answering(lab.appliance, services, 53, name_registry))
        yield made


def all_as_told(site: Site, plan: Plan, vm: VmPlan) -> None:
    """Look at a machine whether it is what its documents say."""
    assert vm.address is not None
    seen = site.ask(vm, "hostname; hostname -f; cat /sys/class/net/lan0/address")
    assert seen.split() == [vm.name, f"{vm.name}.{plan.zone}", str(vm.mac)]
    network_of = plan.network(vm.network)
    addresses = site.ask(vm, "ip -4 -o address show lan0")
    assert f"{vm.address}/{network_of.cidr.prefixlen}" in addresses
    assert f"default via {network_of.gateway} dev lan0" in site.ask(vm, "ip route")
    assert f"nameserver {plan.services}" in site.ask(vm, "cat /etc/resolv.conf")
    # The short name is completed by the search domain, and asked of the services address.
    assert "10.20.0.99" in site.ask(vm, "getent ahostsv4 registry")
    cluster = site.ask(vm, f"getent ahostsv4 cluster.{plan.zone}")
    assert {row.split()[0] for row in cluster.splitlines()} == {
        str(plan.vm(name).address) for name in ("server1", "server2", "server3")
    }
    waited = (
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do [ -e F ] && break; sleep 1; done; ls F"
    )
    synchronised = "/run/systemd/timesync/synchronized"
    assert site.ask(vm, waited.replace("F", synchronised)) == synchronised
    size = int(site.ask(vm, "df --output=size -B1M / | tail -n 1"))
    assert size > (DISK_GIB - 1) * 1024
    assert site.ask(vm, "sudo -n id -u") == "0"
    # One host key, ours; nobody else's account; nothing of another machine.
    assert site.ask(vm, "ls /etc/ssh | grep -c host.*key$") == "1"
    assert site.ask(vm, "sudo systemctl list-units --state=failed --plain --no-legend") == ""


def test_a_machine_as_told_beside_one_that_fails(tmp_path: Path) -> None:
    """Siblings of one image: the first is all that it was told, the second's error is shown."""
    image = cloud_image.build(cache_folder() / "payload") / cloud_image.UBUNTU
    failing = f"runcmd:\n- echo fetching\n- echo '{WORDS}' >&2; exit 22\n"
    with site(tmp_path) as lab, ExitStack() as power:
        plan = lab.plan
        assert plan.provisioning.cidr == IPv4Network("10.20.0.0/24")
        good, bad = plan.vm("server1"), replace(plan.vm("agent1"))
        good_machine = lab.machine(good, image)
        for machine in (good_machine, lab.machine(bad, image, failing)):
            inside(lab.lab.switch, machine.start)
            power.callback(machine.power_off)
        assert lab.wait(good) is Boot.DONE
        all_as_told(lab, plan, good)

        with pytest.raises(StepError) as raised:
            lab.wait(bad)
        assert raised.value.what == "cloud-init failed in agent1"
        assert "no such artifact" in raised.value.why
        assert TOKEN.reveal() not in str(raised.value)
        # Two machines of one image: nothing in them is the same that must differ.
        ids = {lab.ask(vm, "cat /etc/machine-id") for vm in (good, bad)}
        assert len(ids) == 2
        # The power button is heard: a hypervisor stops a machine that way.
        good_machine.press_power_button()
        assert good_machine.wait(120)
        assert good_machine.exit_code == 0
