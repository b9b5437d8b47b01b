"""Every "no": a page for people, JSON with the same code for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance import advice
from appliance.errors import (
    AccessError,
    BridgeheadError,
    BusyError,
    InputError,
    Problem,
    SiteFileError,
    StepError,
)
from appliance.web.refusals import body_of, status_of
from tests.unit.web.wizard_world import World

PROBLEM = Problem("site.yaml", 3, 7, "site", "is <b>wrong</b>", "say it better")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("no"), 422),
        (SiteFileError((PROBLEM,)), 422),
        (AccessError("no"), 403),
        (BusyError("no"), 409),
        (StepError("no"), 409),
    ],
)
def test_what_the_command_refuses_is_no_fault_of_the_server(
    error: BridgeheadError, status: int
) -> None:
    """What was sent, who sent it, or how things stand: never 5xx."""
    assert int(status_of(error)) == status


def test_a_site_files_problems_are_all_in_the_json() -> None:
    """With the key that each belongs to."""
    body = body_of(SiteFileError((PROBLEM,)))

    assert body["code"] == "BH101"
    assert body["problems"] == [
        {"key": "site", "line": 3, "what": "is <b>wrong</b>", "fix": "say it better"}
    ]


def raising(world: World, error: Exception) -> World:
    """Give the wizard a page and a call that raise."""

    def view() -> str:
        raise error

    world.app.add_url_rule("/raise", "raise", view)
    world.app.add_url_rule("/api/raise", "raise_call", view)
    return world


def test_an_error_is_a_page_and_a_call(tmp_path: Path) -> None:
    """The same sentence; what came from outside is escaped."""
    error = InputError("<script>alert(1)</script>", where="here", fix="type <another>")
    operator = raising(World(tmp_path), error).operator()

    page, call = operator.get("/raise"), operator.get("/api/raise")

    assert page.status_code == call.status_code == 422
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert call.json == error.as_dict()


def test_a_page_says_all_of_an_error_in_its_own_words(tmp_path: Path) -> None:
    """What is wrong and what to do; a program is told what the command says."""
    error = InputError(advice.other_name_typed("hv2", "hv3"), fix=advice.reinstall("hv3"))
    operator = raising(World(tmp_path), error).operator()

    page, call = operator.get("/raise").text, operator.get("/api/raise")

    assert "what was typed is not the name hv3" in page
    assert "“Install anew” on the page of hv3" in page
    assert "--" not in page[page.index('role="alert"') : page.index("</main>")]
    assert call.json == error.as_dict()


def test_a_fault_of_the_wizard_tells_no_more_than_its_kind(tmp_path: Path) -> None:
    """The log has the whole story; the page has no text of the fault, which may be secret."""
    world = raising(World(tmp_path), RuntimeError("hunter2 in a message"))
    operator = world.operator()

    page, call = operator.get("/raise"), operator.get("/api/raise")

    assert page.status_code == call.status_code == 500
    assert "hunter2" not in page.text + call.text
    assert "RuntimeError" in page.text
    assert call.json is not None
    assert call.json["code"] == "BH000"
    assert any("hunter2" in line and "Traceback" in line for line in world.log)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/nowhere", 404),
        ("DELETE", "/api/session", 405),
        ("GET", "/logout", 405),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/static/..%2f..%2fapp.py", 404),
        ("GET", "/static//etc/passwd", 404),
        ("GET", "/static/%00", 404),
    ],
)
def test_what_is_not_there_is_said_in_words(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    """Path tricks included: nothing but the wizard's own files is given."""
    answer = World(tmp_path).operator().open(path, method=method)

    assert answer.status_code == status
    if path.startswith("/api"):
        assert answer.json is not None
        assert set(answer.json) == {"code", "what", "where", "why", "fix"}
    else:
        assert answer.mimetype == "text/html"


@pytest.mark.parametrize("path", ["/login", "/api/session"])
def test_an_oversized_upload_is_refused(tmp_path: Path, path: str) -> None:
    """Before it is read."""
    world = World(tmp_path).with_password()

    answer = world.client().post(
        path, data=b"x" * (1 << 20) + b"y", content_type="application/x-www-form-urlencoded"
    )

    assert answer.status_code == 413
    assert "too large" in answer.text
    assert any("too many" in line for line in world.log)


def test_a_damaged_password_file_is_a_page_too(tmp_path: Path) -> None:
    """Also for a browser that was signed in; nobody is, meanwhile."""
    world = World(tmp_path)
    operator = world.operator()
    world.deps.paths.operator.write_text("{")

    for path in ("/", "/login", "/site", "/api/session"):
        answer = operator.get(path)
        assert answer.status_code == 409
        assert "cannot be read" in answer.text
