"""The lab's own container image: the same octets each time, and a valid archive."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.lab import site_image
from appliance.staging.archive import Archive


def test_it_is_the_same_each_time_and_made_once(tmp_path: Path) -> None:
    """A folder named by what is in it; the sums vouch for the archive."""
    folder = site_image.build(tmp_path)
    first = (folder / site_image.ARCHIVE).read_bytes()
    again = site_image.build(tmp_path)

    assert again == folder
    assert site_image.archive() == first
    expected = f"{hashlib.sha256(first).hexdigest()}  {site_image.ARCHIVE}\n"
    assert (folder / "SHA256SUMS").read_text() == expected


def test_it_holds_one_image_whose_blobs_are_whole(tmp_path: Path) -> None:
    """Config and layer; the tag is of the archive's own name."""
    with Archive(site_image.build(tmp_path) / site_image.ARCHIVE) as archive:
        (image,) = archive.images()
        assert str(image) == f"{site_image.REPOSITORY}:{site_image.TAG}"
        assert len(image.blobs) == 2
        assert all(b"".join(archive.parts(each)) for each in image.blobs)
