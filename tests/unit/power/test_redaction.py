"""What a recording of a BMC may not tell."""

from __future__ import annotations

import json

import pytest

from appliance.power.redaction import redacted
from tests.redfish_bmc import RECORDED

SYSTEM = {
    "@odata.id": "/redfish/v1/Systems/7GKX1S2",
    "SerialNumber": "7GKX1S2",
    "SKU": "To be filled by O.E.M.",
    "UUID": "4C4C4544-0045-5810-8041-C5C04F4D504C",
    "HostName": "node7.customer.example",
    "Description": "node7.customer.example of 10.1.2.3, fe80::1:2:3",
    "BiosVersion": "7.10.30.00",
    "Oem": {"Vendor": {"Where": "the bunker"}},
    "Location": {"PostalAddress": {"Street": "Hidden Lane"}},
    "Boot": {"BootSourceOverrideTarget": "Pxe", "BootOrder": ["Boot0001"]},
    "PowerState": "On",
    "Sessions": {"Token": "abcdef"},
    "Password": "hunter2",
    "PasswordSet": True,
    "EthernetInterfaces": [
        {"MACAddress": "AA:BB:CC:DD:EE:01", "Name": "aa-bb-cc-dd-ee-01"},
        {"MACAddress": "AABBCCDDEE02"},
    ],
    "Links": {"Chassis": [{"@odata.id": "/redfish/v1/Chassis/7GKX1S2"}]},
}


def test_nothing_that_names_a_machine_stays() -> None:
    """By key, by form, and wherever else the same value stands."""
    text = json.dumps(redacted({"/redfish/v1/Systems/7GKX1S2": SYSTEM}))

    for told in (
        *("7GKX1S2", "4C4C4544", "node7", "customer", "10.1.2.3", "fe80", "bunker"),
        *("Hidden Lane", "abcdef", "hunter2", "AA:BB", "aa-bb", "AABBCC"),
    ):
        assert told not in text


def test_what_matters_to_a_profile_stays() -> None:
    """Paths fit together, versions are versions, and placeholders are a finding."""
    found = redacted({"/redfish/v1/Systems/7GKX1S2": SYSTEM})
    (path,) = found
    system = found[path]

    assert path == system["@odata.id"] == "/redfish/v1/Systems/EXAMPLE0001"
    assert system["Links"]["Chassis"][0]["@odata.id"] == "/redfish/v1/Chassis/EXAMPLE0001"
    assert (system["BiosVersion"], system["PowerState"]) == ("7.10.30.00", "On")
    assert system["Boot"] == SYSTEM["Boot"]
    assert (system["SKU"], system["PasswordSet"]) == ("To be filled by O.E.M.", True)
    assert system["EthernetInterfaces"][0]["MACAddress"].startswith("52:54:00:00:00:")
    assert system["EthernetInterfaces"][1]["MACAddress"] == "525400000001"


def test_the_same_value_has_the_same_stand_in() -> None:
    """And two values have two."""
    documents = {
        "/a": {"SerialNumber": "SERIAL-A", "UUID": "11111111-1111-1111-1111-111111111111"},
        "/b": {"SerialNumber": "SERIAL-B", "Name": "SERIAL-A"},
    }
    found = redacted(documents)

    assert found["/a"]["SerialNumber"] == found["/b"]["Name"] != found["/b"]["SerialNumber"]


def test_a_host_that_is_called_like_a_path() -> None:
    """Does not tear the tree apart."""
    found = redacted({"/redfish/v1/Systems": {"HostName": "Systems", "Name": "Systems"}})

    assert list(found) == ["/redfish/v1/Systems"]


@pytest.mark.parametrize("vendor", ["dell", "hpe", "supermicro", "lenovo", "ami"])
def test_twice_is_as_once(vendor: str) -> None:
    """A recording that is redacted again fits together still."""
    tree = json.loads((RECORDED / vendor / "tree.json").read_text())
    once = redacted(tree)

    assert len(once) == len(tree)
    assert redacted(once) == once


def test_less_common_forms_are_replaced_too() -> None:
    """Short IPv6 addresses, mail, device paths, servers; Redfish's own keys and times stay."""
    found = redacted(
        {
            "/redfish/v1/Systems/1": {
                "Note": "fd00::1 and 2001:7f8:4::5:77, bob@corp.example at 12:30:45",
                "Path": "PciRoot(0x0)/MAC(0123456789AB,0x0)",
                "NTPServers": ["ntp.corp.example"],
                "PwdHash": "abcd",
                "Members@odata.count": 2,
                "Date": "2024-01-01T12:30:45",
            }
        }
    )["/redfish/v1/Systems/1"]
    assert found == {
        "Note": "2001:db8::1 and 2001:db8::2, person1@example.org at 12:30:45",
        "Path": "PciRoot(0x0)/MAC(525400000001,0x0)",
        "NTPServers": ["EXAMPLE0001"],
        "PwdHash": "removed",
        "Members@odata.count": 2,
        "Date": "2024-01-01T12:30:45",
    }
