"""What people agreed to lose: by each machine's name typed on the review, for those very disks.

Kept in the site's folder, so that a run goes on after a pause without asking again. Another disk is
another question.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from appliance.paths import SitePaths
from appliance.site.plan import MachinePlan
from appliance.tools.private_file import write_private

NAME = "web-confirmed.json"


def agree(site: SitePaths, machines: Iterable[MachinePlan]) -> None:
    """Keep that these machines' disks may be erased. Raises PreflightError if it cannot be."""
    kept = {**_kept(site.folder), **{each.name: disks_text(each) for each in machines}}
    write_private(site.folder / NAME, json.dumps(kept, sort_keys=True).encode())


def not_agreed(site: SitePaths, machines: Iterable[MachinePlan]) -> tuple[str, ...]:
    """Name those whose disks nobody agreed to lose."""
    kept = _kept(site.folder)
    return tuple(each.name for each in machines if kept.get(each.name) != disks_text(each))


def disks_text(machine: MachinePlan) -> str:
    """Name all that an installation of the machine erases."""
    named = (machine.disk, machine.data_disk, *machine.wipe_disks)
    others = ("all others",) if machine.wipe_all_disks else ()
    return "; ".join(str(each) for each in (*named, *others) if each)


def _kept(folder: Path) -> dict[str, str]:
    try:
        kept = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError):  # lost or damaged: it is asked again
        return {}
    return {str(key): str(value) for key, value in kept.items()} if isinstance(kept, dict) else {}
