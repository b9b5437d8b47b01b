"""Everything a plan wants, brought together from a stick, this system and a mirror."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from appliance.artifacts.catalog import Trust, Wanted
from appliance.artifacts.depot import Depot, Origin
from appliance.artifacts.fetch import Fetcher, Patience
from appliance.artifacts.gather import How, Sources, gather
from appliance.errors import ArtifactError
from appliance.tools.http_client import HttpClient
from appliance.values import Digest

FILES = {"v1-kernel": b"kernel" * 100, "v1-iso": b"iso" * 1000}
LIST = "".join(f"{hashlib.sha512(body).hexdigest()}  {name}\n" for name, body in FILES.items())
IPXE = b"ipxe"


class MirrorLike(Protocol):
    """What these tests touch of the mirror of conftest.py."""

    files: dict[str, bytes]
    asked: list[tuple[str, str | None]]
    url: str


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """Give an empty depot."""
    return Depot(tmp_path / "depot")


def wants(base: str, package: Path) -> tuple[Wanted, ...]:
    """Want a list, two files it vouches for, and a program of this system."""
    package.write_bytes(IPXE)
    recorded = (Digest("sha256", hashlib.sha256(IPXE).hexdigest()),)
    return (
        Wanted("v1.sha512", f"{base}/v1.sha512", "the list", Trust.FIRST_USE),
        *(Wanted(name, f"{base}/{name}", "a file", Trust.SUMS, "v1.sha512") for name in FILES),
        Wanted("snponly.efi", str(package), "a program", Trust.RECORDED, accepted=recorded),
    )


def online(depot: Depot) -> Sources:
    """Allow downloads, one try each."""
    patience = Patience(tries=1)
    fetcher = Fetcher(depot, HttpClient(timeout=5), lambda _rest: None, patience=patience)
    return Sources(fetcher=fetcher)


def test_another_build_of_what_is_not_needed_is_no_fault(depot: Depot, tmp_path: Path) -> None:
    """It is done without, as where the package is not there; of what is needed it is a fault."""
    *_, program = wants("", tmp_path / "snponly.efi")
    Path(program.source).write_bytes(b"another build")
    assert gather((replace(program, needed=False),), depot, Sources(), now=1.0) == ()
    with pytest.raises(ArtifactError, match="checksum"):
        gather((program,), depot, Sources(), now=1.0)


def stick(tmp_path: Path) -> Path:
    """Make a folder that holds the list and the files."""
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "v1.sha512").write_text(LIST)
    for name, body in FILES.items():
        (folder / name).write_bytes(body)
    return folder


def test_from_a_mirror_then_kept(mirror: MirrorLike, depot: Depot, tmp_path: Path) -> None:
    """The first run downloads, the second asks nothing of anyone."""
    mirror.files.update({**FILES, "v1.sha512": LIST.encode()})
    wanted = wants(mirror.url, tmp_path / "snponly.efi")
    first = gather(wanted, depot, online(depot), now=1.0)
    assert [each.how for each in first] == [How.FETCHED] * 3 + [How.IMPORTED]
    assert first[-1].file.origin is Origin.PACKAGE
    count = len(mirror.asked)
    second = gather(wanted, depot, Sources(), now=2.0)
    assert [each.how for each in second] == [How.KEPT] * 4
    assert len(mirror.asked) == count
    assert depot.verify_again([each.name for each in wanted])


def test_from_a_folder_without_any_network(depot: Depot, tmp_path: Path) -> None:
    """A stick is enough; stand-ins are marked as such for the reports, and so is what was built."""
    sources = Sources(folders=(stick(tmp_path),), stand_ins=True, built={"v1-kernel"})
    gather(wants("https://nowhere.invalid", tmp_path / "p"), depot, sources, now=1.0)
    assert depot.real_legs([*FILES, "snponly.efi"]) == {
        "v1-kernel": "built",
        "v1-iso": "stand-in",
        "snponly.efi": "package",
    }


def test_a_damaged_kept_file_is_brought_anew(depot: Depot, tmp_path: Path) -> None:
    """A file that changed in the depot is not kept."""
    wanted = wants("https://nowhere.invalid", tmp_path / "p")
    sources = Sources(folders=(stick(tmp_path),))
    gather(wanted, depot, sources, now=1.0)
    depot.path_of("v1-iso").write_bytes(b"rotten")
    again = gather(wanted, depot, sources, now=2.0)
    assert [each.how for each in again] == [How.KEPT, How.KEPT, How.IMPORTED, How.KEPT]


def test_mixed_versions_do_not_pass(depot: Depot, tmp_path: Path) -> None:
    """A file of another version under the right name fails the list of the version."""
    folder = stick(tmp_path)
    (folder / "v1-iso").write_bytes(b"of v2")
    with pytest.raises(ArtifactError, match="wrong checksum"):
        gather(
            wants("https://nowhere.invalid", tmp_path / "p"),
            depot,
            Sources(folders=(folder,)),
            now=1.0,
        )


def test_a_new_list_makes_old_files_go(depot: Depot, tmp_path: Path) -> None:
    """Files in the depot are held to the list each time, not only when they came."""
    folder = stick(tmp_path)
    wanted = wants("https://nowhere.invalid", tmp_path / "p")
    gather(wanted, depot, Sources(folders=(folder,)), now=1.0)
    depot.forget("v1.sha512")
    (folder / "v1.sha512").write_text(LIST.replace(LIST[:8], "00000000"))
    with pytest.raises(ArtifactError, match="wrong checksum"):
        gather(wanted, depot, Sources(folders=(folder,)), now=2.0)


def test_an_empty_folder_says_all_that_lacks(depot: Depot, tmp_path: Path) -> None:
    """The empty source: where it was looked for, and each file with where it is to be had."""
    (tmp_path / "empty").mkdir()
    own = Wanted("own.iso", "", "an image", Trust.FIRST_USE)
    with pytest.raises(ArtifactError, match="4 files are missing") as caught:
        gather(
            (*wants("https://nowhere.invalid", tmp_path / "p"), own),
            depot,
            Sources(folders=(tmp_path / "empty",)),
            now=0,
        )
    assert caught.value.where == str(tmp_path / "empty")
    assert caught.value.reasons == (
        "v1.sha512, from https://nowhere.invalid/v1.sha512",
        *(f"{name}, from https://nowhere.invalid/{name}" for name in FILES),
        "own.iso, which is only imported from a folder",
    )


def test_what_is_there_is_brought_though_something_lacks(depot: Depot, tmp_path: Path) -> None:
    """A medium may hold a part: the rest comes from the next one."""
    folder = stick(tmp_path)
    (folder / "v1-kernel").unlink()
    with pytest.raises(ArtifactError, match="v1-kernel is missing"):
        gather(
            wants("https://nowhere.invalid", tmp_path / "p"),
            depot,
            Sources(folders=(folder,)),
            now=0,
        )
    assert [each.name for each in depot.files()] == ["snponly.efi", "v1-iso", "v1.sha512"]


def test_a_file_without_its_list_is_not_said_to_lack(depot: Depot, tmp_path: Path) -> None:
    """It is on the medium; the list that vouches for it is what is to be brought."""
    folder = stick(tmp_path)
    (folder / "v1.sha512").unlink()
    with pytest.raises(ArtifactError, match=r"v1\.sha512 is missing") as caught:
        gather(
            wants("https://nowhere.invalid", tmp_path / "p"),
            depot,
            Sources(folders=(folder,)),
            now=0,
        )
    assert caught.value.where == str(folder)
    assert depot.get("v1-iso") is None


def test_a_program_that_is_not_installed(depot: Depot, tmp_path: Path) -> None:
    """The fix names the package."""
    missing = Wanted("snponly.efi", str(tmp_path / "no"), "x", Trust.FIRST_USE)
    with pytest.raises(ArtifactError, match="install the package"):
        gather((missing,), depot, Sources(), now=0)


@pytest.mark.parametrize("text", ["<html>", "x" * (1 << 20 | 1)])
def test_a_list_that_is_none_is_not_kept(depot: Depot, tmp_path: Path, text: str) -> None:
    """The next run brings it anew instead of failing for ever."""
    folder = stick(tmp_path)
    (folder / "v1.sha512").write_text(text)
    with pytest.raises(ArtifactError, match="cannot be used"):
        gather(wants("https://x.invalid", tmp_path / "p"), depot, Sources(folders=(folder,)), now=0)
    assert depot.get("v1.sha512") is None


LOOSE = Wanted("a.sums", "https://x.invalid/a", "a list", Trust.FIRST_USE, needed=False)


def test_what_is_not_needed_is_passed_over(depot: Depot, tmp_path: Path) -> None:
    """With what it would have vouched for; and it is taken where it is."""
    (tmp_path / "stick").mkdir()
    vouched = Wanted("a", "https://x.invalid/a", "a", Trust.SUMS, "a.sums", needed=False)
    sources = Sources((tmp_path / "stick",))
    assert gather((LOOSE, vouched), depot, sources, now=1.0) == ()
    (tmp_path / "stick" / "a.sums").write_text(f"{hashlib.sha256(b'a').hexdigest()}  a\n")
    assert [each.file.name for each in gather((LOOSE, vouched), depot, sources, now=1.0)] == [
        "a.sums"
    ]
    (tmp_path / "stick" / "a").write_bytes(b"a")
    assert len(gather((LOOSE, vouched), depot, sources, now=1.0)) == 2


def test_what_is_not_needed_may_be_missing_upstream(mirror: MirrorLike, depot: Depot) -> None:
    """A mirror made of another laptop's depot need not have it; what is needed must be there."""
    want = replace(LOOSE, source=f"{mirror.url}/a.sums")
    assert gather((want,), depot, online(depot), now=1.0) == ()
    assert len(mirror.asked) == 1
    with pytest.raises(ArtifactError, match="cannot be fetched"):
        gather((replace(want, needed=True),), depot, online(depot), now=1.0)


def test_what_is_only_imported_is_never_fetched(mirror: MirrorLike, depot: Depot) -> None:
    """OpenTofu is taken where somebody brought it."""
    mirror.files["a.sums"] = b"x"
    want = replace(LOOSE, source=f"{mirror.url}/a.sums", import_only=True)
    assert gather((want,), depot, online(depot), now=1.0) == ()
    assert mirror.asked == []


def test_upstreams_name_in_upstreams_list(depot: Depot, tmp_path: Path) -> None:
    """The list knows nothing of the depot's names."""
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "sums.txt").write_text(f"{hashlib.sha256(b'x').hexdigest()}  x.tar\n")
    (folder / "x.tar").write_bytes(b"x")
    wanted = (
        Wanted("v1_sums.txt", "https://x.invalid/", "l", Trust.FIRST_USE, upstream="sums.txt"),
        Wanted("v1_x.tar", "https://x.invalid/", "x", Trust.SUMS, "v1_sums.txt", upstream="x.tar"),
    )
    found = gather(wanted, depot, Sources((folder,)), now=1.0)
    assert [each.file.name for each in found] == ["v1_sums.txt", "v1_x.tar"]
    assert [each.trust for each in found] == [Trust.FIRST_USE, Trust.SUMS]


def test_a_checksum_in_the_site_file_is_held_to(depot: Depot, tmp_path: Path) -> None:
    """And what can only be imported says so."""
    given = (Digest("sha256", hashlib.sha256(b"cd").hexdigest()),)
    want = Wanted("win.iso", "", "a CD", Trust.GIVEN, accepted=given)
    with pytest.raises(ArtifactError, match=r"win\.iso is missing") as caught:
        gather((want,), depot, online(depot), now=1.0)
    assert "--from FOLDER" in caught.value.fix
    (tmp_path / "win.iso").write_bytes(b"another cd")
    with pytest.raises(ArtifactError, match="wrong checksum") as caught:
        gather((want,), depot, Sources((tmp_path,)), now=1.0)
    assert "site file" in caught.value.fix
    (tmp_path / "win.iso").write_bytes(b"cd")
    assert gather((want,), depot, Sources((tmp_path,)), now=1.0)[0].trust is Trust.GIVEN


def test_with_a_keyring_a_list_must_be_signed(depot: Depot, tmp_path: Path) -> None:
    """A signature that is missing or wrong is refused, and nothing of it is kept."""
    folder, keyring = tmp_path / "stick", tmp_path / "keys.gpg"
    folder.mkdir()
    keyring.write_bytes(b"")
    (folder / "SUMS").write_text(f"{'a' * 64}  x\n")
    signature = Wanted("SUMS.gpg", "https://x.invalid/", "s", Trust.FIRST_USE, needed=False)
    listed = Wanted("SUMS", "https://x.invalid/", "l", Trust.FIRST_USE, signature="SUMS.gpg")
    sources = Sources((folder,), keyring=keyring)
    assert gather((signature, listed), depot, Sources((folder,)), now=1.0)[0].trust is (
        Trust.FIRST_USE
    )
    with pytest.raises(ArtifactError, match="signature of SUMS is missing"):
        gather((signature, listed), depot, sources, now=1.0)
    (folder / "SUMS.gpg").write_bytes(b"no signature")
    with pytest.raises(ArtifactError, match="is not right"):
        gather((signature, listed), depot, sources, now=1.0)
    assert depot.get("SUMS") is None
