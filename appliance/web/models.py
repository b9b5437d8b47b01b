"""What the calls take and give. The handbook of the API is made from these very types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.web.arrivals import Arrivals, OneMachine
from appliance.web.boot_keys import BootKey
from appliance.web.leaving import Leaving
from appliance.web.progress import Fault, Progress
from appliance.web.runs import Phase
from appliance.web.stock import StockView

Text = Annotated[str, StringConstraints(max_length=256)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
FolderPath = Annotated[str, StringConstraints(max_length=4096)]


class Asked(BaseModel):
    """The body of a call: JSON, with no key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Nothing(Asked):
    """No body, or an empty object."""


class FetchAsked(Asked):
    """Bring the site's files. `folder` of this laptop; without it they are fetched."""

    folder: FolderPath = ""


class ApproveAsked(Asked):
    """A machine is one of the site. `which`: its MAC address, serial number or UUID."""

    which: Name
    name: Name
    disk: Text = Field(default="", description="path, kernel name or selector")
    role: Literal["", "create", "join"] = ""
    erase: Text = Field(default="", description="its name once more: all on that disk may go")


class IdentifyAsked(Asked):
    """This machine is that one of the site file. `sure`: though nothing shows it."""

    which: Name
    name: Name
    sure: bool = False


class ReinstallAsked(Asked):
    """Write a machine's disk anew. `erase`: its name once more, typed by hand."""

    name: Name
    erase: Text = ""


class ExportAsked(Asked):
    """Seal the site's state. Whoever has the passphrase opens it."""

    passphrase: Text


class WipeAsked(Asked):
    """Remove what this laptop keeps of the site. `name`: the site's, typed by hand.

    `unfinished`: though the site is not finished; `files`: those of the depot as well.
    """

    name: Text
    unfinished: bool = False
    files: bool = False


class WhichAsked(Asked):
    """One machine, by MAC address, serial number, UUID or name."""

    which: Name


class StartAsked(Asked):
    """Go on with what was reviewed. `lose`: names of virtual machines that may be destroyed."""

    lose: Text = ""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """Why not: the code of the handbook, what, where, why, and what to do."""

    code: str
    what: str
    where: str
    why: str
    fix: str
    problems: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class DoneAnswer:
    """What was done, in words."""

    text: str


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """The run as it stands. `refused`: the words with which one was refused before it began.

    `reviewed`: this very site file was confirmed, so that the run may go on. `cancelled`: that was
    taken back.
    """

    phase: Phase
    holder: str
    headline: str
    on_battery: bool
    lost: tuple[str, ...]
    reviewed: bool
    cancelled: bool
    refused: Fault | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API. `kind` is the media type of its good answer.

    `door`: it is asked before anyone has signed in, and slowed down when it is asked too often.
    """

    method: Literal["get", "post"]
    path: str
    name: str
    summary: str
    gives: Any
    takes: type[Asked] | None = None
    kind: str = "application/json"
    door: bool = False


CALLS = (
    Call("get", "/api/run", "run", "The run: steps, machines, what is left", RunAnswer),
    Call("post", "/api/run/start", "start", "Continue, or try again", DoneAnswer, StartAsked),
    Call("post", "/api/run/pause", "pause", "End the step cleanly", DoneAnswer, Nothing),
    Call("post", "/api/run/cancel", "cancel", "Take it back", DoneAnswer, Nothing),
    Call("get", "/api/stream", "stream", "Events as they come", str, kind="text/event-stream"),
    Call("get", "/api/artifacts", "artifacts", "The files of the site", StockView),
    Call("post", "/api/artifacts/fetch", "fetch", "Fetch or import", DoneAnswer, FetchAsked),
    Call("get", "/api/machines", "machines", "Machines that wait", Arrivals),
    Call("get", "/api/boot-keys", "keys", "Keys by maker", tuple[BootKey, ...]),
    Call("get", "/api/machines/{which}", "machine", "All of one machine", OneMachine),
    Call("post", "/api/machines/approve", "approve", "It is one", DoneAnswer, ApproveAsked),
    Call("post", "/api/machines/identify", "identify", "It is that", DoneAnswer, IdentifyAsked),
    Call("post", "/api/machines/blink", "blink", "Show yourself", DoneAnswer, WhichAsked),
    Call(
        *("post", "/api/machines/reinstall", "reinstall", "Write its disk anew"),
        *(DoneAnswer, ReinstallAsked),
    ),
    Call("get", "/api/done", "done", "May the laptop go?", Leaving),
    Call("get", "/api/openapi.json", "openapi", "This document", dict[str, Any]),
    Call(
        *("post", "/api/kubeconfig", "kubeconfig", "The cluster's kubeconfig: a secret"),
        *(str, Nothing, "application/yaml"),
    ),
    Call(
        *("post", "/api/support", "support", "The redacted support file", bytes, Nothing),
        "application/gzip",
    ),
    Call(
        *("post", "/api/export", "export", "The whole state, sealed", bytes, ExportAsked),
        "application/octet-stream",
    ),
    Call("post", "/api/wipe", "wipe", "Keep nothing of the site", DoneAnswer, WipeAsked),
    Call("post", "/api/report", "report", "The report", str, Nothing, "text/html"),
    Call("get", "/api/sheet", "sheet", "The hand-over sheet", str, kind="text/html"),
)
"""All calls of the live half; those of the door and of the site file stand in their own modules."""
