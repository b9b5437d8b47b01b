"""What the calls of the door take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.web.door_models import DOOR_CALLS, ChangePasswordAsked, SignInAsked
from tests.unit.web.wizard_world import World


def test_no_password_is_shown_by_accident() -> None:
    """In a traceback, say."""
    asked = ChangePasswordAsked(current="a secret here", password="another secret")

    assert "secret" not in repr(asked)
    assert "secret" not in str(asked)


@pytest.mark.parametrize("said", [{}, {"password": ""}, {"password": "x" * 257}, {"password": 1}])
def test_what_is_no_password_is_refused(said: dict[str, object]) -> None:
    """Before anything is hashed."""
    with pytest.raises(ValidationError):
        SignInAsked.model_validate(said)


def test_each_call_is_there_once() -> None:
    """By its path and by its name."""
    assert len({(call.method, call.path) for call in DOOR_CALLS}) == len(DOOR_CALLS)
    assert len({call.name for call in DOOR_CALLS}) == len(DOOR_CALLS)


def test_every_call_of_the_app_is_in_its_handbook(tmp_path: Path) -> None:
    """Whichever part it belongs to, and nothing that is not there."""
    world = World(tmp_path)
    rules = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in world.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    document = world.operator().get("/api/openapi.json").json
    assert document is not None

    told = {(method, path) for path, calls in document["paths"].items() for method in calls}

    assert rules == told
    assert document["paths"]["/api/session"]["post"]["security"] == []
    assert "429" in document["paths"]["/api/session"]["post"]["responses"]
