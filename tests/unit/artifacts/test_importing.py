"""Files from a folder: copied, verified, the source as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from appliance.artifacts.catalog import Trust, Wanted
from appliance.artifacts.depot import Depot, Origin
from appliance.artifacts.importing import find_in, find_wanted, import_file
from appliance.errors import ArtifactError
from appliance.values import Digest

BODY = b"iso" * 100_000
DIGEST = Digest("sha512", hashlib.sha512(BODY).hexdigest())
WANT = Wanted("image.iso", "https://x/image.iso", "a test", Trust.SUMS, sums="list")


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """Give an empty depot."""
    return Depot(tmp_path / "depot")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """Give a folder as a USB stick would be: read-only files, one level of folders."""
    folder = tmp_path / "stick" / "v1.8.2"
    folder.mkdir(parents=True)
    (folder / "image.iso").write_bytes(BODY)
    (folder / "image.iso").chmod(0o400)
    return folder.parent


def test_a_file_is_found_here_or_one_level_below(stick: Path) -> None:
    """Upstream's layout has a folder a version."""
    assert find_in(stick, "image.iso") == stick / "v1.8.2" / "image.iso"
    assert find_in(stick / "v1.8.2", "image.iso") == stick / "v1.8.2" / "image.iso"
    assert find_in(stick, "other") is None


SUMS = Wanted(
    "rke2-v1-rke2r1_sums.txt",
    "https://x/sums.txt",
    "a list",
    Trust.FIRST_USE,
    upstream="sums.txt",
    folder="v1+rke2r1",
    aliases=("rke2-sums.txt",),
    beside=("rke2.tar.gz", "rke2-v1-rke2r1_rke2.tar.gz"),
)


def lay(root: Path, *names: str) -> Path:
    """Put empty files into folders."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_the_depots_own_name_comes_first(tmp_path: Path) -> None:
    """In whichever folder it is."""
    first = lay(tmp_path / "a", "sums.txt", "rke2.tar.gz")
    second = lay(tmp_path / "b", f"deep/{SUMS.name}")
    assert find_wanted((first, second), SUMS) == second / "deep" / SUMS.name


@pytest.mark.parametrize("spelt", ["v1+rke2r1", "v1%2Brke2r1", "v1-rke2r1"])
def test_a_folder_of_its_version_comes_next(tmp_path: Path, spelt: str) -> None:
    """However the plus is spelt."""
    root = lay(tmp_path, "a/sums.txt", "a/rke2.tar.gz", f"{spelt}/sums.txt", "v2/sums.txt")
    assert find_wanted((root,), SUMS) == root / spelt / "sums.txt"


def test_upstreams_name_counts_beside_what_it_belongs_to(tmp_path: Path) -> None:
    """Lists of one name are many: another project's is not taken."""
    root = lay(tmp_path, "k3s/sums.txt", "k3s/k3s", "rke2/sums.txt")
    assert find_wanted((root,), SUMS) is None
    lay(root, "rke2/rke2-v1-rke2r1_rke2.tar.gz")
    assert find_wanted((root,), SUMS) == root / "rke2" / "sums.txt"
    assert find_wanted((root / "k3s", root / "rke2"), SUMS) == root / "rke2" / "sums.txt"


def test_a_file_goes_by_its_other_names(tmp_path: Path) -> None:
    """What stands beside others of the name is often renamed."""
    root = lay(tmp_path, "rke2-sums.txt", "rke2.tar.gz")
    assert find_wanted((root,), SUMS) == root / "rke2-sums.txt"
    assert find_wanted((), SUMS) is None


def test_a_missing_stick_is_an_error(tmp_path: Path) -> None:
    """It asks whether the medium is plugged in."""
    with pytest.raises(ArtifactError, match="plugged in"):
        find_in(tmp_path / "none", "image.iso")


def test_the_source_stays_as_it_was(stick: Path, depot: Depot) -> None:
    """Copied, not linked: its mode, time and links do not change, and edits do not reach us."""
    source = stick / "v1.8.2" / "image.iso"
    before = source.stat()
    file = import_file(source, WANT, (DIGEST,), depot, now=1.0, origin=Origin.STAND_IN)
    after = source.stat()
    assert (file.digest, file.origin, file.source) == (DIGEST, Origin.STAND_IN, str(source))
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_nlink,
    )
    source.chmod(0o600)
    source.write_bytes(b"changed")
    with depot.open_by_name("image.iso") as handle:
        assert handle.read() == BODY


def test_a_wrong_file_is_refused_and_not_kept(stick: Path, depot: Depot) -> None:
    """Both checksums are named; the depot and its incoming folder stay empty."""
    other = Digest("sha512", "0" * 128)
    with pytest.raises(ArtifactError) as caught:
        import_file(stick / "v1.8.2" / "image.iso", WANT, (other,), depot, now=0)
    assert DIGEST.hex in str(caught.value)
    assert other.hex in str(caught.value)
    assert depot.get("image.iso") is None
    assert list(depot.incoming.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "missing"])
def test_an_unreadable_source_is_named(tmp_path: Path, depot: Depot, kind: str) -> None:
    """A folder of that name, or a medium that went."""
    path = tmp_path / "image.iso"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(ArtifactError, match="cannot be read"):
        import_file(path, WANT, (DIGEST,), depot, now=0)


def test_progress_is_told(stick: Path, depot: Depot) -> None:
    """With the whole size."""
    told: list[tuple[str, int, int | None]] = []
    import_file(
        stick / "v1.8.2" / "image.iso",
        WANT,
        (DIGEST,),
        depot,
        now=0,
        progress=lambda *each: told.append(each),
    )
    assert told[-1] == ("image.iso", len(BODY), len(BODY))
