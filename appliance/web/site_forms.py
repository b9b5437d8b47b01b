"""The two forms of the site file: which keys the pages Site, and VMs and cluster, show. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from appliance.site.model import DEFAULT_CIDR
from appliance.site.places import Path, path_text
from appliance.site.plan import MAIN_NETWORK, Plan
from appliance.site.scalars import NetworkRole
from appliance.site.versions import DEFAULT_IMAGE, KNOWN_LINES
from appliance.site.yaml_text import Value
from appliance.web.forms import ADD, REMOVE, TRUE, Field, Form, Group, Kind, key_field
from appliance.web.site_file import value_at

# ---------------------------------------------------------------- page 1: the site


def site_form(data: Value, plan: Plan | None = None) -> Form:
    """The first page: the place, its networks, Harvester and the machines' names."""
    names = _entries(data, ("networks",)) or (MAIN_NETWORK,)
    groups = [
        Group(
            "This site",
            (
                key_field(("site",), "Name of the site"),
                key_field(("domain",), "DNS domain"),
                key_field(
                    ("hypervisor", "harvester"),
                    "Version of Harvester",
                    suggestions=tuple(line.newest for line in KNOWN_LINES),
                ),
                key_field(("hypervisor", "vip"), "Harvester’s address"),
                key_field(("hypervisor", "ssh_keys"), "SSH keys, one a line", Kind.LINES),
                key_field(
                    ("hypervisor", "accept_small_hardware"),
                    "Accept machines below the production minimum",
                    Kind.FLAG,
                ),
            ),
        ),
        _machines(data),
        *(_network(data, name, names) for name in names),
        _new_network(),
    ]
    return _with_proposals(Form(tuple(groups)), data, plan)


def _machines(data: Value) -> Group:
    """Machines by name alone: the third page finds out which is which."""
    base: Path = ("hypervisor", "machines")
    known = _entries(data, base)
    bare = [name for name in known if value_at(data, (*base, name)) == {}]
    label = "Names of further machines" if known else "Names of the machines"
    return Group(
        "Machines",
        (
            Field(
                f"{ADD}{path_text(base)}",
                (),
                label,
                Kind.WORDS,
                required=not known,
                help="One name for each physical machine, such as `node1, node2, node3`. Which "
                "box is which is said on the page Machines, after you began on the page Review.",
            ),
            *(_remove((*base, name), f"Take {name} out") for name in bare),
        ),
        text=f"In the file: {', '.join(known)}." if known else "",
        new=base,
    )


_NETWORK: tuple[tuple[str, str, Kind], ...] = (
    ("cidr", "Subnet", Kind.TEXT),
    ("gateway", "Gateway", Kind.TEXT),
    ("bridge", "This laptop’s address", Kind.TEXT),
    ("pool", "Dynamic range", Kind.TEXT),
    ("dns", "DNS servers", Kind.WORDS),
    ("ntp", "Time servers", Kind.WORDS),
    ("vlan", "VLAN tag", Kind.TEXT),
    ("mtu", "MTU", Kind.TEXT),
)


def _network(data: Value, name: str, names: tuple[str, ...]) -> Group:
    base: Path = ("networks", name)
    role = value_at(data, (*base, "role"))
    implied = name == MAIN_NETWORK or len(names) == 1
    own = not (role == NetworkRole.PROVISIONING.value if role else implied)
    fields = [
        _subnet(each, own=own) if each.path == (*base, "cidr") else each
        for each in (key_field((*base, key), label, kind) for key, label, kind in _NETWORK)
    ]
    if len(names) > 1:
        fields.append(_remove(base, f"Take network {name} out"))
    return Group(f"Network {name}", tuple(fields))


def _subnet(each: Field, *, own: bool) -> Field:
    """A network's subnet: only the one for provisioning has one of itself."""
    if own:
        return replace(each, unsaid="", required=True)
    return replace(each, unsaid=DEFAULT_CIDR)


def _new_network() -> Group:
    base: Path = ("networks",)
    made = (
        key_field((key,), label, kind, at=(*base, "new"))
        for key, label, kind in _NETWORK
        if key in ("cidr", "gateway", "vlan")
    )
    # Nothing is required of who adds none: with a name it is, and the rule says so.
    fields = [
        replace(each, unsaid="", depends=True) if each.path == ("cidr",) else each for each in made
    ]
    namer = Field(f"{ADD}networks", (), "Name of the network", help="Such as `vm`.")
    return Group("Add a network", (namer, *_in_new(fields, base)), new=base)


# ---------------------------------------------------------------- page 4: VMs and cluster


def cluster_form(data: Value, plan: Plan | None = None) -> Form:
    """The fourth page: the cluster, the staging machine, virtual machines beside them."""
    groups = [
        _cluster(data),
        _sizes("servers", "Size of each server"),
        _sizes("agents", "Size of each agent"),
        _staging(),
        *(_vm(data, name) for name in _entries(data, ("vms",))),
        _new_vm(data),
    ]
    return _with_proposals(Form(tuple(groups)), data, plan)


def _cluster(data: Value) -> Group:
    base: Path = ("cluster",)
    fields = [
        key_field((*base, "rke2"), "RKE2 version", suggestions=("v1.36.3+rke2r1",)),
        key_field((*base, "k3s"), "or K3s version", suggestions=("v1.36.3+k3s1",)),
        key_field(
            (*base, "servers"),
            "Servers",
            Kind.CHOICE,
            choices=(("", "3"), *_same("1", "5", "7", "9")),
        ),
        key_field((*base, "agents"), "Agents"),
        key_field((*base, "network"), "Network", Kind.CHOICE, choices=_networks(data)),
        key_field((*base, "address"), "Load balancer’s address"),
        key_field(
            (*base, "profile"), "Hardening", Kind.CHOICE, choices=(("", "none"), *_same("cis"))
        ),
        key_field((*base, "active"), "The cluster runs", Kind.FLAG),
    ]
    if value_at(data, base) is not None:
        fields.append(_remove(base, "Take the cluster out"))
    return Group("Kubernetes cluster", tuple(fields), text="Leave it empty where there is none.")


_SIZES = (("cpus", "Processors"), ("memory", "Memory"), ("disk", "Disk"))


def _sizes(kind: str, title: str) -> Group:
    base: Path = ("cluster", "sizes", kind)
    return Group(title, tuple(key_field((*base, key), label) for key, label in _SIZES))


def _staging() -> Group:
    base: Path = ("staging",)
    as_needed = ("", "where anything needs it")
    fields = (
        key_field(
            (*base, "enabled"),
            "Staging machine",
            Kind.CHOICE,
            choices=(as_needed, (TRUE, "yes"), ("false", "no")),
        ),
        key_field((*base, "address"), "Address"),
        *(key_field((*base, key), label) for key, label in _SIZES),
        key_field((*base, "images"), "Container images, one a line", Kind.LINES),
    )
    text = "It takes the laptop’s place: names, time, files, container images."
    return Group("What stays when the laptop leaves", fields, text=text)


def _vm(data: Value, name: str) -> Group:
    base: Path = ("vms", name)
    fields = [key_field((*base, *each[0]), *each[1:]) for each in _vm_keys()]
    fields = [_with_choices(data, each) for each in fields]
    fields.append(_remove(base, f"Take {name} out, with its disk"))
    return Group(f"Virtual machine {name}", tuple(fields))


def _new_vm(data: Value) -> Group:
    base: Path = ("vms",)
    fields = [
        _with_choices(data, key_field(each[0], *each[1:], at=(*base, "new"))) for each in _vm_keys()
    ]
    namer = Field(f"{ADD}vms", (), "Name of the virtual machine", help="Such as `relay`.")
    return Group("Add a virtual machine", (namer, *_in_new(fields, base)), new=base)


def _vm_keys() -> tuple[tuple[Path, str, Kind], ...]:
    return (
        *(((key,), label, Kind.TEXT) for key, label in _SIZES),
        (("image",), "Starts from the image", Kind.CHOICE),
        (("iso",), "or is installed from the CD", Kind.CHOICE),
        (("network",), "Network", Kind.CHOICE),
        (("address",), "Address", Kind.TEXT),
        (("efi",), "UEFI firmware", Kind.FLAG),
        (("running",), "It runs", Kind.FLAG),
    )


def _with_choices(data: Value, each: Field) -> Field:
    key = each.path[-1]
    if key == "network":
        return replace(each, choices=_networks(data))
    if key in ("image", "iso"):
        images = _same(*_entries(data, ("images",)))
        has_cd = value_at(data, (*each.path[:-1], "iso")) is not None
        usual = "none: it is installed from a CD" if has_cd else f"{DEFAULT_IMAGE}; with a CD none"
        return replace(each, choices=(("", usual if key == "image" else "none"), *images))
    return each


def _networks(data: Value) -> tuple[tuple[str, str], ...]:
    names = _entries(data, ("networks",)) or (MAIN_NETWORK,)
    return (("", "the usual one"), *_same(*names))


def _same(*words: str) -> tuple[tuple[str, str], ...]:
    return tuple((word, word) for word in words)


# ---------------------------------------------------------------- what the Plan proposes


def proposals(plan: Plan) -> dict[str, str]:
    """Give what holds where a field is left empty, by the fields' names."""
    found = {"domain": plan.zone, "hypervisor.vip": str(plan.hypervisor.vip)}
    for each in plan.networks:
        base = f"networks.{each.name}"
        found |= {f"{base}.{key}": str(getattr(each, key)) for key in ("cidr", "gateway", "bridge")}
        found[f"{base}.pool"] = str(each.pool)
        for key, servers in (("dns", each.dns), ("ntp", each.ntp)):
            found[f"{base}.{key}"] = ", ".join(map(str, servers))
    if plan.staging is not None:
        found["staging.address"] = str(plan.staging.address)
    for vm in plan.vms:
        if vm.address is not None:
            found[f"vms.{vm.name}.address"] = str(vm.address)
    return found


def _with_proposals(form: Form, data: Value, plan: Plan | None) -> Form:
    """A value that is said is no proposal: what would be there without it is not worked out."""
    found = proposals(plan) if plan else {}
    groups = tuple(
        replace(
            group,
            fields=tuple(
                replace(each, proposed=found[each.name])
                if each.name in found and value_at(data, each.path) is None
                else each
                for each in group.fields
            ),
        )
        for group in form.groups
    )
    return Form(groups)


# ---------------------------------------------------------------- what both share


def _in_new(fields: Iterable[Field], base: Path) -> tuple[Field, ...]:
    return tuple(replace(each, name=f"{ADD}{path_text((*base, *each.path))}") for each in fields)


def _remove(path: Path, label: str) -> Field:
    return Field(f"{REMOVE}{path_text(path)}", path, label, Kind.REMOVE)


def _entries(data: Value, path: Path) -> tuple[str, ...]:
    found = value_at(data, path)
    return tuple(found) if isinstance(found, dict) else ()
