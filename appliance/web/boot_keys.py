"""Which key to press at a silent box, by its maker. Pure: words for people.

Collected from what is commonly written, not from each maker's manuals: they were not all at hand.
`read_in` names what a line was compared with, and which keys that bears out; where it is empty
nothing was found. A firmware may have been set otherwise, and its own first screen is right where
it says something else, so the menu is named beside the key.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BootKey:
    """How a maker's machine is told to boot from the network, once and for good."""

    vendor: str
    once: str
    menu: str
    setting: str
    read_in: str = ""


BOOT_KEYS = (
    BootKey(
        *("Dell PowerEdge", "F12", "F11, One-shot UEFI Boot Menu", "F2, Network Settings, PXE"),
        "F2: Dell EMC, Configuring server boot options on 14th generation PowerEdge servers, 3.5.1",
    ),
    BootKey(
        *("HPE ProLiant", "F12", "F11, Boot Menu", "F9, Network Options, Network Boot"),
        "F9, F11, F12: github.com/jarpoole/hp-dl180-g6-rackmount-server (one model, by its owner)",
    ),
    BootKey(
        *("Lenovo ThinkSystem", "F12", "F12, One Time Boot", "F1, Network, Network Boot"),
        "F12: Lenovo System x3250 M4 Installation and Service Guide; F1: Lenovo Press LP1725",
    ),
    BootKey(
        *("Supermicro", "F12", "F11, Boot Menu", "Del, Advanced, Network, PXE Support"),
        "Del, F11, F12: ahelpme.com/tag/uefi-bios, of an X10SLH-F (by its owner)",
    ),
    BootKey("Fujitsu PRIMERGY", "F12", "F12, Boot Menu", "F2, Advanced, Network Stack"),
    BootKey("Cisco UCS", "F12", "F6, Boot Menu", "F2, Boot Options"),
    BootKey(
        *("ASUS, ASRock", "F8 or F11", "F8 or F11, Boot Menu", "Del or F2, Network Stack"),
        "F8, F11, Del, F2: 5kw.dk/Hobby/pc_stuff/bios.htm (a list by an amateur)",
    ),
    BootKey(
        *("Gigabyte, MSI", "F12 or F11", "F12 or F11, Boot Menu", "Del, Network Stack"),
        "F12, F11, Del: 5kw.dk/Hobby/pc_stuff/bios.htm (a list by an amateur)",
    ),
    BootKey(
        *("Intel NUC", "F12", "F10, Boot Menu", "F2, Boot, Network Boot"),
        "F2, F10: the first screen of a D54250WYK, communities.intel.com/thread/55045",
    ),
    BootKey("another", "F12", "F8, F10, F11, Esc", "Del or F2, Boot, Network or PXE"),
)
"""`once`: straight to the network, or where it is the key of `menu`, to the choice of it.

`setting`: where it is kept. Cisco's and Fujitsu's lines are borne out by nothing that was found.
"""

_KNOWN = {
    "dell": "Dell PowerEdge",
    "hewlett": "HPE ProLiant",
    "hpe": "HPE ProLiant",
    "lenovo": "Lenovo ThinkSystem",
    "supermicro": "Supermicro",
    "super micro": "Supermicro",
    "fujitsu": "Fujitsu PRIMERGY",
    "cisco": "Cisco UCS",
    "asus": "ASUS, ASRock",
    "asrock": "ASUS, ASRock",
    "gigabyte": "Gigabyte, MSI",
    "micro-star": "Gigabyte, MSI",
    "intel": "Intel NUC",
}


def boot_key(vendor: str) -> BootKey:
    """Give the line for a maker as its machine names it; for an unknown one, what is common."""
    said = vendor.casefold()
    known = next((name for part, name in _KNOWN.items() if part in said), "another")
    return next(each for each in BOOT_KEYS if each.vendor == known)
