"""The volumes: one qcow2 file for each PersistentVolumeClaim, over its image where it has one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.images import Images, inspect
from appliance.lab.harvester_sim.machine_admission import IMAGE_ID
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.quantities import whole
from appliance.lab.harvester_sim.tables import condition

Json = dict[str, Any]


class VolumeError(Exception):
    """A volume that cannot be had now. `printable` is the status a machine shows for it."""

    def __init__(self, printable: str, why: str) -> None:
        super().__init__(why)
        self.printable = printable


class Volumes:
    """The volumes in a folder, made when a machine first needs them."""

    def __init__(self, store: ObjectStore, images: Images, folder: Path) -> None:
        self._store = store
        self._images = images
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def look(self) -> None:
        """Remove the files of claims that are gone."""
        known = {claim["metadata"]["uid"] for claim in self._store.all(kinds.CLAIM)}
        for file in self._folder.iterdir():
            if file.name.partition(".")[0] not in known:
                file.unlink(missing_ok=True)

    def file(self, namespace: str, name: str) -> Path:
        """Give the file of a claim's volume, made where it was not. Raises VolumeError."""
        claim = self._store.find(kinds.CLAIM, namespace, name)
        if claim is None:
            raise VolumeError("ErrorPvcNotFound", f"PVC {namespace}/{name} not found")
        file = self._folder / f"{claim['metadata']['uid']}.qcow2"
        if not file.exists():
            self._make(claim, file)
        return file

    def _make(self, claim: Json, file: Path) -> None:
        size = whole(claim["spec"]["resources"]["requests"]["storage"])
        image_id = (claim["metadata"].get("annotations") or {}).get(IMAGE_ID, "")
        over = self._backing(claim, image_id, size) if image_id else []
        draft = file.with_suffix(".new")
        words = ["qemu-img", "create", "-q", "-f", "qcow2", *over, str(draft), str(size)]
        subprocess.run(words, check=True, capture_output=True)
        draft.rename(file)

    def _backing(self, claim: Json, image_id: str, size: int) -> list[str]:
        before, _, name = image_id.rpartition("/")
        namespace = before or claim["metadata"]["namespace"]
        image = self._store.find(kinds.IMAGE, namespace, name)
        if image is None or condition(image, "Imported") != "True":
            why = f"the backing image of {namespace}/{name} is not ready"
            raise VolumeError("Provisioning", why)
        path = self._images.path(image)
        form, virtual = inspect(path)
        if virtual > size:
            raise VolumeError(
                "ErrorUnschedulable",
                f"volume {claim['metadata']['name']}: its size {size} is less than the size "
                f"{virtual} of the backing image {namespace}/{name}",
            )
        return ["-b", str(path.absolute()), "-F", form]
