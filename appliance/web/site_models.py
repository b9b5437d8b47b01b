"""What the calls of the site file take and give, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from appliance.site.yaml_text import MAX_OCTETS
from appliance.web.laptop import Port
from appliance.web.models import Asked, Call, DoneAnswer, Text
from appliance.web.review import Erasure, RuleVerdict

MAX_FIELDS = 2000


class SaveAsked(Asked):
    """New values by their keys; an empty text takes a key out. `digest`: of the file as read."""

    digest: Text
    fields: dict[str, str] = Field(max_length=MAX_FIELDS)


class CheckAsked(Asked):
    """Values to be judged and not written."""

    fields: dict[str, str] = Field(max_length=MAX_FIELDS)


class TakeAsked(Asked):
    """Another site file, whole. `digest`: of the one that is here; `replace`: it may be put aside.

    A file that is put aside is kept beside the new one.
    """

    digest: Text
    text: str = Field(max_length=MAX_OCTETS)
    replace: bool = False


class BeginAsked(Asked):
    """Start what was reviewed. `erase`: each machine's name by its name, typed by hand."""

    digest: Text
    erase: dict[str, str] = Field(default_factory=dict, max_length=MAX_FIELDS)
    clock: bool = False
    lose: Text = ""


class PortAsked(Asked):
    """The interface that leads to the machines; an empty name: the only fitting one."""

    interface: Text


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A problem at its field; an empty `field`: none of this page has it."""

    field: str
    key: str
    line: int
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class FormAnswer:
    """A page's fields as the file has them, and what holds where they are left empty."""

    digest: str
    fields: dict[str, str]
    proposed: dict[str, str]
    problems: list[FieldProblem]


@dataclass(frozen=True, slots=True)
class ChecksAnswer:
    """What would be refused; nothing was written."""

    problems: list[FieldProblem]


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """What a run would go by; `digest` names the plan, empty where there is none.

    `lost`: virtual machines that it would destroy. `clock`: what this laptop says that it is now;
    that it is right is asked for unless `clock_is_kept`.
    """

    digest: str
    problems: list[FieldProblem]
    rules: list[RuleVerdict]
    notes: list[str]
    erased: list[Erasure]
    not_armed: dict[str, str]
    lost: list[str]
    clock: str
    clock_is_kept: bool


@dataclass(frozen=True, slots=True)
class PortsAnswer:
    """This laptop's network interfaces; `conflicts`: where their networks fall on the site's."""

    ports: list[Port]
    conflicts: list[str]


SITE_CALLS = (
    Call("get", "/api/site", "site", "The first page's fields", FormAnswer),
    Call("post", "/api/site", "save_site", "Save them", DoneAnswer, SaveAsked),
    Call("post", "/api/site/check", "check_site", "Judge them", ChecksAnswer, CheckAsked),
    Call("post", "/api/site/open", "take_site", "Open a file", DoneAnswer, TakeAsked),
    Call("get", "/api/cluster", "cluster", "The fourth page's fields", FormAnswer),
    Call("post", "/api/cluster", "save_cluster", "Save them", DoneAnswer, SaveAsked),
    Call("post", "/api/cluster/check", "check_cluster", "Judge them", ChecksAnswer, CheckAsked),
    Call(
        *("get", "/api/machines/{which}/bmc", "bmc", "The fields of how it is switched"),
        FormAnswer,
    ),
    Call(
        *("post", "/api/machines/{which}/bmc", "save_bmc", "Save them"),
        *(DoneAnswer, SaveAsked),
    ),
    Call(
        *("post", "/api/machines/{which}/bmc/check", "check_bmc", "Judge them"),
        *(ChecksAnswer, CheckAsked),
    ),
    Call("get", "/api/review", "review", "All that a run would go by", ReviewAnswer),
    Call("post", "/api/review/start", "begin", "Start what was reviewed", DoneAnswer, BeginAsked),
    Call("get", "/api/site.yaml", "site_file", "The file", bytes, kind="application/yaml"),
    Call("get", "/api/ports", "ports", "This laptop’s network interfaces", PortsAnswer),
    Call("post", "/api/ports", "choose_port", "Choose one", DoneAnswer, PortAsked),
)
"""All calls of the site file."""
