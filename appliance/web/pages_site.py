"""The pages of the site file: 1 Site, 4 VMs and cluster, 5 Review."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from markupsafe import Markup, escape

from appliance.errors import BridgeheadError, InputError, Problem, SiteFileError, StaleError
from appliance.site.yaml_text import MAX_OCTETS
from appliance.tools.host_clock import synchronised
from appliance.web.actions import Actions
from appliance.web.deps import Deps
from appliance.web.drawing import NARROW, WIDE, draw
from appliance.web.laptop import ChosenInterface, clock_now, conflicts, ports
from appliance.web.refusals import status_of
from appliance.web.site_api import file_download
from appliance.web.site_work import FormView, ReviewView, SiteWork, is_ticked, unsaved
from appliance.web.watching import Watching

NOTHING = hashlib.sha256(b"").hexdigest()
"""The digest of a site file that is not there."""
NEXT = {"site": "/artifacts", "cluster": "/review"}
_ERASE = "erase."


def routes(deps: Deps) -> Blueprint:
    """Give the pages."""
    part = Blueprint("site", __name__)
    pages = _Pages(deps, SiteWork(deps))
    for path, view, methods in (
        ("/site", pages.site, ["GET", "POST"]),
        ("/site/open", pages.take, ["POST"]),
        ("/cluster", pages.cluster, ["GET", "POST"]),
        ("/review", pages.review, ["GET", "POST"]),
        ("/site.yaml", pages.file, ["GET"]),
    ):
        part.add_url_rule(path, view.__name__, view, methods=methods)
    part.add_app_template_filter(worded, "worded")
    return part


def worded(text: str) -> Markup:
    """Give the docs' words for a page: what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


class _Pages:
    def __init__(self, deps: Deps, work: SiteWork) -> None:
        self._deps = deps
        self._work = work
        self._actions = Actions(deps, Watching(deps))
        self._interface = ChosenInterface(deps.paths, deps.interface)

    # ---------------------------------------------------------------- 1 and 4: forms

    def site(self) -> Response:
        """The first page."""
        return self._form("site")

    def cluster(self) -> Response:
        """The fourth page."""
        return self._form("cluster")

    def _form(self, key: str) -> Response:
        if request.method == "GET":
            return self._page(self._work.view(key))
        given = _given()
        digest = given.pop("digest", "")
        interface = given.pop("interface", None)
        try:
            if interface is not None and key == "site":
                self._interface.choose(interface)
            self._work.save(key, digest, given)
        except SiteFileError as error:
            return self._page(
                self._work.refused(key, given, error), HTTPStatus.UNPROCESSABLE_ENTITY
            )
        except StaleError as error:
            return self._stale(key, given, error)
        except InputError as error:
            view = self._work.view(key, given)
            return self._page(view, HTTPStatus.UNPROCESSABLE_ENTITY, error=error)
        return _see(NEXT[key])

    def take(self) -> Response:
        """Open a file of this browser's computer in the site file's place."""
        sent = request.files.get("file")
        octets = sent.read(MAX_OCTETS + 1) if sent is not None and sent.filename else b""
        digest, replace = request.form.get("instead_of", ""), request.form.get("replace") == "yes"
        try:
            if not octets:
                raise InputError("no file was chosen", where="file", fix="choose a file")
            self._work.take(digest, octets, replace=replace)
        except SiteFileError as error:
            return self._page(self._work.view("site"), status_of(error), refused=error.problems)
        except BridgeheadError as error:
            key = "error_of_replace" if error.where == "replace" else "error_of_file"
            return self._page(self._work.view("site"), status_of(error), **{key: error})
        return _see("/site?said=taken")

    def _stale(self, key: str, given: Mapping[str, str], error: StaleError) -> Response:
        """Show the file as it is now; what was typed is named, so that it can be said again."""
        view = self._work.view(key)
        return self._page(view, HTTPStatus.CONFLICT, error=error, typed=unsaved(view, given))

    def _page(self, view: FormView, status: int = 200, **more: Any) -> Response:
        shown: dict[str, Any] = {"error": None, "typed": [], "view": view, "is_ticked": is_ticked}
        shown |= {"refused": (), "error_of_file": None, "error_of_replace": None}
        shown["taken"] = request.args.get("said") == "taken"
        if view.key == "site":
            chosen = self._interface.name()
            found = ports(chosen)
            shown |= {
                "chosen": chosen,
                "fixed": bool(self._interface.said),
                "ports": found,
                "conflicts": list(conflicts(view.plan, found)) if view.plan else [],
                "clock": clock_now(self._deps.clock.utc()),
                "clock_is_kept": synchronised(),
                "nothing": NOTHING,
            }
        return make_response(
            render_template(f"web/{view.key}.html.j2", **{**shown, **more}), status
        )

    # ---------------------------------------------------------------- 5: review

    def review(self) -> Response:
        """All that a run would go by; posting it starts the run."""
        if request.method == "GET":
            return self._reviewed(self._work.review())
        given = _given()
        typed = {
            name.removeprefix(_ERASE): value
            for name, value in given.items()
            if name.startswith(_ERASE)
        }
        ticked = given.get("clock") == "yes"
        try:
            digest = self._actions.digest()  # before it is judged: another one is not run
            missing = self._work.unconfirmed(given.get("digest", ""), typed, clock=ticked)
            if missing:
                return self._reviewed(
                    self._work.review(), HTTPStatus.UNPROCESSABLE_ENTITY, missing, given
                )
            self._actions.start(digest, given.get("lose", ""))
        except BridgeheadError as error:
            status = 422 if isinstance(error, InputError) else 409
            problems = {}
            if error.where == "lose":
                problems["lose"] = Problem("", 0, 0, "lose", error.what, error.fix)
            return self._reviewed(self._work.review(), status, problems, given, error)
        return _see("/run")

    def _reviewed(
        self,
        view: ReviewView,
        status: int = 200,
        missing: Mapping[str, Problem] | None = None,
        given: Mapping[str, str] | None = None,
        error: BridgeheadError | None = None,
    ) -> Response:
        problems = {
            name if name in ("clock", "lose") else f"{_ERASE}{name}": [each]
            for name, each in (missing or {}).items()
        }
        pictures = (
            [Markup(draw(view.plan, view.states, shape)) for shape in (WIDE, NARROW)]  # noqa: S704 - escaped there
            if view.plan
            else []
        )
        page = render_template(
            "web/review.html.j2",
            view=view,
            pictures=pictures,
            problems=problems,
            given=given or {},
            error=None if problems else error,
            clock=clock_now(self._deps.clock.utc()),
            lost=self._actions.lost() if view.plan else (),
            without=self._without() if view.plan else (),
        )
        return make_response(page, status)

    def _without(self) -> tuple[str, ...]:
        """Files that are missing. What else is wrong with them is said on their own page."""
        with suppress(BridgeheadError):
            return self._actions.stock().missing
        return ()

    def file(self) -> Response:
        """The site file, to keep."""
        return file_download(self._work.file)


def _given() -> dict[str, str]:
    """What a form sent. Of a box and its empty partner the last one counts."""
    return {name: values[-1] for name, values in request.form.lists()}


def _see(path: str) -> Response:
    return make_response(redirect(path, HTTPStatus.SEE_OTHER))
