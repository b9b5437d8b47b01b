"""What an API server refuses, as the Status object its clients read (meta/v1 Status)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from appliance.lab.harvester_sim.kinds import Kind

Json = dict[str, Any]


class RefusedError(Exception):
    """A request that is refused: an HTTP code, a reason clients compare, and words for people."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def as_status(self) -> Json:
        """Give the Status object."""
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details is not None:
            status["details"] = self.details
        return status


def success(kind: Kind, name: str, uid: str) -> Json:
    """Give the Status object that answers a deletion already done."""
    details = {"name": name, "group": kind.group, "kind": kind.plural, "uid": uid}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def _of(kind: Kind, name: str) -> Json:
    return {"name": name, "group": kind.group, "kind": kind.plural}


def not_found(kind: Kind, name: str) -> RefusedError:
    """There is no such object."""
    said = f'{kind.full_name} "{name}" not found'
    return RefusedError(HTTPStatus.NOT_FOUND, "NotFound", said, _of(kind, name))


def no_such_path(path: str) -> RefusedError:
    """There is no such kind, or nothing at that path."""
    said = "the server could not find the requested resource"
    return RefusedError(HTTPStatus.NOT_FOUND, "NotFound", said, {"name": path})


def exists(kind: Kind, name: str) -> RefusedError:
    """There is one of that name already."""
    said = f'{kind.full_name} "{name}" already exists'
    return RefusedError(HTTPStatus.CONFLICT, "AlreadyExists", said, _of(kind, name))


def conflict(kind: Kind, name: str) -> RefusedError:
    """Somebody else changed it in between."""
    said = (
        f'Operation cannot be fulfilled on {kind.full_name} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again"
    )
    return RefusedError(HTTPStatus.CONFLICT, "Conflict", said, _of(kind, name))


def invalid(kind: Kind, name: str, field: str, why: str) -> RefusedError:
    """A field's value cannot be."""
    said = f'{kind.kind}.{kind.group or "core"} "{name}" is invalid: {field}: {why}'
    details = {**_of(kind, name), "causes": [{"reason": "FieldValueInvalid", "field": field}]}
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", said, details)


def denied(webhook: str, why: str, *, code: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> RefusedError:
    """An admission webhook of Harvester, the network controller or KubeVirt says no."""
    reason = "Invalid" if code == HTTPStatus.UNPROCESSABLE_ENTITY else "BadRequest"
    return RefusedError(code, reason, f'admission webhook "{webhook}" denied the request: {why}')


def bad_request(why: str) -> RefusedError:
    """What was sent cannot be read."""
    return RefusedError(HTTPStatus.BAD_REQUEST, "BadRequest", why)


def unauthorized() -> RefusedError:
    """No token, or one that is not known."""
    return RefusedError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def no_such_method(method: str) -> RefusedError:
    """The path is known and the verb is not."""
    said = f"the server does not allow this method on the requested resource: {method}"
    return RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", said)


def unsupported_media(given: str) -> RefusedError:
    """A body in an encoding that is not JSON."""
    said = f"the body of the request was in an unknown format - {given!r}"
    code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return RefusedError(code, "UnsupportedMediaType", said)


def gone(asked: int, oldest: int) -> RefusedError:
    """A watch from a time that is not remembered any more."""
    said = f"too old resource version: {asked} ({oldest})"
    return RefusedError(HTTPStatus.GONE, "Expired", said)
