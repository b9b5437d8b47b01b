"""The line to a BMC: addresses, limits, what sushy is shown. Its certificates: test_redfish.py."""

from __future__ import annotations

import pytest

from appliance.power.model import Target, Way
from appliance.power.redfish_line import BmcAddress, Patience, acting_part, conversation
from appliance.values import Secret
from tests.redfish_bmc import Bmc, serving


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("192.0.2.7", "https://192.0.2.7:443"),
        ("bmc.example:8443", "https://bmc.example:8443"),
        ("https://bmc.example/", "https://bmc.example:443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://192.0.2.7", "http://192.0.2.7:80"),
        ("2001:db8::7", "https://[2001:db8::7]:443"),
        ("[2001:db8::7]:8443", "https://[2001:db8::7]:8443"),
        ("BMC.Example", "https://bmc.example:443"),
        ("bücher.example", "https://xn--bcher-kva.example:443"),
    ],
)
def test_addresses(written: str, url: str) -> None:
    """HTTPS, unless http:// is written."""
    address = BmcAddress.parse(written)

    assert address.url == url
    assert address.secure is url.startswith("https")


def test_an_address_may_name_its_system() -> None:
    """As other provisioners write it."""
    named = BmcAddress.parse("https://192.0.2.7/redfish/v1/Systems/1/")

    assert (named.url, named.system) == ("https://192.0.2.7:443", "/redfish/v1/Systems/1")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("ftp://bmc", "neither"),
        ("https://root:secret@bmc", "do not belong"),
        ("https://", "no host"),
        ("", "no host"),
        ("bmc:port", "port"),
        ("bmc:99999", "ort"),
    ],
)
def test_what_is_no_address(written: str, reason: str) -> None:
    """The reason is named, a password in it is not."""
    with pytest.raises(ValueError, match=reason) as caught:
        BmcAddress.parse(written)
    assert "secret" not in str(caught.value)


def test_no_other_host_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to elsewhere is not followed, and no proxy of the environment is asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    bmc, other = Bmc.recorded("dell"), Bmc.recorded("dell")
    bmc.login = ("root", "secret")
    target = Target("hv1", Way.REDFISH, "", "root", Secret("secret"))
    with serving(bmc) as url, serving(other) as elsewhere:
        address = BmcAddress.parse(url)
        with conversation(target, address, None, Patience()) as talk:
            assert talk.document("/redfish/v1/Systems")["Members"]
            with pytest.raises(Exception, match="No connection adapters"):
                talk.document(f"{elsewhere}/redfish/v1/Systems")

    assert other.asked == []


def test_https_needs_a_certificate_to_compare_with() -> None:
    """Nothing is connected to without."""
    target = Target("hv1", Way.REDFISH, "")
    address = BmcAddress.parse("https://127.0.0.1:1")

    with (
        pytest.raises(ValueError, match="no certificate"),
        conversation(target, address, None, Patience()),
    ):
        pass


def test_an_answer_that_is_too_long() -> None:
    """Is read no further than 8 MiB."""
    bmc = Bmc.recorded("dell")
    bmc.tree["/redfish/v1/Long"] = {"a": "x" * (9 << 20)}
    target = Target("hv1", Way.REDFISH, "")
    with (
        serving(bmc) as url,
        conversation(target, BmcAddress.parse(url), None, Patience()) as talk,
        pytest.raises(ValueError, match="longer than 8 MiB"),
    ):
        talk.document("/redfish/v1/Long")


def test_sushy_sees_only_what_it_needs() -> None:
    """Each of the right type; what is null keeps its place, for sushy writes where it is shown."""
    system = {
        "Id": 7,
        "Manufacturer": "Dell Inc.",
        "MemorySummary": {"TotalSystemMemoryGiB": "much"},
        "BootProgress": {"LastStateTime": "never"},
        "Boot": {
            "BootSourceOverrideTarget": None,
            "BootSourceOverrideEnabled": ["Once"],
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["Pxe", None, 7],
        },
        "Actions": {"#ComputerSystem.Reset": {"target": "/x", "ResetType": 7}},
        "@Redfish.Settings": {"SettingsObject": {"@odata.id": "/s"}, "Messages": "none"},
    }

    assert acting_part(system) == {
        "Id": "",
        "Manufacturer": "Dell Inc.",
        "Boot": {
            "BootSourceOverrideEnabled": None,
            "BootSourceOverrideTarget": None,
            "BootSourceOverrideTarget@Redfish.AllowableValues": ["Pxe"],
        },
        "@Redfish.Settings": {"SettingsObject": {"@odata.id": "/s"}},
        "Actions": {"#ComputerSystem.Reset": {"target": "/x"}},
    }
    assert acting_part({"Boot": [], "Actions": 7}) == {"Id": ""}
