"""What must be right on this laptop and this wire before any machine is armed."""

from __future__ import annotations

import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

from appliance import advice
from appliance.boot.model import ServedFile
from appliance.boot.privileges import Account, boot_account
from appliance.boot.rival import probe
from appliance.errors import PreflightError, RivalDhcpError
from appliance.flow.context import Context, Options
from appliance.paths import SitePaths
from appliance.site.plan import Plan
from appliance.tools.host_clock import synchronised
from appliance.tools.interface import look, refuse_if_managed

_WITHOUT_SERVICES = ("s1", "s2")
_RIVAL_SECONDS = 3.0
_LINK_SECONDS = 8.0
"""Both ends agree on a speed within 2 to 4 s."""
_LINK_PAUSE = 0.2


def refuse_unless_root(
    what: str = "the boot services need root",
    why: str = "they listen on ports 53, 67, 69, 80, 123, 514 and 4011 and set an address",
) -> None:
    """Raise PreflightError unless this process is root's, who may open ports and set addresses."""
    if os.geteuid() != 0:
        raise PreflightError(
            what,
            why=why,
            fix="run the same command with sudo",
        )


def refuse_at_once(options: Options, site_paths: SitePaths) -> None:
    """Raise PreflightError for what a look shows, before a run has written anything.

    A run that ends before its services start needs nothing of it.
    """
    if options.until in _WITHOUT_SERVICES:
        return
    refuse_unless_root()
    refuse_unreachable_state(site_paths)
    refuse_unready_interface(options.interface)


def refuse_unreachable_state(site_paths: SitePaths) -> None:
    """Raise PreflightError if the boot process, which has no rights, cannot reach its folder."""
    account = boot_account()
    for folder in reversed(site_paths.folder.absolute().parents):
        if folder.exists() and not _may_enter(folder, account):
            raise PreflightError(
                f"the boot process cannot reach {site_paths.folder}",
                where=str(folder),
                why=f"it runs as {account.name} and may not enter that folder",
                fix=f"{advice.state_folder()}, or 'chmod o+x {folder}'",
            )


def _may_enter(folder: Path, account: Account) -> bool:
    seen = folder.stat()
    if seen.st_uid == account.uid:
        return bool(seen.st_mode & stat.S_IXUSR)
    return bool(seen.st_mode & (stat.S_IXGRP if seen.st_gid == account.gid else stat.S_IXOTH))


def refuse_unready_interface(name: str) -> None:
    """Raise PreflightError if the interface is missing, without link, or held by another."""
    interface = look(name)
    refuse_if_managed(name)
    if interface.up and not interface.carrier:
        raise _no_link(name)


def refuse_without_link(context: Context) -> None:
    """Raise PreflightError if an interface that was just switched on gets no link in a while."""
    name = context.options.interface
    end = context.clock.monotonic() + _LINK_SECONDS
    while not look(name).carrier:
        if context.clock.monotonic() > end:
            raise _no_link(name)
        time.sleep(_LINK_PAUSE)


def _no_link(name: str) -> PreflightError:
    return PreflightError(
        f"{name} has no link",
        why="nothing is plugged in at the other end, or the switch is off",
        fix="see that both ends of the cable show a light, then run again",
    )


def refuse_rival(context: Context, plan: Plan) -> None:
    """Raise RivalDhcpError if another DHCP server answers, unless proxy mode was chosen."""
    rivals = probe(context.options.interface, _RIVAL_SECONDS)
    if not rivals:
        return
    named = ", ".join(f"{each.address} ({each.mac})" for each in rivals)
    if context.options.proxy:
        context.tell("finding", f"beside the site's own DHCP server {named}: proxy mode")
        return
    raise RivalDhcpError(
        f"another DHCP server answers on {context.options.interface}: {named}",
        why=f"two servers would hand out addresses of {plan.provisioning.cidr}",
        fix=f"unplug or switch it off; or, if it is the site's own, {advice.beside_server()}",
    )


def refuse_doubtful_clock(context: Context, files: tuple[ServedFile, ...]) -> None:
    """Raise PreflightError if the clock is certainly wrong, or nobody can say it is right.

    Machines take their time from this laptop; certificates made with a wrong one are refused
    later. A clock that a time service keeps is believed; else the operator is asked.
    """
    now = context.clock.utc()
    newest = max((Path(each.path).stat().st_mtime for each in files), default=0.0)
    shown = datetime.fromtimestamp(now, UTC).strftime("%A %d %B %Y, %H:%M UTC")
    if now < newest:
        raise PreflightError(
            f"this laptop's clock says {shown}",
            why="that is before files in its own depot were written",
            fix="set date and time (timedatectl set-time), then run again",
        )
    if synchronised():
        return
    if context.options.yes or context.options.clock_is_right:
        context.tell("finding", f"the clock is kept by no time service; taken as right: {shown}")
        return
    if not context.confirm(f"It is {shown}. Is that right?"):
        raise PreflightError(
            f"this laptop's clock says {shown} and nobody confirmed it",
            why="no time service keeps it, and the machines will take their time from it",
            fix="set date and time (timedatectl set-time), then run again; "
            f"{advice.confirm_clock()}",
        )
    context.tell("confirmed", f"the operator confirmed: {shown}")
