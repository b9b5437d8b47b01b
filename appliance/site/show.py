"""The Plan as text for people: every address, URL and file name, who is armed and why not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from appliance.site.plan import MachinePlan, NetworkPlan, Plan


def plan_json(plan: Plan) -> str:
    """Write the Plan as JSON with its digest, sorted, the same for the same Plan."""
    values = {**plan.as_json(), "digest": plan.digest()}
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def plan_text(plan: Plan) -> str:
    """Write the Plan as plain text, the same for the same Plan."""
    parts = [
        [f"Site {plan.site_id}, domain {plan.zone}", f"Plan {plan.digest()[:16]}"],
        *(_network(each) for each in plan.networks),
        _hypervisor(plan),
        ["Machines", *_table(_machine_rows(plan))],
        *(_machine(each) for each in plan.machines),
        ["Names, as the bridge's DNS answers them", *_table(_host_rows(plan))],
        ["Files", *_table(_file_rows(plan))],
        ["Notes", *(f"  - {note}" for note in plan.notes)] if plan.notes else [],
        [_armed_summary(plan)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _network(network: NetworkPlan) -> list[str]:
    rows = [
        ("subnet", str(network.cidr)),
        ("gateway", f"{network.gateway}, the site's, not this laptop's"),
        ("bridge", f"{network.bridge}, this laptop"),
        ("dynamic range", str(network.pool)),
        ("DNS of the machines", _servers(network, network.dns)),
        ("NTP of the machines", _servers(network, network.ntp)),
        ("MTU", str(network.mtu)),
        ("VLAN", "untagged" if network.vlan is None else str(network.vlan)),
    ]
    return [f"Network {network.name}, for {network.role}", *_table(rows)]


def _servers(network: NetworkPlan, servers: Sequence[object]) -> str:
    return ", ".join(
        f"{server} (this laptop)" if server == network.bridge else f"{server} (stays at the site)"
        for server in servers
    )


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
        ("data disk", machine.data_disk or "none"),
        ("also wiped", _wiped(machine)),
        ("firmware", machine.firmware.value if machine.firmware else "any"),
        ("iPXE", machine.ipxe),
        ("own disk by", machine.own_disk.value),
    ]
    if machine.not_armed is not None:
        rows.append(("NOT ARMED", machine.not_armed))
    return [f"Machine {machine.name}", *_table(rows)]


def _wiped(machine: MachinePlan) -> str:
    if machine.wipe_all_disks:
        return "EVERY other disk of the machine"
    return ", ".join(machine.wipe_disks) or "nothing"


def _host_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    for name, address in plan.hosts:
        yield (f"{name}.{plan.zone}", str(address))


def _file_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    names = plan.artifacts
    yield ("kernel", names.kernel)
    yield ("initrd", names.initrd)
    yield ("root file system", names.rootfs)
    yield ("ISO image", names.iso)
    yield ("checksums", names.sums)
    for ipxe in sorted({machine.ipxe for machine in plan.machines}):
        yield ("iPXE", ipxe)
    yield ("served from", f"{plan.base_url}/")


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
