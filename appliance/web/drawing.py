"""The site as a picture: laptop, switch, machines, what runs on them. Pure: a Plan in, SVG out.

Colours are classes of the stylesheet, so that light, dark and print are the page's matter; what a
state says is written, never only coloured. Lengths are SVG units.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeVar

from appliance.site.plan import MachinePlan, NetworkPlan, Plan, Role, VmKind, VmPlan

_MARGIN = 24
_GAP = 16
_TOP_BOX = 76
_SWITCH = 56
_MACHINE = 116
_VM = 62
_HEAD = 40
_LETTER = 7.1
"""The width of a letter at 13 units, on average; a text that is longer is cut."""
_T = TypeVar("_T")
KINDS = ("idle", "info", "good", "warn", "bad")


@dataclass(frozen=True, slots=True)
class Shown:
    """How a machine stands: in words, and of one of `KINDS`."""

    text: str
    kind: str = "idle"


@dataclass(frozen=True, slots=True)
class Shape:
    """How wide the picture is, and how many boxes stand in a row."""

    name: str
    width: int
    machines: int
    vms: int

    def box(self, columns: int) -> float:
        """The width of one of so many boxes."""
        return (self.width - 2 * _MARGIN - (columns - 1) * _GAP) / columns


WIDE = Shape("wide", 960, machines=4, vms=5)
NARROW = Shape("narrow", 380, machines=1, vms=2)


def draw(plan: Plan, states: Mapping[str, Shown] | None = None, shape: Shape = WIDE) -> str:
    """Draw a site. `states` says how machines stand, real and virtual, by their names."""
    drawing = _Drawing(plan, states or {}, shape)
    parts = list(drawing.parts())
    name = f"drawing-{shape.name}"
    return (
        f'<svg class="drawing {shape.name}" viewBox="0 0 {shape.width} {drawing.height:g}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(f"Site {plan.site_id}")}</title>'
        f'<desc id="{name}-desc">{escape(in_words(plan))}</desc>'
        f"{''.join(parts)}</svg>"
    )


def in_words(plan: Plan) -> str:
    """Say what the picture shows, for those who do not see it."""
    main = plan.provisioning
    machines = ", ".join(f"{each.name} at {each.address}" for each in plan.machines)
    text = (
        f"This laptop, {main.bridge}, and the gateway, {main.gateway}, are at a switch with "
        f"network {main.name}, {main.cidr}. At the same switch: {machines}. Together they are the "
        f"Harvester cluster at {plan.hypervisor.vip}."
    )
    if plan.vms:
        vms = ", ".join(f"{each.name} at {each.address or 'its own address'}" for each in plan.vms)
        text += f" On it run: {vms}."
    return text


class _Drawing:
    def __init__(self, plan: Plan, states: Mapping[str, Shown], shape: Shape) -> None:
        self.plan = plan
        self.states = states
        self.shape = shape
        self.height = 0.0

    def parts(self) -> Iterator[str]:
        """Give all parts from top to bottom; `height` is right once they are given."""
        width = self.shape.width
        half = min(240.0, (width - 2 * _MARGIN - _GAP) / 2)
        main = self.plan.provisioning
        switch = _MARGIN + _TOP_BOX + 28
        right = width - _MARGIN - half
        yield _line(_MARGIN + half / 2, _MARGIN + _TOP_BOX, _MARGIN + half / 2, switch)
        yield _line(right + half / 2, _MARGIN + _TOP_BOX, right + half / 2, switch, "theirs")
        laptop = ("This laptop", str(main.bridge), "leaves when all is done")
        yield _box(_MARGIN, _MARGIN, half, _TOP_BOX, laptop, "laptop")
        gateway = ("Gateway", str(main.gateway), "the site’s own")
        yield _box(right, _MARGIN, half, _TOP_BOX, gateway, "theirs")
        yield from self._switch(switch)
        below = yield from self._machines(switch + _SWITCH)
        self.height = (yield from self._vms(below)) + _MARGIN

    def _switch(self, top: float) -> Iterator[str]:
        first = _network_text(self.plan.provisioning)
        others = [_network_text(each) for each in self.plan.networks[1:]]
        lines = (f"Switch · {first}", *((f"also {', '.join(others)}",) if others else ()))
        width = self.shape.width - 2 * _MARGIN
        yield _box(_MARGIN, top, width, _SWITCH, lines, "switch")

    def _machines(self, top: float) -> Generator[str, None, float]:
        machines, columns = self.plan.machines, self.shape.machines
        frame = top + 30
        rows = _rows(machines, columns)
        bottom = frame + _HEAD + len(rows) * (_MACHINE + _GAP)
        yield _frame(self.shape, frame, bottom - frame)
        yield _line(self.shape.width / 2, top, self.shape.width / 2, frame)
        hypervisor = self.plan.hypervisor
        head = f"Harvester {hypervisor.harvester} · cluster address {hypervisor.vip}"
        yield _words(_MARGIN, frame + 25, head, "head", self._room())
        width = self.shape.box(columns)
        for index, row in enumerate(rows):
            at = frame + _HEAD + index * (_MACHINE + _GAP)
            for column, each in enumerate(row):
                yield self._machine(each, _MARGIN + column * (width + _GAP), at, width)
        return bottom

    def _machine(self, machine: MachinePlan, left: float, top: float, width: float) -> str:
        held = Shown("will wait", "warn")
        standing = self.states.get(machine.name) or (
            held if machine.not_armed is not None else Shown("will be installed", "info")
        )
        role = "founds the cluster" if machine.role is Role.CREATE else "joins it"
        who = str(machine.macs[0]) if machine.macs else machine.serial or "not yet known"
        lines = (machine.name, str(machine.address), role, who)
        kind = f"machine {_kind(standing)}"
        return _box(left, top, width, _MACHINE, lines, kind, foot=standing.text)

    def _vms(self, top: float) -> Generator[str, None, float]:
        if not self.plan.vms:
            return top
        frame = top + 18
        columns = self.shape.vms
        rows = _rows(self.plan.vms, columns)
        bottom = frame + _HEAD + len(rows) * (_VM + _GAP)
        yield _frame(self.shape, frame, bottom - frame)
        yield _line(self.shape.width / 2, top, self.shape.width / 2, frame)
        yield _words(_MARGIN, frame + 25, self._vms_head(), "head", self._room())
        width = self.shape.box(columns)
        for index, row in enumerate(rows):
            at = frame + _HEAD + index * (_VM + _GAP)
            for column, each in enumerate(row):
                yield self._vm(each, _MARGIN + column * (width + _GAP), at, width)
        return bottom

    def _vms_head(self) -> str:
        cluster = self.plan.cluster
        if cluster is None:
            return "Virtual machines"
        name = {"rke2": "RKE2", "k3s": "K3s"}[cluster.distribution.value]
        return f"Virtual machines · {name} {cluster.version} at {cluster.registration}"

    def _vm(self, vm: VmPlan, left: float, top: float, width: float) -> str:
        standing = self.states.get(vm.name, Shown(""))
        kind = {VmKind.STAGING: "stays", VmKind.PLAIN: "plain"}.get(vm.kind, "member")
        address = str(vm.address) if vm.address else "its own address"
        said = f"{address} · {standing.text}" if standing.text else address
        return _box(left, top, width, _VM, (vm.name, said), f"vm {kind} {_kind(standing)}")

    def _room(self) -> float:
        return self.shape.width - 2 * _MARGIN


def _kind(standing: Shown) -> str:
    return standing.kind if standing.kind in KINDS else KINDS[0]


def _network_text(network: NetworkPlan) -> str:
    tag = "" if network.vlan is None else f", VLAN {network.vlan}"
    return f"network {network.name}, {network.cidr}{tag}"


def _rows(items: Sequence[_T], columns: int) -> list[Sequence[_T]]:
    return [items[start : start + columns] for start in range(0, len(items), columns)]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    name = f"wire {kind}".strip()
    return f'<line class="{name}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def _frame(shape: Shape, top: float, height: float) -> str:
    left, width = _MARGIN / 2, shape.width - _MARGIN
    return (
        f'<rect class="frame" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" '
        'rx="12"/>'
    )


def _box(
    left: float,
    top: float,
    width: float,
    height: float,
    lines: Sequence[str],
    kind: str,
    foot: str = "",
) -> str:
    """A box with its name, lines below it, and how it stands at its foot."""
    whole = ", ".join((*lines, foot) if foot else lines)
    texts = [
        _words(left + 14, top + 24 + index * 20, line, "name" if index == 0 else "", width - 28)
        for index, line in enumerate(lines)
    ]
    if foot:
        texts.append(_words(left + 14, top + height - 11, foot, "standing", width - 28))
    return (
        f'<g class="box {kind}"><title>{escape(whole)}</title>'
        f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="8"/>'
        f"{''.join(texts)}</g>"
    )


def _words(left: float, base: float, text: str, kind: str, room: float) -> str:
    letters = int(room / (_LETTER * (1.12 if kind in ("name", "head") else 1)))
    shown = text if len(text) <= letters else f"{text[: letters - 1]}…"
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{left:g}" y="{base:g}">{escape(shown)}</text>'
