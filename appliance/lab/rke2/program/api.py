"""The Kubernetes API as far as the lab needs it: discovery, reading, watching, small writes."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from . import kinds, patches, selectors, tables
from .cluster import Cluster, NoQuorumError, now_text
from .http_service import Request, Response, as_json, as_text
from .kinds import Kind
from .objects import own_taints
from .pods import suffix
from .registry import Object, Registry

_ADMINISTRATORS = "system:masters"
_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_LONGEST_WATCH = 1800.0
_HEALTH = {"/readyz": "readyz", "/livez": "livez", "/healthz": "healthz"}
_CHECKS = ("ping", "log", "etcd", "poststarthook/start-apiextensions-controllers")


class ApiError(Exception):
    """A refusal, as a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


def status(code: int, reason: str, message: str) -> Response:
    """Answer with a failure's Status."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return as_json(document, code)


class Api:
    """Answers requests to port 6443."""

    def __init__(self, cluster: Cluster, registry: Registry) -> None:
        self._cluster, self._registry = cluster, registry

    def answer(self, request: Request) -> Response:
        """Answer one request; a failure is answered too."""
        try:
            self._authorize(request)
            if request.path in _HEALTH:
                return self._health(request)
            if request.path == "/version":
                return as_json(self._version())
            self._cluster.require_quorum()
            return self._discovery(request) or self._resource(request)
        except ApiError as error:
            return status(error.code, error.reason, str(error))
        except NoQuorumError as error:
            return status(503, "ServiceUnavailable", str(error))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return status(400, "BadRequest", f"the request cannot be understood: {error}")

    def _authorize(self, request: Request) -> None:
        if not request.caller.name:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if _ADMINISTRATORS not in request.caller.groups:
            path = request.path
            text = f'forbidden: User "{request.caller.name}" cannot {request.method.lower()} path'
            raise ApiError(403, "Forbidden", f'{text} "{path}"')

    # --- health, version, discovery ----------------------------------------------------------

    def _health(self, request: Request) -> Response:
        name = _HEALTH[request.path]
        good = self._cluster.has_quorum()
        if good and "verbose" not in request.query:
            return as_text("ok")
        lines = [
            f"[-]{check} failed: reason withheld"
            if check == "etcd" and not good
            else f"[+]{check} ok"
            for check in _CHECKS
        ]
        lines.append(f"{name} check {'passed' if good else 'failed'}")
        return as_text("\n".join(lines) + "\n", 200 if good else 500)

    def _version(self) -> dict[str, str]:
        product = self._cluster.options.product
        major, minor, *_ = product.kubernetes.removeprefix("v").split(".")
        return {
            "major": major,
            "minor": minor,
            "gitVersion": product.version,
            "gitCommit": "bridgehead-lab-stand-in",
            "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z",
            "goVersion": "none",
            "compiler": "none",
            "platform": "linux/amd64",
        }

    def _discovery(self, request: Request) -> Response | None:
        if request.method != "GET":
            return None
        match request.path.strip("/").split("/"):
            case ["api"]:
                found: Any = kinds.core_versions(request.header("Host"))
            case ["apis"]:
                found = kinds.groups()
            case ["apis", group]:
                found = kinds.group(group)
            case ["api", "v1"]:
                found = kinds.resources("")
            case ["apis", group, "v1"]:
                found = kinds.resources(group)
            case ["openapi", "v2"]:
                return _openapi(request)
            case [""]:
                found = {"paths": ["/api", "/apis", "/healthz", "/livez", "/readyz", "/version"]}
            case _:
                return None
        if found is None:
            raise ApiError(404, "NotFound", _NOT_FOUND)
        return as_json(found)

    # --- resources ---------------------------------------------------------------------------

    def _resource(self, request: Request) -> Response:
        kind, namespace, name, sub = _target(request.path)
        verb = _verb(request, name)
        if verb not in kind.verbs or sub not in {"", "status"}:
            text = "the lab's stand-in runs no workloads" if not kind.writable else _NOT_ALLOWED
            raise ApiError(405, "MethodNotAllowed", text)
        read: dict[str, Callable[[Request, Kind, str, str], Response]] = {
            "list": self._list,
            "watch": self._watch,
            "get": self._get,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
        }
        return read[verb](request, kind, namespace, name)

    def _selected(self, request: Request, kind: Kind, namespace: str) -> list[Object]:
        matches = _matches(request)
        return [o for o in self._registry.all(kind, namespace) if matches(o)]

    def _list(self, request: Request, kind: Kind, namespace: str, _: str) -> Response:
        found = self._selected(request, kind, namespace)
        version = str(self._registry.version)
        if _wants_table(request):
            return as_json(_table(request, kind, found, version))
        return as_json(
            {
                "kind": f"{kind.kind}List",
                "apiVersion": kind.api_version,
                "metadata": {"resourceVersion": version},
                "items": found,
            }
        )

    def _get(self, request: Request, kind: Kind, namespace: str, name: str) -> Response:
        found = self._existing(kind, namespace, name)
        if _wants_table(request):
            version = found["metadata"]["resourceVersion"]
            return as_json(_table(request, kind, [found], version))
        return as_json(found)

    def _existing(self, kind: Kind, namespace: str, name: str) -> Object:
        found = self._registry.get(kind, namespace, name)
        if found is None:
            raise ApiError(404, "NotFound", f'{kind.name} "{name}" not found')
        return found

    def _watch(self, request: Request, kind: Kind, namespace: str, name: str) -> Response:
        limit = min(float(request.query.get("timeoutSeconds") or _LONGEST_WATCH), _LONGEST_WATCH)
        since = int(request.query.get("resourceVersion") or 0)
        matches = _matches(request)

        def stream() -> Iterator[bytes]:
            for what, each in self._registry.watch(kind, namespace, since, limit):
                if matches(each) and name in {"", each["metadata"]["name"]}:
                    shown = each
                    if _wants_table(request):
                        version = each["metadata"]["resourceVersion"]
                        shown = _table(request, kind, [each], version)
                    yield json.dumps({"type": what, "object": shown}).encode() + b"\n"

        return Response(stream=stream())

    # --- writing -----------------------------------------------------------------------------

    def _create(self, request: Request, kind: Kind, namespace: str, _: str) -> Response:
        given = _object(request, kind, namespace)
        metadata = given["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + suffix(uuid.uuid4().hex)
        name = metadata.get("name", "")
        if not name:
            raise ApiError(422, "Invalid", f"{kind.kind} is invalid: metadata.name: Required value")
        if kind.namespaced:
            self._existing(_NAMESPACES, "", namespace)
        if self._registry.get(kind, namespace, name) is not None:
            raise ApiError(409, "AlreadyExists", f'{kind.name} "{name}" already exists')
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = now_text()
        if kind is _NAMESPACES:
            given.setdefault("status", {"phase": "Active"})
        return self._store(request, kind, namespace, given, 201)

    def _update(self, request: Request, kind: Kind, namespace: str, name: str) -> Response:
        have = self._existing(kind, namespace, name)
        given = _object(request, kind, namespace)
        version = given["metadata"].get("resourceVersion")
        if version and version != have["metadata"]["resourceVersion"]:
            raise ApiError(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {kind.name} "{name}": the object has been '
                "modified; please apply your changes to the latest version and try again",
            )
        return self._store(request, kind, namespace, _keep_identity(have, given), 200)

    def _patch(self, request: Request, kind: Kind, namespace: str, name: str) -> Response:
        have = self._existing(kind, namespace, name)
        media = request.header("Content-Type")
        try:
            patched = patches.apply(media, copy.deepcopy(have), request.json())
        except ValueError as error:
            raise ApiError(415, "UnsupportedMediaType", str(error)) from error
        return self._store(request, kind, namespace, _keep_identity(have, patched), 200)

    def _store(
        self, request: Request, kind: Kind, namespace: str, given: Object, code: int
    ) -> Response:
        name = given["metadata"]["name"]
        if request.query.get("dryRun") == "All":
            return as_json(given, code)
        if kind.plural == "nodes":
            self._store_node(name, given)
        else:
            kept = copy.deepcopy(given)
            kept["metadata"].pop("resourceVersion", None)
            self._cluster.write({_store_key(kind, namespace, name): kept})
        self._registry.refresh(now=True)
        return as_json(self._existing(kind, namespace, name), code)

    def _store_node(self, name: str, given: Object) -> None:
        """Keep what people may change of a node; the rest is the node's own word."""
        record = self._cluster.store.get(f"nodes/{name}") or {}
        record["labels"] = given["metadata"].get("labels") or {}
        record["annotations"] = given["metadata"].get("annotations") or {}
        record["unschedulable"] = bool(given["spec"].get("unschedulable"))
        record["taints"] = own_taints(given["spec"].get("taints") or [])
        self._cluster.write({f"nodes/{name}": record})

    def _delete(self, request: Request, kind: Kind, namespace: str, name: str) -> Response:
        have = self._existing(kind, namespace, name)
        if request.query.get("dryRun") != "All":
            self._remove(kind, namespace, name)
            self._registry.refresh(now=True)
        details = {"name": name, "kind": kind.plural, "uid": have["metadata"]["uid"]}
        if kind.group:
            details["group"] = kind.group
        document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return as_json({**document, "details": details})

    def _remove(self, kind: Kind, namespace: str, name: str) -> None:
        if kind.plural == "nodes":
            self._cluster.delete_node(name)
            return
        key = _store_key(kind, namespace, name)
        gone = [key] if self._cluster.store.get(key) is not None else []
        if kind is _NAMESPACES:
            gone += [
                f"objects/{rest}"
                for rest in self._cluster.store.below("objects/")
                if rest.split("/")[1] == name
            ]
        if not gone:
            text = f'{kind.name} "{name}" is forbidden: this object may not be deleted'
            raise ApiError(403, "Forbidden", text)
        self._cluster.write(dict.fromkeys(gone))


_NOT_FOUND = "the server could not find the requested resource"
_NOT_ALLOWED = "the server does not allow this method on the requested resource"
_NAMESPACES = kinds.KINDS[0]


def _store_key(kind: Kind, namespace: str, name: str) -> str:
    return f"objects/{kind.name}/{namespace}/{name}"


def _target(path: str) -> tuple[Kind, str, str, str]:
    """Read kind, namespace, name and subresource from a path."""
    parts = path.strip("/").split("/")
    match parts:
        case ["api", "v1", *rest]:
            group = ""
        case ["apis", group, "v1", *rest]:
            pass
        case _:
            raise ApiError(404, "NotFound", _NOT_FOUND)
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] != "status":
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, rest[0]) if rest else None
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise ApiError(404, "NotFound", _NOT_FOUND)
    name, sub = (*rest[1:], "", "")[:2]
    if name and kind.namespaced and not namespace:
        raise ApiError(404, "NotFound", _NOT_FOUND)
    return kind, namespace, name, sub


def _verb(request: Request, name: str) -> str:
    if request.method == "GET":
        if request.query.get("watch") in {"1", "true"}:
            return "watch"
        return "get" if name else "list"
    writing = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    verb = writing[request.method]
    if bool(name) == (verb == "create"):
        raise ApiError(405, "MethodNotAllowed", _NOT_ALLOWED)
    return verb


def _matches(request: Request) -> Callable[[Object], bool]:
    try:
        by_label = selectors.labels(request.query.get("labelSelector", ""))
        by_field = selectors.fields(request.query.get("fieldSelector", ""))
    except ValueError as error:
        raise ApiError(400, "BadRequest", str(error)) from error
    return lambda each: by_label(each) and by_field(each)


def _wants_table(request: Request) -> bool:
    first = request.header("Accept").partition(",")[0]
    return "as=Table" in first


def _table(request: Request, kind: Kind, found: list[Object], version: str) -> Object:
    include = request.query.get("includeObject", "Metadata")
    return tables.table(kind, found, version, datetime.now(UTC), include)


def _object(request: Request, kind: Kind, namespace: str) -> Object:
    given = request.json()
    if not isinstance(given, dict) or not isinstance(given.get("metadata"), dict):
        raise ApiError(400, "BadRequest", "the body is not an object with metadata")
    for name, wanted in (("kind", kind.kind), ("apiVersion", kind.api_version)):
        if given.setdefault(name, wanted) != wanted:
            raise ApiError(400, "BadRequest", f"{name} in the body is {given[name]}, not {wanted}")
    if kind.namespaced:
        inside = given["metadata"].setdefault("namespace", namespace)
        if inside != namespace:
            text = "the namespace of the provided object does not match the namespace sent"
            raise ApiError(400, "BadRequest", text)
    if kind.plural == "secrets" and "stringData" in given:
        _encode_secret(given)
    return given


def _encode_secret(given: Object) -> None:
    import base64

    plain = given.pop("stringData") or {}
    data = given.setdefault("data", {})
    data.update({k: base64.b64encode(str(v).encode()).decode() for k, v in plain.items()})
    given.setdefault("type", "Opaque")


def _keep_identity(have: Object, given: Object) -> Object:
    for name in ("name", "namespace", "uid", "creationTimestamp", "resourceVersion"):
        if name in have["metadata"]:
            given["metadata"][name] = have["metadata"][name]
    return given


def _openapi(request: Request) -> Response:
    if "protobuf" in request.header("Accept"):
        return Response(200, b"", _PROTOBUF)  # an empty message is a valid, empty document
    info = {"title": "Kubernetes", "version": "unversioned"}
    return as_json({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})
