"""Terraform's folder: written anew each time, its state kept from harm."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import StepError
from appliance.vms.run_folder import KEPT_BACKUPS, STATE, RunFolder, environment, write_private

GOOD = json.dumps({"version": 4, "serial": 1})


def folder(tmp_path: Path) -> RunFolder:
    """Give a folder made from a module with one sub-module."""
    source = tmp_path / "source"
    (source / "modules/x").mkdir(parents=True, exist_ok=True)
    (source / "main.tf").write_text("# main")
    (source / "modules/x/main.tf").write_text("# x")
    made = RunFolder(tmp_path / "site")
    made.make(source, tmp_path / "mirror", {"b": 1})
    return made


def test_what_is_written(tmp_path: Path) -> None:
    """The module, the variables, the configuration; what an earlier version left is gone."""
    site = tmp_path / "site"
    (site / "modules/old").mkdir(parents=True)
    (site / "old.tf").touch()
    (site / STATE).write_text(GOOD)
    folder(tmp_path)
    names = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert names == {
        "main.tf",
        "modules/x/main.tf",
        "terraform.rc",
        "terraform.tfstate",
        "terraform.tfvars.json",
    }
    assert json.loads((site / "terraform.tfvars.json").read_text()) == {"b": 1}
    assert str(tmp_path / "mirror") in (site / "terraform.rc").read_text()
    assert "direct" not in (site / "terraform.rc").read_text()
    assert site.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "site").touch()
    with pytest.raises(StepError, match="cannot be written"):
        folder(tmp_path)


def test_backups_are_numbered_and_the_oldest_go(tmp_path: Path) -> None:
    """Twenty are kept; numbers are never used again."""
    made = folder(tmp_path)
    assert made.back_up() is None
    for serial in range(KEPT_BACKUPS + 5):
        made.state.write_text(json.dumps({"version": 4, "serial": serial}))
        copy = made.back_up()
        assert copy is not None
        assert copy.name == f"terraform.tfstate.{serial + 1}"
        assert copy.stat().st_mode & 0o777 == 0o600
    kept = sorted(int(path.suffix[1:]) for path in (made.path / "backups").iterdir())
    assert kept == list(range(6, KEPT_BACKUPS + 6))


@pytest.mark.parametrize("text", ["{", '{"version": 4', "[]", "\0\0\0"])
def test_a_torn_state_is_mended(tmp_path: Path, text: str) -> None:
    """By the newest copy that is whole; the torn one is kept to be looked at."""
    made = folder(tmp_path)
    made.state.write_text(GOOD)
    made.back_up()
    (made.path / "terraform.tfstate.backup").write_text("{")
    made.state.write_text(text)
    assert made.mend_state() == (
        "Terraform's state was torn; its copy backups/terraform.tfstate.1 is used instead",
    )
    assert made.state.read_text() == GOOD
    assert (made.path / "terraform.torn").read_text() == text


def test_a_torn_state_without_a_copy(tmp_path: Path) -> None:
    """It is built up anew."""
    made = folder(tmp_path)
    made.state.write_text("{")
    assert "built up anew" in made.mend_state()[0]
    assert not made.state.exists()


@pytest.mark.parametrize("text", ["", GOOD])
def test_a_good_state_is_left_alone(tmp_path: Path, text: str) -> None:
    """An empty file is what Terraform leaves when it locks before there is a state."""
    made = folder(tmp_path)
    made.state.write_text(text)
    assert made.mend_state() == ()
    assert made.state.read_text() == text


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_the_kernel_names_the_holder_of_the_lock(tmp_path: Path) -> None:
    """While it lives; a dead one holds nothing."""
    made = folder(tmp_path)
    assert made.lock_holder() == ""
    made.state.write_text(GOOD)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, made.state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        assert made.lock_holder() == f"process {other.pid}"
        other.kill()
    assert made.lock_holder() == ""
    with made.state.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_adoption_is_a_file_that_comes_and_goes(tmp_path: Path) -> None:
    """Import blocks in Terraform's JSON."""
    made = folder(tmp_path)
    made.adopt({'a.b["c"]': "default/c"})
    written = made.path / "adopt.tf.json"
    assert json.loads(written.read_text()) == {"import": [{"to": 'a.b["c"]', "id": "default/c"}]}
    made.adopt({})
    assert not written.exists()


def test_what_was_given_up_is_noted(tmp_path: Path) -> None:
    """Until the next apply."""
    made = folder(tmp_path)
    assert made.hopeless() == ()
    made.note_hopeless({"image b": "why", "image a": "why"})
    assert made.hopeless() == ("image a", "image b")
    made.note_hopeless(())
    assert made.hopeless() == ()


def test_the_digest_of_a_plan(tmp_path: Path) -> None:
    """That of its octets, nothing where there is none."""
    made = folder(tmp_path)
    assert made.plan_digest() == ""
    (made.path / "site.tfplan").write_bytes(b"plan")
    assert made.plan_digest().startswith("64879f7d6b960a01")


def test_the_environment_is_our_own(tmp_path: Path) -> None:
    """Absolute paths, no proxy, no call home."""
    given = environment(tmp_path, tmp_path / "kubeconfig")
    assert given["TF_CLI_CONFIG_FILE"] == f"{tmp_path}/terraform.rc"
    assert given["HOME"] == str(tmp_path)
    assert given["CHECKPOINT_DISABLE"] == "1"


def test_private_files(tmp_path: Path) -> None:
    """For our eyes only, even where another's stood."""
    path = tmp_path / "x"
    path.touch(0o644)
    write_private(path, "text")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("text", 0o600)
