"""The command, as a process: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plans import plan
from tests.unit.cli.running import provision
from tests.unit.flow.test_stocking import medium

_SITE = """\
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""
_MAC = "52:54:00:00:00:09"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site file."""
    path = tmp_path / "site.yaml"
    path.write_text(_SITE)
    return path


def test_a_site_file_alone_means_run(site: Path, tmp_path: Path) -> None:
    """`provision site.yaml --dry-run` is `provision run site.yaml --dry-run`."""
    state = ("--state", tmp_path / "state")
    short, long = (provision(*words, site, "--dry-run", *state) for words in ((), ("run",)))
    assert short == long
    assert short[0] == 0
    assert "hv1" in short[1]


def test_the_plan_is_text_or_json(site: Path, tmp_path: Path) -> None:
    """Both name the same machines; neither writes anything."""
    state = tmp_path / "state"
    code, out, _ = provision("plan", site, "--json", "--state", state)
    assert code == 0
    assert json.loads(out)["machines"][0]["name"] == "hv1"
    assert not state.exists()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_bad_file_is_exit_2(site: Path, tmp_path: Path, *, as_json: bool) -> None:
    """file:line:column on standard error, or one JSON object on standard output."""
    site.write_text(_SITE.replace("harvester:", "harvster:"))
    words = ("--json",) if as_json else ()
    code, out, err = provision("run", site, "--state", tmp_path / "state", *words)
    assert code == 2
    place = f"{site}:3:3"
    if as_json:
        assert any(each.startswith(place) for each in json.loads(out)["problems"])
        assert err == ""
    else:
        assert any(line.startswith(place) for line in err.splitlines())
        assert out == ""


def test_an_unknown_option_is_exit_2(site: Path) -> None:
    """What was typed wrong is named."""
    code, _, err = provision("run", site, "--nosuch")
    assert code == 2
    assert err.startswith("error BH100: No such option: --nosuch")
    code, out, _ = provision("run", site, "--nosuch", "--json")
    assert code == 2
    assert json.loads(out)["where"] == "the command line"
    assert provision("nosuchverb")[0] == 2
    assert provision("run")[0] == 2


def test_without_any_word_it_helps() -> None:
    """The verbs, each with its sentence, and no error."""
    code, out, err = provision()
    assert (code, err) == (0, "")
    assert "approve" in out
    assert provision("--help")[:2] == (0, out)


def test_missing_files_are_exit_3(site: Path, tmp_path: Path) -> None:
    """Nothing was touched."""
    state = ("--state", tmp_path / "state")
    code, out, err = provision("run", site, "--interface", "lo", "--to", "s2", *state)
    assert code == 3
    said = err.splitlines()
    assert said[0].startswith("error BH300: ")
    assert "    snponly.efi is missing" in said
    assert "provision fetch" in said[-1]
    assert "snponly.efi" not in out


def test_files_are_fetched_from_a_folder(site: Path, tmp_path: Path) -> None:
    """One line a file, with its digest; then a run to s2 ends well."""
    state = ("--state", tmp_path / "state")
    folder = medium(tmp_path / "medium")
    code, out, err = provision("fetch", site, "--from", folder, "--accept-ipxe", *state)
    assert (code, err) == (0, "")
    # Where this computer built our small Linux, that is taken too.
    ours = [line for line in out.splitlines() if not line.startswith("stage1-")]
    lines = [line for line in ours if "imported" in line]
    assert len(lines) == 9
    assert any(line.startswith(plan().artifacts.iso) for line in lines)
    assert provision("run", site, "--interface", "lo", "--to", "s2", *state)[0] == 0


def test_a_machine_is_approved_by_its_mac(site: Path, tmp_path: Path) -> None:
    """Then it is in the plan and in the status; a bad MAC or disk is exit 2."""
    state = ("--state", tmp_path / "state")
    base = ("approve", site, "--name", "hv9", *state)
    assert provision(*base, "--mac", "nonsense")[0] == 2
    code, _, err = provision(*base, "--mac", _MAC, "--disk", "/dev/sda")
    assert code == 2
    assert "by-id" in err
    code, out, _ = provision(*base, "--mac", _MAC, "--disk", "/dev/disk/by-id/virtio-B")
    assert (code, out) == (0, f"{_MAC} is hv9 from now on\n")
    status = json.loads(provision("status", site, "--json", *state)[1])
    assert status["machines"]["hv9"]["macs"] == [_MAC]


def test_reinstall_needs_a_known_machine_and_yes(site: Path, tmp_path: Path) -> None:
    """Both refusals are exit 2 and say what to type."""
    state = ("--state", tmp_path / "state")
    code, _, err = provision("reinstall", site, "hv7", "--yes", *state)
    assert code == 2
    assert "it has: hv1" in err
    code, _, err = provision("reinstall", site, "hv1", *state)
    assert code == 2
    assert "--yes" in err
    assert provision("reinstall", site, "hv1", "--yes", *state)[0] == 0


def test_what_was_never_built_is_not_said_to_be_lost(site: Path, tmp_path: Path) -> None:
    """Of a site that was never run, and nothing is made by asking."""
    state = tmp_path / "state"
    code, _, err = provision("undo", site, "--site", "--state", state)
    assert code == 2
    assert "no virtual machine was built" in err
    assert "--site --yes" in err
    assert not state.exists()


@pytest.mark.root
def test_undo_says_when_there_is_nothing_to_take_back(site: Path, tmp_path: Path) -> None:
    """And makes no state where there is none."""
    state = tmp_path / "state"
    code, out, err = provision("undo", site, "--state", state)
    assert (code, out, err) == (0, "nothing is left to take back on this laptop\n", "")
    assert not state.exists()


def test_report_and_support_give_their_paths(site: Path, tmp_path: Path) -> None:
    """Where they were asked for; the support file with its short code."""
    state = ("--state", tmp_path / "state")
    page, bundle = tmp_path / "page.html", tmp_path / "bundle.tar.gz"
    assert provision("report", site, "--out", page, *state)[:2] == (0, f"{page}\n")
    code, out, _ = provision("support", site, "--out", bundle, *state)
    assert code == 0
    assert out.startswith(f"{bundle}\nshort code: ")
    assert page.exists()
    assert bundle.exists()


def test_the_schema_is_json() -> None:
    """For editors."""
    code, out, _ = provision("schema")
    assert code == 0
    assert "hypervisor" in json.loads(out)["properties"]


def test_a_short_code_is_read_back(site: Path, tmp_path: Path) -> None:
    """What `support` prints is what `read-code` understands; a misheard one is refused."""
    bundle = tmp_path / "support.tar.gz"
    _, out, _ = provision("support", site, "--out", bundle, "--state", tmp_path / "state")
    short = out.split("short code: ")[1].strip()
    code, out, _ = provision("read-code", short)
    assert code == 0
    assert out.startswith("the run: never run; step: none; error: none; worst machine: expected")
    wrong = short[:-1] + ("A" if short[-1] != "A" else "B")
    assert provision("read-code", wrong)[0] == 2


_INTERRUPTED_WHILE_LOADING = """
import sys
class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "appliance.cli.verbs":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
"""
_RAISES = """
import appliance.cli.verbs as verbs
def obey(arguments):
    raise {}
verbs.obey = obey
"""


@pytest.mark.parametrize(
    "before", [_INTERRUPTED_WHILE_LOADING, _RAISES.format("KeyboardInterrupt")]
)
def test_ctrl_c_is_answered_at_any_time(before: str) -> None:
    """Also before the verbs are loaded: what it is called, and how to go on."""
    code, out, err = provision("schema", before=before)
    assert (code, out) == (130, "")
    assert err == ("error BH900: stopped as asked\n  do: run the same command again to continue\n")


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        ("PermissionError(13, 'Permission denied', '/x')", 3, "error BH200: "),
        ("ValueError('odd')", 4, "error BH000: "),
        ("OSError(28, 'No space left on device')", 4, "error BH000: "),
    ],
)
def test_what_nobody_foresaw_is_an_error_too(raised: str, code: int, words: str) -> None:
    """No traceback (the runner of this test holds that), a code of the docs, and what to do."""
    found, _, err = provision("schema", before=_RAISES.format(raised))
    assert found == code
    assert err.startswith(words)
    assert "  do: " in err
