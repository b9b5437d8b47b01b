"""A machine from the cloud image becomes the staging machine, and outlives a power cut."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.lab import cloud_image, releases, site_image
from appliance.site.artifact_names import registry_files
from appliance.site.plan import Plan
from appliance.staging import bundle
from appliance.staging.config import StagedFile
from appliance.staging.inventory import inventory, staged_names
from appliance.staging.proof import Proof, prove
from appliance.tools.ansible import PlaybookResult, SshAccess, run_playbook
from appliance.tools.cache import cache_folder
from tests.lab.cluster_members import PLAYBOOKS, USER, Members, members
from tests.staged import staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(1500),
]

PLAN = staged(images=(site_image.ARCHIVE,))
BACK_SECONDS = 300.0


@dataclass
class Staging:
    """The machine, what it is given, and the archive its registry is filled with."""

    machines: Members
    files: Mapping[str, StagedFile]
    bundle: bundle.Bundle
    archive: Path

    def play(self, plan: Plan = PLAN) -> PlaybookResult:
        """Run the playbook."""
        hosts = inventory(
            plan, self.files, bundle=str(self.bundle.path), bundle_sha256=self.bundle.sha256
        )
        done = self.machines.inside(
            lambda: run_playbook(
                PLAYBOOKS / "staging.yml",
                hosts,
                folder=self.machines.folder / "ansible",
                ssh=SshAccess(USER, self.machines.key, self.machines.known_hosts),
                secret_vars={},
                on_event=lambda _: None,
                stop=threading.Event(),
            )
        )
        done.raise_for_failure()
        return done

    def proofs(self) -> tuple[Proof, ...]:
        """Ask it for everything, from where the laptop is."""
        return self.machines.inside(lambda: prove(PLAN, self.files, [self.archive], utc=time.time))


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    """A machine that answers by SSH and has nothing of ours yet."""
    payload = cache_folder() / "payload"
    image = cloud_image.build(payload) / cloud_image.UBUNTU
    archive = site_image.build(payload) / site_image.ARCHIVE
    registry = releases.build(payload) / registry_files().archive
    paths = {registry.name: registry, archive.name: archive}
    for name in staged_names(PLAN):
        paths[name] = tmp_path / name
        paths[name].write_bytes(name.encode() * 1000)
    files = {
        name: StagedFile(name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for name, path in paths.items()
    }
    with members(PLAN, tmp_path, image, paths) as machines:
        machines.start("staging")
        yield Staging(machines, files, bundle.make(tmp_path / "bundle"), archive)


def test_it_is_set_up_once_and_outlives_a_power_cut(staging: Staging) -> None:
    """All four services are proven; a second run changes nothing; then the power is cut."""
    first = staging.play()
    assert first.changed > 0
    assert {each.text for each in staging.proofs() if not each.ok} == set()

    assert staging.play().changed == 0

    # The laptop's address is nowhere on it.
    laptop = str(PLAN.provisioning.bridge).replace(".", "[.]")
    found = staging.machines.ssh(
        "staging",
        f"sudo grep -rlsE '(^|[^0-9.]){laptop}([^0-9]|$)' /etc /opt/bridgehead || true",
    )
    assert found == ""
    # Nothing of ours runs as root, and nobody can push.
    users = staging.machines.ssh("staging", "ps -o user:20= -C python3,registry | sort -u")
    assert users.split() == ["bridgehead-staging"]

    machine = staging.machines.machines["staging"]
    machine.power_off()
    staging.machines.inside(machine.start)
    until = time.monotonic() + BACK_SECONDS
    while not all(each.ok for each in staging.proofs()) and time.monotonic() < until:
        time.sleep(2)
    assert {each.text for each in staging.proofs() if not each.ok} == set()


def test_what_keeps_it_from_running_is_said(staging: Staging) -> None:
    """A name server of another's that has the port, an image that is not what it should be."""
    staging.machines.ssh(
        "staging",
        "sudo systemd-run --quiet --unit=other python3 -c "
        "'import socket,time; s=socket.socket(type=2); s.bind((\"0.0.0.0\",53)); time.sleep(9999)'",
    )
    with pytest.raises(Exception, match=r"10\.20\.0\.5 port 53/udp: Address already in use"):
        staging.play()
    staging.machines.ssh("staging", "sudo systemctl stop other")
    archive = staging.files[site_image.ARCHIVE]
    wrong = {**staging.files, archive.name: replace(archive, sha256="0" * 64)}
    with pytest.raises(Exception, match="is not what it should be"):
        replace(staging, files=wrong).play()
    assert staging.play().changed > 0
    assert all(each.ok for each in staging.proofs())
