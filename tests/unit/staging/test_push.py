"""Pushing: all that is missing, in the order a registry wants, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ArtifactError, StepError
from appliance.staging.push import push
from appliance.staging.registry import Registry
from tests.unit.staging.archives import (
    MANIFEST,
    blob_name,
    descriptor,
    digest,
    image,
    layout,
    named,
    write,
)
from tests.unit.staging.little_registry import little_registry, nobody


def hello(path: Path, text: bytes = b"hello") -> Path:
    """Write an archive of one image."""
    manifest, files = image(text)
    return write(path, layout(descriptor(MANIFEST, manifest, **named("1")), files=files))


def test_an_image_is_pushed_once(tmp_path: Path) -> None:
    """The second time only asks."""
    path = hello(tmp_path / "hello.tar")
    with little_registry() as (where, store):
        (first,) = push(path, Registry(where))
        sent = store.methods()
        (again,) = push(path, Registry(where))
        assert (first.image, first.blobs, first.changed) == ("hello:1", 2, True)
        assert (again.digest, again.blobs, again.changed) == (first.digest, 0, False)
        assert sent == ["POST", "PUT", "POST", "PUT", "PUT", "PUT"]
        assert store.methods() == sent


def test_what_is_there_of_a_push_that_broke_off_is_not_sent_again(tmp_path: Path) -> None:
    """A blob that came through counts."""
    path = hello(tmp_path / "hello.tar")
    with little_registry() as (where, store):
        store.blobs["hello", digest(b"hello")] = b"hello"
        (done,) = push(path, Registry(where))
        assert (done.blobs, done.changed) == (1, True)


def test_another_image_of_the_same_tag_takes_its_place(tmp_path: Path) -> None:
    """The tag stands for the archive's image."""
    with little_registry() as (where, store):
        push(hello(tmp_path / "hello.tar"), Registry(where))
        (done,) = push(hello(tmp_path / "hello.tar", b"newer"), Registry(where))
        assert done.changed
        assert digest(store.manifests["hello", "1"][1]) == done.digest


def test_a_damaged_archive_leaves_no_tag(tmp_path: Path) -> None:
    """Its blob is found to be another one when it is read."""
    manifest, files = image(b"hello")
    files[blob_name(b"hello")] = b"hellO"
    path = write(
        tmp_path / "hello.tar", layout(descriptor(MANIFEST, manifest, **named("1")), files=files)
    )
    with little_registry() as (where, store):
        with pytest.raises((ArtifactError, StepError)):
            push(path, Registry(where))
        assert store.manifests == {}


def test_a_registry_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what to do."""
    where = nobody()
    with pytest.raises(StepError, match="does not answer") as caught:
        push(hello(tmp_path / "hello.tar"), Registry(where))
    assert (caught.value.where, bool(caught.value.fix)) == (where, True)
