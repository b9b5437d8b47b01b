"""What the bridge of the Vagrant lab is given: the appliance's build, and every file of the site.

    python -m appliance.lab.bridge_kit pack SITE FOLDER     on the computer that has the clone
    python -m appliance.lab.bridge_kit stock SITE FOLDER    in the bridge: fills the depot

Files that were fetched from upstream are taken before those that stand in for them, and the depot
notes which is which: the report says it.
"""

from __future__ import annotations

import argparse
import errno
import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.artifacts.catalog import Wanted
from appliance.artifacts.depot import Depot
from appliance.artifacts.gather import Sources, gather
from appliance.artifacts.importing import find_wanted
from appliance.boot.sockets import SERVICE_PORTS
from appliance.boot.unit import PREFIX
from appliance.bridge.inventory import Laptop, OpenPort, variables
from appliance.flow.laptop import build_here
from appliance.flow.looking import look_at
from appliance.flow.stocking import stock, wants_of
from appliance.lab import releases
from appliance.lab.as_program import ended
from appliance.lab.outside import PASSWORD
from appliance.lab.rehearse import media, stage1
from appliance.paths import DEFAULT_STATE, Paths
from appliance.site.artifact_names import STAGE1_FILES, provider_files_for
from appliance.site.plan import Plan
from appliance.tools.clock import Clock
from appliance.tools.distributions import versions_of
from appliance.tools.private_file import write_private

INTERFACE = "eth1"
"""The bridge's card on the closed network: its first is Vagrant's own."""
WHEELS, PACKAGES = Path("/srv/wheels"), Path("/srv/packages")
"""Where the project's own box has them; another box asks its index and its mirror."""
THERE = Path("/srv/bridgehead")
"""Where the folder is in the bridge."""
UPSTREAM, STAND_INS, PYTHON = "upstream", "stand-ins", "python"


def pack(site: Path, folder: Path, *, own_box: bool, fetched: Sequence[Path] = ()) -> None:
    """Make the folder: `lab.yaml`, `bridge.json` for the playbook, the build, the site's files.

    Of `fetched` those files are taken that upstream released; the rest is made. Files are linked
    where they can be, for they are large. Raises BridgeheadError.
    """
    plan = look_at(site, Paths(folder / "nothing")).plan
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(site, folder / "lab.yaml")
    given = json.dumps(playbook_variables(folder, own_box=own_box), indent=1)
    (folder / "bridge.json").write_text(given, encoding="utf-8")
    made = media(plan)
    stage1_folder = stage1(plan)
    for want in wants_of(plan):
        own = (stage1_folder,) if stage1_folder and want.name in STAGE1_FILES else made
        for kind, folders in ((UPSTREAM, tuple(fetched)), (STAND_INS, own)):
            found = find_wanted(folders, want)
            if found is not None:
                _put(found, folder / kind / want.name)
                break
    _add_provider(plan, folder)
    _add_password(folder)


def playbook_variables(folder: Path, *, own_box: bool) -> Mapping[str, Any]:
    """Give what `playbooks/bridge.yml` is told, with the build of this clone put into `folder`."""
    laptop = Laptop(
        interface=INTERFACE,
        build=build_here(folder),
        wheels_folder=str(WHEELS) if own_box else "",
        packages_folder=str(PACKAGES) if own_box else "",
    )
    ports = [OpenPort(each.port, each.protocol, each.purpose) for each in SERVICE_PORTS]
    return variables(laptop, ports)


def _add_provider(plan: Plan, folder: Path) -> None:
    """Have the provider's stand-in run by the bridge's own Python, with what it needs beside it."""
    files = provider_files_for(plan.hypervisor.harvester)
    made = folder / STAND_INS
    if not (made / files.archive).exists():
        return
    for name in (files.archive, files.sums):
        (made / name).unlink()
    python = f"env PYTHONPATH={THERE / PYTHON} {PREFIX}/bin/python"
    releases.write_provider(made, files.version, python)
    for name in ("tf", *(versions_of("tf").keys() - versions_of("bridgehead").keys())):
        _copy_distribution(name, folder / PYTHON)


def _copy_distribution(name: str, folder: Path) -> None:
    """Copy an installed Python package, without its programs."""
    for file in importlib.metadata.files(name) or ():
        source = Path(str(file.locate()))
        if ".." in file.parts or "__pycache__" in file.parts or not source.is_file():
            continue
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _add_password(folder: Path) -> None:
    """Add the BMCs' password, where they are there already, for whoever called sudo."""
    kept = folder.parent / PASSWORD
    if kept.exists():
        target = folder / PASSWORD
        write_private(target, kept.read_bytes())
        uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
        if uid and gid:
            os.chown(target, int(uid), int(gid))


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK}:
            raise
        shutil.copyfile(source, target)


def fill_depot(plan: Plan, paths: Paths, folder: Path) -> None:
    """Bring all that the plan wants into the depot: upstream's, else what stands in for it.

    Raises ArtifactError.
    """
    real, made = folder / UPSTREAM, folder / STAND_INS
    fetched = [want for want in wants_of(plan) if (real / want.name).is_file()]
    _take_upstreams(fetched, real, paths)
    stock(plan, paths, folder=(made,), stand_ins=True, built=releases.BUILT, stage1=made)


def _take_upstreams(wants: Sequence[Wanted], folder: Path, paths: Paths) -> None:
    now = Clock.of_this_machine().utc()
    gather(wants, Depot(paths.depot), Sources((folder,)), now=now)


def main(words: Sequence[str] | None = None) -> int:
    """Do what is asked; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m appliance.lab.bridge_kit")
    parser.add_argument("verb", choices=("pack", "stock"))
    parser.add_argument("site", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--own-box", action="store_true", help="the box has wheels and packages")
    parser.add_argument("--fetched", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE)
    given = parser.parse_args(words)

    def work() -> None:
        if given.verb == "pack":
            pack(given.site, given.folder, own_box=given.own_box, fetched=given.fetched)
        else:
            paths = Paths(given.state)
            fill_depot(look_at(given.site, paths).plan, paths, given.folder)

    return ended(work)


if __name__ == "__main__":
    sys.exit(main())
