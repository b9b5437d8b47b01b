"""What is built: upstream's names and layout, sums, and two installers that keep the contract."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import uuid
from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.lab.rke2 import build
from appliance.lab.rke2.program.images import read_archive
from appliance.lab.rke2.tarballs import image_archive, images_of, product_of

RKE2 = "v1.36.3+rke2r1"
K3S = "v1.36.3+k3s1"
CORE, CANAL = (f"rke2-images-{part}.linux-amd64.tar.zst" for part in ("core", "canal"))
COMBINED = "rke2-images.linux-amd64.tar.zst"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """RKE2's files."""
    return build(tmp_path / "cache", RKE2)


def test_files_have_upstream_s_names(built: Path) -> None:
    """And a second build finds the first."""
    assert {path.name for path in built.iterdir()} == {
        *("rke2.linux-amd64.tar.gz", "install.sh", "sha256sum-amd64.txt", CORE, CANAL),
    }
    assert build(built.parent, RKE2) == built


def test_equal_inputs_give_equal_bytes(built: Path, tmp_path: Path) -> None:
    """In another cache, at another time."""
    again = build(tmp_path / "other", RKE2)
    assert {p.name: p.read_bytes() for p in built.iterdir()} == {
        p.name: p.read_bytes() for p in again.iterdir()
    }


def test_the_list_vouches_for_every_file(built: Path) -> None:
    """In the form of sha256sum."""
    lines = (built / "sha256sum-amd64.txt").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert listed.keys() == {"rke2.linux-amd64.tar.gz", CORE, CANAL}
    for name, digest in listed.items():
        assert hashlib.sha256((built / name).read_bytes()).hexdigest() == digest


def test_the_tarball_has_upstream_s_layout(built: Path) -> None:
    """Programs may be run; units are of type notify."""
    with tarfile.open(built / "rke2.linux-amd64.tar.gz") as archive:
        modes = {m.name: m.mode for m in archive.getmembers() if m.isfile()}
        opened = archive.extractfile("lib/systemd/system/rke2-agent.service")
        unit = opened.read().decode() if opened else ""
    for name in ("bin/rke2", "bin/rke2-killall.sh", "bin/rke2-uninstall.sh"):
        assert modes[name] == 0o755
    for name in ("rke2-server.service", "rke2-agent.service", "rke2-server.env", "rke2-agent.env"):
        assert f"lib/systemd/system/{name}" in modes
    assert {"share/rke2/rke2-cis-sysctl.conf", "share/rke2/LICENSE.txt"} <= modes.keys()
    assert "Type=notify" in unit
    assert "ExecStart=/usr/local/bin/rke2 agent" in unit


def test_the_archives_hold_what_a_cluster_needs(built: Path) -> None:
    """Core and network apart."""
    held = {
        name: {image.reference for image in read_archive((built / name).read_bytes(), name)}
        for name in (CORE, CANAL)
    }
    assert held[CANAL] == set(images_of(RKE2).network)
    assert held[CORE] | held[CANAL] == set(images_of(RKE2).all())


def test_k3s_has_its_own_files(tmp_path: Path) -> None:
    """One program that is no archive."""
    folder = build(tmp_path, K3S)
    names = {path.name for path in folder.iterdir()}
    assert names == {"k3s", "k3s-airgap-images-amd64.tar.zst", "install.sh", "sha256sum-amd64.txt"}
    said = subprocess.run([folder / "k3s", "--version"], check=True, capture_output=True, text=True)
    assert said.stdout.startswith(f"k3s version {K3S} (")


@pytest.mark.parametrize("version", ["1.36.3+rke2r1", "v1.36.3", "v1.36.3+rke3r1", "latest"])
def test_another_version_is_none(version: str) -> None:
    """With what one looks like."""
    with pytest.raises(ArtifactError, match="not a version of RKE2 or K3s"):
        product_of(version)


def test_scripts_are_plain_shell() -> None:
    """Each is read by a shell that knows no bash."""
    folder = Path(__file__).parents[4] / "appliance" / "lab" / "rke2"
    scripts = [*folder.glob("install/*.sh"), *folder.glob("bundle/bin/*.sh")]
    assert len(scripts) == 4
    for script in scripts:
        subprocess.run(["sh", "-n", script], check=True)


# --- the installers, as root, with /etc/systemd/system of their own -------------------------


class Machine:
    """A prefix to install to; units go to a file system that only the installer sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.units = folder / "units"
        self.images = folder / "images"
        self.prefix = folder / "prefix"
        self.units.mkdir()

    def run(self, script: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run an installer."""
        inside = 'mount --bind "$1" /etc/systemd/system && shift && exec "$@"'
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", inside, "sh", self.units, "sh", script, *words],
            env={"PATH": os.environ["PATH"], **variables},
            check=False,
            capture_output=True,
            text=True,
        )

    def rke2(self, artifacts: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run RKE2's."""
        given = {
            "INSTALL_RKE2_ARTIFACT_PATH": str(artifacts),
            "INSTALL_RKE2_TAR_PREFIX": str(self.prefix),
            "INSTALL_RKE2_AGENT_IMAGES_DIR": str(self.images),
            "INSTALL_RKE2_SKIP_RELOAD": "true",
        }
        return self.run(artifacts / "install.sh", **{**given, **variables})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """An empty one."""
    folder = tmp_path / uuid.uuid4().hex
    folder.mkdir()
    return Machine(folder)


@pytest.mark.root
def test_rke2_is_installed_from_a_folder(built: Path, machine: Machine) -> None:
    """With another prefix units move to /etc and name it."""
    done = machine.rke2(built)
    assert done.returncode == 0, done.stderr
    unit = (machine.units / "rke2-server.service").read_text()
    assert f"ExecStart={machine.prefix}/bin/rke2 server" in unit
    said = subprocess.run(
        [machine.prefix / "bin/rke2", "--version"], check=True, capture_output=True, text=True
    )
    assert said.stdout.startswith(f"rke2 version {RKE2} (")
    assert machine.rke2(built).returncode == 0


@pytest.mark.root
def test_split_sets_are_not_copied_alone(built: Path, machine: Machine) -> None:
    """Upstream's trap (rke2#6275): only beside a combined set that is listed."""
    assert machine.rke2(built).returncode == 0
    assert not machine.images.exists()
    combined = (built / CORE).read_bytes()
    (built / COMBINED).write_bytes(combined)
    assert machine.rke2(built).returncode == 0
    assert not machine.images.exists()
    with (built / "sha256sum-amd64.txt").open("a") as listed:
        listed.write(f"{hashlib.sha256(combined).hexdigest()}  {COMBINED}\n")
    assert machine.rke2(built).returncode == 0
    assert {path.name for path in machine.images.iterdir()} == {COMBINED, CORE, CANAL}


@pytest.mark.root
@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"INSTALL_RKE2_ARTIFACT_PATH": ""}, "set INSTALL_RKE2_ARTIFACT_PATH"),
        ({"INSTALL_RKE2_METHOD": "rpm"}, "from tarballs only"),
        ({"INSTALL_RKE2_TYPE": "master"}, "neither server nor agent"),
    ],
)
def test_rke2_s_installer_refuses(
    built: Path, machine: Machine, variables: dict[str, str], why: str
) -> None:
    """With one sentence, and nothing installed."""
    done = machine.rke2(built, **variables)
    assert done.returncode == 1
    assert why in done.stderr
    assert not machine.prefix.exists()


@pytest.mark.root
@pytest.mark.parametrize("name", ["rke2.linux-amd64.tar.gz", COMBINED])
def test_a_damaged_file_is_not_installed(built: Path, machine: Machine, name: str) -> None:
    """Its sum is another."""
    if name == COMBINED:
        (built / name).write_bytes(b"other")
        with (built / "sha256sum-amd64.txt").open("a") as listed:
            listed.write(f"{'0' * 64}  {name}\n")
    else:
        whole = (built / name).read_bytes()
        (built / name).write_bytes(whole[:-1] + b"x")
    done = machine.rke2(built)
    assert done.returncode == 1
    assert "sha256 does not match" in done.stderr
    assert not machine.prefix.exists()


@pytest.mark.root
def test_k3s_is_installed_around_its_program(tmp_path: Path, machine: Machine) -> None:
    """The program is there already; unit and environment are written."""
    folder = build(tmp_path / "cache", K3S)
    given = {
        "INSTALL_K3S_BIN_DIR": str(machine.prefix),
        "INSTALL_K3S_SKIP_ENABLE": "true",
        "K3S_TOKEN": "sesame",
    }
    refused = machine.run(folder / "install.sh", **given)
    absent = machine.run(folder / "install.sh", INSTALL_K3S_SKIP_DOWNLOAD="true", **given)
    machine.prefix.mkdir()
    (machine.prefix / "k3s").write_bytes((folder / "k3s").read_bytes())
    (machine.prefix / "k3s").chmod(0o755)
    ready = {**given, "INSTALL_K3S_SKIP_DOWNLOAD": "true"}
    server = machine.run(folder / "install.sh", "server", "--tls-san", "a b", **ready)
    agent = machine.run(folder / "install.sh", K3S_URL="https://a:6443", **ready)

    assert "set INSTALL_K3S_SKIP_DOWNLOAD" in refused.stderr
    assert "Executable k3s binary not found" in absent.stderr
    assert (server.returncode, agent.returncode) == (0, 0), server.stderr + agent.stderr
    unit = (machine.units / "k3s.service").read_text()
    assert f'ExecStart={machine.prefix}/k3s server "--tls-san" "a b"' in unit
    assert (machine.units / "k3s.service.env").read_text() == "K3S_TOKEN=sesame\n"
    assert (machine.units / "k3s.service.env").stat().st_mode & 0o777 == 0o600
    assert f"{machine.prefix}/k3s agent" in (machine.units / "k3s-agent.service").read_text()
    assert (machine.prefix / "k3s-agent-uninstall.sh").exists()


@pytest.mark.root
def test_a_k3s_agent_needs_a_token(tmp_path: Path, machine: Machine) -> None:
    """And an address that is https."""
    script = build(tmp_path / "cache", K3S) / "install.sh"
    given = {"INSTALL_K3S_SKIP_DOWNLOAD": "true", "INSTALL_K3S_BIN_DIR": str(machine.prefix)}
    assert "K3S_TOKEN" in machine.run(script, K3S_URL="https://a:6443", **given).stderr
    assert "Only https://" in machine.run(script, K3S_URL="http://a:6443", **given).stderr


def test_an_archive_without_images_is_one() -> None:
    """An empty list."""
    assert read_archive(image_archive(()), "a.tar") == ()
