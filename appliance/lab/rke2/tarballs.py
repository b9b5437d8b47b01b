"""Builds the stand-in's files for one version of RKE2 or K3s, in a second, byte for byte the same.

The program is a zip of `program/` that Python runs as it is; modules are compiled into it, which
saves seconds at every start in an emulated machine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import py_compile
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from appliance.errors import ArtifactError
from appliance.lab.rke2.program.images import Needs, needs
from appliance.lab.rke2.program.options import Product
from appliance.lab.rke2.program.zstd import compress
from appliance.tools.building import EPOCH, contents, digest, in_place, sha

RECIPE = "1"
_HERE = Path(__file__).parent
_PACKAGE = "rke2_standin"
_VERSION = re.compile(r"v\d+\.\d+\.\d+(-rc\d+)?\+(rke2|k3s)r?\d+")
_MAIN = """\
import os, sys
from {package}.main import main
from {package}.options import Product
sys.exit(main(Product({name!r}, {version!r}), sys.argv[1:], os.environ))
"""


def product_of(version: str) -> Product:
    """Read `v1.36.3+rke2r1` or `v1.36.3+k3s1`. Raises ArtifactError for anything else."""
    found = _VERSION.fullmatch(version)
    if not found:
        raise ArtifactError(
            f"{version} is not a version of RKE2 or K3s",
            where="the stand-in for RKE2",
            fix="write it as upstream does, such as v1.36.3+rke2r1 or v1.36.3+k3s1",
        )
    return Product(found[2], version)


def build(cache: Path, version: str) -> Path:
    """Give the folder of a version's files under `cache`, building what is not there yet."""
    product = product_of(version)
    key = digest(RECIPE, version, *contents(_HERE))
    target = cache / f"{product.name}-{version.replace('+', '-')}-{key[:16]}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with in_place(target) as draft:
        (_build_rke2 if product.name == "rke2" else _build_k3s)(product, draft)
        shutil.copyfile(_HERE / "install" / f"{product.name}.sh", draft / "install.sh")
        _write_sums(draft)
        for path in draft.iterdir():
            path.chmod(0o755 if path.name in {"install.sh", "k3s"} else 0o644)
    return target


def _build_rke2(product: Product, draft: Path) -> None:
    files = {str(p.relative_to(_HERE / "bundle")): p for p in _files(_HERE / "bundle")}
    packed = {name: path.read_bytes() for name, path in files.items()}
    packed["bin/rke2"] = _program(product)
    tarball = gzip.compress(_tar(packed), mtime=int(EPOCH))
    (draft / "rke2.linux-amd64.tar.gz").write_bytes(tarball)
    wanted = needs(product)
    core = [each for each in wanted.all() if each not in wanted.network]
    for name, references in (("core", core), ("canal", wanted.network)):
        data = compress(image_archive(references))
        (draft / f"rke2-images-{name}.linux-amd64.tar.zst").write_bytes(data)


def _build_k3s(product: Product, draft: Path) -> None:
    (draft / "k3s").write_bytes(_program(product))
    data = compress(image_archive(needs(product).all()))
    (draft / "k3s-airgap-images-amd64.tar.zst").write_bytes(data)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_sums(draft: Path) -> None:
    paths = [path for path in _files(draft) if path.name != "install.sh"]
    lines = [f"{sha('sha256', path)}  {path.name}\n" for path in paths]
    (draft / "sha256sum-amd64.txt").write_text("".join(lines), encoding="ascii")


# --- the program ----------------------------------------------------------------------------


def _program(product: Product) -> bytes:
    main = _MAIN.format(package=_PACKAGE, name=product.name, version=product.version)
    packed = io.BytesIO(b"")
    packed.write(b"#!/usr/bin/python3 -I\n")
    with zipfile.ZipFile(packed, "a") as archive, tempfile.TemporaryDirectory() as scratch:
        _add(archive, "__main__.py", main.encode())
        for path in sorted((_HERE / "program").glob("*.py")):
            name = f"{_PACKAGE}/{path.name}"
            _add(archive, name, path.read_bytes())
            compiled = Path(scratch) / f"{path.stem}.pyc"
            # By its hash, unchecked: file times in a zip are those of the recipe.
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(path), str(compiled), name, doraise=True, invalidation_mode=mode)
            _add(archive, f"{name}c", compiled.read_bytes())
    return packed.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


# --- archives -------------------------------------------------------------------------------


def _tar(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    folders = {str(p) for name in files for p in Path(name).parents if str(p) != "."}
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(folders):
            info = _entry(name, 0)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(info)
        for name, data in files.items():
            archive.addfile(_entry(name, len(data)), io.BytesIO(data))
    return packed.getvalue()


def _entry(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = size, int(EPOCH)
    info.mode = 0o755 if name.startswith("bin/") else 0o644
    return info


def image_archive(references: Iterable[str]) -> bytes:
    """Make an archive of images as `docker image save` writes it, metadata first.

    Each image has one layer with one file, which names it.
    """
    manifest: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for reference in references:
        layer = _tar({"stand-in": f"{reference}\n".encode()})
        hashed = hashlib.sha256(layer).hexdigest()
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": "2026-01-01T00:00:00Z",
                "config": {"Labels": {"lab.bridgehead/stand-in": reference}},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashed}"]},
            }
        ).encode()
        name = f"{hashlib.sha256(config).hexdigest()}.json"
        tag = reference.removeprefix("docker.io/")
        manifest.append({"Config": name, "RepoTags": [tag], "Layers": [f"{hashed}/layer.tar"]})
        files |= {name: config, f"{hashed}/layer.tar": layer}
    return _tar({"manifest.json": json.dumps(manifest).encode(), **files})


def images_of(version: str) -> Needs:
    """Name the images of a version: what a healthy cluster runs, and nothing from elsewhere."""
    return needs(product_of(version))
