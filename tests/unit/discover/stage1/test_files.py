"""Small files of the kernel's: whatever is wrong with one, it is just empty."""

from __future__ import annotations

from pathlib import Path

from appliance.discover.stage1 import files


def test_a_text_is_one_printable_line(tmp_path: Path) -> None:
    """Blanks around it go, control characters become blanks, and it is cut."""
    (tmp_path / "model").write_bytes(b"  QEMU \x1b[2J\xff HARDDISK  \n")
    (tmp_path / "long").write_text("x" * 1000)
    assert files.text(str(tmp_path), "model") == "QEMU  [2J\ufffd HARDDISK"
    assert len(files.text(str(tmp_path), "long")) == files.MAX_TEXT


def test_numbers(tmp_path: Path) -> None:
    """Hex where the kernel writes hex; -1 for an unknown speed and garbage are 0."""
    for name, text in (("size", "819200\n"), ("vendor", "0x8086\n"), ("speed", "-1\n"), ("x", "?")):
        (tmp_path / name).write_text(text)
    found = [files.number(str(tmp_path), name) for name in ("size", "speed", "x", "missing")]
    assert found == [819200, 0, 0, 0]
    assert files.number(str(tmp_path), "vendor", base=16) == 0x8086
    (tmp_path / "size").write_text("9" * 30)
    assert files.number(str(tmp_path), "size") == 0


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    """A device may go while it is looked at."""
    missing = str(tmp_path / "gone")
    assert (files.octets(missing), files.names(missing), files.target(missing)) == (b"", [], "")


def test_a_driver_is_the_end_of_a_link(tmp_path: Path) -> None:
    """/sys names drivers by links."""
    (tmp_path / "driver").symlink_to("../../../bus/pci/drivers/e1000")
    assert files.target(str(tmp_path / "driver")) == "e1000"
