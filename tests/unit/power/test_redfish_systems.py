"""Which of a BMC's systems is the machine; a wrong guess would switch another."""

from __future__ import annotations

import pytest

from appliance.errors import PowerError
from appliance.power.model import Target, Way
from appliance.power.redfish_documents import Document
from appliance.power.redfish_systems import choose_system
from appliance.values import Mac

ROOT = {"Systems": {"@odata.id": "/redfish/v1/Systems"}}
MAC = Mac.parse("52:54:00:00:00:02")


def bmc(*names: str, cards: dict[str, str] | None = None) -> dict[str, Document]:
    """Give the documents of a BMC with these systems."""
    paths = [f"/redfish/v1/Systems/{name}" for name in names]
    documents: dict[str, Document] = {
        "/redfish/v1/Systems": {"Members": [{"@odata.id": path} for path in paths]}
    }
    for name, path in zip(names, paths, strict=True):
        nics = f"{path}/EthernetInterfaces"
        documents[path] = {
            "Id": name,
            "UUID": f"0000-{name}".upper(),
            "EthernetInterfaces": {"@odata.id": nics},
        }
        documents[nics] = {"Members": [{"@odata.id": f"{nics}/1"}]}
        documents[f"{nics}/1"] = {"MACAddress": (cards or {}).get(name, "")}
    return documents


def chosen(documents: dict[str, Document], system: str = "", *macs: Mac) -> str:
    """Choose for a machine."""
    target = Target("hv1", Way.REDFISH, "https://192.0.2.7", system=system, macs=macs)
    return choose_system(ROOT, documents.__getitem__, target)


def test_the_only_one_is_it() -> None:
    """Whatever its network cards are: it may list none."""
    assert chosen(bmc("1")) == "/redfish/v1/Systems/1"
    assert chosen(bmc("1"), "", MAC) == "/redfish/v1/Systems/1"


@pytest.mark.parametrize("name", ["b", "B", "0000-b", "/redfish/v1/Systems/b", "b/"])
def test_it_is_named(name: str) -> None:
    """By Id, UUID or path, in any case."""
    assert chosen(bmc("a", "b"), name) == "/redfish/v1/Systems/b"


def test_two_systems_on_one_bmc() -> None:
    """The one with a network card of the machine; without that nothing is guessed."""
    documents = bmc("a", "b", cards={"a": "52:54:00:00:00:01", "b": "52:54:00:00:00:02"})

    assert chosen(documents, "", MAC) == "/redfish/v1/Systems/b"
    with pytest.raises(PowerError, match="several systems") as caught:
        chosen(documents)
    assert "a, b" in caught.value.why


def test_two_systems_with_one_card() -> None:
    """Both list it: nothing is guessed."""
    documents = bmc("a", "b", cards={"a": str(MAC), "b": str(MAC)})

    with pytest.raises(PowerError) as caught:
        chosen(documents, "", MAC)
    assert "more than one of them" in caught.value.why


def test_a_wrong_name_is_told_with_the_right_ones() -> None:
    """No more than eight of them."""
    with pytest.raises(PowerError, match="no system 'x'") as caught:
        chosen(bmc(*"abcdefghij"), "x")
    assert caught.value.why == "it has a, b, c, d, e, f, g, h and 2 more"


@pytest.mark.parametrize("listed", [{}, {"Members": []}, {"Members": None}])
def test_no_system_at_all(listed: Document) -> None:
    """As of the BMC of a rack."""
    with pytest.raises(PowerError, match="speaks for no system"):
        chosen({"/redfish/v1/Systems": listed})
    with pytest.raises(PowerError, match="speaks for no system"):
        choose_system({}, bmc().__getitem__, Target("hv1", Way.REDFISH, "x"))


def test_a_list_of_systems_without_an_end_is_not_followed() -> None:
    """No more than 64 are asked for."""
    documents = bmc(*(f"s{number}" for number in range(1000)))
    asked: list[str] = []

    def get(path: str) -> Document:
        asked.append(path)
        return documents[path]

    with pytest.raises(PowerError, match="no system 'x'"):
        choose_system(ROOT, get, Target("hv1", Way.REDFISH, "https://192.0.2.7", system="x"))
    assert len(asked) == 65
