"""Site files whose machines have BMCs, for the tests of power."""

from __future__ import annotations

from tests.redfish_bmc import system_of


def bmc_site(
    address: str, *, bmcs: int = 1, nics: int = 0, user: str = "admin", way: str = "redfish"
) -> str:
    """Give a site of so many machines with a BMC at this address, and one for hands after them.

    Of several behind one Redfish service each says which system it is. `nics`: so many cards are
    expected of the first.
    """
    lines = ["site: alpha", "hypervisor:", "  harvester: v1.8.2", "  machines:"]
    for number in range(1, bmcs + 1):
        system = f", system: {system_of(number)}" if way == "redfish" else ""
        lines += [
            f"    hv{number}:",
            f'      mac: "52:54:00:00:00:{number:02x}"',
            f"      disk: /dev/disk/by-id/virtio-{number:02}",
            *([f"      expect: {{nics: {nics}}}"] if nics and number == 1 else ()),
            f'      bmc: {{type: {way}, address: "{address}", user: {user}{system}}}',
        ]
    last, disk = bmcs + 1, f"/dev/disk/by-id/virtio-{bmcs + 1:02}"
    lines.append(f'    hv{last}: {{mac: "52:54:00:00:00:{last:02x}", disk: {disk}}}')
    return "\n".join(lines) + "\n"
