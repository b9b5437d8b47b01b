"""docs/settings.md is written from the models, and is up to date."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.site.settings_doc import DOC, main, settings_text

ROOT = Path(__file__).parents[3]


def test_the_page_is_up_to_date() -> None:
    """After a change to the models: `python -m appliance.site.settings_doc`."""
    assert (ROOT / DOC).read_text(encoding="utf-8") == settings_text()


def test_every_default_is_named() -> None:
    """No row leaves open what holds where the key is left out."""
    rows = [row.split(" | ") for row in settings_text().splitlines() if row.startswith("| `")]
    keys = [row for row in rows if len(row) == 4]
    assert len(keys) > 40
    assert all(cell.strip(" |") for row in keys for cell in row)


@pytest.mark.parametrize(
    "row",
    [
        "| `harvester` | The version of Harvester. Known are 1.7, 1.8 and 1.9. | **must be given",
        "Every switch port must carry it. | `1500` | whole number, 576 to 9000 |",
        "| `memory` | Memory. | `4G` | size |",
        "| `console` | Kernel consoles. The installer's screen is on the first. | `[tty1]` | list:",
        "| `role` | What the network is for. Machines boot on the one for provisioning. | `prov",
    ],
)
def test_rows(row: str) -> None:
    """Key, meaning, default, type."""
    assert row in settings_text()


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder it is called in."""
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    main()
    assert (tmp_path / DOC).read_text(encoding="utf-8") == settings_text()


def test_the_module_is_a_command(tmp_path: Path) -> None:
    """As its own first line says."""
    (tmp_path / "docs").mkdir()
    subprocess.run(
        [sys.executable, "-m", "appliance.site.settings_doc"],
        cwd=tmp_path,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert (tmp_path / DOC).exists()
