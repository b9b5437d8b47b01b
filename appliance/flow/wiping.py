"""`provision wipe`: what this laptop keeps of a site is removed, and of no other site.

The folder is first put aside, while the site is held, and then emptied: a wipe that is killed is
finished by the next one. Files are overwritten before they go. On a flash disk that promises
nothing, for it writes elsewhere; there only an encrypted disk keeps what was deleted (NIST SP
800-88 Rev. 1, section 2.4).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance import advice
from appliance.artifacts.depot import Depot
from appliance.errors import InputError, StepError
from appliance.flow.context import Context, Options
from appliance.flow.looking import look_at
from appliance.flow.preflight import refuse_unless_root
from appliance.flow.run import STEPS
from appliance.flow.session import opened
from appliance.flow.stocking import wants_of
from appliance.flow.undoing import undo_steps
from appliance.paths import Paths, SitePaths
from appliance.site.load import load_file
from appliance.store.journal import Journal
from appliance.store.lock import FILES_HELD, hold
from appliance.tools.clock import Clock, as_text
from appliance.tools.words import many

_CHUNK = bytes(1 << 20)
_ASIDE = ".wiping."
"""No site's name begins with a dot."""


@dataclass(frozen=True, slots=True)
class WipeWish:
    """What was agreed to. `unfinished`: though the site is not; `files`: those of the depot too.

    `site`: the one that was meant, where the site file may be another's by now; empty: the file's.
    """

    agreed: bool
    unfinished: bool = False
    files: bool = False
    site: str = ""


def wipe_site(site_file: Path, paths: Paths, wish: WipeWish) -> Iterator[str]:
    """Remove what this laptop keeps of a site; give a line for each thing done, none if nothing is.

    Gone then are journal, secrets, leases, reports and Terraform's state; the site file stays.
    What a killed run left on this laptop is taken back first. Raises InputError for what was not
    agreed to, BusyError while a run or a fetch goes on, StepError for what cannot be removed: again
    continues.
    """
    site_id = load_file(site_file).site.site
    if wish.site not in ("", site_id):
        raise InputError(
            f"the site file is that of {site_id} by now, not of {wish.site}",
            where=str(site_file),
            fix="look at it as it is now, and say again what you want",
        )
    site, aside = paths.site(site_id), _aside(paths, site_id)
    names = _files_of(site_file, paths, site_id) if wish.files else ()
    if not (site.folder.exists() or aside.exists() or names):
        return
    if not wish.agreed:
        raise InputError(
            f"all that this laptop keeps of {site_id} would be lost: journal, secrets, reports",
            where=str(site.folder),
            why="without it the site cannot be changed from here any more",
            fix=advice.export_then_wipe(str(site_file)),
        )
    if site.folder.exists():
        yield from _put_aside(site_file, paths, site_id, aside, wish)
    if aside.exists():
        count = shred(aside)
        yield f"{many(count, 'file')} of {site_id} overwritten and removed: {site.folder}"
    yield from _forget_files(Depot(paths.depot), names)


def broken_off(paths: Paths, site_id: str) -> bool:
    """Whether a wipe of the site was killed: what it had put aside is there still."""
    return _aside(paths, site_id).exists()


def _aside(paths: Paths, site_id: str) -> Path:
    return paths.root / f"{_ASIDE}{site_id}"


def why_unfinished(journal: Journal) -> str:
    """Say why a site is not finished; empty where its last run proved that the laptop may go."""
    runs = journal.runs()
    if not runs:
        return "it was never run"
    if runs[-1].outcome != "done":
        return "its last run did not come to its end"
    story = [each.kind for each in journal.events(kinds=("run-started", "safe-to-unplug"))]
    if story[-1:] != ["safe-to-unplug"]:
        return "its last run did not prove that the laptop may be unplugged"
    return ""


def _put_aside(
    site_file: Path, paths: Paths, site_id: str, aside: Path, wish: WipeWish
) -> Iterator[str]:
    """Take the folder from its place in one go: whoever comes later finds no half of a site."""
    site = paths.site(site_id)
    who, now = "provision wipe", as_text(Clock.of_this_machine().utc())
    files = hold(site.files_lock, who=who, since=now, what=FILES_HELD)
    with hold(site.lock, who=who, since=now), files:
        if site.database.exists():
            with opened(site_file, site_id, paths, Options(interface="")) as context:
                _refuse_unfinished(context, site_id, wish)
                yield from _taken_back(context)
        if aside.exists():  # of a wipe that was killed
            shred(aside)
        try:
            site.folder.rename(aside)
        except OSError as error:
            raise _not_removed(site.folder, error) from error


def _refuse_unfinished(context: Context, site_id: str, wish: WipeWish) -> None:
    why = why_unfinished(context.journal)
    if why and not wish.unfinished:
        raise InputError(
            f"the site {site_id} is not finished",
            where="--unfinished",
            why=why,
            fix=f"finish it first; or {advice.wipe_unfinished()}",
        )


def _taken_back(context: Context) -> Iterator[str]:
    """What a killed run set on this laptop is known by the journal alone."""
    if any(context.journal.left.read(step.name) is not None for step in STEPS):
        refuse_unless_root(
            "taking back what a run set needs root", why="it takes an address from an interface"
        )
    yield from undo_steps(context)


def shred(folder: Path) -> int:
    """Overwrite and remove every file below a folder, and the folder; give how many files.

    No link is followed, not even one that is put in a folder's place meanwhile, and what has a
    second name elsewhere is not overwritten, only let go. Raises StepError at the first that cannot
    be removed.
    """
    count = 0
    here = folder
    try:
        for place, folders, files, at in os.fwalk(folder, topdown=False, onerror=_raise):
            for name in files:
                here = Path(place, name)
                _overwrite(name, at)
                os.unlink(name, dir_fd=at)
                count += 1
            for name in folders:
                here = Path(place, name)
                if stat.S_ISLNK(os.lstat(name, dir_fd=at).st_mode):
                    os.unlink(name, dir_fd=at)
                else:
                    os.rmdir(name, dir_fd=at)
        here = folder
        folder.rmdir()
    except OSError as error:
        raise _not_removed(here, error) from error
    return count


def _raise(error: OSError) -> None:
    raise error


def _overwrite(name: str, at: int) -> None:
    if not stat.S_ISREG(os.lstat(name, dir_fd=at).st_mode):
        return
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=at)
    try:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1:
            return
        left = seen.st_size
        while left > 0:
            left -= os.write(descriptor, _CHUNK[: min(left, len(_CHUNK))])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_removed(path: Path, error: OSError) -> StepError:
    return StepError(
        "it cannot be removed",
        where=str(path),
        why=error,
        fix="see its permissions, or run as root; the same again goes on",
    )


# ---------------------------------------------------------------- the depot


def _files_of(site_file: Path, paths: Paths, site_id: str) -> tuple[str, ...]:
    """Name the site's files in the depot. Raises InputError where they may be another site's."""
    others = _other_sites(paths, paths.site(site_id))
    if others:
        raise InputError(
            f"the files in the depot may be those of other sites as well: {', '.join(others)}",
            where="--files",
            why="all sites of this laptop share them",
            fix=advice.keep_files(),
        )
    kept = {each.name for each in Depot(paths.depot).files()}
    wanted = wants_of(look_at(site_file, paths).plan, accept_ipxe=True)
    return tuple(each.name for each in wanted if each.name in kept)


def _other_sites(paths: Paths, own: SitePaths) -> tuple[str, ...]:
    if not paths.root.is_dir():
        return ()
    found = (each.parent for each in paths.root.glob("*/main.db"))
    # What was put aside by a wipe or an import that was killed is no site: those begin with a dot.
    names = (each.name for each in found if each != own.folder)
    return tuple(sorted(each for each in names if not each.startswith(".")))


def _forget_files(depot: Depot, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        depot.forget(name)
    if names:
        yield f"{many(len(names), 'file')} taken out of the depot: {', '.join(names)}"
