"""The client of the Distribution API: digests are computed here, refusals are in its words."""

from __future__ import annotations

import pytest

from appliance.errors import StepError
from appliance.staging.archive import OCI_MANIFEST, Blob, Manifest
from appliance.staging.registry import Registry
from tests.unit.staging.archives import digest, image
from tests.unit.staging.little_registry import little_registry, nobody

BLOB = Blob(digest(b"content"), 7)


def test_what_was_put_is_had_and_checked() -> None:
    """Blob and manifest, by digest and by tag."""
    body, _ = image(b"x")
    manifest = Manifest(digest(body), OCI_MANIFEST, body, ())
    with little_registry() as (where, store):
        registry = Registry(where)
        assert registry.answers()
        assert not registry.has_blob("a/b", BLOB)
        registry.put_blob("a/b", BLOB, [b"con", b"tent"])
        assert registry.has_blob("a/b", BLOB)
        assert not registry.has_blob("a/b", Blob(BLOB.digest, 8))
        registry.check_blob("a/b", BLOB)
        store.manifests["a/b", "1"] = (OCI_MANIFEST, body)
        assert registry.has_manifest("a/b", "1", manifest.digest)
        assert not registry.has_manifest("a/b", "1", BLOB.digest)
        assert registry.manifest("a/b", "1") == (manifest.digest, body)


def test_a_registry_that_lies_is_found_out() -> None:
    """What it gives under a digest must have it."""
    with little_registry() as (where, store):
        store.blobs["a", BLOB.digest] = b"other"
        with pytest.raises(StepError, match="its octets are others"):
            Registry(where).check_blob("a", BLOB)


def test_a_refusal_has_the_registrys_own_words() -> None:
    """Of an upload, of a digest, of a manifest."""
    with little_registry() as (where, store):
        registry = Registry(where)
        with pytest.raises(StepError, match="400 DIGEST_INVALID"):
            registry.put_blob("a", BLOB, [b"7 octet"])
        body, _ = image(b"x")
        with pytest.raises(StepError, match="404 MANIFEST_BLOB_UNKNOWN"):
            registry.put_manifest("a", "1", Manifest(digest(body), OCI_MANIFEST, body, ()))
        store.refuse = 507
        with pytest.raises(StepError, match="507 the disk is full"):
            registry.put_blob("a", BLOB, [b"content"])
        with pytest.raises(StepError, match="404"):
            registry.manifest("a", "none")


def test_an_upload_never_leads_to_another_host() -> None:
    """The location comes from the other side."""
    with little_registry() as (where, store):
        store.upload_host = "http://198.51.100.1"
        with pytest.raises(StepError, match="another host"):
            Registry(where).put_blob("a", BLOB, [b"content"])


def test_nobody_there_is_no_registry() -> None:
    """Asked whether it answers, that is no error."""
    assert not Registry(nobody()).answers()
