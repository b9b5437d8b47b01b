"""The part of Rancher that Harvester brings: login, password, kubeconfig, its certificate."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from appliance.lab.harvester_sim.accounts import AccountError, Accounts, kubeconfig
from appliance.lab.harvester_sim.messages import Answer, Request

Json = dict[str, Any]

LOGIN = "/v3-public/localProviders/local"
CHANGE_PASSWORD = "/v3/users"
GENERATE = "/v1/management.cattle.io.clusters/local"
CA_SETTING = "/v3/settings/cacerts"


class Rancher:
    """Answers what is neither Kubernetes' nor the dashboard's.

    `certificate` gives the PEM that the world sees at the VIP, or nothing. `address` is the VIP;
    empty: whatever host a client asked for.
    """

    def __init__(self, accounts: Accounts, certificate: Callable[[], str], address: str) -> None:
        self._accounts = accounts
        self._certificate = certificate
        self._address = address

    def public(self, request: Request) -> Answer | None:
        """Answer what needs no token; None where it does."""
        if request.path == LOGIN:
            return self._log_in(request)
        if request.path == CA_SETTING:
            setting = {"id": "cacerts", "type": "setting", "value": self._certificate()}
            return Answer(HTTPStatus.OK, setting)
        if request.path == "/cacerts":
            return Answer(HTTPStatus.OK, self._certificate(), "text/plain")
        return None

    def answer(self, request: Request) -> Answer | None:
        """Answer what needs a token, which was seen; None where there is no such path."""
        action = request.query.get("action", "")
        if (request.path, action) == (CHANGE_PASSWORD, "changepassword"):
            return self._posted(request, self._change_password)
        if (request.path, action) == (GENERATE, "generateKubeconfig"):
            return self._posted(request, self._generate)
        return None

    def _log_in(self, request: Request) -> Answer:
        if request.query.get("action") != "login":
            return Answer(HTTPStatus.OK, {"id": "local", "type": "localProvider"})
        return self._posted(request, self._open)

    def _posted(self, request: Request, act: Callable[[Request], Answer]) -> Answer:
        try:
            if request.method != "POST":
                raise AccountError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", "POST it")
            return act(request)
        except AccountError as error:
            return Answer(error.status, error.as_json())

    def _open(self, request: Request) -> Answer:
        asked = request.object()
        name, password = str(asked.get("username", "")), str(asked.get("password", ""))
        return Answer(HTTPStatus.CREATED, self._accounts.log_in(name, password))

    def _change_password(self, request: Request) -> Answer:
        asked = request.object()
        current, new = str(asked.get("currentPassword", "")), str(asked.get("newPassword", ""))
        self._accounts.change_password(current, new)
        return Answer(HTTPStatus.OK)

    def _generate(self, request: Request) -> Answer:
        host = self._address or request.headers.get("host", "")
        _, token = self._accounts.new_token("kubeconfig-user")
        ca = base64.b64encode(self._certificate().encode())
        text = kubeconfig(f"https://{host}/k8s/clusters/local", token, ca)
        return Answer(HTTPStatus.OK, {"config": text})
