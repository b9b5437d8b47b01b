"""Fetches the images that VirtualMachineImage objects name, as Harvester and Longhorn do.

HEAD first (Harvester), then a range of the first octets (CDI; harvester#9247), then all of it
(Longhorn), compared with the SHA-512 asked for. Failures are tried again as often as
`spec.retry` says, and then stand in the conditions with Harvester's own words
(pkg/image/common/operator.go, backing-image-manager's sync_file.go).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.objects import ObjectStore, now
from appliance.lab.harvester_sim.tables import condition

Json = dict[str, Any]

FIRST_OCTETS = 128
_CHUNK = 1 << 20
_TIMEOUT_S = 60.0
_CLIENT = "Go-http-client/1.1"


class ImageError(Exception):
    """An image that cannot be had. `initial`: nothing was fetched yet."""

    def __init__(self, why: str, *, initial: bool) -> None:
        super().__init__(why)
        self.initial = initial


class Images:
    """The images in a folder, one file for each object. `look` starts what there is to do."""

    def __init__(
        self, store: ObjectStore, folder: Path, faults: Faults, *, pause_s: float = 2.0
    ) -> None:
        self._store = store
        self._folder = folder
        self._faults = faults
        self._pause_s = pause_s
        self._at_work: dict[str, threading.Thread] = {}
        self._stop = threading.Event()
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, image: Json) -> Path:
        """Name an image's file."""
        return self._folder / f"{image['metadata']['uid']}.img"

    def look(self) -> None:
        """Start fetching what is not there, also after a restart; forget what was deleted."""
        images = self._store.all(kinds.IMAGE)
        known = {image["metadata"]["uid"] for image in images}
        for file in self._folder.iterdir():
            if file.name.partition(".")[0] not in known:
                file.unlink(missing_ok=True)
        for image in images:
            uid = image["metadata"]["uid"]
            thread = self._at_work.get(uid)
            if is_waited_for(image) and (thread is None or not thread.is_alive()):
                thread = threading.Thread(target=self._fetch, args=(image,), daemon=True)
                self._at_work[uid] = thread
                thread.start()

    def close(self) -> None:
        """Give up what is under way; it begins anew at the next start."""
        self._stop.set()
        for thread in self._at_work.values():
            thread.join(_TIMEOUT_S)

    # --- one image

    def _fetch(self, image: Json) -> None:
        allowed = int(image["spec"].get("retry", 0))
        for attempt in range(allowed + 1):
            try:
                self._initialize(image)
                self._import(image)
                return
            except ImageError as error:
                self._fail(image, error, attempt, allowed)
            if self._stop.wait(self._pause_s):
                return

    def _initialize(self, image: Json) -> None:
        url = image["spec"]["url"]
        try:
            with _open(url, "HEAD") as answer:
                size = int(answer.headers.get("Content-Length") or 0)
        except urllib.error.HTTPError as error:
            why = f"got {error.code} status code from {url}"
            raise ImageError(why, initial=True) from error
        except (OSError, HTTPException) as error:
            raise ImageError(f'Head "{url}": {error}', initial=True) from error
        name = storage_class_name(image)
        if self._store.find(kinds.STORAGE_CLASS, "", name) is None:
            self._store.create(kinds.STORAGE_CLASS, _storage_class(image, name))

        def initialized(found: Json) -> None:
            status = found.setdefault("status", {})
            status.update(appliedUrl=url, storageClassName=name, size=size, progress=0)
            set_condition(found, "Initialized", "True", "Initialized", "")
            set_condition(found, "Imported", "Unknown", "Importing", "")

        self._edit(image, initialized)

    def _import(self, image: Json) -> None:
        url = image["spec"]["url"]
        file = self.path(image)
        draft = file.with_suffix(".part")
        try:
            _read_first_octets(url)
            digest = self._download(image, url, draft)
        except urllib.error.HTTPError as error:
            why = f"resp.StatusCode({error.code}) != http.StatusOK(200)"
            raise ImageError(why, initial=False) from error
        except (OSError, HTTPException) as error:
            raise ImageError(f"failed to download {url}: {error}", initial=False) from error
        wanted = image["spec"].get("checksum", "")
        if self._faults.has_wrong_checksum(image["metadata"]["name"]):
            digest = digest[::-1]
        if wanted and wanted != digest:
            draft.unlink(missing_ok=True)
            why = (
                f"backing image expected checksum {wanted} doesn't match the existing file "
                f"checksum {digest}"
            )
            raise ImageError(why, initial=False)
        size, virtual = draft.stat().st_size, inspect(draft)[1]
        draft.rename(file)

        def imported(found: Json) -> None:
            found["status"].update(progress=100, size=size, virtualSize=virtual)
            set_condition(found, "Imported", "True", "Imported", "")
            set_condition(found, "RetryLimitExceeded", "False", "", "")

        self._edit(image, imported)

    def _download(self, image: Json, url: str, draft: Path) -> str:
        digest, told = hashlib.sha512(), 0
        with _open(url, "GET") as answer, draft.open("wb") as opened:
            size = int(answer.headers.get("Content-Length") or 0)
            for chunk in _chunks(answer):
                if self._stop.is_set():
                    raise ImageError("the stand-in was stopped", initial=False)
                opened.write(chunk)
                digest.update(chunk)
                # 100 is for what is also verified, as in Harvester.
                progress = min(99, 100 * opened.tell() // size) if size else 0
                if progress >= told + 10:
                    told = progress
                    self._edit(image, lambda found, p=told: found["status"].update(progress=p))
            if size and opened.tell() != size:
                raise OSError(f"unexpected EOF: {opened.tell()} of {size} octets")
        return digest.hexdigest()

    def _fail(self, image: Json, error: ImageError, attempt: int, allowed: int) -> None:
        why = f"failed due to error: {error}"
        if attempt:
            why = f"retry attempted {attempt}/{allowed} {why}"

        def failed(found: Json) -> None:
            status = found.setdefault("status", {})
            status.update(failed=attempt + 1, lastFailedTime=now(), progress=0)
            if attempt < allowed:
                set_condition(found, "RetryLimitExceeded", "False", "", why)
                return
            set_condition(found, "RetryLimitExceeded", "True", "", why)
            kind = "Initialized" if error.initial else "Imported"
            set_condition(found, kind, "False", "", why)

        if not self._stop.is_set():
            self._edit(image, failed)

    def _edit(self, image: Json, change: Any) -> None:
        meta = image["metadata"]

        def same(found: Json) -> None:
            if found["metadata"]["uid"] == meta["uid"]:
                change(found)

        self._store.edit(kinds.IMAGE, meta["namespace"], meta["name"], same)


# --- what an image's object says ------------------------------------------------------------


def is_waited_for(image: Json) -> bool:
    """Tell whether an image is still to be fetched: neither there nor given up."""
    done = condition(image, "Imported") == "True"
    given_up = condition(image, "RetryLimitExceeded") == "True"
    return image["spec"].get("sourceType") == "download" and not done and not given_up


def storage_class_name(image: Json) -> str:
    """Name the storage class of volumes made from an image (util.GetImageStorageClassName)."""
    return f"longhorn-{image['metadata']['name']}"


def _storage_class(image: Json, name: str) -> Json:
    return {
        "metadata": {"name": name},
        "provisioner": "driver.longhorn.io",
        "parameters": dict(image["spec"].get("storageClassParameters") or {}),
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }


def set_condition(found: Json, kind: str, status: str, reason: str, message: str) -> None:
    """Set a condition of an object's status, keeping the time where nothing changed."""
    conditions: list[Json] = found.setdefault("status", {}).setdefault("conditions", [])
    said = {"type": kind, "status": status, "reason": reason, "message": message}
    for each in conditions:
        if each["type"] == kind:
            if {key: each.get(key) for key in said} != said:
                each.update(said, lastUpdateTime=now())
            return
    conditions.append({**said, "lastUpdateTime": now()})


def inspect(path: Path) -> tuple[str, int]:
    """Give a disk image's format and the size of the disk in it, in octets."""
    words = ["qemu-img", "info", "--output=json", str(path)]
    said = subprocess.run(words, capture_output=True, check=True).stdout
    found = json.loads(said)
    return str(found["format"]), int(found["virtual-size"])


# --- HTTP -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _open(url: str, method: str, **headers: str) -> Iterator[HTTPResponse]:
    """Ask for a URL without any proxy of the environment."""
    request = urllib.request.Request(url, headers={"User-Agent": _CLIENT, **headers}, method=method)  # noqa: S310 - http or https by admission
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT_S) as answer:
        yield answer


def _read_first_octets(url: str) -> None:
    """Ask for a range, which a server of images must know. Raises OSError where it does not."""
    with _open(url, "GET", Range=f"bytes=0-{FIRST_OCTETS - 1}") as answer:
        if answer.status != HTTPStatus.PARTIAL_CONTENT:
            raise OSError(f"the server gave {answer.status} where a range was asked for")
        if len(answer.read(FIRST_OCTETS + 1)) > FIRST_OCTETS:
            raise OSError("the server gave more than the range that was asked for")


def _chunks(answer: HTTPResponse) -> Iterator[bytes]:
    while chunk := answer.read(_CHUNK):
        yield chunk
