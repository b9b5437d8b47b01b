"""First access: certificate, password, kubeconfig; killed in between, and run again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509

from appliance.errors import StepError
from appliance.hypervisor import kubeconfig as kubeconfigs
from appliance.hypervisor.access import (
    ADMIN_PASSWORD,
    Access,
    SshWay,
    gain_access,
    see_front,
    why_not_valid,
)
from appliance.tools.ssh import KnownHost
from appliance.values import Secret
from tests.harvester_server import (
    ADDRESS,
    VIP,
    Harvester,
    Identity,
    Mood,
    identity,
    serving,
)
from tests.sshd import serving as sshd_serving
from tests.unit.hypervisor.test_kubeconfig import RKE2


@dataclass(slots=True)
class Kept:
    """A vault in memory."""

    secrets: dict[str, Secret] = field(default_factory=dict)

    def get_or_make(self, name: str, characters: int = 32) -> Secret:
        """Make one at first use."""
        return self.secrets.setdefault(name, Secret("x" * characters))


@pytest.fixture
def harvester() -> Iterator[Harvester]:
    """Give a fresh hypervisor."""
    with serving(Harvester(identity("dynamic", VIP))) as running:
        yield running


def gain(harvester: Harvester, kept: Kept, pinned: str | None = None) -> Access:
    """Gain access to it."""
    return gain_access(ADDRESS, pinned, kept, port=harvester.port)


def test_first_contact_and_again(harvester: Harvester) -> None:
    """The password is changed once; the kubeconfig works, trusting the pinned certificate."""
    kept = Kept()
    first = gain(harvester, kept)
    assert (first.way, first.password_changed) == ("api", True)
    assert first.front.fingerprint == harvester.identity.fingerprint
    assert Secret(harvester.password) == kept.secrets[ADMIN_PASSWORD]
    assert kubeconfigs.read(first.kubeconfig).authority.strip() == harvester.identity.pem.strip()
    assert why_not_valid(first.kubeconfig) == "it does not serve images yet"
    again = gain(harvester, kept, first.front.fingerprint)
    assert (again.way, again.password_changed) == ("api", False)


def test_killed_between_change_and_note() -> None:
    """The answer to the change never came: the next run's first try is the new password."""
    server = Harvester(identity("dynamic", VIP), die_after_change=True)
    kept = Kept()
    with serving(server) as harvester:
        with pytest.raises(StepError, match="does not answer"):
            gain(harvester, kept)
        assert gain(harvester, kept).password_changed is False


def test_somebody_else_changed_the_password(harvester: Harvester) -> None:
    """Neither is taken: said so, with what to do."""
    harvester.password = "somebody else's"
    with pytest.raises(StepError, match="somebody else has changed") as caught:
        gain(harvester, Kept())
    assert "set it back to 'admin'" in caught.value.fix


def test_another_certificate_than_at_first_contact(harvester: Harvester) -> None:
    """Refused with both fingerprints; nothing was asked of it."""
    with pytest.raises(StepError, match="another certificate than at first contact") as caught:
        gain(harvester, Kept(), "ab" * 32)
    assert "ab" * 32 in caught.value.why
    assert harvester.identity.fingerprint in caught.value.why
    assert harvester.asked == []


def test_a_certificate_renewed_by_its_own_authority() -> None:
    """Rancher renews it as nodes join: the authority of the kubeconfig still vouches for it."""
    authority = identity("dynamiclistener-ca", authority=True)
    first, second = (identity("dynamic", VIP, issuer=authority) for _ in range(2))
    kept = Kept()
    with serving(Harvester(first, authority=authority.pem)) as harvester:
        before = gain(harvester, kept)
    trusted = kubeconfigs.read(before.kubeconfig).authority
    password = harvester.password
    with serving(Harvester(second, authority=authority.pem, password=password)) as harvester:
        front = see_front(
            ADDRESS, before.front.fingerprint, authorities=trusted, port=harvester.port
        )
        assert (front.renewed, front.fingerprint) == (True, second.fingerprint)
        with pytest.raises(StepError, match="another certificate"):
            see_front(ADDRESS, before.front.fingerprint, port=harvester.port)


def test_a_certificate_of_another_name() -> None:
    """Its DNS name is told to clients."""
    named = identity("dynamic", x509.DNSName("rancher.cattle-system"))
    with serving(Harvester(named)) as harvester:
        access = gain(harvester, Kept())
        assert kubeconfigs.read(access.kubeconfig).server_name == "rancher.cattle-system"
        assert why_not_valid(access.kubeconfig) == "it does not serve images yet"


@pytest.mark.parametrize("mood", [Mood.EMPTY, Mood.BROKEN])
def test_a_server_that_does_not_work(harvester: Harvester, mood: Mood) -> None:
    """One sentence with its own words."""
    harvester.mood = mood
    with pytest.raises(StepError, match="refused POST /v3-public"):
        gain(harvester, Kept())


def test_nobody_there() -> None:
    """The VIP does not answer."""
    with pytest.raises(StepError, match="the VIP does not answer"):
        gain_access(ADDRESS, None, Kept(), port=1)


def test_ssh_where_the_api_gives_no_kubeconfig(harvester: Harvester, tmp_path: Path) -> None:
    """RKE2's own, from the node, re-addressed to the VIP; why is noted."""
    harvester.kubeconfig_fails = True
    file = tmp_path / "rke2.yaml"
    file.write_text(RKE2)
    with sshd_serving(
        "site's own", rewrite=("sudo cat /etc/rancher/rke2/rke2.yaml", f"cat {file}")
    ) as ssh:
        host = KnownHost(frozenset({ssh.fingerprint}), Secret("site's own"))
        way = SshWay(ADDRESS, host, ssh.port)
        access = gain_access(ADDRESS, None, Kept(), ssh=way, port=harvester.port)
        assert (access.way, kubeconfigs.read(access.kubeconfig).port) == ("ssh", 6443)
        assert "503 (cluster is not ready)" in access.note
        file.unlink()
        with pytest.raises(StepError, match=r"neither by its API nor by SSH.*ended with 1"):
            gain_access(ADDRESS, None, Kept(), ssh=way, port=harvester.port)


def test_no_way_at_all(harvester: Harvester) -> None:
    """Without SSH, or with SSH that nobody answers: both reasons are told."""
    harvester.kubeconfig_fails = True
    kept = Kept()
    with pytest.raises(StepError, match=r"gives no kubeconfig.*cluster is not ready"):
        gain(harvester, kept)
    way = SshWay(ADDRESS, KnownHost(frozenset(), Secret("x")), 1)
    with pytest.raises(StepError, match=r"cluster is not ready.*no SSH session"):
        gain_access(ADDRESS, None, kept, ssh=way, port=harvester.port)


def test_a_certificate_without_a_name() -> None:
    """No client of Kubernetes would take it: that is said where there is no SSH."""
    with (
        serving(Harvester(identity())) as harvester,
        pytest.raises(StepError, match="names neither its address nor a host"),
    ):
        gain(harvester, Kept())


def test_a_kubeconfig_that_no_longer_serves(harvester: Harvester) -> None:
    """Its token ran out, or it is none: a reason, never an exception."""
    access = gain(harvester, Kept())
    harvester.token = "token-other:second"
    assert "with 401" in why_not_valid(access.kubeconfig)
    assert "cannot be read" in why_not_valid(Secret("kind: List"))


CA = identity("dynamiclistener-ca", authority=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize(
    ("shown", "named"),
    [
        (identity("dynamic", VIP), ""),
        (identity("dynamic", VIP, issuer=CA), CA.pem),
        (identity("dynamic", x509.DNSName("rancher.site"), issuer=CA), ""),
    ],
)
def test_kubectl_takes_the_kubeconfig(shown: Identity, named: str, tmp_path: Path) -> None:
    """Go's judgement of certificates, which Terraform's provider shares: own, issued, of a name."""
    path = "/api/v1/namespaces/default/secrets/x"
    with serving(Harvester(shown, authority=named)) as harvester:
        (tmp_path / "config").write_text(gain(harvester, Kept()).kubeconfig.reveal())
        harvester.objects[path] = {"kind": "Secret", "metadata": {"name": "x"}}
        said = subprocess.run(
            ["kubectl", "--kubeconfig", tmp_path / "config", "get", "--raw", path],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            check=False,
            text=True,
        )
    assert (said.returncode, said.stderr) == (0, "")
    assert '"name": "x"' in said.stdout
