"""An image that a BMC fetches by itself and shows its machine as a CD (DSP0268, VirtualMedia).

For a machine that does not come by the network's own boot. The BMC, not the machine, asks for the
URL: it must reach it. What somebody else has put in is never taken out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from appliance.errors import PowerError
from appliance.power.redfish_documents import Document, link, links, part, text, texts
from appliance.power.redfish_faults import Fault, fault_of
from appliance.power.redfish_line import Conversation

_DISCS = frozenset({"CD", "DVD"})


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive that a BMC plays. `image` is the URL of what is in it, empty for none."""

    path: str
    kinds: tuple[str, ...]
    image: str
    insert: str
    eject: str

    @property
    def takes_discs(self) -> bool:
        """Whether it shows an ISO image as a disc; a drive that does not say what it takes may."""
        return not self.kinds or not _DISCS.isdisjoint(self.kinds)


def drives(talk: Conversation, system: Document) -> tuple[Drive, ...]:
    """Give the drives that a machine's BMC plays, if any. Raises what the conversation does.

    They are below the system, as since 2021, or below its manager, as before.
    """
    for owner in _owners(talk, system):
        collection = link(owner, "VirtualMedia")
        members = links(_document(talk, collection), "Members") if collection else ()
        found = [_drive(_document(talk, path), path) for path in members]
        if found:
            return tuple(found)
    return ()


def is_offered(talk: Conversation, system: Document) -> bool:
    """Whether there is a drive for discs. What cannot be read is none: all else goes on without."""
    try:
        return any(drive.takes_discs for drive in drives(talk, system))
    except Exception as error:
        if fault_of(error) in {Fault.LOGIN, Fault.CERTIFICATE}:
            raise
        return False


def insert(talk: Conversation, system: Document, url: str, *, where: str) -> bool:
    """Put an image in; whether the BMC shows it then. Once in, it is only looked at.

    Raises PowerError at `where` for an address that no BMC takes, where there is no drive for
    discs, or where another image is in it; else what the conversation raises.
    """
    _check(url, where)
    drive = _free_drive(drives(talk, system), url, where)
    if drive.image != url:
        _put_in(talk, drive, url)
    return bool(_drive(talk.document(drive.path), drive.path).image)


def eject(talk: Conversation, system: Document, url: str) -> bool:
    """Take this image out again; False where it is not in. Raises what the conversation does."""
    found = [drive for drive in drives(talk, system) if drive.image == url]
    for drive in found:
        if drive.eject:
            talk.post(drive.eject, {})
        else:
            talk.patch(drive.path, {"Image": None, "Inserted": False})
    return bool(found)


def _check(url: str, where: str) -> None:
    """Refuse what BMCs are known to stumble over (Tinkerbell, docs/technical/BOOT_MODES.md)."""
    split = urlsplit(url)
    if split.scheme in {"http", "https"} and not split.query and ":" not in split.path:
        return
    raise PowerError(
        "a BMC cannot be given that address of an image",
        where=where,
        why=f"{url or 'an empty address'} is not http(s), or has a '?' or a ':' in its path",
        fix="serve the image below a plain path",
    )


def _owners(talk: Conversation, system: Document) -> Iterator[Document]:
    yield system
    for path in links(system, "Links", "ManagedBy"):
        yield _document(talk, path)


def _document(talk: Conversation, path: str) -> Document:
    try:
        return talk.document(path)
    except Exception as error:
        if fault_of(error) in {Fault.MISSING, Fault.FORBIDDEN, Fault.REFUSED}:
            return {}
        raise


def _drive(document: Document, path: str) -> Drive:
    actions = part(document, "Actions")
    inserted = document.get("Inserted") is not False
    return Drive(
        path=path,
        kinds=texts(document, "MediaTypes"),
        image=text(document, "Image") if inserted else "",
        insert=text(actions, "#VirtualMedia.InsertMedia", "target"),
        eject=text(actions, "#VirtualMedia.EjectMedia", "target"),
    )


def _free_drive(found: tuple[Drive, ...], url: str, where: str) -> Drive:
    discs = [drive for drive in found if drive.takes_discs]
    for drive in [*(d for d in discs if d.image == url), *(d for d in discs if not d.image)]:
        return drive
    if discs:
        raise PowerError(
            "another image is in the BMC's virtual drive",
            where=where,
            why=f"{discs[0].image} was not put in by this run",
            fix="take it out at the BMC's own page, if nobody needs it",
        )
    raise PowerError(
        "the BMC offers no virtual drive for discs",
        where=where,
        why="some need a licence for it",
        fix="boot the machine from the network, or from a USB stick",
    )


def _put_in(talk: Conversation, drive: Drive, url: str) -> None:
    if not drive.insert:
        talk.patch(drive.path, {"Image": url, "Inserted": True})
        return
    try:
        talk.post(drive.insert, {"Image": url, "Inserted": True, "WriteProtected": True})
    except Exception as error:
        if fault_of(error) is not Fault.REFUSED:
            raise
        talk.post(drive.insert, {"Image": url})  # some refuse what the schema makes optional
