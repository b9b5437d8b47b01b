"""Whether the laptop runs on its battery, as the kernel says (Documentation/ABI: class-power)."""

from __future__ import annotations

from pathlib import Path

_SUPPLIES = Path("/sys/class/power_supply")


def on_battery(folder: Path = _SUPPLIES) -> bool:
    """Say whether a battery is discharged and no mains supply is there; False where none is."""
    try:
        supplies = sorted(folder.iterdir())
    except OSError:
        return False
    said = [(_read(each / "type"), each) for each in supplies]
    if any(kind in ("Mains", "USB") and _read(each / "online") == "1" for kind, each in said):
        return False
    return any(kind == "Battery" and _read(each / "status") == "Discharging" for kind, each in said)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
