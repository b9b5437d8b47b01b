"""What all parts of a site file share: the base of their models, and how defaults are told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

GIB = 2**30


def unsaid(text: str) -> JsonDict:
    """Say what holds where a key is left out, for defaults that depend on the rest of the site."""
    return {"unsaid": text}


class SiteModel(BaseModel):
    """What all parts share: no unknown keys, no changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)
