"""The depot is filled with what a plan wants."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from appliance.artifacts.catalog import Trust
from appliance.artifacts.depot import Depot, Origin
from appliance.artifacts.gather import How
from appliance.errors import ArtifactError, InputError
from appliance.flow.stocking import image_digests, stock, wants_of
from appliance.paths import Paths
from appliance.site.artifact_names import STAGE1_FILES
from tests.plans import plan
from tests.site_files import media, whole_plan


def medium(folder: Path) -> Path:
    """Make a folder with tiny files of the right names, and their list of checksums."""
    names = plan().artifacts
    folder.mkdir(exist_ok=True)
    lines = []
    for name in (names.kernel, names.initrd, names.rootfs, names.iso):
        (folder / name).write_bytes(name.encode())
        lines.append(f"{hashlib.sha512(name.encode()).hexdigest()}  {name}\n")
    (folder / names.sums).write_text("".join(lines))
    for name in ("snponly.efi", "ipxe.efi", "undionly.kpxe", "ipxe.iso"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_all_that_is_wanted_is_imported_and_then_kept(tmp_path: Path) -> None:
    """A second time nothing is copied; stand-ins are marked as such."""
    paths, folder = Paths(tmp_path / "state"), medium(tmp_path / "medium")
    first = stock(plan(), paths, folder=folder, accept_ipxe=True, stand_ins=True)
    again = stock(plan(), paths, folder=folder, accept_ipxe=True, stand_ins=True)
    given = {each.name for each in folder.iterdir()}
    assert [each.file.name for each in first] == [
        each.name for each in wants_of(plan(), accept_ipxe=True) if each.name in given
    ]
    assert {each.how for each in first} == {How.IMPORTED}
    assert {each.how for each in again} == {How.KEPT}
    assert {each.origin for each in Depot(paths.depot).files()} == {Origin.STAND_IN}


def test_our_small_linux_is_taken_where_it_was_built(tmp_path: Path) -> None:
    """A newer build takes the place of an older one."""
    paths, folder = Paths(tmp_path / "state"), medium(tmp_path / "medium")
    for built in (b"one", b"two"):
        place = tmp_path / built.decode()
        place.mkdir()
        for name in STAGE1_FILES:
            (place / name).write_bytes(built)
        stocked = stock(plan(), paths, folder=folder, accept_ipxe=True, stage1=place)
        trust = {each.file.name: each.trust for each in stocked if each.file.name in STAGE1_FILES}
        assert trust == dict.fromkeys(STAGE1_FILES, Trust.BUILT)
        with Depot(paths.depot).open_by_name(STAGE1_FILES[0]) as handle:
            assert handle.read() == built


def test_our_small_linux_may_be_brought_on_the_medium(tmp_path: Path) -> None:
    """A laptop that cannot build it imports it with the rest."""
    paths, folder = Paths(tmp_path / "state"), medium(tmp_path / "medium")
    for name in STAGE1_FILES:
        (folder / name).write_bytes(name.encode())
    stock(plan(), paths, folder=folder, accept_ipxe=True)
    assert {each.name for each in Depot(paths.depot).files()} >= {*STAGE1_FILES}


def test_a_file_that_is_not_on_the_medium_is_named(tmp_path: Path) -> None:
    """Nothing is downloaded where a folder was given."""
    folder = medium(tmp_path / "medium")
    name = plan().artifacts.rootfs
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=name) as caught:
        stock(plan(), Paths(tmp_path / "state"), folder=folder, accept_ipxe=True)
    assert str(folder) in caught.value.where + caught.value.why


def test_a_mirror_takes_the_place_of_upstream() -> None:
    """Its layout is upstream's; the laptop's own files stay where they are."""
    names = plan().artifacts
    wants = {each.name: each for each in wants_of(plan(), mirror="http://127.0.0.1:8000/hv/")}
    assert wants[names.iso].source == f"http://127.0.0.1:8000/hv/v1.8.2/{names.iso}"
    assert not wants["snponly.efi"].is_remote


def test_ipxe_is_recorded_unless_it_is_accepted_as_it_is() -> None:
    """The recorded builds are read from the file that the package carries."""
    strict = {each.name: each for each in wants_of(plan())}
    loose = {each.name: each for each in wants_of(plan(), accept_ipxe=True)}
    assert strict["snponly.efi"].accepted
    assert not loose["snponly.efi"].accepted


def test_a_whole_site_from_a_folder_for_each_project(tmp_path: Path) -> None:
    """Upstream's names, several lists of one name; what is not needed may be missing."""
    paths, whole = Paths(tmp_path / "state"), whole_plan(staging={"images": ["app.tar"]})
    folders = media(tmp_path / "media", whole)
    found = stock(whole, paths, folder=folders, accept_ipxe=True, stand_ins=True)
    names = {each.file.name for each in found}
    missing = {each.name for each in wants_of(whole)} - names
    assert {each.split("_")[0] for each in missing} == {
        "20260814",  # the signature
        "tofu",
        "kubectl-v1.36.3-linux-amd64",
        "kubectl-v1.36.3-linux-amd64.sha256",
        *STAGE1_FILES,
    }
    depot = Depot(paths.depot)
    image = whole.images[0]
    body = image.url.rpartition("/")[2].encode()
    assert image_digests(whole, depot) == {image.file: hashlib.sha512(body).hexdigest()}


@pytest.mark.parametrize("mirror", ["ftp://x", "mirror.example", "http://", "http://[::1/hv"])
def test_a_mirror_that_is_no_url_is_refused(mirror: str) -> None:
    """By what was written, before anything is asked."""
    with pytest.raises(InputError, match="http or https") as refused:
        wants_of(plan(), mirror=mirror)
    assert refused.value.where == mirror


def test_a_mirror_has_folders_of_versions_or_the_depots_names() -> None:
    """Another laptop's depot, served, is a mirror."""
    wants = {each.name: each for each in wants_of(whole_plan(), mirror="http://127.0.0.1:8/m")}
    name = "rke2-v1.36.3-rke2r1_rke2.linux-amd64.tar.gz"
    assert wants[name].source == ("http://127.0.0.1:8/m/v1.36.3%2Brke2r1/rke2.linux-amd64.tar.gz")
    assert wants[name].elsewhere == (f"http://127.0.0.1:8/m/{name}",)


def test_a_keyring_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Else its absence would be taken for trust."""
    with pytest.raises(ArtifactError, match="keyring is not there"):
        stock(plan(), Paths(tmp_path), folder=tmp_path, keyring=tmp_path / "none.gpg")


def test_the_laptops_own_keyring_counts(tmp_path: Path) -> None:
    """Where the operator has put one, an unsigned list is no longer taken."""
    paths, whole = Paths(tmp_path / "state"), whole_plan()
    folders = media(tmp_path / "media", whole)
    paths.keys.mkdir(parents=True)
    paths.image_keyring.write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"signature of .*SHA256SUMS is missing"):
        stock(whole, paths, folder=folders, accept_ipxe=True)
