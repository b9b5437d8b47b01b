"""Look at a laptop, before anything is put on it; print what was seen as one line of JSON.

What is asked about comes in BRIDGE_LOOK. Nothing is changed. From the standard library alone.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
from pathlib import Path
from typing import Any


def say(*words: str) -> str:
    """Give what a program prints; nothing where it is missing or fails."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, env=environment, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def installed() -> set[str]:
    """Name the Debian packages that are installed."""
    lines = say("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n").splitlines()
    return {line.split()[1] for line in lines if line.startswith("installed ")}


def packages(wanted: list[str], folder: str, there: set[str]) -> dict[str, Any]:
    """Say what is missing, what is to be given to apt, and which packages would come with that."""
    missing = sorted(set(wanted) - there)
    if not missing:
        return {"missing": [], "give": [], "coming": []}
    if folder:
        named = {
            str(path): say("dpkg-deb", "-f", str(path), "Package").strip()
            for path in sorted(Path(folder).glob("*.deb"))
        }
        give = [path for path, name in named.items() if name and name not in there]
    else:
        give = missing
    planned = say("apt-get", "-s", "install", "--no-install-recommends", "-y", *give)
    # "Inst NAME (VERSION …)" is new here; "Inst NAME [OLD] (…" was there before.
    coming = re.findall(r"^Inst (\S+) \(", planned, re.MULTILINE)
    return {"missing": missing, "give": give, "coming": sorted(coming)}


def network_manager(interface: str) -> dict[str, bool]:
    """Say whether NetworkManager is there, runs, and manages the interface."""
    state = say("nmcli", "-g", "GENERAL.STATE", "device", "show", interface).strip()
    return {
        "there": Path("/etc/NetworkManager").is_dir(),
        "runs": say("nmcli", "-g", "RUNNING", "general").strip() == "running",
        "manages": bool(state) and "unmanaged" not in state,
    }


def networkd() -> dict[str, bool]:
    """Say whether systemd-networkd is used here, and whether it runs."""
    runs = bool(say("systemctl", "is-active", "systemd-networkd.service"))
    return {
        "used": runs or bool(say("systemctl", "is-enabled", "systemd-networkd.service")),
        "runs": runs,
    }


def appliance(programs: Path) -> str:
    """Give the digest of what is installed, or "" where it does not run."""
    if not say(str(programs / "bin" / "python"), "-c", "import appliance; print('runs')"):
        return ""
    try:
        return str(json.loads((programs / "installed-from.json").read_text())["sha256"])
    except (OSError, ValueError, KeyError):
        return ""


def noted(note: Path) -> dict[str, Any]:
    """Give what an earlier set-up noted."""
    try:
        found = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def used(state: Path, wizards: list[str]) -> bool:
    """Say whether anything is in the state folder that is not the wizard's own."""
    return state.is_dir() and any(each.name not in wizards for each in state.iterdir())


def has_user(name: str) -> bool:
    """Say whether there is such a user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def main() -> None:
    """Print what was seen."""
    asked = json.loads(os.environ["BRIDGE_LOOK"])
    state = Path(asked["state"])
    units = say("systemctl", "list-units", "--plain", "--no-legend", "bridgehead-boot@*")
    seen = {
        "debian": bool(installed()),
        "packages": packages(asked["packages"], asked["packages_folder"], installed()),
        "user": has_user(asked["user"]),
        "state": state.is_dir(),
        "state_used": used(state, asked["web_files"]),
        "systemd": Path("/run/systemd/system").is_dir(),
        "serving": [line.split()[0] for line in units.splitlines() if line.strip()],
        "network_manager": network_manager(asked["interface"]),
        "networkd": networkd(),
        "appliance": appliance(Path(asked["programs"])),
        "programs": Path(asked["programs"]).exists(),
        "firewall_unit": Path(asked["firewall_unit"]).exists(),
        "web_unit": Path(asked["web_unit"]).exists(),
        "noted": noted(Path(asked["note"])),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
