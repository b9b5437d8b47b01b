"""The command's words in those of the pages: who fills in forms types no option and no YAML.

What is wrong is said in the very words of the command; what to do about it is put otherwise,
because it is done by another hand here. `appliance.advice` says each piece in both ways, and it is
found again in any text, be it an old journal's. Below is what else names keys of the file. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace

from appliance import advice
from appliance.advice import Advice
from appliance.errors import Problem

_FILLED = re.compile(r"\{(\w+)\}")
_SHAPES = {"machine": r"[A-Za-z0-9](?:[\w.-]*\w)?"}
"""What may stand for a name. Of any other, as little as reaches the next word of the piece."""

_WHICH = r"no MAC address is given, so it cannot be told from a stranger: write mac or match"
_THEN = "after you began on the page Review, switch it on, booting from the network, and"
_DISK = (
    r"no disk is named, and none is ever guessed: write disk: \S+ or by-path, "
    r"or choose one of its report"
)
WORDS: tuple[tuple[str, str], ...] = (
    # What a plan asks of a machine.
    (
        f"{_WHICH}; {_DISK}",
        (
            f"nobody has said yet which box it is, nor which disk may be written: {_THEN} say both "
            "on the page Machines"
        ),
    ),
    (
        _WHICH,
        f"nobody has said yet which box it is: {_THEN} say so on the page Machines",
    ),
    (_DISK, f"no disk is chosen yet: {_THEN} choose it on the page Machines"),
    # What a plan notes.
    (
        r"ask the bridge at (\S+) for (DNS and NTP|DNS|NTP), which leaves with the laptop",
        r"ask this laptop at \1 for \2, and it leaves",
    ),
    (r"must let them reach the bridge and", "must let them reach this laptop and"),
    (r"write networks\.\S+?\.(?:dns and ntp|dns|ntp)\b", "name them on the page Site"),
    (r"write networks\.\S+?\.gateway", "give its address on the page Site"),
    (r"accept_small_hardware: Harv", "machines below the production minimum are accepted: Harv"),
    (r"\bbmc\.address is http://", "the address of the BMC is http://"),
    (
        r"cluster\.active is false",
        "“The cluster runs” has no tick on the page VMs and cluster",
    ),
    # What is expected of a machine, and what a value is to be.
    (r"a DHCP request from its firmware", "its firmware asking for an address"),
    (r"the installer reporting STARTED", "the installer saying that it begins"),
    (r"the installer reporting SUCCEEDED", "the installer saying that it is done"),
    (r"is no RFC 1123 label", "cannot be a name here"),
    (r"\bredfish needs one", "Redfish needs one"),
    (r"\bipmi needs one", "IPMI needs one"),
    (r"by-hand has no use for it", "by hand there is no use for it"),
    (r"wake-on-lan has no use for it", "Wake-on-LAN has no use for it"),
    (r"ipmi has no use for it", "IPMI has no use for it"),
    # The settings' own docs.
    (r"`false` stops its virtual machines", "Without the tick its virtual machines are stopped"),
    (r"`false` keeps it stopped", "Without the tick it is kept stopped"),
    (r"`false`: BIOS", "without the tick BIOS"),
    (r"`k3s` says the version", "that of K3s holds"),
    (r"`rke2` says the version", "that of RKE2 holds"),
    (
        r"`true` where there is a cluster, a virtual machine or this map",
        "there is one where a cluster or a virtual machine is",
    ),
    (r", unless there is an `iso`", ", unless it is installed from a CD"),
    (r"With an `iso` it is", "Installed from a CD it is"),
    (r"; with an `iso` none", "; installed from a CD none"),
    (r"it starts from `image`", "it starts from the image"),
    (r"beside `iso`", "beside the first"),
    (
        r"`redfish` and `ipmi` ask (.*?), `wake-on-lan` sends (.*?), `by-hand` asks",
        r"Redfish and IPMI ask \1, Wake-on-LAN sends \2, by hand asks",
    ),
    (r"It must be given for `redfish` and `ipmi`", "Redfish and IPMI need it"),
    (r"gives the BMC `address` by", "gives the BMC its address by"),
)
"""Sentences that name keys of the file and their values, and what the pages say in their place."""
_WITH_KEY = re.compile(r"\bwrite (?:[a-z_]+\.)*([a-z_0-9]+): (?=[^{\s…])")
_MISSING = "this key is missing"


def _pattern(piece: Advice) -> str:
    """Give what a piece of advice looks like in a text, whatever is filled in."""
    seen: set[str] = set()
    pattern = ""
    for at, part in enumerate(_FILLED.split(piece.command)):
        if at % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>{_SHAPES.get(part, '.+?')})"
    return pattern


def _replacement(piece: Advice) -> str:
    """Give the page's words, as `re.sub` fills them in."""
    return _FILLED.sub(r"\\g<\1>", piece.page)


# The longest first: a piece may be a part of another.
_RULES = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        *(
            (_pattern(each), _replacement(each))
            for each in sorted(advice.every(), key=lambda one: -len(one.command))
        ),
        *WORDS,
    )
)


def paged(text: str) -> str:
    """Give the command's words as a page says them; what it does not know stays as it is."""
    for pattern, words in _RULES:
        text = pattern.sub(words, text)
    return text


def for_field(problem: Problem) -> Problem:
    """Give a problem as it stands beside its field: the value alone is typed there, not its key."""
    if problem.what == _MISSING:
        return replace(problem, what="this is needed", fix="fill it in")
    own = problem.key.rpartition(".")[2]
    what = paged(problem.what)
    fix = _WITH_KEY.sub(lambda found: "write " if found[1] == own else found[0], paged(problem.fix))
    return replace(problem, what=what, fix=fix)
