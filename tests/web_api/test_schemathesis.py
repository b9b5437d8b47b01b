"""Schemathesis asks the wizard's own server, by the handbook that it serves of itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.tools.clock import Clock
from appliance.values import Secret
from appliance.web.api import ALL_CALLS
from appliance.web.app import make_app
from appliance.web.deps import Listen
from appliance.web.runs import Runs
from appliance.web.server import open_socket, serving
from tests.unit.web.test_pages_run import begin, look, reviewed
from tests.unit.web.wizard_world import PASSWORD, SITE, World

ALL = ALL_CALLS
HANDBOOK = "openapi"
"""The call that gives the document: Schemathesis reads it, and does not ask for it once more."""
NAMES = [call.name for call in ALL if call.name != HANDBOOK]
STREAM = "stream"
CAN_BE_WRONG = [call.name for call in ALL if call.takes is not None or call.name == STREAM]
"""Calls of which something can be asked that the handbook forbids."""
WAYS = [
    *((name, GenerationMode.POSITIVE) for name in NAMES),
    *((name, GenerationMode.NEGATIVE) for name in CAN_BE_WRONG),
]
EXAMPLES = 12
"""Of each call and each way. The whole of it stays under a minute."""
PATIENCE = 20.0
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Asker:
    """One server on loopback, its handbook, and the cookie of who is signed in."""

    def __init__(self, port: int, cookie: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Cookie": cookie}
        self.schema: BaseSchema = schemathesis.openapi.from_url(
            f"{self.url}/api/openapi.json", headers=self.headers
        )

    def operations(self) -> dict[str, APIOperation[Any, Any, Any, Any]]:
        """Give the calls by their names."""
        found = {}
        for each in self.schema.get_all_operations():
            assert isinstance(each, Ok), each
            operation = each.ok()
            found[operation.definition.raw["operationId"]] = operation
        return found

    def ask(self, case: Case[Any], headers: dict[str, str]) -> None:
        """Ask once; raise where the answer is none that the handbook has."""
        answer = case.call(base_url=self.url, headers=headers, timeout=PATIENCE)
        case.validate_response(answer, checks=CHECKS)

    def listen(self, case: Case[Any], headers: dict[str, str]) -> None:
        """Ask for a stream, which goes on for minutes: its head is looked at, then it is left."""
        sent = case.as_transport_kwargs(base_url=self.url, headers=headers)
        with requests.request(**sent, stream=True, timeout=PATIENCE) as answer:
            documented = case.operation.definition.raw["responses"][str(answer.status_code)]
            assert answer.status_code in {200, 401, 403, 422, 503}, answer.text
            kind = answer.headers["Content-Type"].partition(";")[0]
            assert kind in documented["content"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A wizard whose site was run before. What it starts is a stand-in that ends soon."""
    folder = tmp_path_factory.mktemp("wizard")
    file = folder / "site.yaml"
    file.write_text(SITE)
    world = World(folder, file)
    shell = shutil.which("sh") or "/bin/sh"
    runs = Runs(world.deps.paths, "lo", program=(shell, "-c", "exec sleep 0.2"))
    # Streams live by the clock: one that stands still would keep them for ever.
    world.deps = replace(world.deps, runs=runs, clock=Clock.of_this_machine())
    world.app = make_app(world.deps)
    with look(world).writing() as context:
        begin(context.journal, world)
        context.vault.put("kubeconfig", Secret("apiVersion: v1\n"))
    reviewed(world)
    return world


@pytest.fixture(scope="module")
def asker(world: World) -> Iterator[Asker]:
    """The world's wizard on its own server, asked by its operator."""
    world.with_password()
    opened = open_socket(Listen("127.0.0.1", 0))
    port = opened.getsockname()[1]
    with serving(opened, world.app, None, Clock.of_this_machine(), world.log.append):
        said = {"password": PASSWORD}
        answer = requests.post(f"http://127.0.0.1:{port}/api/session", json=said, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        yield Asker(port, f"bridgehead={answer.cookies['bridgehead']}")


def test_the_handbook_has_every_call(asker: Asker) -> None:
    """What is asked below is all there is."""
    assert sorted(asker.operations()) == sorted(NAMES)


@pytest.mark.parametrize(("name", "mode"), WAYS)
def test_every_answer_is_one_of_the_handbook(
    asker: Asker, world: World, name: str, mode: GenerationMode
) -> None:
    """What the handbook allows, and what it forbids: never a fault, never an unknown answer."""
    _ask_much(asker, name, mode, asker.headers)
    assert not [line for line in world.log if "Traceback" in line]


@pytest.mark.parametrize("name", NAMES)
def test_who_is_not_signed_in_gets_no_more_than_the_door(asker: Asker, name: str) -> None:
    """The same without a cookie: 401 and nothing else, but at the door."""
    _ask_much(asker, name, GenerationMode.POSITIVE, {}, most=2)


def _ask_much(
    asker: Asker,
    name: str,
    mode: GenerationMode,
    headers: dict[str, str],
    most: int = EXAMPLES,
) -> None:
    operation = asker.operations()[name]
    ask = asker.listen if name == STREAM else asker.ask

    @settings(
        max_examples=most,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Case[Any]) -> None:
        ask(case, headers)

    one()
