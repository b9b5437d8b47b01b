"""Reports and support files come from what the stores hold."""

from __future__ import annotations

import tarfile
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.boot.control import Reported
from appliance.discover.report import encode
from appliance.errors import InputError
from appliance.flow.context import Options
from appliance.flow.looking import look_at
from appliance.flow.orders import approve
from appliance.flow.reporting import report_of, support_of, write_report
from appliance.flow.reports import take_report
from appliance.flow.secrets import site_secrets
from appliance.flow.session import opened
from appliance.paths import Paths
from appliance.values import Mac
from tests.flow.scripted_machine import report_of as report_of_scripted
from tests.plans import machine, plan
from tests.unit.flow.support import context_in

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""


def test_a_report_counts_what_people_did(tmp_path: Path) -> None:
    """Running, approving: each in words. Nothing half-written stays behind."""
    with context_in(tmp_path) as context:
        context.tell("run-started", "Bridgehead")
        approve(context, Mac.parse("52:54:00:00:00:09"), "hv9", {"role": "join"})
        path = write_report(context, plan(), ())
    page = path.read_text("utf-8")
    assert "ran the command" in page
    assert "approved a machine" in page
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_machines_reported_stays_in_the_report(tmp_path: Path) -> None:
    """As built: model, serial number, disks, cards."""
    mac = machine(1).macs[0]
    with context_in(tmp_path) as context:
        text = encode(report_of_scripted(mac)).decode()
        take_report(context, Reported(mac, IPv4Address("10.20.0.11"), "hv1", text))
        page = write_report(context, plan(), ()).read_text("utf-8")
    assert "<summary>What it is</summary>" in page
    assert f"SN-{mac.bare[-2:]}" in page
    assert "/dev/disk/by-id/virtio-" in page


def test_a_site_that_never_ran_has_a_report_too(tmp_path: Path) -> None:
    """With its machines, and where it was asked for."""
    file = tmp_path / "site.yaml"
    file.write_text(_SITE)
    look = look_at(file, Paths(tmp_path / "state"))
    out = tmp_path / "page.html"
    assert report_of(look, out) == out
    assert "hv1" in out.read_text("utf-8")


@pytest.mark.parametrize("place", [".", "none/page.html"])
def test_a_place_that_takes_no_file_is_said(tmp_path: Path, place: str) -> None:
    """Of report and support file alike: no folder is made, and no draft stays."""
    file, state = tmp_path / "site.yaml", tmp_path / "state"
    file.write_text(_SITE)
    look, out = look_at(file, Paths(state)), tmp_path / "out"
    out.mkdir()
    for write in (report_of, support_of):
        with pytest.raises(InputError, match="cannot be written"):
            write(look, out / place)
    assert list(out.iterdir()) == []


def test_a_support_file_holds_no_secret(tmp_path: Path) -> None:
    """Not even one that somehow came into an event."""
    file, paths = tmp_path / "site.yaml", Paths(tmp_path / "state")
    file.write_text(_SITE)
    with opened(file, "alpha", paths, Options("lo")) as context:
        token = site_secrets(context.vault).token.reveal()
        context.tell("finding", f"somebody said {token}")
    made = support_of(look_at(file, paths), tmp_path / "support.tar.gz")
    with tarfile.open(made.path) as archive:
        members = [archive.extractfile(each) for each in archive if each.isfile()]
        content = b"".join(each.read() for each in members if each is not None)
    assert b"somebody said" in content
    assert token.encode() not in content
    assert made.code
