"""What is behind the VIP: the dashboard's door, Rancher's part, Kubernetes' part; who may ask."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from typing import Any

from appliance.lab.harvester_sim.accounts import Accounts
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.messages import Answer, Request
from appliance.lab.harvester_sim.rancher import Rancher
from appliance.lab.harvester_sim.refusals import RefusedError, conflict, no_such_path, unauthorized
from appliance.lab.harvester_sim.rest import KubernetesApi, parse

Json = dict[str, Any]

PREFIX = "/k8s/clusters/local"
NODE_TOKEN = "/lab/node-token"
_KUBERNETES = ("/api", "/apis", "/version", "/healthz", "/readyz", "/livez")


class Web:
    """One request in, one answer out."""

    def __init__(
        self,
        kubernetes: KubernetesApi,
        rancher: Rancher,
        accounts: Accounts,
        faults: Faults,
        rke2: str,
    ) -> None:
        self._kubernetes = kubernetes
        self._rancher = rancher
        self._accounts = accounts
        self._faults = faults
        self._rke2 = rke2

    def answer(self, request: Request) -> Answer:
        """Answer a request, whatever it is."""
        try:
            return self._answer(request)
        except RefusedError as refused:
            return Answer(refused.code, refused.as_status())
        except Exception as error:  # noqa: BLE001 - a fault of ours ends one request, seen by both sides
            traceback.print_exc()
            fault = RefusedError(500, "InternalError", f"the stand-in failed: {error!r}")
            return Answer(fault.code, fault.as_status())

    def _answer(self, request: Request) -> Answer:
        if self._faults.unavailable:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, "service unavailable\n", "text/plain")
        if request.path == "/ping":
            return Answer(HTTPStatus.OK, "pong", "text/plain")
        if request.path == NODE_TOKEN:
            # Not for the world behind the VIP: the installed node relays nothing under /lab.
            _, token = self._accounts.new_token("node")
            return Answer(HTTPStatus.OK, {"token": token})
        if request.path == "/" or request.path.startswith("/dashboard"):
            return Answer(HTTPStatus.OK, "<title>Harvester</title>", "text/html")
        public = self._rancher.public(request)
        if public is not None:
            return public
        if not self._accounts.knows(request.headers.get("authorization", "")):
            return _must_authenticate(request)
        return self._rancher.answer(request) or self._kubernetes_answer(request)

    def _kubernetes_answer(self, request: Request) -> Answer:
        path = request.path.removeprefix(PREFIX) or "/"
        if path == "/version":
            return Answer(HTTPStatus.OK, self._version())
        if path in ("/healthz", "/readyz", "/livez"):
            return Answer(HTTPStatus.OK, "ok", "text/plain")
        if path.split("/")[1] not in ("api", "apis"):
            raise no_such_path(path)
        place = parse(path)
        if request.method == "PUT" and place is not None and self._faults.next_conflicts():
            raise conflict(place.kind, place.name)
        inner = Request(request.method, path, request.query, request.headers, request.body)
        return self._kubernetes.answer(inner)

    def _version(self) -> Json:
        major, minor, *_ = self._rke2.removeprefix("v").split(".")
        return {
            "major": major,
            "minor": minor,
            "gitVersion": self._rke2,
            "gitTreeState": "clean",
            "platform": "linux/amd64",
        }


def _must_authenticate(request: Request) -> Answer:
    """Refuse as that part refuses to which the path belongs."""
    if request.path.removeprefix(PREFIX).startswith(_KUBERNETES):
        refused = unauthorized()
        return Answer(refused.code, refused.as_status())
    body = {
        "type": "error",
        "status": "401",
        "code": "Unauthorized",
        "message": "must authenticate",
    }
    return Answer(HTTPStatus.UNAUTHORIZED, body)
