"""Builds the lab's cloud image: Debian from packages, under the name of upstream's image."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from appliance.errors import InputError
from appliance.lab.cloud_image.disk import make_disk
from appliance.tools.building import (
    EPOCH,
    SUITE,
    Say,
    contents,
    debian_root,
    digest,
    in_place,
    lines,
    run,
    sha,
    to_stderr,
)

UBUNTU = "ubuntu-24.04-server-cloudimg-amd64.img"
"""The file name of Ubuntu's image, which is qcow2 whatever it ends in."""
SUMS = "SHA256SUMS"
_SCHEMA = "schema-cloud-config-v1.json"
_OF = "the lab's cloud image"
_HERE = Path(__file__).parent


def build(cache: Path, file: str = UBUNTU, say: Say | None = None) -> Path:
    """Give a folder under `cache` with the image as `file` and its `SHA256SUMS`.

    Built once for all that goes into it; a second call returns at once. The first takes about a
    minute and needs root (mmdebstrap) and the host's own Debian package sources. Raises
    ArtifactError when a tool is missing or fails, InputError when `file` is no file name.
    """
    if not file or Path(file).name != file or file == SUMS:
        raise InputError(f"{file!r} is not the file name of an image")
    system, target = _places(cache, file)
    if target.is_dir():
        return target
    tell = say or to_stderr
    cache.mkdir(parents=True, exist_ok=True)
    if not system.is_dir():
        tell(f"building {_OF} in {system}: about a minute, once")
        with in_place(system) as draft:
            _build_system(draft)
    with in_place(target) as draft:
        os.link(system / "disk.qcow2", draft / file)
        # Ubuntu's lists are those of `sha256sum --binary`.
        (draft / SUMS).write_text(f"{sha('sha256', draft / file)} *{file}\n", encoding="ascii")
    return target


def schema(cache: Path) -> Path:
    """Name the image's own schema of user data (JSON Schema), which `build` has put there."""
    return _places(cache, UBUNTU)[0] / _SCHEMA


def _places(cache: Path, file: str) -> tuple[Path, Path]:
    """Name the image's folder by all that goes into it, and the one with upstream's name in it."""
    key = digest(SUITE, EPOCH, *contents(_HERE))
    named = digest(key, file)
    return cache / f"cloud-system-{key[:16]}", cache / f"cloud-image-{named[:16]}"


def _build_system(draft: Path) -> None:
    root, recipe = draft / "root", _HERE / "recipe"
    debian_root(_OF, root, lines(recipe / "packages"), recipe / "customize.sh")
    schemas = root / "usr/lib/python3/dist-packages/cloudinit/config/schemas"
    shutil.copyfile(schemas / _SCHEMA, draft / _SCHEMA)
    esp, boot_code = draft / "esp.img", draft / "gptmbr.bin"
    for path in (esp, boot_code):
        shutil.move(root / "boot" / path.name, path)
    for name in ("vmlinuz", "initrd"):
        (root / "boot" / name).unlink()
    # What the build made has its own times; packages' files keep theirs.
    run(
        _OF,
        *("find", root, "-newermt", f"@{EPOCH}"),
        *("-exec", "touch", "--no-dereference", f"--date=@{EPOCH}", "{}", "+"),
    )
    make_disk(root, esp, boot_code, draft / "disk.qcow2")
    shutil.rmtree(root)
    for path in (esp, boot_code):
        path.unlink()
