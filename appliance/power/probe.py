"""A look at an unknown BMC that changes nothing: a recording for tests, and a starter profile.

Only GET is sent, besides the login. The recording is redacted before it is given away.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.power.profiles import Kind, Profile, Quirk, Tier, choose, load_profiles
from appliance.power.redaction import redacted
from appliance.power.redfish import RedfishControl
from appliance.power.redfish_boot import places
from appliance.power.redfish_documents import Document, link, part, text, texts
from appliance.power.redfish_faults import Fault, fault_of, words_of
from appliance.power.redfish_line import Conversation
from appliance.tools.quoted_yaml import dump_quoted

ROOT = "/redfish/v1"
MOST = 250
"""Documents; a BMC gives one or two a second."""
SECONDS = 300.0
_WANTED = re.compile(r"^/redfish/v1/?$|^/redfish/v1/(systems|managers)(/|$)", re.IGNORECASE)
_UNWANTED = re.compile(
    r"logservices|/logs?/|accounts?|sessions?|certificates?|licenses?|jobs|/oem|registr|"
    r"jsonschemas|serialinterfaces|hostinterfaces|dumps?|memory/|pcie|fru|metric|telemetry",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at a BMC gave. `recording` is `{path: document}`, as in the tests' folders."""

    fits: Profile
    """The profile that this project knows for it."""
    profile: str
    """A starter profile, as YAML with what was seen."""
    recording: dict[str, Any]
    unread: tuple[str, ...]
    """What could not be read, and why."""


def probe(
    control: RedfishControl,
    *,
    most: int = MOST,
    seconds: float = SECONDS,
    monotonic: Callable[[], float] = time.monotonic,
) -> Probe:
    """Read the service root, the systems and the managers, and change nothing. Raises PowerError.

    It ends after `most` documents or `seconds`, and says in `unread` that it did.
    """

    def look(talk: Conversation) -> Probe:
        found, unread = _walk(talk, most, monotonic() + seconds, monotonic)
        system = _first(found, "Systems")
        kind = Kind.of(talk.root, system, _first(found, "Managers"))
        fits = choose(load_profiles(), kind)
        recording = redacted(found)
        starter = starter_profile(kind, system, _first(found, "Managers"))
        return Probe(fits, starter, recording, unread)

    return control.talk(look, "be probed")


def write_probe(found: Probe, folder: Path) -> tuple[Path, Path]:
    """Write `profile.yaml` and `tree.json` into a folder. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    profile, tree = folder / "profile.yaml", folder / "tree.json"
    profile.write_text(found.profile, encoding="utf-8")
    tree.write_text(json.dumps(found.recording, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return profile, tree


def starter_profile(kind: Kind, system: Document, manager: Document) -> str:
    """Give a profile that says what was seen, for a person to complete."""
    vendor = kind.vendor.split(";")[0].strip() or "unnamed"
    name = re.sub(r"[^a-z0-9]+", "-", f"{vendor} {text(manager, 'Model')}".lower()).strip("-")
    source = f"a recording of {text(system, 'Model') or 'an unnamed machine'}, BMC firmware "
    source += text(manager, "FirmwareVersion") or "unknown"
    document: dict[str, Any] = {
        "name": name or "unnamed",
        "title": " ".join(filter(None, (vendor, text(manager, "Model")))),
        "tier": str(Tier.RECORDED),
    }
    if kind.vendor:
        document["vendor"] = re.escape(vendor.lower()).replace("\\ ", " ")
    else:
        document["product"] = re.escape(text(manager, "Model").lower() or "unnamed")
    document["notes"] = [{"note": note, "source": source} for note in _seen(system)]
    known = ", ".join(Quirk)
    return (
        "# A starter: complete it, and put it into appliance/power/quirks/.\n"
        "# Quirks are added as 'quirks: [{quirk: …, why: …, source: …}]', after they were met.\n"
        f"# Known ones: {known}\n{dump_quoted(document).reveal()}"
    )


def _seen(system: Document) -> Iterator[str]:
    boot = part(system, "Boot")
    reset = part(system, "Actions", "#ComputerSystem.Reset")
    targets = texts(boot, "BootSourceOverrideTarget@Redfish.AllowableValues")
    yield f"boot targets: {', '.join(targets) or 'not listed'}"
    lasting = texts(boot, "BootSourceOverrideEnabled@Redfish.AllowableValues")
    yield f"an override lasts: {', '.join(lasting) or 'not listed'}"
    yield f"boot mode: {text(boot, 'BootSourceOverrideMode') or 'not shown'}"
    yield f"can be sent to: {', '.join(places(boot)) or 'nowhere that is listed here'}"
    commands = texts(reset, "ResetType@Redfish.AllowableValues")
    described = text(reset, "@Redfish.ActionInfo")
    yield f"power commands: {', '.join(commands) or ('in ActionInfo' if described else 'unlisted')}"
    if link(system, "@Redfish.Settings", "SettingsObject"):
        yield "the system has a settings resource"
    if "HttpBootUri" in boot:
        yield "HttpBootUri is shown"


def _walk(
    talk: Conversation, most: int, limit: float, monotonic: Callable[[], float]
) -> tuple[dict[str, Document], tuple[str, ...]]:
    found: dict[str, Document] = {ROOT: talk.root}
    waiting = deque(_references(talk.root))
    unread: list[str] = []
    seen = {ROOT}
    while waiting:
        path = waiting.popleft()
        key = path.rstrip("/").lower()
        if key in seen or not _WANTED.match(path) or _UNWANTED.search(path):
            continue
        seen.add(key)
        if len(found) >= most or monotonic() > limit:
            unread.append(f"{path} and what is behind it: there are too many, or it takes too long")
            break
        try:
            found[path] = talk.document(path)
        except Exception as error:  # noqa: BLE001 - what one page says is worth no other page
            unread.append(f"{path}: {words_of(error)}")
            if fault_of(error) is Fault.UNREACHABLE:
                break
            continue
        waiting.extend(_references(found[path]))
    return found, tuple(unread)


def _references(value: Any) -> Iterator[str]:
    """Give all paths that a document refers to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"@odata.id", "@Redfish.ActionInfo"} and isinstance(inner, str):
                yield inner.partition("#")[0]
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _first(found: dict[str, Document], collection: str) -> Document:
    """Give the first member of a collection."""
    member = re.compile(rf"^/redfish/v1/{collection}/[^/]+/?$", re.IGNORECASE)
    return next((document for path, document in found.items() if member.match(path)), {})
