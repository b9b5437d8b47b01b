"""Refusals as Status objects."""

from __future__ import annotations

from appliance.lab.harvester_sim import refusals
from appliance.lab.harvester_sim.kinds import IMAGE, SECRET


def test_a_refusal_is_a_status_object() -> None:
    """Clients compare code and reason, people read the message."""
    status = refusals.not_found(IMAGE, "a").as_status()
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", 404)
    assert status["reason"] == "NotFound"
    assert status["message"] == 'virtualmachineimages.harvesterhci.io "a" not found'
    assert status["details"] == {
        "name": "a",
        "group": "harvesterhci.io",
        "kind": "virtualmachineimages",
    }


def test_each_refusal_has_the_code_of_the_real_one() -> None:
    """So that a client which tells them apart can be tested."""
    codes = {
        refusals.exists(SECRET, "a").reason: 409,
        refusals.conflict(SECRET, "a").reason: 409,
        refusals.invalid(SECRET, "a", "spec", "no").reason: 422,
        refusals.unauthorized().reason: 401,
        refusals.no_such_method("PUT").reason: 405,
        refusals.unsupported_media("x").reason: 415,
        refusals.gone(1, 2).reason: 410,
        refusals.no_such_path("/x").reason: 404,
        refusals.bad_request("x").reason: 400,
    }
    assert codes == {
        "AlreadyExists": 409,
        "Conflict": 409,
        "Invalid": 422,
        "Unauthorized": 401,
        "MethodNotAllowed": 405,
        "UnsupportedMediaType": 415,
        "Expired": 410,
        "NotFound": 404,
        "BadRequest": 400,
    }
    assert refusals.denied("w", "no").message == 'admission webhook "w" denied the request: no'
    assert refusals.success(SECRET, "a", "u")["status"] == "Success"
