"""What people choose from what machines reported: which is which, its disk, and that it may go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from appliance import advice
from appliance.boot.model import OrderKind
from appliance.discover.disk_choice import stable_path
from appliance.discover.match import Bound, Code, Wanted
from appliance.discover.report import Report
from appliance.discover.words import disks_line
from appliance.errors import InputError
from appliance.flow.binding import bind_machine, whole_site
from appliance.flow.context import Context
from appliance.flow.judging import has_begun, installer_size, judge_one
from appliance.flow.orders import approve as approve_by_mac
from appliance.flow.reports import KnownMachine, find_for_good, find_machine, report_of_machine
from appliance.flow.s1_site import propose_again
from appliance.site.disk import DiskTextError, parse_disk
from appliance.site.load import LoadedSite, load_file
from appliance.site.plan import DiskPlan, MachinePlan, MatchRule, Plan, Role
from appliance.store.discovered import Ordered
from appliance.values import Mac

BLINK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """What is said of the machine that is approved. `erase` is its name typed once more."""

    name: str
    disk: str = ""
    role: str = ""
    erase: str = ""


def approve_machine(context: Context, plan: Plan, which: str, wish: Wish) -> str:
    """Say that a machine is one of the site, to be installed on a disk of its report.

    Gives what was done, in words. Raises InputError for what speaks against it: nothing is kept
    then. The last of these, that the disk holds data, is overruled by typing the machine's name.
    """
    if not wish.name:
        raise InputError("the machine needs a name", where="--name", fix=advice.give_name())
    if wish.erase and wish.erase != wish.name:
        raise InputError(
            advice.other_name_typed(wish.erase, wish.name),
            where="--erase",
            fix=advice.erase_all(wish.name),
        )
    found = find_for_good(context, plan, which)
    mac = found if isinstance(found, Mac) else found.mac
    holder = _holder(plan, mac)
    _refuse_installed(context, holder, wish.name)
    loaded = load_file(context.site_file)
    if wish.name in loaded.site.hypervisor.machines:
        return _approve_of_file(context, plan, loaded, found, wish)
    if holder is not None and holder.name != wish.name:
        raise InputError(
            f"{mac} is {holder.name} already",
            why="one machine cannot be two",
            fix=f"approve it as {holder.name}, or correct what the site file tells it by",
        )
    return _approve_new(context, plan, found, wish)


def _holder(plan: Plan, mac: Mac) -> MachinePlan | None:
    """Whose card this is."""
    return next((each for each in plan.machines if mac in (*each.macs, *each.other_macs)), None)


def _refuse_installed(context: Context, holder: MachinePlan | None, name: str) -> None:
    for each in {name, *({holder.name} if holder else ())}:
        if context.proven.get(each).installed is not None:
            raise InputError(
                f"{each} is installed",
                why="a machine that is installed is never installed unasked",
                fix=advice.other_board_or_anew(each),
            )


def _approve_of_file(
    context: Context, plan: Plan, loaded: LoadedSite, found: KnownMachine | Mac, wish: Wish
) -> str:
    """The file names it already: what is said here fills in which box it is, and which disk."""
    said = loaded.site.hypervisor.machines[wish.name]
    if isinstance(found, Mac):
        raise InputError(
            f"{found} has not reported what it is",
            why=f"the site file names {wish.name} already",
            fix=f"switch it on, booting from the network{advice.or_in_the_file()}",
        )
    machine = machine_of(plan, wish.name)
    if wish.role not in ("", machine.role.value):
        raise InputError(
            f"{wish.name} is to {machine.role.value}", where="--role", fix="write it in the file"
        )
    wanted = machine.disk
    if wish.disk:
        chosen = _chosen_disk(wish.disk, found)
        if said.disk is not None and said.disk.path not in (None, chosen.path):
            raise InputError(
                f"the site file says that {wish.name} is installed on {said.disk.path}",
                where="--disk",
                fix=advice.keep_disk(),
            )
        wanted = chosen
    bound = _judged(
        replace(
            Wanted.of(machine, plan.hypervisor),
            disk=wanted,
            erase=said.erase or bool(wish.erase),
            installer=installer_size(context, plan),
        ),
        found,
    )
    if wish.erase:
        context.agreed.put(wish.name, bound.disk)
    _bind(context, loaded, wish.name, found, bound.disk)
    words = f"{found.mac} is {wish.name} from now on, to be installed on {bound.disk}"
    context.tell("approved", words, machine=wish.name, data={"mac": str(found.mac)})
    return words


def _approve_new(context: Context, plan: Plan, found: KnownMachine | Mac, wish: Wish) -> str:
    entry: dict[str, Any] = {"role": wish.role or Role.JOIN.value}
    if isinstance(found, Mac):
        entry |= {"disk": wish.disk} if wish.disk else {}
        approve_by_mac(context, found, wish.name, entry)
        return f"{found} is {wish.name} from now on"
    if not wish.disk:
        raise InputError(
            f"choose the disk that {wish.name} is installed on",
            where="--disk",
            why=disks_line(found.report),
            fix=advice.give_disk(),
        )
    disk = _chosen_disk(wish.disk, found)
    small = plan.hypervisor.accept_small_hardware
    wanted = Wanted(
        wish.name,
        MatchRule(macs=(found.mac,)),
        disk,
        erase=bool(wish.erase),
        accept_small_hardware=small,
        installer=installer_size(context, plan),
    )
    bound = _judged(wanted, found)
    entry |= {"disk": bound.disk}
    if wish.erase:
        context.agreed.put(wish.name, bound.disk)
    approve_by_mac(context, found.mac, wish.name, entry)
    return f"{found.mac} is {wish.name} from now on, to be installed on {bound.disk}"


def _chosen_disk(text: str, found: KnownMachine) -> DiskPlan:
    """Read what was chosen: a path, a selector, or a name such as `sda` of this very report."""
    named = [each for each in found.report.disks if text in (each.name, f"/dev/{each.name}")]
    if named:
        return DiskPlan(path=stable_path(named[0], found.report), selector=None)
    try:
        return parse_disk(text)
    except DiskTextError as error:
        raise InputError(
            str(error), where="--disk", why=f"it has: {disks_line(found.report)}", fix=error.fix
        ) from error


def _judged(wanted: Wanted, found: KnownMachine) -> Bound:
    """Give the disk it comes to. Raises InputError with all that speaks against it."""
    matching = judge_one(wanted, found)
    keys = (wanted.name, str(found.mac))
    against = [each for key in keys for each in matching.refused.get(key, ())]
    if not against:
        return matching.bound[wanted.name]
    only_data = all(each.code is Code.DATA for each in against)
    raise InputError(
        f"{wanted.name} cannot be installed so",
        where=str(found.mac),
        why="; ".join(each.what for each in against),
        fix=advice.erase_data(wanted.name) if only_data else against[0].fix,
    )


def _bind(
    context: Context, loaded: LoadedSite, name: str, found: KnownMachine | Mac, disk: str | None
) -> None:
    macs = (found,) if isinstance(found, Mac) else (found.mac, *found.report.macs)
    whole = whole_site(context, loaded)
    proposed = propose_again(context, whole, loaded.places)
    bind_machine(context, whole, proposed, name, macs, disk, by_hand=True)


def identify(context: Context, plan: Plan, which: str, name: str, *, sure: bool) -> str:
    """Say that this machine is `name`, before its installation or after; give it in words.

    Whoever had the name, or this machine, before is found anew, unless it is installed. An
    installed machine keeps its name on other hardware only where its disk is seen there, or where
    `sure`. Nothing is ever installed again by this. Raises InputError.
    """
    found = find_for_good(context, plan, which)
    mac = found if isinstance(found, Mac) else found.mac
    machine = machine_of(plan, name)
    holder = _holder(plan, mac)
    if holder is not None and holder.name != name and _installed(context, holder.name):
        raise InputError(
            f"{mac} is {holder.name}, which is installed",
            why="an installed machine cannot become another",
            fix=advice.reinstall_first(holder.name),
        )
    loaded = load_file(context.site_file)
    disk = machine.disk.path if machine.disk is not None else None
    if _installed(context, name):
        _prove_same_disk(context, machine, found, sure=sure)
    elif not _is_same_box(machine, found):
        disk = _disk_of_new_box(context, loaded, machine, found)
        for each in (name, *((holder.name,) if holder else ())):
            context.agreed.forget(each)  # that was said of the disk of another box
    elif isinstance(found, KnownMachine):
        disk = None  # its report is judged by the run
    _bind(context, loaded, name, found, disk)
    words = f"{mac} is {name} from now on"
    if holder is not None and holder.name != name:
        words += f"; {holder.name} is to be found anew"
    context.tell("pointed-out", words, machine=name, data={"mac": str(mac)})
    return words


def _is_same_box(machine: MachinePlan, found: KnownMachine | Mac) -> bool:
    cards = {found} if isinstance(found, Mac) else {found.mac, *found.report.macs}
    return not cards.isdisjoint((*machine.macs, *machine.other_macs))


def _disk_of_new_box(
    context: Context, loaded: LoadedSite, machine: MachinePlan, found: KnownMachine | Mac
) -> str | None:
    """Give the disk of a box that becomes a machine; None where its report is to decide that.

    Raises InputError where an installation began: on another box, what it wrote is no data.
    """
    if has_begun(context, machine.name):
        raise InputError(
            f"the installation of {machine.name} began on another machine",
            where=", ".join(map(str, machine.macs)),
            why="what is on this one's disk would not be asked about any more",
            fix=advice.reinstall_between(machine.name),
        )
    said = whole_site(context, loaded).hypervisor.machines[machine.name].disk
    reported = report_of_machine(context, machine.macs) is not None
    if not isinstance(found, Mac) or said is None:
        return None
    if reported and machine.name not in loaded.site.hypervisor.machines:
        return None  # approved with a disk of the other box
    return said.path  # without stage-1 there is no report to speak against the file


def machine_of(plan: Plan, name: str) -> MachinePlan:
    """Find a machine of the site by its name. Raises InputError that names those there are."""
    machine = plan.machine(name)
    if machine is None:
        known = ", ".join(each.name for each in plan.machines)
        raise InputError(f"the site has no machine {name!r}", fix=f"it has: {known}")
    return machine


def _installed(context: Context, name: str) -> bool:
    return context.proven.get(name).installed is not None


def _prove_same_disk(
    context: Context, machine: MachinePlan, found: KnownMachine | Mac, *, sure: bool
) -> None:
    """A board may be replaced and its cards with it: the disk says whose machine it is."""
    if sure:
        return
    path = machine.disk.path if machine.disk is not None else None
    before = report_of_machine(context, machine.macs)
    serials = _serials(before.report if before else None, path)
    if not isinstance(found, Mac):
        for disk in found.report.disks:
            named = path is not None and path in disk.by_id
            if named or (disk.serial and disk.serial in serials):
                return
    raise InputError(
        f"nothing shows that this is {machine.name}, which is installed",
        why=f"its disk {path} is not among those that were reported",
        fix=f"{advice.if_sure()}. Nothing is installed again by it",
    )


def _serials(report: Report | None, path: str | None) -> frozenset[str]:
    """The serial number of the disk that was installed on, as it was reported then."""
    disks = report.disks if report is not None else ()
    return frozenset(
        each.serial for each in disks if each.serial and path in (*each.by_id, *each.by_path)
    )


def blink(context: Context, plan: Plan, which: str) -> str:
    """Have a machine in stage-1 show itself; give it in words. A run must be going on."""
    found = find_machine(context, plan, which)
    mac = found if isinstance(found, Mac) else found.mac
    context.stage1_orders.put(Ordered(mac, OrderKind.BLINK.value, BLINK_SECONDS))
    return f"{mac} blinks for {BLINK_SECONDS} s, as soon as it asks the run for its orders"
