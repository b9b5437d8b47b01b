"""How the pages of the live half are made: one frame, words after a form, errors at their field."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, render_template, request

from appliance.errors import BridgeheadError
from appliance.tools.words import duration, moment, size
from appliance.web.history import Outcome
from appliance.web.progress import TRACK
from appliance.web.refusals import status_of

REFRESH = 10
"""Seconds after which a browser without JavaScript loads the page anew."""

SAID = {
    "fetch": "The files are on their way. You may go on to the next page meanwhile.",
    "approve": "It is known now. A run that goes on installs it by itself.",
    "identify": "It is known by that name now.",
    "blink": "Its network card blinks for a minute as soon as it asks for orders.",
    "start": "The run begins. It goes on when this page is closed.",
    "pause": "The run ends its step cleanly. Continue whenever you like.",
    "cancel": "What was confirmed is taken back. Nothing begins before it is reviewed anew.",
    "reinstall": "It is installed anew at its next start from the network. Continue the run, then "
    "switch it off and on.",
    "power": "Done. How it stands is below.",
    "power-on": "It was told to switch on. What came of it is below.",
    "power-off": "It was told to switch off. What came of it is below.",
    "power-cycle": "It was told to switch off and on. What came of it is below.",
    "bmc": "It is in the site file now. A BMC wants its password too: give it below, "
    "unless it is that of all BMCs and was given already.",
    "wiped": "What this laptop kept of the site is gone. The site itself goes on.",
}
"""What is said after a form was taken; only the word travels in the address."""

_KINDS = {
    Outcome.TODO: "idle",
    Outcome.RUNNING: "info",
    Outcome.DONE: "good",
    Outcome.SKIPPED: "good",
    Outcome.FAILED: "bad",
    Outcome.INTERRUPTED: "warn",
    Outcome.KILLED: "warn",
}
_OUTCOMES = {
    Outcome.TODO: "to do",
    Outcome.RUNNING: "now",
    Outcome.SKIPPED: "was done",
    Outcome.INTERRUPTED: "paused",
    Outcome.KILLED: "broken off",
}
_FIELDS = {f"--{each}": each for each in ("name", "disk", "role", "erase", "unfinished", "files")}
"""What the command calls an option is a field here."""


def show(
    template: str,
    error: BridgeheadError | None,
    *,
    live: bool,
    key: str = "",
    after: int | None = 0,
    refresh: int = REFRESH,
    **values: Any,
) -> Response:
    """Show a page. `live`: it loads anew by itself, at each event that comes `after` what it shows.

    Without `after` no stream tells it of any. `key` is its place in the rail, where that is not
    the template's name. While an error is shown nothing loads anew: what was typed would be lost.
    """
    live = live and error is None
    where = "" if error is None else _FIELDS.get(error.where, error.where)
    text = render_template(
        f"web/{template}.html.j2",
        page=key or template,
        refresh=refresh if live else 0,
        stream=f"/api/stream?after={after}" if live and after is not None else "",
        error=error,
        wrong={where: [error]} if error is not None else {},
        said=SAID.get(request.args.get("said", ""), ""),
        duration=duration,
        moment=moment,
        size=size,
        kinds=_KINDS,
        outcomes=_OUTCOMES,
        track=TRACK,
        **values,
    )
    return make_response(text, 200 if error is None else int(status_of(error)))


def blocked(key: str, title: str, error: BridgeheadError) -> Response:
    """Show a page that cannot be shown yet: the site file is missing or wrong."""
    text = render_template("web/blocked.html.j2", page=key, title=title, error=error)
    return make_response(text, int(status_of(error)))


def back(path: str, said: str) -> Response:
    """What was posted is not posted again by a reload."""
    return make_response(redirect(f"{path}?said={said}", 303))


def field(name: str) -> str:
    """Give what was typed into a field, without the blanks around it."""
    return request.form.get(name, "").strip()[:4096]


def as_typed(name: str) -> str:
    """Give a secret to the letter: a blank at its end is a part of it."""
    return request.form.get(name, "")[:4096]


def form() -> dict[str, str]:
    """Give all that was typed, for a page that shows it again."""
    return {key: value.strip() for key, value in request.form.items()}
