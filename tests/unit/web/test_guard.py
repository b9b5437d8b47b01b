"""The guard: names, origins, headers, and how soon a password may be tried again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.web.deps import Listen
from appliance.web.guard import (
    FORGIVEN_AFTER,
    FREE_ATTEMPTS,
    LONGEST_WAIT,
    REMEMBERED,
    LoginThrottle,
    host_is_allowed,
    is_forged,
)
from tests.unit.web.wizard_world import PASSWORD, Browser, World

LOOPBACK = Listen("127.0.0.1", 8421)
ONE = Listen("192.0.2.5", 8421, ("192.0.2.5", "bridge", "bridge.local"))
ALL = Listen("0.0.0.0", 8421, ("192.0.2.5", "bridge", "bridge.local"))


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        (LOOPBACK, "127.0.0.1:8421"),
        (LOOPBACK, "localhost:8421"),
        (LOOPBACK, "LocalHost.:9000"),
        (LOOPBACK, "[::1]:8421"),
        (LOOPBACK, "localhost"),
        (ONE, "192.0.2.5:8421"),
        (ONE, "bridge.local:8421"),
        (ALL, "bridge"),
        (ALL, "localhost:1"),
        (ALL, "198.51.100.7:8421"),
        (ALL, "[2001:db8::1]:8421"),
    ],
)
def test_the_laptops_own_names_are_taken(listen: Listen, host: str) -> None:
    """At any port: a tunnel ends at another one. An address was never rebound from a name."""
    assert host_is_allowed(host, listen)


@pytest.mark.parametrize("listen", [LOOPBACK, ONE, ALL])
@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8421",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8421",
        "evil.example@127.0.0.1",
        "127.0.0.1:8421@evil.example",
        "127.0.0.1/evil",
        "127.0.0.1\\.evil.example",
        "127.0.0.1:port",
        "127.0.0.1:99999",
        "[::1",
        ":8421",
        "127.0.0.1, evil.example",
        "http://127.0.0.1",
    ],
)
def test_no_other_name_is_taken(listen: Listen, host: str) -> None:
    """DNS rebinding calls the laptop by the attacker's name."""
    assert not host_is_allowed(host, listen)


def test_an_address_that_is_not_listened_on_is_refused() -> None:
    """Where one address was asked for."""
    assert not host_is_allowed("198.51.100.7", ONE)
    assert not host_is_allowed("198.51.100.7", LOOPBACK)


@pytest.mark.parametrize(
    ("site", "origin", "forged"),
    [
        ("same-origin", "http://127.0.0.1:8421", False),
        ("none", None, False),
        ("same-site", "http://127.0.0.1:9999", True),
        ("cross-site", "https://evil.example", True),
        ("cross-site", "http://127.0.0.1:8421", True),
        ("", None, True),
        (None, None, False),
        (None, "http://127.0.0.1:8421", False),
        (None, "http://127.0.0.1:9999", True),
        (None, "https://evil.example", True),
        (None, "null", True),
        (None, "", True),
        (None, "http://[", True),
    ],
)
def test_a_post_of_another_site_is_known(
    site: str | None, origin: str | None, *, forged: bool
) -> None:
    """By the browser's own word, else by the origin; a program says neither."""
    assert is_forged("POST", site, origin, "127.0.0.1:8421") is forged
    assert is_forged("DELETE", site, origin, "127.0.0.1:8421") is forged
    assert not is_forged("GET", site, origin, "127.0.0.1:8421")


def test_an_origin_matches_no_missing_host() -> None:
    """Two empty texts are not the same site."""
    assert is_forged("POST", None, "file://", "")


# ---------------------------------------------------------------- the app behind it


@pytest.mark.parametrize(
    "path", ["/", "/login", "/site", "/api/session", "/static/style.css", "/x"]
)
def test_a_forged_host_sees_nothing(tmp_path: Path, path: str) -> None:
    """Not even the door; the refusal is logged, and repeats no control code."""
    site = tmp_path / "secret-name.yaml"
    world = World(tmp_path, site_file=site)

    answer = world.operator().get(path, headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert "secret-name" not in answer.text
    assert "http://127.0.0.1:8421/" in answer.text
    assert any("evil.example" in line for line in world.log)
    assert "\x1b" not in "".join(world.log)


def test_a_cross_site_post_changes_nothing(tmp_path: Path) -> None:
    """Though the browser is the operator's."""
    world = World(tmp_path)
    operator = world.operator()

    answer = operator.post(
        "/password",
        data={"current": PASSWORD, "password": "stolen by a page", "again": "stolen by a page"},
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    )

    assert answer.status_code == 403
    assert any("evil.example" in line for line in world.log)
    assert operator.get("/api/session").json == {"signed_in": True, "password_is_set": True}


def test_no_post_of_any_part_is_taken_from_a_stranger_or_another_sites_page(
    world: World, browser: Browser
) -> None:
    """Whatever was added since: each is asked for who it is, and where it comes from."""
    paths = {
        re.sub(r"<[^>]+>", "hv1", rule.rule): rule.endpoint.partition(".")[0]
        for rule in world.app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    }
    assert {"/done/wipe", "/site/open", "/machines/hv1/reinstall", "/api/wipe"} <= paths.keys()
    stranger = world.client()
    for path, part in paths.items():
        forged = browser.post(path, headers={"Sec-Fetch-Site": "cross-site"})
        assert forged.status_code == 403, path
        if part != "door":
            asked = stranger.post(path)
            assert asked.status_code == (401 if path.startswith("/api/") else 303), path
            assert "/login" in asked.headers.get("Location", "/login"), path
    assert not world.deps.paths.site("alpha").folder.exists()


def test_nobody_is_signed_in_at_first(tmp_path: Path) -> None:
    """A page leads to the door and back again; a call is told 401 in JSON."""
    client = World(tmp_path).with_password().client()

    page = client.get("/site?open=hv1")
    call = client.get("/api/anything")
    post = client.post("/site", data={"site": "alpha"})

    assert page.status_code == 303
    assert page.headers["Location"] == "/login?next=/site%3Fopen%3Dhv1"
    assert call.status_code == 401
    assert call.json is not None
    assert call.json["code"] == "BH700"
    assert post.headers["Location"] == "/login?next=/"


@pytest.mark.parametrize("path", ["/", "/login", "/first", "/nowhere", "/api/x", "/static/live.js"])
def test_every_answer_carries_the_headers(tmp_path: Path, path: str) -> None:
    """Also refusals and files."""
    answer = World(tmp_path).client().get(path)
    answer.close()

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    stored = "no-cache" if path.startswith("/static/") else "no-store"
    assert answer.headers["Cache-Control"] == stored


# ---------------------------------------------------------------- the throttle


def tries(throttle: LoginThrottle, client: str, count: int, now: float = 0.0) -> list[float]:
    """Begin several attempts at one moment."""
    return [throttle.begin(client, now) for _ in range(count)]


def test_the_first_attempts_are_free_then_each_waits_longer() -> None:
    """Twice as long each time, five minutes at most."""
    throttle, now, waits = LoginThrottle(), 0.0, []
    assert tries(throttle, "a", FREE_ATTEMPTS) == [0.0] * FREE_ATTEMPTS
    for _ in range(12):
        wait = throttle.begin("a", now)
        waits.append(wait)
        now += wait
        assert throttle.begin("a", now) == 0.0

    assert waits[:4] == [2.0, 4.0, 8.0, 16.0]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


def test_many_at_once_gain_nothing() -> None:
    """An attempt counts when it begins, not when it has failed."""
    assert sum(not wait for wait in tries(LoginThrottle(), "a", 100)) == FREE_ATTEMPTS


def test_others_need_not_wait() -> None:
    """A stranger on the switch does not lock the operator out."""
    throttle = LoginThrottle()
    tries(throttle, "192.0.2.9", 50)

    assert throttle.begin("127.0.0.1", 0.0) == 0.0


def test_who_knows_the_password_begins_anew() -> None:
    """And so does who has stayed away for an hour."""
    throttle = LoginThrottle()
    tries(throttle, "a", FREE_ATTEMPTS)
    throttle.succeeded("a")
    assert tries(throttle, "a", FREE_ATTEMPTS + 1)[-1] > 0

    assert tries(throttle, "a", FREE_ATTEMPTS, FORGIVEN_AFTER + 1)[-1] == 0.0


def test_an_ipv6_network_is_one_client() -> None:
    """Its holder has 2^64 addresses to try from; a mapped IPv4 address is that address."""
    throttle = LoginThrottle()
    tries(throttle, "2001:db8::1", FREE_ATTEMPTS)
    tries(throttle, "::ffff:192.0.2.1", FREE_ATTEMPTS)

    assert throttle.begin("2001:db8::2", 0.0) > 0
    assert throttle.begin("2001:db8:0:1::2", 0.0) == 0.0
    assert throttle.begin("192.0.2.1", 0.0) > 0
    assert throttle.begin("192.0.2.2", 0.0) == 0.0


def test_what_is_remembered_is_bounded() -> None:
    """Oldest first."""
    throttle = LoginThrottle()
    for number in range(5 * REMEMBERED):
        throttle.begin(f"client-{number}", float(number))

    assert len(throttle._of) == REMEMBERED
