"""Which Terraform and which provider are there, and what to do where they do not fit. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from appliance import advice
from appliance.errors import StepError
from appliance.vms.failures import one_line

PROGRAM_MAJOR = 1
_FIX = f"put a Terraform 1.x or OpenTofu 1.x into the depot {advice.by_fetching()}"
_PROVIDER = re.compile(r"provider\s+(?:registry\.\S+?/)?([\w-]+/[\w-]+)")


def program_version(code: int, out: str, err: str) -> str:
    """Read what `version -json` said. Raises StepError for another major, or for no Terraform."""
    try:
        version = str(json.loads(out)["terraform_version"])
        major = int(version.partition(".")[0])
    except (ValueError, KeyError, TypeError) as error:
        raise StepError(
            "what is to be Terraform does not tell its version",
            why=one_line(err or out) or f"it ended with {code} and left no word",
            fix=_FIX,
        ) from error
    if major != PROGRAM_MAJOR:
        raise StepError(
            f"Terraform {version} is of another major version",
            why=f"only {PROGRAM_MAJOR}.x is known here",
            fix=_FIX,
        )
    return version


def init_failure(text: str, mirrored: Mapping[str, Sequence[str]]) -> StepError:
    """Say why `init` failed; `mirrored` are the providers in the mirror, with their versions."""
    told = one_line(_complaint(text))
    provider = _PROVIDER.search(told)
    if provider is None:
        return StepError("Terraform cannot be prepared", why=told, fix="run again to continue")
    name = provider[1]
    there = ", ".join(mirrored.get(name, ()))
    what = (
        f"the provider {name} is missing in the version that is needed"
        if there
        else f"the provider {name} is missing"
    )
    return StepError(
        what,
        where="Terraform's mirror",
        why=f"there is {there}; {told}" if there else told,
        fix=f"bring the provider of this version into the depot {advice.by_fetching()}, "
        "then run again",
    )


def _complaint(text: str) -> str:
    _, error, rest = text.partition("Error: ")
    return rest if error else text
