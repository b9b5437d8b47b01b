"""Templates are found through one door, and an undefined name in them is an error."""

from __future__ import annotations

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from appliance.tools.templates import folder, load


def test_templates_are_found() -> None:
    """In a checkout they lie beside the package, in a wheel within it."""
    assert (folder() / "report" / "report.html.j2").is_file()


def test_an_undefined_name_is_an_error() -> None:
    """A page with a hole in it is never handed out."""
    with pytest.raises(UndefinedError):
        load("report/report.html.j2").render()


@pytest.mark.parametrize(
    ("name", "escaped"), [("x.html.j2", True), ("x.html", True), ("x.ipxe.j2", False)]
)
def test_html_is_escaped_and_nothing_else(name: str, *, escaped: bool) -> None:
    """Texts for machines have their own rules, which HTML's would break."""
    autoescape = load("report/report.html.j2").environment.autoescape
    assert callable(autoescape)
    assert autoescape(name) is escaped


def test_a_missing_template_is_named() -> None:
    """The error says which one."""
    with pytest.raises(TemplateNotFound, match=r"none\.j2"):
        load("report/none.j2")


def test_nothing_leads_out_of_the_folder() -> None:
    """A name is no path."""
    with pytest.raises(TemplateNotFound):
        load("../pyproject.toml")
