"""The one door to the text templates, in a source checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from appliance.tools import data


def folder() -> Path:
    """Give the folder of the templates: the wheel's own copy, else that of the checkout."""
    return data.path("templates")


def load(name: str) -> Template:
    """Give a template such as `report/report.html.j2`.

    An undefined name in it is an error; HTML is escaped, other texts are not.
    Raises jinja2.TemplateNotFound.
    """
    environment = Environment(
        loader=FileSystemLoader(folder()),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("html", "html.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
