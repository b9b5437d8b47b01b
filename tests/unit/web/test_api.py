"""The calls: what the pages do, in JSON, held to their own description."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from appliance.handover.short_code import decode_short_code
from appliance.values import Secret
from appliance.web.models import CALLS, Call
from appliance.web.openapi import document
from appliance.web.runs import Phase, Runs
from tests.unit.web.test_pages_run import TWO, begin, hear, look, reviewed
from tests.unit.web.test_runs import CHILD, wait_for
from tests.unit.web.wizard_world import SITE, Browser, World

DOCUMENT = document(CALLS, version="1")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A wizard with a site, whose runs are harmless."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    program = tmp_path / "child.py"
    program.write_text(CHILD)
    world = World(tmp_path, file)
    runs = Runs(world.deps.paths, "lo", program=(sys.executable, str(program)))
    object.__setattr__(world.deps, "runs", runs)
    return world


@pytest.fixture
def browser(world: World) -> Browser:
    """The operator."""
    return world.operator()


def held(call: Call, status: int, answer: Any) -> None:
    """Hold an answer to the document."""
    operation = DOCUMENT["paths"][call.path][call.method]
    schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole).validate(answer)


def told(answer: TestResponse) -> Any:
    """Read an answer's JSON."""
    return json.loads(answer.text)


def by_name(name: str) -> Call:
    """Give a call."""
    return next(each for each in CALLS if each.name == name)


@pytest.mark.parametrize("name", ["run", "artifacts", "machines", "keys", "done"])
def test_what_is_given_is_as_described(world: World, browser: Browser, name: str) -> None:
    """Before any run, and with all there is to tell."""
    call = by_name(name)
    for _ in range(2):
        answer = browser.get(call.path)
        assert (answer.status_code, answer.content_type) == (200, "application/json")
        held(call, 200, answer.json)
        hear(world, TWO)
        with look(world).writing() as context:
            begin(context.journal, world)
            context.tell("finding", "odd")


def test_the_document_is_given_and_is_json(browser: Browser) -> None:
    """At the address that tools expect."""
    given = told(browser.get("/api/openapi.json"))
    described = json.loads(json.dumps(DOCUMENT["paths"]))
    assert {path: given["paths"].get(path) for path in described} == described
    assert given["openapi"] == "3.1.0"


def test_a_machine_is_approved_pointed_out_and_shown(world: World, browser: Browser) -> None:
    """The same words as the command's."""
    hear(world, TWO)
    said = {"which": str(TWO), "name": "hv2", "disk": "vda"}
    answer = browser.post("/api/machines/approve", json=said)
    assert "hv2" in told(answer)["text"]
    held(by_name("approve"), 200, answer.json)
    assert browser.post("/api/machines/blink", json={"which": "SN-02"}).status_code == 200
    named = {"which": str(TWO), "name": "hv2"}
    assert browser.post("/api/machines/identify", json=named).status_code == 200
    one = browser.get("/api/machines/hv2")
    held(by_name("machine"), 200, one.json)
    assert ["serial", "SN-02"] in told(one)["facts"]
    refused = browser.post("/api/machines/approve", json={**said, "name": "hv1"})
    assert refused.status_code == 422
    held(by_name("approve"), 422, refused.json)


def test_a_run_is_started_and_paused_by_calls(world: World, browser: Browser) -> None:
    """A second start is a conflict that says who holds the site."""
    assert told(browser.post("/api/run/start"))["where"] == "review"
    reviewed(world)
    assert browser.post("/api/run/start").status_code == 200
    try:
        wait_for(lambda: world.deps.runs.now("alpha").phase is Phase.RUNNING)
        again = browser.post("/api/run/start", json={})
        assert (again.status_code, told(again)["code"]) == (409, "BH203")
        world.now += 5
        assert told(browser.get("/api/run"))["phase"] == "running"
    finally:
        assert browser.post("/api/run/pause").status_code == 200
        wait_for(lambda: world.deps.runs.now("alpha").phase is Phase.IDLE)
    paused = browser.post("/api/run/pause")
    assert (paused.status_code, told(paused)["code"]) == (422, "BH100")


def test_a_run_is_cancelled_by_a_call(world: World, browser: Browser) -> None:
    """It ends cleanly, and does not go on before another review."""
    reviewed(world)
    assert browser.post("/api/run/start").status_code == 200
    wait_for(lambda: world.deps.runs.now("alpha").phase is Phase.RUNNING)
    answer = browser.post("/api/run/cancel")
    held(by_name("cancel"), 200, answer.json)
    wait_for(lambda: world.deps.runs.now("alpha").phase is Phase.IDLE)
    world.now += 5
    now = told(browser.get("/api/run"))
    assert (now["reviewed"], now["cancelled"]) == (False, True)
    assert told(browser.post("/api/run/start"))["where"] == "review"
    again = browser.post("/api/run/cancel")
    assert again.status_code == 422
    held(by_name("cancel"), 422, again.json)


def test_a_machine_is_installed_anew_by_a_call(browser: Browser) -> None:
    """With its name typed once more, and in the command's own words."""
    refused = browser.post("/api/machines/reinstall", json={"name": "hv1"})
    assert refused.status_code == 422
    assert "provision reinstall" in told(refused)["fix"]
    answer = browser.post("/api/machines/reinstall", json={"name": "hv1", "erase": "hv1"})
    held(by_name("reinstall"), 200, answer.json)
    assert "hv1 was never installed, and is installed" in told(answer)["text"]


def test_a_site_is_exported_and_wiped_by_calls(world: World, browser: Browser) -> None:
    """The sealed state first; then the laptop keeps nothing of it."""
    with look(world).writing() as context:
        begin(context.journal, world)
    short = browser.post("/api/export", json={"passphrase": "short"})
    assert (short.status_code, told(short)["what"]) == (422, "the passphrase is too short")
    sealed = browser.post("/api/export", json={"passphrase": "five words nobody guesses"})
    assert sealed.content_type == "application/octet-stream"
    assert b"bridgehead-sealed" in sealed.data
    assert told(browser.post("/api/wipe", json={"name": "alpha"}))["where"] == "--unfinished"
    answer = browser.post("/api/wipe", json={"name": "alpha", "unfinished": True})
    held(by_name("wipe"), 200, answer.json)
    assert "overwritten and removed" in told(answer)["text"]
    assert not world.deps.paths.site("alpha").folder.exists()


def test_secrets_go_to_a_post_of_the_operator_alone(world: World, browser: Browser) -> None:
    """Not to a GET, not to a stranger, not to another site's page."""
    with look(world).writing() as context:
        context.vault.put("kubeconfig", Secret("the key"))
    assert browser.get("/api/kubeconfig").status_code == 405
    assert world.client().post("/api/kubeconfig").status_code == 401
    forged = browser.post("/api/kubeconfig", headers={"Sec-Fetch-Site": "cross-site"})
    assert forged.status_code == 403
    assert browser.post("/api/kubeconfig").data == b"the key"
    every = [
        browser.get(each.path).text
        for each in CALLS
        if each.method == "get" and "{" not in each.path and each.name not in ("stream", "sheet")
    ]
    assert not any("the key" in each for each in every)


def test_downloads_are_given_by_calls_too(world: World, browser: Browser) -> None:
    """Support file with its short code, report and sheet."""
    assert browser.post("/api/report").status_code == 422
    assert browser.get("/api/sheet").status_code == 409
    with look(world).writing() as context:
        begin(context.journal, world)
    support = browser.post("/api/support")
    assert support.data.startswith(b"\x1f\x8b")
    code = support.headers["X-Short-Code"]
    assert decode_short_code(code).outcome == "running"
    name = support.headers["Content-Disposition"]
    assert name == f'attachment; filename="support-alpha-{code}.tar.gz"'
    assert browser.post("/api/report").data.startswith(b"<!")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b"null", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b'{"which": "\\ud800", "name": "x"}', "application/json", 422),
        (b'{"which": "\\u0000", "name": "x"}', "application/json", 422),
        (b"[" * 100_000, "application/json", 400),
        (b"x" * (2 << 20), "application/json", 413),
        (b"\xff\xfe", "application/json", 400),
        (b'{"which": "x", "name": "y", "z": NaN}', "application/json", 422),
    ],
)
def test_a_body_that_is_none_is_refused_in_json(
    browser: Browser, body: bytes, kind: str, status: int
) -> None:
    """As documented, with a code; never a fault of ours."""
    answer = browser.post("/api/machines/approve", data=body, content_type=kind)
    assert answer.status_code == status, answer.text
    held(by_name("approve"), status, answer.json)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    call=st.sampled_from([each for each in CALLS if each.name not in ("stream", "start", "fetch")]),
    body=st.one_of(
        st.none(),
        st.dictionaries(
            st.sampled_from(("which", "name", "disk", "role", "erase", "sure", "x")),
            st.one_of(st.text(max_size=20), st.booleans(), st.integers(), st.none()),
        ),
    ),
    which=st.text(min_size=1, max_size=20),
)
def test_no_call_fails_inside_or_answers_what_is_not_described(
    browser: Browser, call: Call, body: dict[str, object] | None, which: str
) -> None:
    """Whatever is sent: an answer of the document, held to its schema where it is JSON."""
    path = call.path.replace("{which}", quote(which, safe=""))
    answer = browser.open(path, method=call.method.upper(), json=body)
    described = DOCUMENT["paths"][call.path][call.method]["responses"]
    assert answer.status_code != 500, answer.text
    if answer.status_code in (301, 308):  # a path of dots or slashes alone is another path
        return
    assert str(answer.status_code) in described, (path, answer.status_code)
    if answer.content_type == "application/json":
        held(call, answer.status_code, json.loads(answer.text))
