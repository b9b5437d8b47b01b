"""What all models of a site file share."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from appliance.site.fields import GIB, SiteModel, unsaid


class Part(SiteModel):
    """A part of a file."""

    size: int = Field(default=3 * GIB, description="A size.", json_schema_extra=unsaid("`3G`"))


def test_what_holds_where_a_key_is_left_out_is_told() -> None:
    """To the docs and the schema."""
    assert Part.model_json_schema()["properties"]["size"]["unsaid"] == "`3G`"


def test_a_part_takes_no_unknown_key_and_no_change() -> None:
    """A slip of the pen is an error, and what was loaded stays."""
    with pytest.raises(ValidationError):
        Part.model_validate({"sise": 1})
    part = Part()
    with pytest.raises(ValidationError):
        part.size = 1  # type: ignore[misc]  # that is what is shown
