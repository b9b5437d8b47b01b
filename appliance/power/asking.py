"""One question to a machine's switch, by its name in `power.tried`."""

from __future__ import annotations

from appliance.power.model import BootFrom, Contact, Inventory, Power, PowerControl
from appliance.power.tried import Act

Outcome = Contact | Power | Inventory | str
"""What came of it; text is for people, and empty where there is nothing to say."""


def ask(control: PowerControl, act: Act, *, place: BootFrom, disc: str) -> Outcome:
    """Ask. `place` is what BOOT_NETWORK sets, `disc` the image that EJECT takes out.

    It may take minutes. Raises PowerError.
    """
    match act:
        case Act.CONTACT:
            return control.contact()
        case Act.INVENTORY:
            return control.inventory()
        case Act.BOOT_NETWORK:
            return control.boot_next(place)
        case Act.BOOT_DISC:
            return control.boot_next(BootFrom.DISC)
        case Act.BOOT_DISK:
            return control.boot_next(BootFrom.DISK)
        case Act.EJECT:
            taken = control.take_out(disc)
            return "it is out of its BMC's drive" if taken else "it was out of its BMC's drive"
        case Act.ON:
            control.on()
            return ""
        case Act.CYCLE:
            control.cycle()
            return ""
        case _:
            return control.power()
