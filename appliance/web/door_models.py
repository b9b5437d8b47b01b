"""What the calls of the door take and give, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from appliance.web.models import Asked, Call, Nothing
from appliance.web.password import MAX_LENGTH

Hidden = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH, repr=False)]


class SignInAsked(Asked):
    """The operator's password."""

    password: Hidden


class FirstPasswordAsked(Asked):
    """The one-time code that the start printed, and the password to be."""

    code: Hidden
    password: Hidden


class ChangePasswordAsked(Asked):
    """The password of now, and the one to be."""

    current: Hidden
    password: Hidden


@dataclass(frozen=True, slots=True)
class SessionAnswer:
    """Whether the cookie that came is good, and whether a password is set at all."""

    signed_in: bool
    password_is_set: bool


DOOR_CALLS = tuple(
    Call("post" if takes else "get", path, name, summary, SessionAnswer, takes, door=True)
    for path, name, summary, takes in (
        ("/api/session", "session", "Whether somebody is signed in", None),
        ("/api/session", "sign_in", "Sign in", SignInAsked),
        ("/api/session/end", "sign_out", "Sign out", Nothing),
        ("/api/password/first", "first_password", "Set the first one", FirstPasswordAsked),
        ("/api/password", "change_password", "Change it", ChangePasswordAsked),
    )
)
"""All that is asked before anyone has signed in; another password only by who has."""
