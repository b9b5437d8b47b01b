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
            fix=advice.agree_to_reinstall(str(look.site_file), name),
        )
    with look.writing(exclusive="provision reinstall") as context:
        again = context.proven.get(name).installs > 0
        reinstall(context, name, (machine.disk.path if machine.disk else None) or "")
    words = "is installed anew" if again else "was never installed, and is installed"
    then = "run, which switches it" if is_switched(machine) else "run, then switch it off and on"
    return f"{name} {words} at its next network boot: {then}"
