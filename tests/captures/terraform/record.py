"""Records Terraform's streams again, from real runs: `python tests/captures/terraform/record.py`.

Needs `terraform` (or `tofu`); no provider and no network. Times, ids and this laptop's paths differ
each time; what the tests read does not.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
MODULE = """
variable "machines" { type = map(string) }
variable "command" { default = "true" }
resource "terraform_data" "machine" {
  for_each = var.machines
  input    = each.value
  provisioner "local-exec" { command = "NAME=${each.key}; ${var.command}" }
}
output "machines" { value = { for name, made in terraform_data.machine : name => made.output } }
"""


class Site:
    """A folder in which Terraform is run by hand."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder
        (folder / "main.tf").write_text(MODULE)
        self.run("init")

    def want(self, command: str = "true", **machines: str) -> None:
        """Write what is wanted."""
        text = json.dumps({"machines": machines, "command": command})
        (self.folder / "terraform.tfvars.json").write_text(text)

    def run(self, *words: str, until: Callable[[str], bool] | None = None) -> str:
        """Run a command; give what it said. Interrupt it after the line that `until` names."""
        with subprocess.Popen(
            [self.program, words[0], *(() if words[0] == "init" else ("-json",)), *words[1:]],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"},
            text=True,
            stdout=subprocess.PIPE,
        ) as process:
            said = []
            for line in process.stdout or ():
                said.append(line)
                if until is not None and until(line):
                    process.send_signal(2)
        return "".join(said)


def record(site: Site) -> None:
    """Run through a site's life and keep each stream."""
    site.want(srv1="a", srv2="b")
    keep("plan.jsonl", site.run("plan", "-out=x"))
    keep("plan.json", site.run("show", "x"))
    keep("apply.jsonl", site.run("apply", "x"))
    keep("stale.jsonl", site.run("apply", "x"))
    site.want(srv1="c")
    keep("altered.jsonl", site.run("plan", "-out=x"))
    keep("altered.json", site.run("show", "x"))
    site.want("exit 1", srv1="a", srv2="b", bad="c")
    site.run("plan", "-out=x")
    keep("failed.jsonl", site.run("apply", "x"))
    site.run("plan", "-out=x")
    keep("tainted.json", site.run("show", "x"))
    site.want("exec sleep 3", srv1="a", srv2="b", slow="c")
    site.run("plan", "-out=x")
    keep(
        "interrupted.jsonl", site.run("apply", "x", until=lambda line: "provision_progress" in line)
    )
    held = threading.Thread(target=site.run, args=("apply", "-auto-approve"))
    held.start()
    while not (site.folder / ".terraform.tfstate.lock.info").exists():
        threading.Event().wait(0.05)
    keep("locked.jsonl", site.run("plan", "-lock-timeout=0s"))
    held.join()


def keep(name: str, text: str) -> None:
    """Write one capture."""
    if name.endswith(".json"):
        text = json.dumps(json.loads(text), indent=1) + "\n"
    (HERE / name).write_text(text)


if __name__ == "__main__":
    found = shutil.which("terraform") or shutil.which("tofu")
    if found is None:
        sys.exit("neither terraform nor tofu is installed")
    with tempfile.TemporaryDirectory() as folder:
        record(Site(found, Path(folder)))
