"""Archives of images: read as their writers mean them, and believed in nothing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.staging.archive import Archive, Image, place_of
from tests.unit.staging.archives import (
    INDEX,
    MANIFEST,
    blob_name,
    descriptor,
    digest,
    image,
    layout,
    named,
    octets,
    write,
)


def images_of(path: Path) -> tuple[Image, ...]:
    """Read an archive's images."""
    with Archive(path) as archive:
        return archive.images()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("docker.io/rancher/pause:3.6", ("rancher/pause", "3.6")),
        ("docker.io/library/busybox", ("library/busybox", "latest")),
        ("registry.example:5000/a/b:v1@sha256:" + "0" * 64, ("a/b", "v1")),
        ("localhost/x:1", ("x", "1")),
        ("rancher/rke2-runtime:v1.36.3-rke2r1", ("rancher/rke2-runtime", "v1.36.3-rke2r1")),
        ("site-hello:2", ("site-hello", "2")),
        ("1.0", ("fallback", "1.0")),
        ("latest", ("fallback", "latest")),
    ],
)
def test_an_image_keeps_its_name_but_not_its_registry(name: str, place: tuple[str, str]) -> None:
    """A tag alone is one of the archive's own name."""
    assert place_of(name, fallback="fallback") == place


@pytest.mark.parametrize(
    "name", ["", "UPPER/case:1", "a//b:1", "a:b:c", "a/../x:1", "a:" + "t" * 129]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    """A path in a URL is made of it."""
    with pytest.raises(ValueError, match="no name of an image"):
        place_of(name, fallback="")


def test_an_oci_layout_gives_its_images(tmp_path: Path) -> None:
    """Two of them, one by its full name."""
    (first, files), (second, more) = image(b"one"), image(b"two")
    path = write(
        tmp_path / "both.oci.tar",
        layout(
            descriptor(MANIFEST, first, **named("1")),
            descriptor(MANIFEST, second, **named("docker.io/a/b:2")),
            files={**files, **more},
        ),
    )
    found = images_of(path)
    assert [str(each) for each in found] == ["both:1", "a/b:2"]
    assert [each.digest for each in found] == [digest(first), digest(second)]
    assert [len(each.blobs) for each in found] == [2, 2]


def test_an_index_comes_after_what_it_lists(tmp_path: Path) -> None:
    """A registry takes a manifest only when all that it refers to is there."""
    (amd, files), (arm, more) = image(b"amd64"), image(b"arm64")
    index = octets(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [descriptor(MANIFEST, amd), descriptor(MANIFEST, arm)],
        }
    )
    entry = descriptor(INDEX, index, **named("v1"))
    whole = {**files, **more, blob_name(index): index}
    (found,) = images_of(write(tmp_path / "multi.tar", layout(entry, files=whole)))
    assert [each.digest for each in found.manifests] == [digest(amd), digest(arm), digest(index)]
    (found,) = images_of(
        write(tmp_path / "one.tar", layout(entry, files={**files, blob_name(index): index}))
    )
    assert found.digest == digest(amd), "an archive of one platform gives that platform"


def test_what_docker_saved_becomes_a_manifest(tmp_path: Path) -> None:
    """Layers packed or not; an image of two names goes to both."""
    plain, packed = b"a tar", gzip.compress(b"a tar")
    config = octets({"os": "linux"})
    entry = {"Config": "c.json", "RepoTags": ["x/y:1", "x/y:2"], "Layers": ["1/layer.tar", "2"]}
    files = {"manifest.json": octets([entry]), "c.json": config}
    path = tmp_path / "saved.tar.gz"
    write(path, {**files, "1/layer.tar": plain, "2": packed}, packed=True)
    with Archive(path) as archive:
        found = archive.images()
        assert [str(each) for each in found] == ["x/y:1", "x/y:2"]
        document = json.loads(found[0].manifests[0].body)
        assert [each["mediaType"].rpartition(".")[2] for each in document["layers"]] == [
            "tar",
            "tar+gzip",
        ]
        assert b"".join(archive.parts(found[0].blobs[0])) == config
        assert b"".join(archive.parts(found[0].blobs[2])) == packed


def test_damage_is_found_where_it_is(tmp_path: Path) -> None:
    """A blob that is not what it is named, a manifest, a missing part, no archive at all."""
    manifest, files = image(b"content")
    entry = descriptor(MANIFEST, manifest, **named("1"))
    bad = write(tmp_path / "a.tar", layout(entry, files={**files, blob_name(b"content"): b"other"}))
    with Archive(bad) as archive:
        (found,) = archive.images()
        with pytest.raises(ArtifactError, match="damaged") as caught:
            list(archive.parts(found.blobs[1]))
    assert digest(b"content") in caught.value.why
    for name, given in {
        "b.tar": layout(entry, files={**files, blob_name(manifest): b"{}"}),
        "c.tar": layout(entry, files={}),
        "d.tar": {"readme": b"nothing"},
        "e.tar": {"index.json": b"[]"},
        "f.tar": layout({"mediaType": MANIFEST, "digest": "sha256:../../x"}, files={}),
    }.items():
        with pytest.raises(ArtifactError, match="damaged"):
            images_of(write(tmp_path / name, given))
    (tmp_path / "g.tar").write_bytes(b"no tar")
    for missing in ("g.tar", "h.tar"):
        with pytest.raises(ArtifactError, match="cannot be read"):
            images_of(tmp_path / missing)
