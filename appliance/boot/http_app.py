"""The boot HTTP app: scripts, configurations, files by name, and installers' hooks.

Every refusal is a text with its reason, in the body and in `X-Reason`. Nothing is ever chunked or
redirected: UEFI HTTP boot gives up on a 301 (tinkerbell/smee#229).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_range_header

from appliance.boot.decide import Action, Decision
from appliance.boot.file_body import FileBody
from appliance.boot.http_reply import client_address, plain, refuse
from appliance.boot.model import STAGE1_INITRD, STAGE1_KERNEL, BootMachine, ServedFile
from appliance.boot.script import (
    autoexec_script,
    base_url,
    discover_script,
    own_disk_script,
    screen_text,
    script_path,
    wait_script,
)
from appliance.boot.served import FileUnreadableError, Watched, find_file, open_served
from appliance.boot.stage1 import Stage1
from appliance.boot.stage1_app import add_routes
from appliance.boot.state import BootState
from appliance.boot.tokens import Hook, Refusal, Refused
from appliance.site.plan import OwnDisk
from appliance.values import Mac

HOOK_LIMIT = 4096
_SLASHES = re.compile("/{2,}")
_STATUS = {Refusal.UNKNOWN: 404, Refusal.WRONG_ADDRESS: 403, Refusal.ENDED: 410}

StartResponse = Callable[..., Any]


def make_app(state: BootState, stage1: Stage1 | None = None, *, port: int = 80) -> Flask:
    """Make the WSGI app. `port` is where it is reached, for the addresses in its own scripts.

    Without `stage1`, no machine can show itself.
    """
    app = Flask("bridgehead-boot", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    handlers = _Handlers(state, port)
    app.add_url_rule("/healthz", "healthz", handlers.healthz)
    app.add_url_rule("/autoexec.ipxe", "autoexec", handlers.autoexec)
    app.add_url_rule("/ipxe/autoexec.ipxe", "autoexec_beside", handlers.autoexec)
    app.add_url_rule("/m/<mac>.ipxe", "script", handlers.script)
    app.add_url_rule("/ipxe/<path:name>", "ipxe", handlers.ipxe)
    app.add_url_rule("/a/<path:name>", "artifact", handlers.artifact)
    app.add_url_rule("/c/<token>/<name>", "config", handlers.config)
    app.add_url_rule("/hook/<token>/<event>", "hook", handlers.hook, methods=["POST"])
    if stage1 is not None:
        add_routes(app, state, stage1, port=port)
    app.register_error_handler(HTTPException, handlers.refuse_http)
    app.register_error_handler(Exception, handlers.fail)
    inner = app.wsgi_app

    def one_slash(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        environ["PATH_INFO"] = _SLASHES.sub("/", environ.get("PATH_INFO", ""))
        return inner(environ, start)

    app.wsgi_app = one_slash  # type: ignore[assignment, method-assign]  # Flask's way
    return app


@dataclass(frozen=True, slots=True)
class _Handlers:
    """The routes. Each gives a response with a Content-Length."""

    state: BootState
    port: int

    def healthz(self) -> Response:
        return plain("ok\n")

    def autoexec(self) -> Response:
        return plain(autoexec_script(self.state.network.bridge, port=self.port))

    # ---------------------------------------------------------------- scripts

    def script(self, mac: str) -> Response:
        try:
            card = Mac.parse(mac)
        except ValueError as error:
            return refuse(404, str(error))
        machine = self.state.machine_of_mac(card)
        decision = self.state.decide_for(card, firmware=None, booting=True)
        belongs = self.state.belongs(client_address(), card)
        if decision.action is Action.INSTALL:
            return self._install(card) if belongs else self._stranger(card)
        if decision.action is Action.OWN_DISK:
            if belongs:
                self.state.own_disk_given(card, machine, decision)
            return _own_disk(machine.hostname if machine else str(card), decision)
        if decision.action is Action.IGNORE:
            return refuse(404, decision.reason)
        if decision.action is Action.DISCOVER and self._has_stage1():
            if belongs and machine is not None:
                self.state.discover_given(card, machine, decision.reason)
            return self._discover(card, machine, decision.reason)
        if belongs and machine is not None:
            self.state.wait_given(card, machine, decision.reason)
        return self._wait(card, decision.reason)

    def _has_stage1(self) -> bool:
        return None not in (self.state.file(STAGE1_KERNEL), self.state.file(STAGE1_INITRD))

    def _discover(self, mac: Mac, machine: BootMachine | None, reason: str) -> Response:
        network = self.state.network
        base = base_url(network.bridge, self.port)
        return plain(
            discover_script(
                mac=mac,
                name=machine.hostname if machine else "",
                reason=reason,
                base=base,
                script_url=base + script_path(mac),
                console=network.console,
            )
        )

    def _install(self, mac: Mac) -> Response:
        boot = self.state.install_boot(mac, client_address())
        if boot is None or boot.script is None:
            return self._wait(mac, "it is not armed any more")
        return plain(boot.script.reveal())

    def _stranger(self, mac: Mac) -> Response:
        address = client_address()
        self.state.say(
            "finding",
            f"{address} asked for the install script of {mac}, but is not that machine's address",
            mac=mac,
            data=(("address", str(address)),),
        )
        return self._wait(mac, f"the request came from {address}, which is not its address")

    def _wait(self, mac: Mac, reason: str) -> Response:
        machine = self.state.machine_of_mac(mac)
        record = self.state.record(machine.name) if machine else None
        url = base_url(self.state.network.bridge, self.port) + script_path(mac)
        return plain(
            wait_script(
                mac=mac,
                name=machine.hostname if machine else "",
                state=record.state.value if record else "unknown",
                reason=reason,
                script_url=url,
            )
        )

    # ---------------------------------------------------------------- files

    def ipxe(self, name: str) -> Response:
        return self._file(find_file(self.state, name, "ipxe"), name)

    def artifact(self, name: str) -> Response:
        return self._file(find_file(self.state, name, "a"), name)

    def _file(self, file: ServedFile | None, name: str) -> Response:
        if file is None:
            return self._not_found(f"there is no file {screen_text(name)!r} in the depot")
        try:
            descriptor = open_served(file)
        except FileUnreadableError as error:
            self.state.say("finding", str(error), data=(("file", file.name),))
            return refuse(500, str(error))
        return _file_response(Watched(self.state, file, client_address(), "http"), descriptor)

    # ---------------------------------------------------------------- tokens

    def config(self, token: str, name: str) -> Response:
        found = self.state.config_boot(token, client_address())
        if isinstance(found, Refused):
            return self._refuse_token("a configuration", found)
        if found.config is None or name != found.config_name:
            return self._not_found(f"this boot has no {screen_text(name)!r}")
        if request.method == "GET":
            self.state.config_given(found)
        return plain(found.config.reveal())

    def hook(self, token: str, event: str) -> Response:
        try:
            hook = Hook(event.lower())
        except ValueError:
            return self._not_found(
                f"there is no event {screen_text(event)!r}: started, succeeded and failed are"
            )
        length = request.content_length
        if length is None and request.headers.get("Transfer-Encoding"):
            return refuse(411, "a hook needs a Content-Length")
        if length is not None and length > HOOK_LIMIT:
            return refuse(413, f"a hook takes at most {HOOK_LIMIT} octets, not {length}")
        said = screen_text(request.get_data(cache=False).decode("utf-8", "replace"))
        text = f"its installer reported {hook.value}" + (f": {said}" if said else "")
        outcome = self.state.hook(token, hook, client_address(), text)
        if isinstance(outcome, Refused):
            return self._refuse_token(f"the report {hook.value!r}", outcome)
        return plain("taken\n" if outcome.fresh else "taken before\n")

    # ---------------------------------------------------------------- refusals

    def _refuse_token(self, what: str, refused: Refused) -> Response:
        address = client_address()
        machine = refused.boot.machine if refused.boot else None
        self.state.say(
            "finding",
            f"{what} was refused to {address}: {refused.reason}",
            machine=machine,
            data=(("address", str(address)), ("refusal", refused.refusal.value)),
        )
        return refuse(_STATUS[refused.refusal], refused.reason)

    def _not_found(self, reason: str) -> Response:
        address = client_address()
        owner = self.state.owner_of(address)
        self.state.say(
            "http",
            f"not found for {address}: {reason}",
            machine=owner.name if owner else None,
            data=(("address", str(address)), ("status", "404")),
        )
        return refuse(404, reason)

    def refuse_http(self, error: HTTPException) -> Response:
        code = error.code or 500
        if code == 404:
            return self._not_found(f"nothing is served at {screen_text(request.path)!r}")
        response = refuse(code, str(error.description or error.name))
        if code == 405:
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", ())))
        return response

    def fail(self, error: Exception) -> Response:
        self.state.say(
            "finding",
            f"a request to {screen_text(request.path)!r} failed inside: {type(error).__name__}",
        )
        return refuse(500, "this is a fault of Bridgehead's; its log names it")


def _own_disk(name: str, decision: Decision) -> Response:
    body = own_disk_script(decision.own_disk or OwnDisk.EXIT, name=name, reason=decision.reason)
    return refuse(404, decision.reason) if body is None else plain(body)


def _file_response(watched: Watched, descriptor: int) -> Response:
    file = watched.file
    etag = _etag(file)
    if etag in request.if_none_match:
        return _headers(_without_body(304, descriptor), file)
    offset, length = _range(file, etag)
    if length <= 0 and file.size:
        refusal = _headers(_without_body(416, descriptor), file)
        refusal.headers["Content-Range"] = f"bytes */{file.size}"
        refusal.headers["X-Reason"] = "the range lies outside the file"
        return refusal
    watched.whole = length == file.size
    body: FileBody | list[bytes] = []
    if request.method == "HEAD":
        _without_body(200, descriptor)
        watched.asked("the installer asked after the image")
    else:
        watched.begun()
        body = FileBody(
            descriptor,
            offset=offset,
            length=length,
            on_progress=watched.progress,
            on_close=watched.ended,
        )
    response = Response(
        body, status=200 if watched.whole else 206, mimetype="application/octet-stream"
    )
    response.direct_passthrough = True
    response.headers["Content-Length"] = str(length)
    if not watched.whole:
        response.headers["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{file.size}"
    return _headers(response, file)


def _headers(response: Response, file: ServedFile) -> Response:
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(_etag(file))
    return response


def _etag(file: ServedFile) -> str:
    return file.digest.rpartition(":")[2][:64]


def _without_body(status: int, descriptor: int) -> Response:
    FileBody(descriptor, offset=0, length=0, on_progress=_nothing, on_close=_nothing).close()
    return Response(status=status, mimetype="application/octet-stream")


def _nothing(_: int) -> None:
    """Watch a transfer that has no octets."""


def _range(file: ServedFile, etag: str) -> tuple[int, int]:
    """Give offset and length of what is asked for; (0, 0) for a range outside the file.

    Several ranges at once are answered with the whole file, as RFC 9110 14.2 allows.
    """
    asked = parse_range_header(request.headers.get("Range"))
    unchanged = request.if_range.etag in (None, etag) and request.if_range.date is None
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or not unchanged:
        return 0, file.size
    part = asked.range_for_length(file.size)
    return (part[0], part[1] - part[0]) if part else (0, 0)
