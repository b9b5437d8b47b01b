"""`provision check`: everything a run would refuse, looked at without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from appliance.boot.sockets import open_sockets
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
from appliance.tools.interface import look as look_interface


def check_all(look: Look, options: Options, *, confirm: Confirm) -> Iterator[str]:
    """Give a line for each thing that is right. Raises the first that is not."""
    yield f"site {look.plan.site_id}: the file is right"
    for machine in look.plan.machines:
        yield f"{machine.name}: {machine.not_armed or 'armed'}"
    with opened(
        look.site_file, look.plan.site_id, look.paths, options, confirm=confirm, keep=False
    ) as context:
        yield from _check_laptop(context, look)


def _check_laptop(context: Context, look: Look) -> Iterator[str]:
    done = ArtifactsStep(context).run(look.plan)
    yield f"{len(done.value)} files are there and verified"
    refuse_unless_root()
    refuse_unreachable_state(context.site_paths)
    refuse_unready_interface(context.options.interface)
    name = context.options.interface
    on = look_interface(name).up
    yield f"{name} is there and has link" if on else f"{name} is there, and switched off"
    refuse_doubtful_clock(context, done.value)
    if on:
        refuse_rival(context, look.plan)
        yield "no other DHCP server answers"
    else:
        yield "other DHCP servers are looked for by the run, which switches it on"
    bridge = look.plan.provisioning.bridge
    held = {each.ip for each in look_interface(context.options.interface).addresses}
    if bridge not in held:
        yield f"the ports are tried by the run, which sets the address {bridge}"
        return
    with ExitStack() as stack:
        for each in open_sockets(context.options.interface, bridge).values():
            stack.callback(each.close)
    yield "every port is free"
