"""Upstream's lists of checksums in all their forms."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.artifacts.sums import parse_sums
from appliance.errors import ArtifactError

A, B = "a" * 128, "b" * 64


def test_text_binary_paths_and_bsd() -> None:
    """All known forms give the same: base name and digest."""
    text = (
        f"\ufeff# made by hand\n{A}  one.iso\n{A.upper()} *dist/artifacts/two.iso\r\n\n"
        f"{B}\t./three.img\nSHA256 (four) = {B}\nSHA512 (dir/five) = {A}\n"
    )
    digests = parse_sums("list", text).digests
    assert {name: str(digest) for name, digest in digests.items()} == {
        "one.iso": f"sha512:{A}",
        "two.iso": f"sha512:{A}",
        "three.img": f"sha256:{B}",
        "four": f"sha256:{B}",
        "five": f"sha512:{A}",
    }


def test_what_else_a_list_names_is_not_missed() -> None:
    """The net-install ISO in Harvester's list is of no concern to who asks for the kernel."""
    listed = parse_sums("l", f"{A}  kernel\n{'c' * 128}  net-install.iso\n")
    assert listed.digest_of("kernel").hex == A


def test_a_file_that_is_not_listed_is_an_error_with_a_way_out() -> None:
    """The list of another version does not name the file."""
    listed = parse_sums("harvester-v1.7.3-amd64.sha512", f"{A}  harvester-v1.7.3-amd64.iso\n")
    with pytest.raises(ArtifactError, match=r"no checksum of harvester-v1\.8\.2") as caught:
        listed.digest_of("harvester-v1.8.2-amd64.iso")
    assert caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n# nothing\n",
        "<html><body>404</body></html>",
        f"{A[:-1]}  short",
        f"{A}  ",
        f"{A}  one\n{'b' * 128}  one\n",
        f"SHA512 (x) = {B}",
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    """A download page saved by mistake, a torn list, two checksums of one file."""
    with pytest.raises(ArtifactError):
        parse_sums("list", text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Garbage gives a list or the one error, nothing else."""
    with suppress(ArtifactError):
        assert parse_sums("list", text).digests


def test_a_bare_checksum_is_of_the_file_it_was_asked_for() -> None:
    """As dl.k8s.io publishes them; without a file to be of, it is no list."""
    assert parse_sums("kubectl.sha256", f"{'c' * 64}\n", of="kubectl").digest_of("kubectl").hex == (
        "c" * 64
    )
    with pytest.raises(ArtifactError):
        parse_sums("kubectl.sha256", "c" * 64)
