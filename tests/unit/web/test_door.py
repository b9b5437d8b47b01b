"""First contact, signing in and out, another password."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.values import Secret
from appliance.web.door import START, inner_path
from appliance.web.guard import FREE_ATTEMPTS
from tests.unit.web.wizard_world import PASSWORD, World

OTHER = "another good password"


def test_first_contact(tmp_path: Path) -> None:
    """From the printed code to the first page, by clicks."""
    world = World(tmp_path)
    client, code = world.client(), world.store.new_code().reveal()
    assert client.get("/").headers["Location"] == "/first"
    assert client.get("/login").headers["Location"] == "/first"
    page = client.get("/first").text
    assert "One-time code" in page
    assert code not in page

    answer = client.post("/first", data={"code": code, "password": PASSWORD, "again": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (303, START)
    assert client.get("/").headers["Location"] == START
    assert client.get("/first").headers["Location"] == "/login"
    assert not any(PASSWORD in line or code in line for line in world.log)


def test_where_the_code_is_depends_on_how_the_wizard_was_started(tmp_path: Path) -> None:
    """A service has no screen: the page says what to type to read it."""
    world = World(tmp_path)
    assert "on the screen where the wizard was started" in world.client().get("/first").text
    object.__setattr__(world.deps, "in_journal", True)
    page = world.client().get("/first").text
    assert "sudo journalctl -u bridgehead-web" in page
    assert "on the screen" not in page


@pytest.mark.parametrize(
    ("changes", "status", "field", "words"),
    [
        ({"code": ""}, 422, "code", "is missing"),
        ({"code": "AAAA-AAAA-AAAA"}, 403, "code", "not the one-time code"),
        ({"password": "brief", "again": "brief"}, 422, "password", "too short"),
        ({"again": "something else"}, 422, "again", "not the same"),
    ],
)
def test_what_is_wrong_at_first_stands_beside_its_field(
    tmp_path: Path, changes: dict[str, str], status: int, field: str, words: str
) -> None:
    """The field is marked and described by the sentence; nothing typed comes back."""
    world = World(tmp_path)
    given = {"code": world.store.new_code().reveal(), "password": PASSWORD, "again": PASSWORD}

    answer = world.client().post("/first", data=given | changes)

    assert answer.status_code == status
    assert f'id="{field}-wrong"' in answer.text
    assert f'aria-describedby="{field}-wrong' in answer.text
    assert answer.text.count('aria-invalid="true"') == 1
    assert words in answer.text
    assert PASSWORD not in answer.text
    assert not world.store.is_set


def test_signing_in_leads_to_where_one_wanted(tmp_path: Path) -> None:
    """The page that was asked for, and only of this wizard."""
    client = World(tmp_path).with_password().client()
    assert 'action="/login?next=/review%3Fx%3D1"' in client.get("/login?next=/review%3Fx%3D1").text

    answer = client.post("/login?next=/review%3Fx%3D1", data={"password": PASSWORD})

    assert answer.headers["Location"] == "/review?x=1"
    assert client.get("/login?next=//evil.example").headers["Location"] == START


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "run",
        "/a\nb",
        "/ä",
    ],
)
def test_no_other_site_is_gone_on_to(wanted: str) -> None:
    """An open door would lend its name to a forger."""
    assert inner_path(wanted) == START


def test_a_wrong_password_is_refused_and_logged(tmp_path: Path) -> None:
    """The log has who, never what."""
    world = World(tmp_path).with_password()

    answer = world.client().post("/login", data={"password": "my other secret"})

    assert answer.status_code == 403
    assert "--reset-password" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert any("127.0.0.1" in line and "not the password" in line for line in world.log)
    assert "my other secret" not in answer.text + "".join(world.log)


def test_guessing_is_slowed_down_and_time_heals(tmp_path: Path) -> None:
    """Even the right password waits its turn."""
    world = World(tmp_path).with_password()
    client = world.client()
    for _ in range(FREE_ATTEMPTS):
        assert client.post("/api/session", json={"password": "wrong"}).status_code == 403

    refused = client.post("/api/session", json={"password": PASSWORD})
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "2"
    assert "wait 2 seconds" in client.post("/login", data={"password": PASSWORD}).text

    world.now += 2
    assert client.post("/api/session", json={"password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("path", ["/api/password/first", "/api/password"])
def test_codes_and_old_passwords_cannot_be_guessed_either(tmp_path: Path, path: str) -> None:
    """One throttle for all three."""
    world = World(tmp_path)
    client = world.client() if path.endswith("first") else world.operator()
    old = {"code": "AAAA-AAAA-AAAA"} if path.endswith("first") else {"current": "wrong"}
    sent = old | {"password": OTHER}

    answers = [client.post(path, json=sent).status_code for _ in range(FREE_ATTEMPTS + 1)]

    assert answers == [403] * FREE_ATTEMPTS + [429]


def test_another_password_keeps_this_browser_and_ends_the_others(tmp_path: Path) -> None:
    """Who changed it goes on."""
    world = World(tmp_path)
    here, there = world.operator(), world.operator()

    answer = here.post("/password", data={"current": PASSWORD, "password": OTHER, "again": OTHER})

    assert answer.status_code == 303
    assert here.get("/password").status_code == 200
    assert there.get("/password").headers["Location"] == "/login?next=/password"
    assert world.store.verify(Secret(OTHER))


def test_a_stranger_changes_no_password(tmp_path: Path) -> None:
    """Though the blueprint is open."""
    world = World(tmp_path).with_password()
    sent = {"current": PASSWORD, "password": OTHER, "again": OTHER}

    assert world.client().post("/api/password", json=sent).status_code == 401
    assert world.client().post("/password", data=sent).headers["Location"].startswith("/login")
    assert world.store.verify(Secret(PASSWORD))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"null", 422),
        (b"{", 400),
        (b'"text"', 422),
        (b'{"password": 7}', 422),
        (b'{"password": ["x"]}', 422),
        (b'{"password": ""}', 422),
        (b'{"password": "x", "more": 1}', 422),
        (b'{"password": "\\ud800"}', 422),
        (b"{}", 422),
        (b"[" * 100_000, 400),
    ],
)
def test_a_call_with_odd_json_is_refused_in_words(tmp_path: Path, body: bytes, status: int) -> None:
    """With the code, never a fault."""
    client = World(tmp_path).with_password().client()

    answer = client.post("/api/session", data=body, content_type="application/json")

    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["code"] == "BH100"


def test_calls_tell_how_things_stand(tmp_path: Path) -> None:
    """A program finds its way in."""
    world = World(tmp_path)
    client, code = world.client(), world.store.new_code().reveal()
    assert client.get("/api/session").json == {"signed_in": False, "password_is_set": False}
    early = client.post("/api/session", json={"password": PASSWORD})
    assert early.status_code == 403
    assert early.json is not None
    assert "/api/password/first" in early.json["fix"]

    client.post("/api/password/first", json={"code": code, "password": PASSWORD})
    assert client.get("/api/session").json == {"signed_in": True, "password_is_set": True}
    again = client.post("/api/password/first", json={"code": code, "password": OTHER})
    assert again.status_code == 403

    assert client.post("/api/session/end").json == {"signed_in": False, "password_is_set": True}
    assert client.get("/api/session").json == {"signed_in": False, "password_is_set": True}


def test_a_reset_at_the_console_shows_the_first_page_again(tmp_path: Path) -> None:
    """For a wizard that is running."""
    world = World(tmp_path)
    client = world.operator()

    code = world.store.reset().reveal()

    assert client.get("/site").headers["Location"].startswith("/login")
    assert client.get("/login").headers["Location"] == "/first"
    done = client.post("/first", data={"code": code, "password": OTHER, "again": OTHER})
    assert done.headers["Location"] == START
