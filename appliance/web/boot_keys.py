"""Which key to press at a silent box, by its maker. Pure: words for people.

From the makers' own manuals of their servers and small computers; a firmware may have been set
otherwise, so the menu is named beside the key.
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


BOOT_KEYS = (
    BootKey("Dell PowerEdge", "F12", "F11, One-shot UEFI Boot Menu", "F2, Network Settings, PXE"),
    BootKey("HPE ProLiant", "F12", "F11, Boot Menu", "F9, Network Options, Network Boot"),
    BootKey("Lenovo ThinkSystem", "F12", "F12, One Time Boot", "F1, Network, Network Boot"),
    BootKey("Supermicro", "F12", "F11, Boot Menu", "Del, Advanced, Network, PXE Support"),
    BootKey("Fujitsu PRIMERGY", "F12", "F12, Boot Menu", "F2, Advanced, Network Stack"),
    BootKey("Cisco UCS", "F12", "F6, Boot Menu", "F2, Boot Options"),
    BootKey("ASUS, ASRock", "F8 or F11", "F8 or F11, Boot Menu", "Del or F2, Network Stack"),
    BootKey("Gigabyte, MSI", "F12 or F11", "F12 or F11, Boot Menu", "Del, Network Stack"),
    BootKey("Intel NUC", "F12", "F10, Boot Menu", "F2, Boot, Network Boot"),
    BootKey("another", "F12", "F8, F10, F11, Esc", "Del or F2, Boot, Network or PXE"),
)
"""`once`: straight to the network; `menu`: where to choose it; `setting`: where it is kept."""

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
