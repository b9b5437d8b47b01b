"""One conversation with a BMC: its address, its certificate, the login, limits on what it sends.

sushy speaks Redfish; this file sees to it that it speaks to the right one. The certificate is
compared before anything is sent, no other host is ever asked, no proxy and no `.netrc` is used,
and an answer is bounded in size and time.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from sushy import Sushy, exceptions
from sushy.auth import AuthBase, SessionAuth
from sushy.connector import Connector, TLSHttpAdapter
from sushy.resources import base
from sushy.resources.system.system import System

from appliance.power.model import Target
from appliance.power.redfish_documents import Document, document_of, link, part, text, texts
from appliance.power.retry import Schedule

_LIMIT = 8 << 20
_PIECE = 64 << 10
_PORTS = {"https": 443, "http": 80}

# sushy warns on its own logger; without a handler Python would print that beside our words.
logging.getLogger("sushy").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a BMC may take, in seconds. Slow ones think for 20 s about a system."""

    connect: float = 5.0
    answer: float = 30.0
    """Until the next piece of an answer."""
    whole: float = 90.0
    """Until the whole of an answer is there."""
    conversation: float = 420.0
    """From login to logout, and until nothing is tried again; a probe takes 300 s."""
    off: float = 60.0
    """Until a machine that was told to switch off is off."""
    look: float = 2.0
    """Between two looks at it."""
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True, slots=True)
class BmcAddress:
    """Where a BMC listens. `system` is the path of one system, where the address named one."""

    scheme: str
    host: str
    port: int
    system: str = ""

    @classmethod
    def parse(cls, written: str) -> BmcAddress:
        """Read `host`, `host:port`, `[v6]:port` or a URL; HTTPS unless `http://` is written.

        Raises ValueError, with the reason.
        """
        split = _split(written.strip())
        if split.scheme not in _PORTS:
            raise ValueError(f"{split.scheme}:// is neither https:// nor http://")
        if split.username or split.password:
            raise ValueError("user and password do not belong into the address")
        if not split.hostname:
            raise ValueError("no host is named")
        path = split.path.rstrip("/")
        system = path if path.startswith("/redfish/v1/Systems/") else ""
        # As it goes over the line: requests writes it so too, and the two are compared.
        host = (
            split.hostname.encode("idna").decode() if ":" not in split.hostname else split.hostname
        )
        return cls(split.scheme, host, split.port or _PORTS[split.scheme], system)

    @property
    def secure(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.scheme == "https"

    @property
    def url(self) -> str:
        """Give the URL up to its path; an IPv6 address is in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _split(written: str) -> SplitResult:
    if "://" not in written:
        bare_v6 = written.count(":") > 1 and not written.startswith("[")
        written = f"https://[{written}]" if bare_v6 else f"https://{written}"
    return urlsplit(written)


class Conversation:
    """What can be asked of a BMC while logged in. Raises what sushy and the line raise."""

    def __init__(self, root: Sushy, connector: Connector) -> None:
        self._connector = connector
        self.root = document_of(root.json)

    def document(self, path: str) -> Document:
        """Fetch one resource. Raises ValueError where the answer is no JSON object."""
        return document_of(self._connector.get(path).json())

    def system(self, path: str) -> System:
        """Give one system to act upon."""
        return _ActingSystem(self._connector, path)

    def post(self, path: str, body: dict[str, object]) -> None:
        """Send an action."""
        self._connector.post(path, data=body)

    def patch(self, path: str, body: dict[str, object]) -> None:
        """Change a resource, with the ETag that it has now where it shows one."""
        found = self._connector.get(path).headers.get("ETag")
        self._connector.patch(path, data=body, etag=found)


@contextmanager
def conversation(
    target: Target,
    address: BmcAddress,
    fingerprint: str | None,
    patience: Patience,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Conversation]:
    """Log in, and out again: BMCs have few sessions, and one that is left blocks for half an hour.

    `fingerprint` is what the certificate must have; with None only plain HTTP is spoken.
    """
    connector = _connector(address, fingerprint, patience, monotonic)
    login = _login(target)
    try:
        root = _Root(address.url, auth=login, connector=connector)
        yield Conversation(root, connector)
    finally:
        _log_out(login)
        connector.close()


def _connector(
    address: BmcAddress,
    fingerprint: str | None,
    patience: Patience,
    monotonic: Callable[[], float],
) -> Connector:
    connector = Connector(
        address.url,
        verify=False,  # judged by its fingerprint, before anything is sent
        server_side_retries=1,  # one try: `retry.py` decides. 0 would mean three, of POSTs too
        default_request_timeout=patience.answer,
        connect_timeout=patience.connect,
    )
    session = connector._session  # noqa: SLF001 - sushy has no other door to it
    session.trust_env = False
    session.adapters.clear()
    if address.secure and not fingerprint:
        raise ValueError("no certificate to compare with")
    session.mount(f"{address.url}/", _BoundedAdapter(fingerprint, patience, monotonic))
    return connector


class _BoundedAdapter(TLSHttpAdapter):  # type: ignore[misc]  # sushy ships no types
    """Compares the certificate, and reads no more and no longer than allowed."""

    def __init__(
        self, fingerprint: str | None, patience: Patience, monotonic: Callable[[], float]
    ) -> None:
        self._fingerprint = fingerprint
        self._whole = patience.whole
        self._monotonic = monotonic
        self._end = monotonic() + patience.conversation
        super().__init__(verify=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
        if self._fingerprint:
            kwargs["ssl_context"] = tls_context()
            kwargs["assert_fingerprint"] = self._fingerprint
            kwargs["assert_hostname"] = False
        return super().init_poolmanager(*args, **kwargs)

    def send(self, request: Any, **options: Any) -> Any:
        if self._monotonic() > self._end:
            raise TimeoutError("the conversation takes too long")
        deadline = self._monotonic() + self._whole
        answer = super().send(request, **{**options, "stream": True})
        pieces: list[bytes] = []
        size = 0
        while piece := answer.raw.read1(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > _LIMIT:
                answer.close()
                raise ValueError(f"the answer is longer than {_LIMIT >> 20} MiB")
            if self._monotonic() > deadline:
                answer.close()
                raise TimeoutError(f"the answer was not complete after {self._whole:.0f} s")
        answer._content = b"".join(pieces)  # noqa: SLF001 - requests' own place for a read body
        answer._content_consumed = True  # noqa: SLF001 - and that it was read
        answer.close()
        return answer


def tls_context() -> ssl.SSLContext:
    """Give what TLS is spoken by. It judges no certificate: whoever uses it compares."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # by its fingerprint
    # BMCs keep their first certificate for ever: RSA 1024 and SHA-1 are met. Not judged by them.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


# ---------------------------------------------------------------- login


def _log_out(login: AuthBase) -> None:
    # A session that cannot be ended expires; what was done stands.
    with suppress(exceptions.SushyError, OSError, ValueError):
        login.close()
    if isinstance(login, _Login):
        login.forget()


def _login(target: Target) -> AuthBase:
    if target.password is None:
        return _NoLogin()
    return _Login(username=target.user, password=target.password.reveal())


class _NoLogin(AuthBase):  # type: ignore[misc]  # sushy ships no types
    """For a BMC without users, as in the lab."""

    def _do_authenticate(self) -> None:
        return

    def can_refresh_session(self) -> bool:
        return False


class _Login(SessionAuth):  # type: ignore[misc]  # sushy ships no types
    """A session where the service names one, else basic authentication.

    sushy's own `SessionOrBasicAuth` tries a refused password a second time: BMCs count to three.
    """

    _session_resource_id: str | None

    def _do_authenticate(self) -> None:
        if not link(self._root_resource.json, "Links", "Sessions"):
            self._use_basic()
            return
        try:
            super()._do_authenticate()
            # Some name their session by a whole URL, of a host that only they know themselves by.
            self._session_resource_id = urlsplit(self._session_resource_id or "").path or None
        except exceptions.AccessError:
            raise
        except exceptions.HTTPError as error:
            if "UnauthorizedLogin" in f"{error.code} {error.body}":
                raise
            self._use_basic()

    def forget(self) -> None:
        """Forget a session that could not be ended: sushy would try again when it is collected."""
        self._session_resource_id = None

    def _use_basic(self) -> None:
        self.reset_session_attrs()
        # As bytes: requests would write a password in Latin-1, and fail at what is not in it.
        self._connector.set_http_basic_auth(self._username.encode(), self._password.encode())


# ---------------------------------------------------------------- resources that sushy acts upon


class _Root(Sushy):  # type: ignore[misc]  # sushy ships no types
    """A service root of which nothing is required."""

    identity = base.Field("Id")

    def refresh(self, force: bool = True, json_doc: object = None) -> None:  # noqa: FBT001, FBT002
        known = document_of(json_doc or self._reader.get_data().json_doc)
        kept = {key: known[key] for key in ("Systems", "Managers") if link(known, key)}
        if sessions := link(known, "Links", "Sessions"):
            kept["Links"] = {"Sessions": {"@odata.id": sessions}}
        for key in ("Id", "Vendor", "Product", "RedfishVersion"):
            if value := text(known, key):
                kept[key] = value
        super().refresh(force=force, json_doc=kept or {"Id": ""})


class _ActingSystem(System):  # type: ignore[misc]  # sushy ships no types
    """A system of which sushy sees only what acting needs, each of the right type."""

    identity = base.Field("Id")

    def refresh(self, force: bool = True, json_doc: object = None) -> None:  # noqa: FBT001, FBT002
        known = document_of(json_doc or self._reader.get_data().json_doc)
        super().refresh(force=force, json_doc=acting_part(known))


def acting_part(system: Document) -> dict[str, object]:
    """Give what sushy needs of a system to set its next boot and to switch it."""
    kept: dict[str, object] = {"Id": text(system, "Id")}
    if vendor := text(system, "Manufacturer"):
        kept["Manufacturer"] = vendor
    if boot := part(system, "Boot"):
        kept["Boot"] = _acting_boot(boot)
    settings = link(system, "@Redfish.Settings", "SettingsObject")
    if settings:
        kept["@Redfish.Settings"] = {"SettingsObject": {"@odata.id": settings}}
    reset = part(system, "Actions", "#ComputerSystem.Reset")
    if target := text(reset, "target"):
        action: dict[str, object] = {"target": target}
        if allowed := texts(reset, "ResetType@Redfish.AllowableValues"):
            action["ResetType@Redfish.AllowableValues"] = list(allowed)
        if described := text(reset, "@Redfish.ActionInfo"):
            action["@Redfish.ActionInfo"] = described
        kept["Actions"] = {"#ComputerSystem.Reset": action}
    return kept


def _acting_boot(boot: Document) -> dict[str, object]:
    kept: dict[str, object] = {}
    for key in (
        "BootSourceOverrideEnabled",
        "BootSourceOverrideMode",
        "BootSourceOverrideTarget",
        "HttpBootUri",
    ):
        if key in boot:  # its presence tells sushy where to write it, even when it is null
            kept[key] = text(boot, key) or None
    if allowed := texts(boot, "BootSourceOverrideTarget@Redfish.AllowableValues"):
        kept["BootSourceOverrideTarget@Redfish.AllowableValues"] = list(allowed)
    return kept
