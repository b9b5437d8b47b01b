"""The calls of the site file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.site.load import load_text
from tests.unit.web.wizard_world import Browser, World

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A wizard with a hand-written file."""
    path = tmp_path / "site.yaml"
    path.write_text(THREE)
    return World(tmp_path, path)


@pytest.fixture
def operator(world: World) -> Browser:
    """A program that has signed in."""
    return world.operator()


def text_of(world: World) -> str:
    """The site file now."""
    assert world.site_file
    return world.site_file.read_text()


def save(operator: Browser, page: str, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Save fields of a page as it is now."""
    digest = operator.get(f"/api/{page}").get_json()["digest"]
    answer = operator.post(f"/api/{page}", json={"digest": digest, "fields": fields})
    found: dict[str, Any] = answer.get_json()
    return answer.status_code, found


def test_fields_are_keys_of_the_file(operator: Browser, world: World) -> None:
    """One is changed, all others stay as they were."""
    form = operator.get("/api/site").get_json()
    assert form["fields"]["networks.main.cidr"] == "10.20.0.0/24"
    assert form["proposed"]["networks.main.bridge"] == "10.20.0.2"
    assert form["problems"] == []

    status, _ = save(operator, "site", {"hypervisor.vip": "10.20.0.9"})
    assert status == 200
    assert text_of(world) == THREE.replace("vip: 10.20.0.10", "vip: 10.20.0.9")


def test_a_refusal_has_the_code_and_every_problem(operator: Browser, world: World) -> None:
    """As the command prints it."""
    status, body = save(operator, "cluster", {"cluster.servers": "2", "staging.cpus": "0"})

    assert (status, body["code"]) == (422, "BH101")
    assert {each["key"] for each in body["problems"]} == {"cluster.servers", "staging.cpus"}
    assert text_of(world) == THREE


def test_a_stale_digest_is_a_conflict(operator: Browser, world: World) -> None:
    """With what changed."""
    digest = operator.get("/api/site").get_json()["digest"]
    assert world.site_file
    world.site_file.write_text(THREE.replace("vip: 10.20.0.10", "vip: 10.20.0.8"))
    answer = operator.post("/api/site", json={"digest": digest, "fields": {"domain": "a.internal"}})

    assert answer.status_code == 409
    assert answer.get_json()["code"] == "BH204"
    assert answer.get_json()["why"] == "hypervisor.vip: 10.20.0.10 → 10.20.0.8"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"fields": {}},
        {"digest": "x", "fields": {"site": 1}},
        {"digest": "x", "fields": [], "more": 1},
        {"digest": "x" * 300, "fields": {}},
        ["site"],
    ],
)
def test_a_body_that_is_not_asked_for_is_refused(operator: Browser, body: object) -> None:
    """And nothing is written."""
    answer = operator.post("/api/site", json=body)

    assert answer.status_code == 422
    assert answer.get_json()["code"] == "BH100"


def test_what_is_judged_is_at_its_field(operator: Browser, world: World) -> None:
    """As a browser asks after each change."""
    fields = {"hypervisor.vip": "10.20.0", "networks.main.dns": "10.20.0.3, x", "+networks": "A_b"}
    problems = operator.post("/api/site/check", json={"fields": fields}).get_json()["problems"]

    assert {each["field"] for each in problems} == {
        "hypervisor.vip",
        "networks.main.dns",
        "+networks",
    }
    assert text_of(world) == THREE


def test_the_review_names_rules_and_erased_disks(operator: Browser) -> None:
    """All that the page shows."""
    review = operator.get("/api/review").get_json()

    assert len(review["digest"]) == 64
    assert all(each["problems"] == [] for each in review["rules"])
    assert [each["machine"] for each in review["erased"]] == ["hv1", "hv2", "hv3"]
    assert review["lost"] == []
    assert review["clock"].split()[0].endswith("day")
    assert isinstance(review["clock_is_kept"], bool)


def test_nothing_is_begun_that_was_not_confirmed(operator: Browser, world: World) -> None:
    """By each name, for the plan that was shown."""
    digest = operator.get("/api/review").get_json()["digest"]
    asked = {"digest": digest, "erase": {"hv1": "hv1"}, "clock": True}
    answer = operator.post("/api/review/start", json=asked)
    assert answer.status_code == 422
    assert answer.get_json()["fix"] == "type hv2; type hv3"

    answer = operator.post("/api/review/start", json={**asked, "digest": "0" * 64})
    assert answer.status_code == 409
    assert world.deps.runs.now("harbour-east").phase == "idle"


def test_the_file_is_given_to_the_octet(operator: Browser) -> None:
    """As an attachment, never as a page."""
    answer = operator.get("/api/site.yaml")

    assert answer.data.decode() == THREE
    assert "attachment" in answer.headers["Content-Disposition"]


def test_ports_are_listed(operator: Browser) -> None:
    """What there is, with link and speed."""
    given = operator.get("/api/ports").get_json()
    assert all({"name", "link", "speed", "chosen"} <= each.keys() for each in given["ports"])
    assert isinstance(given["conflicts"], list)


def test_a_port_is_chosen_for_the_next_run(operator: Browser) -> None:
    """One that is not there is refused."""
    assert operator.post("/api/ports", json={"interface": "gone0"}).status_code == 422
    assert operator.post("/api/ports", json={"interface": ""}).status_code == 200


@pytest.mark.parametrize("path", ["/api/site", "/api/review", "/api/site.yaml", "/api/ports"])
def test_nobody_is_told_anything_before_signing_in(world: World, path: str) -> None:
    """The file may name what a site wants to keep to itself."""
    world.with_password()
    assert world.client().get(path).status_code == 401


hostile = st.one_of(
    st.text(max_size=20),
    st.text(
        st.sampled_from("\x00\x7f\ud800\u2028\ufeff\t\n\r:#'\"{}[]-,&*!|>%@` a.0"), max_size=12
    ),
    st.sampled_from(["../../x", "~", "null", "{}", "[]", "*a", "&a b", "!!python/object:x", "<<"]),
)
names_of_fields = st.sampled_from(
    [
        *("site", "domain", "hypervisor.vip", "hypervisor.ssh_keys", "networks.main.dns"),
        *(
            "networks.main.pool",
            "+networks",
            "+networks.cidr",
            "-networks.vm",
            "+vms",
            "+vms.image",
        ),
        *("+hypervisor.machines", "cluster.rke2", "cluster.servers", "staging.images", "-cluster"),
        *("-vms.relay", "vms.relay.network", "vms.relay.efi", "nonsense"),
    ]
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    page=st.sampled_from(["site", "cluster"]),
    fields=st.dictionaries(names_of_fields, hostile, max_size=3),
)
def test_whatever_is_typed_is_saved_whole_or_refused(
    world: World, operator: Browser, page: str, fields: dict[str, str]
) -> None:
    """Never a fault, never a file that the command cannot read, never a lost remark."""
    assert world.site_file
    world.site_file.write_text(THREE)
    checked = operator.post(f"/api/{page}/check", json={"fields": fields})
    status, _ = save(operator, page, fields)

    assert checked.status_code in (200, 422)
    assert status in (200, 422)
    if status == 422:
        assert text_of(world) == THREE
        assert checked.status_code == 422 or checked.get_json()["problems"]
    else:
        load_text(text_of(world))
        assert checked.get_json()["problems"] == []


def test_a_file_is_opened_by_a_call(operator: Browser, world: World) -> None:
    """As the page does, and in the same words."""
    digest = operator.get("/api/site").get_json()["digest"]
    other = THREE.replace("harbour-east", "harbour-west")
    said = {"digest": digest, "text": other}
    refused = operator.post("/api/site/open", json=said)
    assert (refused.status_code, refused.get_json()["where"]) == (422, "replace")
    wrong = operator.post("/api/site/open", json={**said, "text": "site: [\ud800"})
    assert wrong.status_code == 422
    answer = operator.post("/api/site/open", json={**said, "replace": True})
    assert "is kept as" in answer.get_json()["text"]
    assert text_of(world) == other
