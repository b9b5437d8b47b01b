"""Which DHCP clients are BMCs, by what they say of themselves. Pure: words in, a maker out.

A BMC is no machine to be installed: it is given an address and listed, and boots nothing from
here. Many say nothing that tells them (OpenBMC, AMI MegaRAC, Supermicro: no vendor class of theirs
was found in public); such a one is known by its card, `bmc.mac` in the site file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BmcMark:
    """How one maker's BMCs are told. `read_in` is where that is written; empty: nothing was found.

    `vendor_class` is how option 60 begins; `hostname` is the name that it has by itself (option
    12), as a regular expression for the whole of it, in any case.
    """

    maker: str
    vendor_class: str = ""
    hostname: str = ""
    read_in: str = ""


BMC_MARKS = (
    BmcMark(
        "Dell iDRAC",
        vendor_class="iDRAC",
        read_in="iDRAC9 3.0x User's Guide, DHCP options: 'the iDRAC identifies itself with iDRAC'",
    ),
    BmcMark(
        "Dell iDRAC",
        vendor_class="LifecycleController",
        read_in="Dell Auto-Discovery Network Setup Specification DCIM2003 2.0.0, 7.2 (11G, 12G)",
    ),
    BmcMark(
        "HPE iLO",
        vendor_class="CPQRIB3",
        read_in="github.com/NVIDIA/bare-metal-manager-core, crates/dhcp ('x86 HP iLO BMC'); "
        "a DL360 G6 says 'CPQRIB3 (HP Proliant DL360 G6 iLO)'",
    ),
    BmcMark(
        "NVIDIA BlueField",
        vendor_class="NVIDIA/BF/BMC",
        read_in="github.com/NVIDIA/bare-metal-manager-core, crates/dhcp",
    ),
    BmcMark(
        "Lenovo IMM",
        hostname=r"imm2?-[0-9a-f]{12}",
        read_in="pubs.lenovo.com/x3550-m5-5463, Obtaining the IMM host name: its MAC follows",
    ),
    BmcMark("Lenovo XCC", hostname=r"xcc-[0-9a-z]{4}-[0-9a-z]{6,12}"),
    BmcMark("Dell iDRAC", hostname=r"idrac-[0-9a-z]{5,7}"),
    BmcMark("HPE iLO", hostname=r"ilo[0-9a-z]{10}"),
    BmcMark("Fujitsu iRMC", hostname=r"irmc[0-9a-f]{6}"),
)
"""In the order to look."""


def maker_by_class(vendor_class: str) -> str:
    """Give the maker of the BMC that says this as option 60; empty: it is none that is known."""
    marks = (each for each in BMC_MARKS if each.vendor_class)
    return next((each.maker for each in marks if vendor_class.startswith(each.vendor_class)), "")


def maker_by_name(hostname: str) -> str:
    """Give the maker of the BMC that calls itself so; empty: it is none that is known.

    Weaker than a vendor class: people may name a machine so. It must not be one of the site's.
    """
    name = hostname.partition(".")[0]
    marks = (each for each in BMC_MARKS if each.hostname)
    found = (
        each.maker for each in marks if re.fullmatch(each.hostname, name, re.ASCII | re.IGNORECASE)
    )
    return next(found, "")
