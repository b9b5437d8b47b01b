"""Which machine is which, as it is kept: found by a report, or said by people.

What people said stands above the MAC addresses in the site file, so that swapped boxes are put
right by one command and not in the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.flow.approved import with_approved
from appliance.flow.context import Context
from appliance.site.discovered import bind, unbind
from appliance.site.frozen import Frozen
from appliance.site.load import LoadedSite
from appliance.site.model import MachineSite, Site
from appliance.values import Mac


def whole_site(context: Context, loaded: LoadedSite) -> Site:
    """Give the site with its approved machines, and with what people said of which is which."""
    whole = with_approved(loaded.site, context.approved.all())
    return with_peoples_word(whole, kept_frozen(context))


def kept_frozen(context: Context) -> Frozen | None:
    """Give what is frozen of the site; None before its first use."""
    kept = context.frozen.read()
    return None if kept is None else Frozen.from_json(kept)


def with_peoples_word(site: Site, frozen: Frozen | None) -> Site:
    """Give a machine that people pointed out its card, and take that from all others."""
    found = frozen.discovered if frozen else {}
    said = {
        name: each.cards[0]
        for name, each in found.items()
        if not each.identity and each.cards and name in site.hypervisor.machines
    }
    return _with_cards(site, said) if said else site


def bind_machine(
    context: Context,
    site: Site,
    proposed: Frozen,
    name: str,
    macs: Sequence[Mac],
    disk: str | None,
    *,
    by_hand: bool,
) -> bool:
    """Keep that `name` is the machine with these cards, the one it reported by first.

    Gives whether that is anything new. By hand, whoever was that machine before is so no longer.
    `proposed` is what `propose` gave. Raises InputError where the card is another's and nobody
    said otherwise.
    """
    with context.frozen.alone():
        frozen = kept_frozen(context) or proposed
        if by_hand:
            for other, each in proposed.discovered.items():
                if other != name and macs[0] in each.cards:
                    frozen = unbind(frozen, other)
            site = _with_cards(site, {name: macs[0]})
        bound = bind(site, frozen, name, macs, disk, by_hand=by_hand)
        context.frozen.write(bound.as_json())
        return bound.discovered != frozen.discovered


def is_by_hand(frozen: Frozen, name: str) -> bool:
    """Whether people said which machine this is."""
    found = frozen.discovered.get(name)
    return found is not None and not found.identity


def _with_cards(site: Site, said: Mapping[str, Mac]) -> Site:
    machines = {
        name: _with_card(machine, said.get(name), frozenset(said.values()))
        for name, machine in site.hypervisor.machines.items()
    }
    hypervisor = site.hypervisor.model_copy(update={"machines": machines})
    return site.model_copy(update={"hypervisor": hypervisor})


def _with_card(machine: MachineSite, card: Mac | None, given: frozenset[Mac]) -> MachineSite:
    left = (card,) if card else tuple(mac for mac in machine.all_macs if mac not in given)
    if left == machine.all_macs:
        return machine
    match = machine.match.model_copy(update={"mac": None}) if machine.match else None
    return machine.model_copy(update={"mac": None, "macs": left, "match": match})
