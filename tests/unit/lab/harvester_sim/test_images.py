"""Images fetched as Harvester fetches them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.admission import admit
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.images import Images, inspect, is_waited_for, set_condition
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.tables import condition
from tests.unit.lab.harvester_sim.parts import HALT, ImageServer, boot_disk

Json = dict[str, Any]


@pytest.fixture
def faults() -> Faults:
    """No fault yet."""
    return Faults()


@pytest.fixture
def images(store: ObjectStore, tmp_path: Path, faults: Faults) -> Iterator[Images]:
    """Images that are tried again at once."""
    made = Images(store, tmp_path / "images", faults, pause_s=0.01)
    yield made
    made.close()


def fetched(store: ObjectStore, images: Images, body: Json) -> Json:
    """Make an image, and give it when there is nothing more to wait for."""
    admit(store, kinds.IMAGE, body, None)
    version = store.create(kinds.IMAGE, body)["metadata"]["resourceVersion"]
    images.look()
    while is_waited_for(found := store.get(kinds.IMAGE, "default", body["metadata"]["name"])):
        assert store.changes(int(version), 60)
        version = str(store.version)
    return found


def said(image: Json, kind: str) -> str:
    """Give the words of a condition."""
    return next(str(c["message"]) for c in image["status"]["conditions"] if c["type"] == kind)


def test_an_image_is_asked_for_as_harvester_asks(
    store: ObjectStore, images: Images, image_server: ImageServer
) -> None:
    """HEAD, the first 128 octets, all of it; size, class and conditions are told."""
    found = fetched(store, images, image_server.put("debian", boot_disk(HALT)))
    assert image_server.asked == ["HEAD", "GET bytes=0-127", "GET"]
    assert found["status"]["progress"] == 100
    assert found["status"]["size"] == found["status"]["virtualSize"] == 1 << 20
    assert found["status"]["storageClassName"] == "longhorn-debian"
    assert condition(found, "Initialized") == condition(found, "Imported") == "True"
    assert store.find(kinds.STORAGE_CLASS, "", "longhorn-debian") is not None
    assert images.path(found).read_bytes() == boot_disk(HALT)
    assert inspect(images.path(found)) == ("raw", 1 << 20)


def test_a_wrong_sum_is_told_in_harvester_s_words(
    store: ObjectStore, images: Images, image_server: ImageServer
) -> None:
    """After its retries it is given up; Initialized stays true, so the provider goes on waiting."""
    body = image_server.put("debian", boot_disk(HALT))
    body["spec"].update(checksum="0" * 128, retry=1)
    found = fetched(store, images, body)
    assert condition(found, "Imported") == "False"
    assert condition(found, "Initialized") == "True"
    assert condition(found, "RetryLimitExceeded") == "True"
    assert said(found, "Imported").startswith(
        "retry attempted 1/1 failed due to error: backing image expected checksum 0000"
    )
    assert found["status"]["failed"] == 2
    assert image_server.asked.count("GET") == 2
    assert not images.path(found).exists()


def test_a_sum_can_be_wrong_on_purpose(
    store: ObjectStore, images: Images, image_server: ImageServer, faults: Faults
) -> None:
    """The download is right, and taken for wrong."""
    faults.add("checksum=debian")
    body = image_server.put("debian", boot_disk(HALT))
    body["spec"]["retry"] = 0
    assert "doesn't match" in said(fetched(store, images, body), "Imported")


def test_a_url_with_nothing_behind_it_is_a_failed_start(
    store: ObjectStore, images: Images, image_server: ImageServer
) -> None:
    """Initialized is false with a message: that the provider shows."""
    body = image_server.put("debian", b"x")
    image_server.files.clear()
    body["spec"]["retry"] = 1
    found = fetched(store, images, body)
    assert condition(found, "Initialized") == "False"
    assert "got 404 status code from http://127.0.0.1" in said(found, "Initialized")


def test_a_server_without_ranges_is_refused(
    store: ObjectStore, images: Images, image_server: ImageServer
) -> None:
    """harvester#9247: it took all memory."""
    image_server.knows_ranges = False
    body = image_server.put("debian", boot_disk(HALT))
    body["spec"]["retry"] = 0
    found = fetched(store, images, body)
    assert "the server gave 200 where a range was asked for" in said(found, "Imported")


def test_a_deleted_image_leaves_no_file(
    store: ObjectStore, images: Images, image_server: ImageServer
) -> None:
    """Nor does a half of one."""
    found = fetched(store, images, image_server.put("debian", boot_disk(HALT)))
    images.path(found).with_suffix(".part").touch()
    store.delete(kinds.IMAGE, "default", "debian")
    images.look()
    assert list(images.path(found).parent.iterdir()) == []


def test_a_condition_keeps_its_time_while_nothing_changes() -> None:
    """So that nobody is woken for nothing."""
    found: Json = {}
    set_condition(found, "A", "True", "", "")
    found["status"]["conditions"][0]["lastUpdateTime"] = "then"
    set_condition(found, "A", "True", "", "")
    assert found["status"]["conditions"][0]["lastUpdateTime"] == "then"
    set_condition(found, "A", "False", "Why", "so")
    assert found["status"]["conditions"][0]["lastUpdateTime"] != "then"
