"""Terraform and provider that do not fit."""

from __future__ import annotations

import pytest

from appliance.errors import StepError
from appliance.vms.versions import init_failure, program_version

OFFLINE = """
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider
harvester/harvester: no available releases match the given constraints >=
1.7.1, < 2.0.0
"""


def test_a_version_that_is_known() -> None:
    """Terraform and OpenTofu answer alike."""
    assert program_version(0, '{"terraform_version": "1.11.4"}', "") == "1.11.4"


@pytest.mark.parametrize(
    "out", ['{"terraform_version": "2.0.0"}', '{"terraform_version":"0.14.1"}']
)
def test_another_major(out: str) -> None:
    """Refused by its number."""
    with pytest.raises(StepError, match="of another major version"):
        program_version(0, out, "")


@pytest.mark.parametrize("out", ["", "[]", "{}", '{"terraform_version": "new"}', "hello"])
def test_no_terraform(out: str) -> None:
    """What it said instead is told."""
    with pytest.raises(StepError, match="does not tell its version") as caught:
        program_version(3, out, "")
    assert caught.value.why


def test_a_provider_of_another_version() -> None:
    """What is there, and what was asked for."""
    found = init_failure(OFFLINE, {"harvester/harvester": ("0.6.7", "2.0.0")})
    assert found.what == "the provider harvester/harvester is missing in the version that is needed"
    assert found.why.startswith("there is 0.6.7, 2.0.0; Failed to query")


def test_no_provider_at_all() -> None:
    """Or one for another kind of machine."""
    assert init_failure(OFFLINE, {}).what == "the provider harvester/harvester is missing"


def test_another_trouble() -> None:
    """Passed on in one line."""
    found = init_failure("\nError: Unreadable module directory\n\nUnable to x\n", {})
    assert found.why == "Unreadable module directory Unable to x"
