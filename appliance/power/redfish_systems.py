"""Which of the systems that a BMC speaks for is the machine. A wrong guess would switch another."""

from __future__ import annotations

from appliance.errors import PowerError
from appliance.power.model import Target
from appliance.power.redfish_documents import Document, link, links, text
from appliance.power.redfish_faults import place_of
from appliance.power.redfish_inventory import Get, macs_of

_MOST = 64
"""Systems of one BMC that are looked at; a chassis has sixteen blades."""


def choose_system(root: Document, get: Get, target: Target) -> str:
    """Give the path of the machine's system.

    By `system` (Id, UUID, name or path) if that is given; else the only one; else, among several,
    the one with a network card of the machine. Raises PowerError where that names none or two, and
    what `get` raises.
    """
    collection = link(root, "Systems")
    paths = links(get(collection), "Members")[:_MOST] if collection else ()
    if not paths:
        raise PowerError(
            "the BMC speaks for no system",
            where=place_of(target),
            why="its list of systems is empty or missing",
            fix="look whether 'address' is that of a machine's BMC, not of a rack or a switch",
        )
    if target.system:
        return _named(paths, get, target)
    return paths[0] if len(paths) == 1 else _by_network_card(paths, get, target)


def _named(paths: tuple[str, ...], get: Get, target: Target) -> str:
    wanted = target.system.strip().rstrip("/").lower()
    for path in paths:
        if wanted in {path.rstrip("/").lower(), path.rstrip("/").rpartition("/")[2].lower()}:
            return path
    for path in paths:
        document = get(path)
        names = (text(document, key).lower() for key in ("Id", "UUID", "Name", "SerialNumber"))
        if wanted in set(names):
            return path
    raise PowerError(
        f"the BMC has no system {target.system!r}",
        where=place_of(target),
        why=f"it has {_listed(paths)}",
        fix="write one of these as 'system' into the machine's 'bmc'",
    )


def _by_network_card(paths: tuple[str, ...], get: Get, target: Target) -> str:
    mine = set(target.macs)
    fitting = [path for path in paths if mine and mine & set(macs_of(get(path), get))]
    if len(fitting) == 1:
        return fitting[0]
    found = "none of them" if not fitting else "more than one of them"
    raise PowerError(
        "the BMC speaks for several systems",
        where=place_of(target),
        why=f"it has {_listed(paths)}, and {found} lists a network card of this machine",
        fix="write the machine's own as 'system' into its 'bmc'",
    )


def _listed(paths: tuple[str, ...]) -> str:
    names = [path.rstrip("/").rpartition("/")[2] for path in paths]
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
