"""The forms of the site file: which keys a page shows, and what was typed as changes of the file.

A field's name is its key in `site.yaml`; labels are ours, all other words are the model's own, so
that the docs, the schema and the wizard say the same. Names beginning with `+` make a new entry of
a map, those with `-` take one out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from appliance.errors import Problem
from appliance.site.load import model_at
from appliance.site.places import Path, path_text
from appliance.site.plan import MAIN_NETWORK, Plan
from appliance.site.versions import DEFAULT_IMAGE, KNOWN_LINES
from appliance.site.yaml_text import Value
from appliance.web.site_file import value_at

ADD = "+"
REMOVE = "-"
_TRUE = "true"
_TICKS = {"yes": _TRUE, "on": _TRUE, "no": "false", "off": "false"}
"""What browsers send for a box, beside the file's own words."""


class Kind(StrEnum):
    """How a field is shown and read."""

    TEXT = "text"
    WORDS = "words"
    LINES = "lines"
    FLAG = "flag"
    CHOICE = "choice"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `unsaid` is what holds where it is left empty; `proposed` is this very value.

    `depends`: whether it may be left empty depends on another field.
    """

    name: str
    path: Path
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    unsaid: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[str, ...] = ()
    proposed: str = ""
    required: bool = False
    depends: bool = False

    @property
    def hint(self) -> str:
        """What it is, and what holds where it is left empty."""
        left_out = self.proposed or self.unsaid
        if self.kind in (Kind.FLAG, Kind.REMOVE) or not left_out:
            return self.help
        return f"{self.help} Left empty: {left_out.removeprefix('proposed: ')}."


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together. `new`: of an entry that is not there yet; it starts closed."""

    title: str
    fields: tuple[Field, ...]
    text: str = ""
    new: Path = ()

    @property
    def namer(self) -> str:
        """The field that names the new entry."""
        return f"{ADD}{path_text(self.new)}"


@dataclass(frozen=True, slots=True)
class Form:
    """One page's form."""

    groups: tuple[Group, ...]
    fields: tuple[Field, ...] = field(init=False)

    def __post_init__(self) -> None:
        fields = tuple(each for group in self.groups for each in group.fields)
        object.__setattr__(self, "fields", fields)

    def values(self, data: Value) -> dict[str, str]:
        """Give what the file says, as the fields show it."""
        return {each.name: _shown(each, value_at(data, each.path)) for each in self.fields}

    def unknown(self, given: Iterable[str]) -> tuple[str, ...]:
        """Give the names that are no field of this form."""
        known = {each.name for each in self.fields}
        return tuple(name for name in given if name not in known)

    def changes(self, data: Value, given: Mapping[str, str]) -> dict[Path, Value | None]:
        """Give what was typed as changes. What was not given, or says the same, is no change."""
        shown = self.values(data)
        changes: dict[Path, Value | None] = {}
        for group in self.groups:
            for each in group.fields:
                typed = _clean(each, given.get(each.name, shown[each.name]))
                if each.kind is Kind.REMOVE:
                    if typed == _TRUE:
                        changes[each.path] = None
                elif group.new:
                    changes |= _new_entries(group, each, given, typed)
                elif typed != shown[each.name]:
                    changes[each.path] = _value(each, typed, value_at(data, each.path))
        gone = [path for path, value in changes.items() if value is None]
        return {
            path: value
            for path, value in changes.items()
            if not any(path != other and path[: len(other)] == other for other in gone)
        }

    def taken(self, data: Value, given: Mapping[str, str]) -> dict[str, Problem]:
        """Give a problem for each new name that an entry has already."""
        found = {}
        for group in self.groups:
            for name in _names(given.get(group.namer, "")) if group.new else ():
                if value_at(data, (*group.new, name)) is not None:
                    key = path_text((*group.new, name))
                    found[group.namer] = Problem(
                        "", 0, 0, key, f"there is a {name} already", "choose another name"
                    )
        return found

    def needed(self) -> tuple[Problem, ...]:
        """Give a problem for each field that no site is without: for a form that says nothing."""
        return tuple(
            Problem("", 0, 0, path_text(group.new or each.path), "this is needed", "fill it in")
            for group in self.groups
            for each in group.fields
            if each.required and (not group.new or each.name == group.namer)
        )

    def sorted_out(
        self, problems: Iterable[Problem], given: Mapping[str, str]
    ) -> tuple[dict[str, list[Problem]], list[Problem]]:
        """Give each problem to its field; those that no field of this form has come apart."""
        keys = [(key, each.name) for each in self.fields for key in self._keys(each, given)]
        own: dict[str, list[Problem]] = {}
        others = []
        for problem in problems:
            name = _nearest(problem.key, keys)
            if name is None:
                others.append(problem)
            else:
                own.setdefault(name, []).append(problem)
        return own, others

    def _keys(self, each: Field, given: Mapping[str, str]) -> Iterator[str]:
        """The keys whose problems a field shows; of a new entry by the name that was typed."""
        group = next(group for group in self.groups if each in group.fields)
        if each.kind is Kind.REMOVE:
            return
        if not group.new:
            yield path_text(each.path)
            return
        if each.name == group.namer:
            yield path_text(group.new)
        for name in _names(given.get(group.namer, "")):
            yield path_text((*group.new, name, *each.path))


def _nearest(key: str, keys: Iterable[tuple[str, str]]) -> str | None:
    known = list(keys)
    for mine, name in known:
        if key == mine or key.startswith(f"{mine}["):
            return name
    # Said of a whole map: shown at the first field of it.
    return next((name for mine, name in known if mine.startswith(f"{key}.")), None)


def _names(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"[\s,]+", text.strip())) if text.strip() else ()


def _new_entries(
    group: Group, each: Field, given: Mapping[str, str], typed: str
) -> Iterator[tuple[Path, Value]]:
    for name in _names(given.get(group.namer, "")):
        if each.name == group.namer:
            yield (*group.new, name), {}
        elif typed and not (each.kind is Kind.FLAG and typed == each.unsaid):
            yield (*group.new, name, *each.path), _value(each, typed, None) or ""


def _shown(each: Field, value: Value | None) -> str:
    if value is None or isinstance(value, dict):
        return each.unsaid if each.kind is Kind.FLAG else ""
    if isinstance(value, list):
        between = "\n" if each.kind is Kind.LINES else ", "
        return between.join(str(item) for item in value)
    return value.lower() if each.kind is Kind.FLAG else value


def _clean(each: Field, typed: str) -> str:
    typed = typed.replace("\r\n", "\n").strip()
    if each.kind in (Kind.FLAG, Kind.REMOVE):
        return _TICKS.get(typed, typed)
    if each.kind is Kind.WORDS:
        return ", ".join(_names(typed))
    if each.kind is Kind.LINES:
        return "\n".join(line.strip() for line in typed.splitlines() if line.strip())
    return typed


def _value(each: Field, typed: str, was: Value | None) -> Value | None:
    if each.kind is Kind.FLAG and was is None and typed == each.unsaid:
        return None
    if not typed:
        return None
    if each.kind is Kind.WORDS:
        return list(_names(typed))
    if each.kind is Kind.LINES:
        return list(typed.splitlines())
    return typed


# ---------------------------------------------------------------- fields from the model


def key_field(
    path: Path, label: str, kind: Kind = Kind.TEXT, *, at: Path = (), **more: Any
) -> Field:
    """Make the field of a key; its words are the model's. `at` is where the model has its path."""
    whole = (*at, *path)
    model = model_at(whole[:-1])
    found = model.model_fields[str(whole[-1])] if model else None
    extra = found.json_schema_extra if found else None
    unsaid = str(extra.get("unsaid", "")) if isinstance(extra, dict) else ""
    if not unsaid and found and not found.is_required():
        unsaid = _default(found.default)
    return Field(
        name=path_text(path),
        path=path,
        label=label,
        kind=kind,
        help=(found.description or "") if found else "",
        unsaid=unsaid,
        required=bool(found and found.is_required()),
        **more,
    )


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in (None, ()) else str(value)


def _in_new(fields: Iterable[Field], base: Path) -> tuple[Field, ...]:
    return tuple(replace(each, name=f"{ADD}{path_text((*base, *each.path))}") for each in fields)


def _remove(path: Path, label: str) -> Field:
    return Field(f"{REMOVE}{path_text(path)}", path, label, Kind.REMOVE)


def _entries(data: Value, path: Path) -> tuple[str, ...]:
    found = value_at(data, path)
    return tuple(found) if isinstance(found, dict) else ()


# ---------------------------------------------------------------- page 1: the site


def site_form(data: Value, plan: Plan | None = None) -> Form:
    """The first page: the place, its networks, Harvester and the machines' names."""
    networks = _entries(data, ("networks",)) or (MAIN_NETWORK,)
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
        *(_network(name, is_only=len(networks) == 1) for name in networks),
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
                "box is which is said on the third page, once they are switched on.",
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


def _network(name: str, *, is_only: bool) -> Group:
    base: Path = ("networks", name)
    fields = [key_field((*base, key), label, kind) for key, label, kind in _NETWORK]
    if not is_only:
        fields.append(_remove(base, f"Take network {name} out"))
    return Group(f"Network {name}", tuple(fields))


def _new_network() -> Group:
    base: Path = ("networks",)
    fields = [
        key_field((key,), label, kind, at=(*base, "new"))
        for key, label, kind in _NETWORK
        if key in ("cidr", "gateway", "vlan")
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
            choices=(as_needed, (_TRUE, "yes"), ("false", "no")),
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
        default = (("", DEFAULT_IMAGE if key == "image" else "none"),)
        return replace(each, choices=(*default, *images))
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
