"""The site file behind the forms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import InputError, SiteFileError, StaleError
from appliance.paths import Paths
from appliance.site.yaml_text import Value
from appliance.web.site_file import Changes, Seen, SiteFile, Verdict, applied, value_at

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()
VIP = ("hypervisor", "vip")


@pytest.fixture
def file(tmp_path: Path) -> SiteFile:
    """A site file as people wrote it."""
    path = tmp_path / "site.yaml"
    path.write_text(THREE)
    return SiteFile(path, Paths(tmp_path / "state"))


def save(file: SiteFile, digest: str, changes: Changes) -> Seen:
    """Save what is allowed."""

    def allow(before: Verdict, after: Verdict) -> None:
        del before
        if after.problems:
            raise SiteFileError(after.problems)

    return file.save(digest, lambda _seen: changes, allow)


def test_one_value_changes_one_line(file: SiteFile) -> None:
    """Remarks, order and all keys that no form shows stay."""
    seen = save(file, file.read().digest, {VIP: "10.20.0.9"})

    assert seen.text == THREE.replace("vip: 10.20.0.10", "vip: 10.20.0.9")
    assert file.path.read_text() == seen.text
    assert value_at(seen.data, VIP) == "10.20.0.9"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_stays_as_it_was(file: SiteFile, mode: int) -> None:
    """Who hid the file keeps it hidden; no draft is left beside it."""
    file.path.chmod(mode)
    save(file, file.read().digest, {VIP: "10.20.0.9"})

    assert file.path.stat().st_mode & 0o777 == mode
    assert [each.name for each in file.path.parent.iterdir() if each.is_file()] == ["site.yaml"]


def test_a_link_stays_a_link(file: SiteFile, tmp_path: Path) -> None:
    """What it leads to is changed, in its own place."""
    link = tmp_path / "link.yaml"
    link.symlink_to(file.path)
    linked = SiteFile(link, Paths(tmp_path / "state"))
    save(linked, linked.read().digest, {VIP: "10.20.0.9"})

    assert link.is_symlink()
    assert "vip: 10.20.0.9" in file.path.read_text()


def test_a_stale_form_is_refused_with_what_changed(file: SiteFile) -> None:
    """Nothing is overwritten that its form never saw."""
    old = file.read().digest
    file.path.write_text(THREE.replace("vip: 10.20.0.10", "vip: 10.20.0.8"))

    with pytest.raises(StaleError) as refused:
        save(file, old, {("domain",): "x.internal"})

    assert refused.value.why == "hypervisor.vip: 10.20.0.10 → 10.20.0.8"
    assert "vip: 10.20.0.8" in file.path.read_text()


def test_a_form_from_before_a_restart_is_refused(file: SiteFile) -> None:
    """What it was made from is not known any more, and that is said."""
    with pytest.raises(StaleError) as refused:
        save(file, "0" * 64, {VIP: "10.20.0.9"})

    assert "not known any more" in refused.value.why


def test_other_remarks_alone_are_a_change_too(file: SiteFile) -> None:
    """The form says so instead of naming a value."""
    old = file.read().digest
    file.path.write_text("# Look here.\n" + THREE)

    with pytest.raises(StaleError, match="nothing was saved") as refused:
        save(file, old, {VIP: "10.20.0.9"})
    assert refused.value.why.startswith("its remarks or layout")


def test_what_the_command_refuses_is_not_written(file: SiteFile) -> None:
    """The sentence and the fix are the command's, with the file's own name."""
    with pytest.raises(SiteFileError) as refused:
        save(file, file.read().digest, {VIP: "10.20.0.11"})

    (problem,) = refused.value.problems
    assert problem.file == str(file.path)
    assert problem.what == "10.20.0.11 is also hypervisor.vip"
    assert file.path.read_text() == THREE


def test_a_file_that_is_not_there_begins(tmp_path: Path) -> None:
    """The wizard starts from nothing."""
    file = SiteFile(tmp_path / "new" / "site.yaml", Paths(tmp_path / "state"))
    assert file.read().data == {}
    changes: dict[tuple[str | int, ...], Value | None] = {
        ("hypervisor", "machines", "node1"): {},
        ("hypervisor", "harvester"): "v1.8.2",
        ("site",): "alpha",
    }
    save(file, file.read().digest, changes)

    assert file.path.read_text() == (
        "site: alpha\nhypervisor:\n  harvester: v1.8.2\n  machines:\n    node1: {}\n"
    )
    assert file.path.stat().st_mode & 0o777 == 0o644


def test_judging_writes_nothing_and_gives_the_plan(file: SiteFile) -> None:
    """As `provision plan` would say."""
    verdict = file.judge(file.read().text)

    assert verdict.plan is not None
    assert verdict.plan.site_id == "harbour-east"
    assert not verdict.problems
    assert file.path.read_text() == THREE


def test_a_byte_order_mark_and_windows_lines_stay(tmp_path: Path) -> None:
    """A file from a Windows editor is still its own."""
    path = tmp_path / "site.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + THREE.replace("\n", "\r\n").encode())
    file = SiteFile(path, Paths(tmp_path / "state"))
    save(file, file.read().digest, {VIP: "10.20.0.9", ("networks", "vm", "mtu"): "9000"})

    after = path.read_bytes()
    assert after.startswith(b"\xef\xbb\xbf# Three")
    assert b"    cidr: 10.21.0.0/24\r\n    mtu: 9000\r\n    vlan" in after
    assert after.count(b"\n") == after.count(b"\r\n")


@pytest.mark.parametrize(
    ("octets", "what"), [(b"\xff\xfe", "UTF-8"), (b"#" * (2**20 + 1), "larger than 1 MiB")]
)
def test_what_is_no_site_file_is_refused(file: SiteFile, octets: bytes, what: str) -> None:
    """With a reason, and left as it is."""
    file.path.write_bytes(octets)
    with pytest.raises(InputError, match=what):
        file.read()


def test_a_file_that_cannot_be_parsed_is_not_written_over(file: SiteFile) -> None:
    """Its problems are shown instead."""
    file.path.write_text("site: [\n")
    seen = file.read()
    assert seen.syntax

    with pytest.raises(SiteFileError):
        save(file, seen.digest, {("site",): "beta"})
    assert file.path.read_text() == "site: [\n"


def test_maps_that_a_change_empties_go_but_names_stay() -> None:
    """`cluster.sizes` without sizes says nothing; a machine without keys is still a machine."""
    data: dict[str, Value] = {
        "cluster": {"k3s": "v1", "sizes": {"agents": {"cpus": "2"}}},
        "hypervisor": {"machines": {"hv1": {"role": "create"}}},
        "vms": {"relay": {}},
    }
    assert applied(
        data,
        {
            ("cluster", "sizes", "agents", "cpus"): None,
            ("hypervisor", "machines", "hv1", "role"): None,
            ("vms", "relay"): None,
        },
    ) == {"cluster": {"k3s": "v1"}, "hypervisor": {"machines": {"hv1": {}}}}


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_is_closed_is_said(file: SiteFile) -> None:
    """With what to look at."""
    file.path.parent.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        save(file, file.read().digest, {VIP: "10.20.0.9"})


def test_no_file_that_was_put_aside_is_lost(file: SiteFile) -> None:
    """Two in the same second have names of their own."""
    texts = [THREE.replace("harbour-east", f"harbour-{name}") for name in ("west", "north")]
    kept = [
        file.take(file.read().digest, each.encode(), agreed=True, stamp="20261121T203000Z")
        for each in texts
    ]
    assert [each.read_text() for each in kept if each] == [THREE, texts[0]]
    assert file.path.read_text() == texts[1]
