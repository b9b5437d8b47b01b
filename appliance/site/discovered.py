"""Which reported machine is which of the site's: frozen once matched, like every proposal.

What is bound holds as long as the file asks for the same machine and the same disk; where the file
asks otherwise, the machine is matched anew. Pure: what is frozen in, what is to be frozen out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.errors import InputError
from appliance.site.frozen import Frozen, FrozenDiscovery
from appliance.site.model import MachineSite, Site
from appliance.values import Mac


def bind(
    site: Site,
    frozen: Frozen,
    name: str,
    macs: Sequence[Mac],
    disk: str | None,
    *,
    by_hand: bool = False,
) -> Frozen:
    """Freeze that `name` is the machine with these cards, first the one it reported by.

    `disk` is the path chosen from its report; None leaves the question open. `by_hand`: people
    said that it is this machine, so that no identifier of the file need hold for it. Whoever was
    bound to `name` is so no longer. A further card that is another's as well is left out.

    Raises InputError where the site has no such machine, and where the first card is another's:
    unbind that one first.
    """
    machine = site.hypervisor.machines.get(name)
    if machine is None:
        raise InputError(
            f"the site has no machine {name}", fix="take one of its names, or approve it by a new"
        )
    others = _cards_of_others(site, frozen, name)
    if not macs:
        raise InputError(f"{name} cannot be a machine without a network card")
    if macs[0] in others:
        raise InputError(
            f"the machine with the card {macs[0]} is {others[macs[0]]} already",
            why="one machine cannot be two",
            fix=f"correct the site file, or name it {others[macs[0]]}",
        )
    kept = tuple(str(mac) for mac in dict.fromkeys(macs) if mac not in others)
    identity = "" if by_hand else identity_text(machine)
    found = FrozenDiscovery(kept, disk, identity, asked_text(machine))
    return replace(frozen, discovered={**frozen.discovered, name: found})


def unbind(frozen: Frozen, name: str) -> Frozen:
    """Forget which reported machine `name` is; nothing where none was."""
    return replace(
        frozen, discovered={key: each for key, each in frozen.discovered.items() if key != name}
    )


def discovery_in_force(
    machine: MachineSite, found: FrozenDiscovery | None
) -> FrozenDiscovery | None:
    """Give what was frozen of a machine, as far as the file still asks for the same.

    None where the file names another machine now. Without its disk where the file asks for
    another disk, or expects other hardware.
    """
    if found is None or found.identity not in ("", identity_text(machine)):
        return None
    return found if found.asked == asked_text(machine) else replace(found, disk=None)


def identity_text(machine: MachineSite) -> str:
    """Say what the file tells a machine by."""
    return str(machine.identity)


def asked_text(machine: MachineSite) -> str:
    """Say what the file asks of a machine's hardware: its disks, and what was ordered."""
    parts = [str(machine.disk or ""), machine.data_disk or ""]
    if machine.expect is not None:
        parts.append(machine.expect.model_dump_json(exclude_none=True))
    return "; ".join(parts)


def _cards_of_others(site: Site, frozen: Frozen, name: str) -> dict[Mac, str]:
    """Whose each card is, by the file or by what is frozen and in force."""
    cards: dict[Mac, str] = {}
    for other, machine in sorted(site.hypervisor.machines.items()):
        if other == name:
            continue
        found = discovery_in_force(machine, frozen.discovered.get(other))
        cards |= dict.fromkeys((*(found.cards if found else ()), *machine.all_macs), other)
    return cards
