"""What calls take: JSON that says what it must, and nothing else."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from appliance.web.models import CALLS, ApproveAsked, FetchAsked, IdentifyAsked, StartAsked


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (ApproveAsked, {"which": "a"}),
        (ApproveAsked, {"which": "a", "name": "b", "role": "king"}),
        (ApproveAsked, {"which": "", "name": "b"}),
        (ApproveAsked, {"which": "a" * 257, "name": "b"}),
        (ApproveAsked, {"which": "a", "name": "\ud800"}),
        (ApproveAsked, {"which": "a", "name": "b", "wipe": True}),
        (IdentifyAsked, {"which": "a", "name": "b", "sure": "yes"}),
        (FetchAsked, {"folder": 7}),
        (StartAsked, []),
    ],
)
def test_what_is_not_as_documented_is_refused(kind: type[ApproveAsked], said: object) -> None:
    """An unknown key, a wrong type, too long a text."""
    with pytest.raises(ValidationError):
        kind.model_validate(said)


def test_no_two_calls_have_one_name_or_place() -> None:
    """Names become operations of the document."""
    assert len({each.name for each in CALLS}) == len(CALLS)
    assert len({(each.method, each.path) for each in CALLS}) == len(CALLS)


def test_whatever_changes_or_gives_a_secret_is_a_post() -> None:
    """A link, an image or a browser that looks ahead does nothing."""
    gets = {each.name for each in CALLS if each.method == "get"}
    assert not gets & {"start", "pause", "fetch", "approve", "identify", "blink", "kubeconfig"}
