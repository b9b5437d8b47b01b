"""What a person in front of the machine sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from appliance.discover.stage1 import disks, report
from appliance.discover.stage1.screen import Screen, View, holds, render
from tests.unit.discover.stage1 import machine_tree


def _facts(root: Path) -> dict[str, Any]:
    facts = report.gather(str(machine_tree.write(root)))
    facts["disks"] = [disks.describe(str(root), name) for name in disks.present(str(root))]
    return facts


def test_before_anything_is_known() -> None:
    """It says that it looks, and that nothing is written."""
    text = "\n".join(render(View()))
    assert "nothing is written to any disk" in text
    assert "being gathered" in text


def test_who_why_and_what(tmp_path: Path) -> None:
    """MAC, name, state, reason, and each disk and card with what matters."""
    facts = _facts(tmp_path)
    facts["nics"][0]["lldp"] = {"chassis": "c", "port": "ge-0/0/12", "system": "sw1"}
    view = View(mac="52:54:00:12:34:56", name="hv1", state="waiting", reason="why", facts=facts)
    text = "\n".join(render(view))
    for expected in ("52:54:00:12:34:56", "hv1", "waiting", "why", "EXT1: gpt, ext4 OLDROOT"):
        assert expected in text
    assert "port ge-0/0/12 of sw1" in text
    assert "NO LINK" in text
    assert all(len(line) < 80 for line in render(view))


def test_what_a_disk_holds_in_words() -> None:
    """A problem first, then an installed system, then what blkid says."""
    disk: dict[str, Any] = {"problem": "", "contents": []}
    assert holds(disk) == "empty"
    disk["contents"] = [{"kind": "gpt", "label": "", "system": ""}]
    assert holds(disk) == "gpt"
    disk["contents"] += [{"kind": "ext4", "label": "r", "system": "Debian"}]
    assert holds(disk) == "Debian"
    assert holds({**disk, "problem": "it hangs"}) == "it hangs"


def test_very_many_disks_fit_the_screen(tmp_path: Path) -> None:
    """64 disks are counted, not listed."""
    facts = _facts(tmp_path)
    facts["disks"] = facts["disks"][:1] * 64
    lines = render(View(facts=facts))
    assert "  and 56 more disks" in lines
    assert len(lines) < 25


def test_all_consoles_are_written_once(tmp_path: Path) -> None:
    """A terminal is drawn anew, a serial line is not; nothing is repeated."""
    root = machine_tree.write(tmp_path)
    for name in ("tty0", "ttyS0"):
        machine_tree.put(root, f"dev/{name}", "")
    machine_tree.put(root, "sys/class/tty/console/active", "tty0 ttyS0 ttyS9\n")
    screen = Screen(str(root))
    screen.show(View(state="one"))
    size = (root / "dev/ttyS0").stat().st_size
    screen.show(View(state="one"))
    assert (root / "dev/ttyS0").stat().st_size == size
    assert (root / "dev/tty0").read_bytes().startswith(b"\x1b[2J")
    assert not (root / "dev/ttyS0").read_bytes().startswith(b"\x1b")
    screen.say("last \x1b[2J words")
    assert (root / "dev/ttyS0").read_bytes().startswith(b"last  [2J words\r\n")


def test_this_one_is_loud() -> None:
    """While it blinks, the screen says so too."""
    assert any("THIS ONE: hv1" in line for line in render(View(name="hv1", loud=True)))
