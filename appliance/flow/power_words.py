"""What came of a question to a machine's switch, in words for people. Pure."""

from __future__ import annotations

from appliance import advice
from appliance.errors import PowerError
from appliance.power.decide import Next
from appliance.power.tried import Act, Tried
from appliance.site.plan import MachinePlan

_LONGEST = 200


def done(machine: str, asked: Next, outcome: str) -> str:
    """Say what was done, and why; `outcome` is what the switch says of it."""
    match asked.act:
        case Act.BOOT_NETWORK | Act.BOOT_DISC:
            return f"{asked.words}: its next start is set: {outcome}"
        case Act.BOOT_DISK:
            return f"{asked.words}: its disk is its boot device: {outcome}"
        case Act.EJECT:
            return f"{asked.words}: {outcome}"
        case Act.ON:
            return f"{machine} is switched on: {asked.words}"
        case _:
            return f"{machine} is switched off and on: {asked.words}"


def failed(machine: str, act: Act, tried: Tried) -> str:
    """Say by what it failed, and what follows; `tried` has the failure already."""
    words = tried.error if machine in tried.error else f"{machine}: {tried.error}"
    if tried.barred:
        return words
    if act is Act.BOOT_DISC and tried.disc_refused:
        return f"{words}; it is started without the boot disc"
    if act is Act.EJECT and tried.disc_stuck:
        return f"{words}; it is tried again when the run ends"
    return f"{words}; it is tried again"


def not_understood(machine: MachinePlan, error: BaseException) -> PowerError:
    """Make an answer that nobody thought of an error like the others: it costs no run."""
    return PowerError(
        f"an answer of the BMC of {machine.name} was not understood",
        where=machine.bmc.address,
        why=repr(error)[:_LONGEST],
        fix=advice.send_probe(machine.name),
    )
