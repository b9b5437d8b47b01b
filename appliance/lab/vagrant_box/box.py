"""Builds the bridge's box: Debian from packages, a disk, Vagrant's metadata beside it."""

from __future__ import annotations

import json
import platform
import shutil
import tarfile
from pathlib import Path

from appliance.lab.cloud_image import image as cloud_image
from appliance.lab.cloud_image.disk import MIB, make_disk
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
    to_stderr,
)
from appliance.tools.distributions import versions_of

NAME = "bridgehead-debian"
"""What the box is called at Vagrant; the Vagrantfile takes it where it is there."""
FILE = "bridgehead-debian.box"
SIZE_GIB = 32
"""What the bridge sees: real releases of Harvester take 10 GB. Empty places take none."""
_OF = "the bridge's box"
_HERE = Path(__file__).parent
_SHARED = Path(cloud_image.__file__).parent


def build(cache: Path, say: Say | None = None) -> Path:
    """Give the box, kept under `cache` in a folder named by all that goes into it.

    The first time takes two minutes and needs root (mmdebstrap), the host's own Debian package
    sources and the index that pip is set up with. Raises ArtifactError.
    """
    versions = _versions()
    key = digest(
        *(SUITE, EPOCH, str(SIZE_GIB), versions, platform.python_version()),
        *(*contents(_HERE), *contents(_SHARED)),
    )
    target = cache / f"vagrant-box-{key[:16]}"
    if not target.is_dir():
        (say or to_stderr)(f"building {_OF} in {target}: two minutes, once")
        cache.mkdir(parents=True, exist_ok=True)
        with in_place(target) as draft:
            _build(draft, versions)
    return target / FILE


def _versions() -> str:
    """Give the version of each Python package that the appliance runs with, as pip reads them."""
    found = versions_of("bridgehead")
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def _build(draft: Path, versions: str) -> None:
    root, recipe = draft / "root", _HERE / "recipe"
    debian_root(_OF, root, lines(recipe / "packages"), recipe / "customize.sh")
    _add_wheels(root / "srv" / "wheels", draft, versions)
    esp, boot_code = draft / "esp.img", draft / "gptmbr.bin"
    for path in (esp, boot_code):
        shutil.move(root / "boot" / path.name, path)
    make_disk(root, esp, boot_code, draft / "box.img", size=SIZE_GIB * 1024 * MIB)
    shutil.rmtree(root)
    for path in (esp, boot_code):
        path.unlink()
    pack(draft / "box.img", draft / FILE)
    (draft / "box.img").unlink()


def _add_wheels(folder: Path, draft: Path, versions: str) -> None:
    """Fill a folder with wheels, as docs/laptop.md says for a laptop without the Internet."""
    listed, environment = draft / "versions.txt", draft / "venv"
    listed.write_text(versions, encoding="ascii")
    run(_OF, "/usr/bin/python3", "-m", "venv", environment)
    pip = (environment / "bin" / "python", "-m", "pip", "wheel", "-q", "--no-deps")
    run(_OF, *pip, "-r", listed, "-w", folder)
    shutil.rmtree(environment)
    listed.unlink()


def pack(image: Path, box: Path) -> None:
    """Put a disk (qcow2) into a box (vagrant-libvirt, docs/boxes.markdown: version 1 format)."""
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": SIZE_GIB}
    about = box.with_name("metadata.json")
    about.write_text(json.dumps(metadata), encoding="ascii")
    # The disk is compressed already.
    with tarfile.open(box, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path, name in ((about, "metadata.json"), (image, "box.img")):
            tar.add(path, name)
    about.unlink()
