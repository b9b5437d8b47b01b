"""Documents of which any field may be missing, null or of another type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.power.redfish_documents import (
    Document,
    document_of,
    link,
    links,
    number,
    objects,
    part,
    text,
    texts,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
)


@given(st.dictionaries(st.sampled_from("abc"), JSON))
def test_whatever_is_there_is_read_or_empty(document: Document) -> None:
    """Never an error, and always of the type that was asked for."""
    for keys in (("a",), ("a", "b"), ("a", "b", "c")):
        assert isinstance(text(document, *keys), str)
        assert number(document, *keys) >= 0
        assert isinstance(part(document, *keys), dict)
        assert all(path.startswith("/") for path in links(document, *keys))
        assert all(isinstance(each, str) for each in texts(document, *keys))
        assert all(isinstance(each, dict) for each in objects(document, *keys))
        assert not link(document, *keys) or link(document, *keys).startswith("/")


def test_what_is_meant_is_read() -> None:
    """Numbers as text, with a unit; blanks around; references."""
    document = {
        "size": "32 GiB",
        "serial": "  AB  12 ",
        "part": {"many": [{"@odata.id": "/redfish/v1/Systems/1"}, {"@odata.id": 7}, "x"]},
    }

    assert number(document, "size") == 32
    assert text(document, "serial") == "AB 12"
    assert links(document, "part", "many") == ("/redfish/v1/Systems/1",)
    assert len(objects(document, "part", "many")) == 2


@pytest.mark.parametrize(
    "said", [True, "many", -3, None, [], float("nan"), float("inf"), 2**70, "9" * 400]
)
def test_what_is_no_number_is_none(said: object) -> None:
    """Truth, words, negative and endless numbers."""
    assert number({"n": said}, "n") == 0


def test_no_reference_leads_to_another_host() -> None:
    """Only paths of this BMC are followed."""
    assert link({"a": {"@odata.id": "https://elsewhere.example/redfish"}}, "a") == ""


@pytest.mark.parametrize("loaded", [[], "text", 7, None])
def test_an_answer_that_is_no_object(loaded: object) -> None:
    """Is a ValueError that names what came."""
    with pytest.raises(ValueError, match=type(loaded).__name__):
        document_of(loaded)


def test_what_people_are_shown_has_no_control_codes_and_an_end() -> None:
    """A BMC's words reach terminals, pages and the journal."""
    assert text({"a": "PowerEdge\x1b[2J\ud800 R650"}, "a") == "PowerEdge [2J R650"
    assert len(text({"a": "x" * 5000}, "a")) == 1000
    assert link({"a": {"@odata.id": "/redfish/\x1b[2J"}}, "a") == ""
    assert link({"a": {"@odata.id": "/" + "x" * 5000}}, "a") == ""
