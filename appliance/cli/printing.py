"""Printing errors and texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from appliance.errors import BridgeheadError, SiteFileError
from appliance.tools.words import printable


def print_text(text: str) -> None:
    """Print a text to standard output."""
    sys.stdout.write(f"{_safe(text)}\n")


def print_event(kind: str, text: str, data: Mapping[str, object], *, as_json: bool) -> None:
    """Print what happened: its text, or one JSON line."""
    print_text(json.dumps({"kind": kind, "text": text, "data": data}) if as_json else text)


def print_warning(text: str) -> None:
    """Print what is wrong and hinders nothing, to standard error."""
    sys.stderr.write(f"warning: {_safe(text)}\n")


def _safe(text: str) -> str:
    """Give the text's lines without control codes: a machine's own words may be in them."""
    return "\n".join(printable(line) for line in text.split("\n"))


def print_error(error: BridgeheadError, *, as_json: bool) -> None:
    """Print an error: as one JSON line, or as what, where, why and what to do next."""
    if as_json:
        sys.stdout.write(
            json.dumps({"kind": "error", **error.as_dict(), **_problems(error)}) + "\n"
        )
        return
    if isinstance(error, SiteFileError):
        sys.stderr.write(f"{_safe(str(error))}\n")
        return
    lines = [f"error {error.code}: {error.what}"]
    for label, texts in (("where", (error.where,)), ("why", error.reasons), ("do", (error.fix,))):
        if len(texts) > 1:
            lines += [f"  {label}:", *(f"    {each}" for each in texts)]
        else:
            lines += [f"  {label}: {text}" for text in texts if text]
    sys.stderr.write(_safe("\n".join(lines)) + "\n")


def _problems(error: BridgeheadError) -> dict[str, list[str]]:
    if not isinstance(error, SiteFileError):
        return {}
    return {"problems": [str(problem) for problem in error.problems]}


_TRUST = {
    "sums": "as upstream lists it",
    "signed": "signed by upstream",
    "recorded": "a recorded build",
    "given": "as the site file says",
    "built": "built on this computer",
    "first-use": "taken at first use: nothing vouches for it but where it came from",
}


class FetchProgress:
    """What a fetch shows: at most one line a tenth of a file, and one when it is there."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._tenths: dict[str, int] = {}

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Take the octets done so far."""
        tenth = 10 * done // total if total else done >> 28
        if tenth > self._tenths.get(name, 0):
            self._tenths[name] = tenth
            self._say("progress", f"{name}: {done >> 20} MiB", name=name, done=done, total=total)

    def done(self, name: str, how: str, size: int, digest: str, trust: str) -> None:
        """Say that a file is there, and what vouches for it."""
        words = _TRUST[trust]
        text = f"{name}: {how}, {size} octets, {digest}, {words}"
        self._say("artifact", text, name=name, how=how, size=size, digest=digest, trust=trust)

    def say(self, text: str) -> None:
        """Say something that is no file."""
        self._say("finding", text)

    def _say(self, kind: str, text: str, **data: object) -> None:
        print_event(kind, text, data, as_json=self._as_json)
