"""The cookie: what it carries, and when it is good."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.values import Secret
from appliance.web.deps import Listen
from tests.unit.web.wizard_world import PASSWORD, World


def is_in(world: World, cookie: str, name: str = "bridgehead") -> bool:
    """Whether a browser with this cookie is the operator."""
    client = world.app.test_client(use_cookies=False)
    headers = {"Cookie": f"{name}={cookie}", "Host": "127.0.0.1"}
    answer = client.get("/api/session", headers=headers)
    return bool(answer.json["signed_in"]) if answer.json else False


def cookie_of(world: World) -> str:
    """Sign in; give the cookie's value."""
    cookie = world.operator().get_cookie("bridgehead", "127.0.0.1")
    assert cookie is not None
    return cookie.value


def test_the_cookie_is_for_this_site_alone(tmp_path: Path) -> None:
    """No script reads it, no other site sends it."""
    world = World(tmp_path).with_password()

    answer = world.client().post("/login", data={"password": PASSWORD})

    said = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(said.split("; "))
    assert "Secure" not in said
    assert PASSWORD not in said


def test_by_tls_it_is_never_sent_in_the_clear(tmp_path: Path) -> None:
    """And its name lets no neighbour set it (RFC 6265bis, __Host-)."""
    world = World(tmp_path, listen=Listen("192.0.2.1", 8421)).with_password()

    said = world.client().post("/login", data={"password": PASSWORD}).headers["Set-Cookie"]

    assert said.startswith("__Host-bridgehead=")
    assert "Secure" in said.split("; ")
    assert "Domain" not in said


def test_a_restart_ends_no_session(tmp_path: Path) -> None:
    """The page that was open goes on."""
    cookie = cookie_of(World(tmp_path))

    assert is_in(World(tmp_path), cookie)


def test_a_clock_that_is_set_ends_no_session(tmp_path: Path) -> None:
    """The wizard's own first page has the clock put right."""
    world = World(tmp_path)
    cookie = cookie_of(world)

    world.now -= 10 * 365 * 24 * 3600

    assert is_in(world, cookie)


def test_another_password_ends_every_session(tmp_path: Path) -> None:
    """Also a reset at the console."""
    world = World(tmp_path)
    cookie = cookie_of(world)
    world.store.change(Secret(PASSWORD), Secret("another good password"))
    assert not is_in(world, cookie)

    world.store.reset()
    assert not is_in(world, cookie)


@pytest.mark.parametrize("how", ["cut", "changed", "other key", "empty", "not text"])
def test_a_forged_cookie_is_worth_nothing(tmp_path: Path, how: str) -> None:
    """Whatever was done to it."""
    world = World(tmp_path / "one")
    cookie = cookie_of(world)
    forged = {
        "cut": cookie[:-1],
        "changed": ("A" if cookie[0] != "A" else "B") + cookie[1:],
        "other key": cookie_of(World(tmp_path / "two")),
        "empty": "",
        "not text": "MQ." + cookie.partition(".")[2],
    }[how]

    assert is_in(world, cookie)
    assert not is_in(world, forged)


def test_signing_out_has_the_browser_forget(tmp_path: Path) -> None:
    """The cookie is gone from it."""
    client = World(tmp_path).operator()

    client.post("/logout")

    assert client.get_cookie("bridgehead", "127.0.0.1") is None
    assert client.get("/password").headers["Location"].startswith("/login")
