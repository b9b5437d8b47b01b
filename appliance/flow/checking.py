"""`provision check`: everything a run would refuse, looked at without changing anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

from appliance.boot.model import ServedFile
from appliance.boot.sockets import open_sockets
from appliance.errors import BridgeheadError
from appliance.flow.context import Confirm, Context, Options
from appliance.flow.looking import Look
from appliance.flow.preflight import (
    refuse_doubtful_clock,
    refuse_rival,
    refuse_unless_root,
    refuse_unreachable_state,
    refuse_unready_interface,
)
from appliance.flow.s2_artifacts import ArtifactsStep
from appliance.flow.session import opened
from appliance.site.plan import Plan
from appliance.tools.interface import choose
from appliance.tools.interface import look as look_interface

_Check = Callable[[], Iterator[str]]


def check_all(look: Look, options: Options, *, confirm: Confirm) -> Iterator[str | BridgeheadError]:
    """Give a line for each thing that is right, and the error of each that is not.

    One that is not keeps none of the others from being looked at. Without an interface in the
    options it is chosen as a run chooses it.
    """
    plan = look.plan
    yield f"site {plan.site_id}: the file is right"
    for machine in plan.machines:
        yield f"{machine.name}: {machine.not_armed or 'armed'}"
    with opened(
        look.site_file, plan.site_id, look.paths, options, confirm=confirm, keep=False
    ) as context:
        files: list[ServedFile] = []
        checks: tuple[_Check, ...] = (
            lambda: _files(context, plan, files),
            lambda: _laptop(context),
            lambda: _clock(context, files),
            lambda: _wire(context, plan),
        )
        for check in checks:
            try:
                yield from check()
            except BridgeheadError as error:
                yield error


def _files(context: Context, plan: Plan, found: list[ServedFile]) -> Iterator[str]:
    found += ArtifactsStep(context).run(plan).value
    yield f"{len(found)} files are there and verified"


def _laptop(context: Context) -> Iterator[str]:
    refuse_unless_root()
    refuse_unreachable_state(context.site_paths)
    yield "this laptop lets the boot services run"


def _clock(context: Context, files: list[ServedFile]) -> Iterator[str]:
    refuse_doubtful_clock(context, tuple(files))
    yield "this laptop's clock is taken as right"


def _wire(context: Context, plan: Plan) -> Iterator[str]:
    name = context.options.interface or choose()
    context.options = replace(context.options, interface=name)
    refuse_unready_interface(name)
    interface = look_interface(name)
    yield f"{name} is there and has link" if interface.up else f"{name} is there, and switched off"
    if os.geteuid() != 0:
        return  # who may not listen was told so
    if interface.up:
        refuse_rival(context, plan)
        yield "no other DHCP server answers"
    else:
        yield "other DHCP servers are looked for by the run, which switches it on"
    bridge = plan.provisioning.bridge
    if bridge not in {each.ip for each in interface.addresses}:
        yield f"the ports are tried by the run, which sets the address {bridge}"
        return
    with ExitStack() as stack:
        for each in open_sockets(name, bridge).values():
            stack.callback(each.close)
    yield "every port is free"
