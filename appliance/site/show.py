"""The Plan as text for people: every address, URL and file name, who is armed and why not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address

from appliance.site.plan import Expect, MachinePlan, NetworkPlan, Plan, VmPlan


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file of the site: its name in the depot, and what it is for."""

    name: str
    why: str
    needed: bool


def plan_json(plan: Plan, files: Sequence[ShownFile]) -> str:
    """Write the Plan as JSON with its files and its digest, sorted, the same for the same Plan."""
    listed = [asdict(each) for each in files]
    values = {**plan.as_json(), "files": listed, "digest": plan.digest()}
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def plan_text(plan: Plan, files: Sequence[ShownFile]) -> str:
    """Write the Plan and its files as plain text, the same for the same Plan."""
    parts = [
        [f"Site {plan.site_id}, domain {plan.zone}", f"Plan {plan.digest()[:16]}"],
        *(_network(each, plan) for each in plan.networks),
        _hypervisor(plan),
        ["Machines", *_table(_machine_rows(plan))],
        *(_machine(each) for each in plan.machines),
        _vms(plan),
        _cluster(plan),
        _staging(plan),
        _images(plan),
        ["Names, as the bridge's DNS answers them", *_table(_host_rows(plan))],
        _files(files, plan),
        ["Notes", *(f"  - {note}" for note in plan.notes)] if plan.notes else [],
        [_armed_summary(plan)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _network(network: NetworkPlan, plan: Plan) -> list[str]:
    rows = [
        ("subnet", str(network.cidr)),
        ("gateway", f"{network.gateway}, the site's, not this laptop's"),
        ("bridge", f"{network.bridge}, this laptop"),
        ("dynamic range", str(network.pool)),
        ("DNS of the machines", _servers(network.dns, plan)),
        ("NTP of the machines", _servers(network.ntp, plan)),
        ("MTU", str(network.mtu)),
        ("VLAN", "untagged" if network.vlan is None else str(network.vlan)),
    ]
    return [f"Network {network.name}, for {network.role}", *_table(rows)]


def _servers(servers: Sequence[IPv4Address], plan: Plan) -> str:
    whose = {plan.provisioning.bridge: "this laptop"}
    if plan.staging is not None:
        whose[plan.staging.address] = "the staging machine, until then this laptop"
    return ", ".join(f"{each} ({whose.get(each, 'stays at the site')})" for each in servers)


def _hypervisor(plan: Plan) -> list[str]:
    hypervisor = plan.hypervisor
    rows = [
        ("cluster address", f"{hypervisor.vip}, https://{hypervisor.vip}/ once installed"),
        ("created by", plan.create.name),
        ("machines", str(len(plan.machines))),
        ("copies of a volume", str(hypervisor.storage_replicas)),
        ("small hardware", "accepted" if hypervisor.accept_small_hardware else "refused"),
        ("consoles", ", ".join(hypervisor.console)),
        ("SSH keys", str(len(hypervisor.ssh_keys))),
    ]
    return [f"Harvester {hypervisor.harvester}", *_table(rows)]


def _machine_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    yield ("name", "role", "address", "MAC", "disk", "armed")
    for each in plan.machines:
        mac = str(each.macs[0]) if each.macs else "-"
        if len(each.macs) > 1:
            mac += f" +{len(each.macs) - 1}"
        armed = "yes" if each.not_armed is None else "NO"
        disk = str(each.disk) if each.disk else "-"
        yield (each.name, each.role.value, str(each.address), mac, disk, armed)


def _machine(machine: MachinePlan) -> list[str]:
    rows = [
        ("hostname", machine.hostname),
        ("MAC addresses", ", ".join(str(mac) for mac in machine.macs) or "none"),
        ("serial number", machine.serial or "not given"),
        ("UUID", str(machine.uuid) if machine.uuid else "not given"),
        *_discovery(machine),
        ("data disk", machine.data_disk or "none"),
        ("also wiped", _wiped(machine)),
        ("firmware", machine.firmware.value if machine.firmware else "any"),
        ("iPXE", machine.ipxe),
        ("own disk by", machine.own_disk.value),
        ("switched by", str(machine.bmc)),
    ]
    if machine.not_armed is not None:
        rows.append(("NOT ARMED", machine.not_armed))
    return [f"Machine {machine.name}", *_table(rows)]


def _discovery(machine: MachinePlan) -> Iterator[tuple[str, str]]:
    """What depends on the machine's report; nothing for one that need not report."""
    if machine.match.vendor or machine.match.product or not machine.macs:
        yield "told by", str(machine.match) or "nothing"
    if machine.other_macs:
        yield "further cards", ", ".join(str(mac) for mac in machine.other_macs)
    if machine.disk is not None and machine.disk.path and machine.disk.selector:
        yield "disk found by", machine.disk.selector
    if machine.expect is not None:
        yield "ordered", expect_text(machine.expect)
    if machine.erase:
        yield "data on its disks", "MAY BE ERASED"


def expect_text(expect: Expect) -> str:
    """Write what was ordered in words."""
    said = (
        ("threads", expect.cpus),
        ("of memory", expect.memory and _octets(expect.memory)),
        ("disks", expect.disks),
        ("of disk", expect.disk_size and _octets(expect.disk_size)),
        ("network cards", expect.nics),
    )
    words = [f"{value} {name}" for name, value in said if value]
    return ", ".join([expect.product, *words] if expect.product else words) or "nothing"


def _wiped(machine: MachinePlan) -> str:
    if machine.wipe_all_disks:
        return "EVERY other disk of the machine"
    return ", ".join(machine.wipe_disks) or "nothing"


def _vms(plan: Plan) -> list[str]:
    if not plan.vms:
        return []
    rows = [("name", "for", "network", "address", "MAC", "CPUs", "memory", "disk", "from", "else")]
    rows += [
        (
            each.name,
            each.kind.value,
            each.network,
            str(each.address) if each.address else "its own",
            str(each.mac),
            str(each.cpus),
            _octets(each.memory),
            _octets(each.disk),
            _from(each),
            _else(each),
        )
        for each in plan.vms
    ]
    return ["Virtual machines", *_table(rows)]


def _from(vm: VmPlan) -> str:
    drivers = f" with drivers {vm.driver_disk}" if vm.driver_disk else ""
    return vm.image or f"CD {vm.iso}{drivers}"


def _else(vm: VmPlan) -> str:
    words = ["UEFI" if vm.efi else "BIOS"]
    words += ["secure boot"] if vm.secure_boot else []
    words += ["TPM"] if vm.tpm else []
    words += [f"PCI {each}" for each in vm.pci_devices]
    words += [f"USB {each}" for each in vm.usb_devices]
    words += [f"{len(vm.ssh_keys)} SSH keys"] if vm.ssh_keys else []
    words += [] if vm.running else ["STOPPED"]
    return ", ".join(words)


def _octets(octets: int) -> str:
    return f"{octets >> 30}G" if octets % (1 << 30) == 0 else f"{octets >> 20}M"


def _cluster(plan: Plan) -> list[str]:
    cluster = plan.cluster
    if cluster is None:
        return []
    rows = [
        ("servers", ", ".join(cluster.servers)),
        ("agents", ", ".join(cluster.agents) or "none"),
        ("joined and reached by", cluster.registration),
        ("names in its certificate", ", ".join(cluster.names)),
        ("profile", "cis" if cluster.cis else "none"),
        ("state", "runs" if cluster.active else "STOPPED"),
    ]
    return [f"Cluster {cluster.distribution.value} {cluster.version}", *_table(rows)]


def _staging(plan: Plan) -> list[str]:
    staging = plan.staging
    if staging is None:
        return []
    rows = [
        ("machine", f"{staging.vm}, {staging.address}"),
        ("answers for", "names, time, files, container images"),
        *(("container images", name) for name in staging.images),
    ]
    return ["Staging: what stays when the laptop leaves", *_table(rows)]


def _images(plan: Plan) -> list[str]:
    if not plan.images:
        return []
    rows = []
    for each in plan.images:
        rows.append((each.name, f"{'CD' if each.iso else 'disk'} {each.file}"))
        rows.append(("", f"from {each.url or 'a folder: provision fetch --from FOLDER'}"))
        given = "a checksum in the site file" if each.sha256 or each.sha512 else "its first use"
        rows.append(("", f"vouched for by {each.sums or given}"))
    return ["Images", *_table(rows)]


def _host_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    for name, address in plan.hosts:
        yield (f"{name}.{plan.zone}", str(address))


def _files(files: Sequence[ShownFile], plan: Plan) -> list[str]:
    if not files:
        return []
    rows = [(each.name, each.why if each.needed else f"{each.why}; optional") for each in files]
    return [f"Files; machines find theirs at {plan.base_url}/", *_table(rows)]


def _armed_summary(plan: Plan) -> str:
    armed = [machine.name for machine in plan.machines if machine.not_armed is None]
    held = [machine.name for machine in plan.machines if machine.not_armed is not None]
    text = f"Armed: {', '.join(armed) or 'no machine'}."
    return f"{text} Not armed: {', '.join(held)}." if held else text


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Set rows in columns, two blanks apart and two from the left."""
    cells = list(rows)
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        ("  " + "  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row))).rstrip()
        for row in cells
    ]
