"""A small Terraform site of built-in resources, which needs no provider and no network."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.tools.terraform import Patience
from appliance.vms.driver import Driver
from appliance.vms.events import TfEvent

MODULE = """
variable "machines" { type = map(string) }
variable "command" {
  type    = string
  default = "true"
}
resource "terraform_data" "machine" {
  for_each = var.machines
  input    = each.value
  provisioner "local-exec" { command = "NAME=${each.key}; ${var.command}" }
}
output "machines" { value = { for name, made in terraform_data.machine : name => made.output } }
"""


@dataclass(slots=True)
class Site:
    """A site's folder, its driver, and what was told."""

    folder: Path
    driver: Driver
    stop: threading.Event
    events: list[TfEvent] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, event: TfEvent) -> None:
        """Note an event, and wake who waits for one."""
        with self.heard:
            self.events.append(event)
            self.heard.notify_all()

    def wait_for(self, wanted: Callable[[TfEvent], bool]) -> None:
        """Wait until an event like this was told."""
        with self.heard:
            assert self.heard.wait_for(lambda: any(map(wanted, self.events)), timeout=60)

    def prepare(self, command: str = "true", **machines: str) -> None:
        """Prepare these machines, each made by that command."""
        self.driver.prepare({"machines": machines, "command": command})

    def make(self, command: str = "true", **machines: str) -> None:
        """Make these machines."""
        self.prepare(command, **machines)
        self.driver.apply(self.driver.plan())


def terraform() -> Path:
    """Give the real program, whichever of the two is installed."""
    found = shutil.which("terraform") or shutil.which("tofu")
    if found is None:
        pytest.skip("neither terraform nor tofu is installed")
    return Path(found)


def make_site(folder: Path, **options: Any) -> Site:
    """Give a site in this folder; `options` go to its driver."""
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    (modules / "main.tf").write_text(MODULE)
    (folder / "mirror").mkdir(exist_ok=True)
    (folder / "kubeconfig").touch()
    stop = threading.Event()
    noted: list[TfEvent] = []
    site: Site

    def tell(event: TfEvent) -> None:
        site.tell(event)

    driver = Driver(
        folder / "terraform",
        options.pop("program", None) or terraform(),
        folder / "mirror",
        folder / "kubeconfig",
        tell,
        stop,
        modules=modules,
        patience=options.pop("patience", Patience(first=20, second=5, lock=30)),
    )
    site = Site(folder / "terraform", driver, stop, noted)
    return site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a site in a folder whose name needs quoting."""
    folder = tmp_path / "a site's folder"
    folder.mkdir()
    return make_site(folder)
