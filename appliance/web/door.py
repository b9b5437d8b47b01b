"""First contact, signing in and out, another password: as pages and as calls."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from threading import Lock

from flask import Blueprint, Response, make_response, redirect, render_template, request

from appliance import advice
from appliance.errors import AccessError, BridgeheadError, InputError, TooManyAttemptsError
from appliance.values import Secret
from appliance.web.api import answer, body
from appliance.web.deps import Deps
from appliance.web.door_models import (
    DOOR_CALLS,
    ChangePasswordAsked,
    FirstPasswordAsked,
    SessionAnswer,
    SignInAsked,
)
from appliance.web.guard import LoginThrottle
from appliance.web.models import Asked, Nothing
from appliance.web.password import MIN_LENGTH
from appliance.web.rail import PAGES
from appliance.web.refusals import is_api, refuse, status_of
from appliance.web.sessions import Sessions

START = PAGES[0].path


def routes(deps: Deps, sessions: Sessions) -> Blueprint:
    """Give the pages and calls that answer before anyone has signed in."""
    door = _Door(deps, sessions)
    blueprint = Blueprint("door", __name__)
    for path, view, methods in (
        ("/", door.start, ["GET"]),
        ("/first", door.first, ["GET", "POST"]),
        ("/login", door.login, ["GET", "POST"]),
        ("/password", door.password, ["GET", "POST"]),
        ("/logout", door.logout, ["POST"]),
    ):
        blueprint.add_url_rule(path, view.__name__, view, methods=methods)
    calls = {
        "session": door.session,
        "sign_in": door.login,
        "sign_out": door.logout,
        "first_password": door.first,
        "change_password": door.password,
    }
    for call in DOOR_CALLS:
        method = call.method.upper()
        blueprint.add_url_rule(call.path, call.name, calls[call.name], methods=[method])
    return blueprint


def inner_path(wanted: str) -> str:
    """Give a path of this wizard to go on to: never another site's, whatever was asked for."""
    plain = wanted.startswith("/") and wanted.isascii() and wanted.isprintable()
    if not plain or wanted.startswith("//") or "\\" in wanted:
        return START
    return wanted


@dataclass(frozen=True, slots=True)
class _Door:
    """The routes."""

    deps: Deps
    sessions: Sessions
    throttle: LoginThrottle = field(default_factory=LoginThrottle)
    alone: Lock = field(default_factory=Lock)

    def start(self) -> Response:
        """Go where the work is."""
        if not self.deps.password.is_set:
            return _go("/first")
        return _go(START if self.sessions.is_signed_in() else "/login")

    def session(self) -> Response:
        """Say whether somebody is signed in, and whether there is a password yet."""
        return self._session(signed_in=self.sessions.is_signed_in())

    # ---------------------------------------------------------------- pages

    def first(self) -> Response:
        """Set the password with the one-time code."""
        if self.deps.password.is_set:
            if not is_api():
                return _go("/login")
            error = AccessError("the password is set already", fix="sign in: POST /api/session")
            return refuse(error)
        if request.method == "GET":
            return self._page("first")
        try:
            given = _given(FirstPasswordAsked)
            self._attempt()
            _same_twice(given["password"])
            self.deps.password.set_first(given["code"], given["password"])
        except BridgeheadError as error:
            return self._again("first", error)
        self._known("the operator's password was set")
        return self._inside(START)

    def login(self) -> Response:
        """Sign in."""
        if not self.deps.password.is_set:
            if not is_api():
                return _go("/first")
            error = AccessError(
                "no password is set yet",
                fix="set it with the one-time code: POST /api/password/first",
            )
            return refuse(error)
        if request.method == "GET":
            if self.sessions.is_signed_in():
                return _go(inner_path(request.args.get("next", START)))
            return self._page("login")
        try:
            given = _given(SignInAsked)
            self._attempt()
            if not self.deps.password.verify(given["password"]):
                raise AccessError(
                    "this is not the password",
                    where="password",
                    fix=f"type it again; if it is lost: {advice.new_password()}",
                )
        except BridgeheadError as error:
            return self._again("login", error)
        self._known("signed in")
        return self._inside(inner_path(request.args.get("next", START)))

    def password(self) -> Response:
        """Choose another password: every browser has to sign in anew but this one."""
        if not self.sessions.is_signed_in():
            error = AccessError("nobody is signed in", fix="sign in first: POST /api/session")
            return refuse(error, 401) if is_api() else _go("/login?next=/password")
        if request.method == "GET":
            return self._page("password")
        try:
            given = _given(ChangePasswordAsked)
            self._attempt()
            _same_twice(given["password"])
            self.deps.password.change(given["current"], given["password"])
        except BridgeheadError as error:
            return self._again("password", error)
        self._known("the operator's password was changed")
        return self._inside(START)

    def logout(self) -> Response:
        """Forget this browser."""
        if is_api():
            body(Nothing)
        response = self._session(signed_in=False) if is_api() else _go("/login")
        self.sessions.sign_out(response)
        return response

    # ---------------------------------------------------------------- what they share

    def _session(self, *, signed_in: bool) -> Response:
        return answer(None, SessionAnswer(signed_in, self.deps.password.is_set))

    def _attempt(self) -> None:
        with self.alone:
            wait = self.throttle.begin(_client(), self.deps.clock.monotonic())
        if wait:
            raise TooManyAttemptsError(math.ceil(wait))

    def _known(self, what: str) -> None:
        with self.alone:
            self.throttle.succeeded(_client())
        self.deps.log(f"web: {_client()}: {what}")

    def _inside(self, path: str) -> Response:
        response = self._session(signed_in=True) if is_api() else _go(path)
        self.sessions.sign_in(response)
        return response

    def _page(self, name: str, error: BridgeheadError | None = None, status: int = 200) -> Response:
        text = render_template(
            f"web/{name}.html.j2",
            error=error,
            next=inner_path(request.args.get("next", START)),
            min_length=MIN_LENGTH,
            in_journal=self.deps.in_journal,
        )
        return make_response(text, status)

    def _again(self, page: str, error: BridgeheadError) -> Response:
        if isinstance(error, AccessError):
            self.deps.log(f"web: {_client()}: {error.what}")
        status = 429 if isinstance(error, TooManyAttemptsError) else int(status_of(error))
        response = refuse(error, status) if is_api() else self._page(page, error, status)
        if isinstance(error, TooManyAttemptsError):
            response.headers["Retry-After"] = str(error.seconds)
        return response


def _given(asked: type[Asked]) -> dict[str, Secret]:
    """Give what was typed into a form or sent to a call. Raises InputError."""
    if is_api():
        return {name: Secret(text) for name, text in body(asked).model_dump().items()}
    given = {name: request.form.get(name, "") for name in asked.model_fields}
    for name, text in given.items():
        if not text:
            raise InputError(f"{_WORDS[name]} is missing", where=name, fix="type it in")
    return {name: Secret(text) for name, text in given.items()}


_WORDS = {"code": "the one-time code", "password": "the password", "current": "the password of now"}


def _same_twice(password: Secret) -> None:
    """A form asks twice; a program need not."""
    if not is_api() and Secret(request.form.get("again", "")) != password:
        raise InputError("the two are not the same", where="again", fix="type the password again")


def _go(path: str) -> Response:
    return make_response(redirect(path, 303))


def _client() -> str:
    return request.remote_addr or "unknown"
