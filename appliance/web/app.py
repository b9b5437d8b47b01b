"""The wizard's WSGI app: the guard in front, a blueprint for each part, every refusal answered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import Blueprint, Flask
from jinja2 import FileSystemLoader, StrictUndefined

from appliance.errors import BridgeheadError
from appliance.tools import templates
from appliance.web import (
    api,
    door,
    guard,
    live,
    pages_done,
    pages_machine,
    pages_run,
    pages_site,
    power_pages,
    refusals,
    site_api,
)
from appliance.web.deps import Deps
from appliance.web.rail import PAGES
from appliance.web.sessions import Sessions
from appliance.web.wording import paged

MAX_BODY = 1 << 20
"""A site file is some kilobytes; nothing larger comes through a form."""

PARTS: tuple[Callable[[Deps], Blueprint], ...] = (
    pages_site.routes,
    pages_run.routes,
    pages_machine.routes,
    pages_done.routes,
    power_pages.routes,
    site_api.routes,
    api.routes,
    live.routes,
)
"""The pages and the API: each gives its blueprint."""


class Wizard(Flask):
    """Flask with templates from the project's folder, all of them escaped."""

    # Flask escapes `.html` and leaves `.html.j2` as it is.
    jinja_options = {  # noqa: RUF012 - Flask's own class attribute
        "autoescape": True,
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }


def make_app(deps: Deps) -> Flask:
    """Make the app. Every page and call but the door's needs a signed-in operator."""
    app = Wizard("appliance.web", static_folder="static")
    app.url_map.merge_slashes = False  # a path is what it says: nothing is redirected to another
    app.jinja_loader = FileSystemLoader(templates.folder())
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the default provider
    sessions = Sessions(deps.password, secure=deps.listen.tls)
    guard.install(app, deps, sessions)
    refusals.install(app, deps.log)
    app.register_blueprint(door.routes(deps, sessions))
    for routes in PARTS:
        app.register_blueprint(routes(deps))

    app.add_template_filter(paged)

    @app.context_processor
    def frame() -> dict[str, Any]:
        signed_in = False
        with suppress(BridgeheadError):  # the page that says so has a frame, too
            signed_in = sessions.is_signed_in()
        return {"rail": PAGES, "signed_in": signed_in, "site_file": deps.site_file}

    return app
