"""`provision reinstall`: a machine is armed once more, where that was agreed to."""

from __future__ import annotations

from appliance import advice
from appliance.errors import InputError
from appliance.flow.choosing import machine_of
from appliance.flow.looking import Look
from appliance.flow.orders import reinstall
from appliance.flow.switching import is_switched


def reinstall_machine(look: Look, name: str, *, agreed: bool) -> str:
    """Have a machine's disk written anew at its next network boot; say so in words.

    Raises InputError for a name that is no machine's or where it was not agreed to, BusyError
    while anybody holds the site.
    """
    machine = machine_of(look.plan, name)
    if not agreed:
        raise InputError(
            f"everything on the disk of {name} would be lost",
            where="erase",
            fix=advice.agree_to_reinstall(str(look.site_file), name),
        )
    with look.writing(exclusive="provision reinstall") as context:
        reinstall(context, name, (machine.disk.path if machine.disk else None) or "")
    if is_switched(machine):
        return f"{name} is installed anew at its next network boot: run, which switches it"
    return f"{name} is installed anew at its next network boot: run, then switch it off and on"
