"""`provision undo`: taking back what runs left on this laptop, from what their steps noted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.flow.context import Context, Options
from appliance.flow.preflight import refuse_unless_root
from appliance.flow.run import STEPS
from appliance.flow.session import opened
from appliance.paths import Paths
from appliance.site.load import load_file


def undo_site(site_file: Path, paths: Paths) -> Iterator[str]:
    """Take back what a site's runs left, the last step's first; give a line for each thing done.

    Only this laptop is changed, never a machine. Of the site file nothing but the site's name
    counts. Raises PreflightError without root, BusyError while a run goes on.
    """
    refuse_unless_root(
        "taking back what a run set needs root", why="it takes an address from an interface"
    )
    site_id = load_file(site_file).site.site
    if not paths.site(site_id).database.exists():
        return
    options = Options(interface="")
    with opened(site_file, site_id, paths, options, exclusive="provision undo") as context:
        yield from undo_steps(context)


def undo_steps(context: Context) -> Iterator[str]:
    """Take back every step in reverse order; each thing done is given, and told once."""
    for kind in reversed(STEPS):
        for done in kind(context).undo():
            context.tell("undone", done)
            yield f"{kind.name}: {done}"
