"""Builds what upstream publishes as releases, under upstream's names: OpenTofu, registry, provider.

OpenTofu and the registry are built by Go from their own sources, the Terraform provider for
Harvester is the lab's stand-in. What a site is given are upstream's releases; these are for the
lab, where nothing but package mirrors may be in reach.

    python -m appliance.lab.releases CACHE
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ArtifactError
from appliance.site.artifact_names import provider_files, registry_files, tofu_files
from appliance.tools.building import EPOCH, Say, contents, digest, in_place, run, sha, to_stderr

RECIPE = "1"
GO = (1, 26, 6)
"""The oldest Go that builds them all: what OpenTofu 1.12 asks for."""
PROVIDER_VERSIONS = ("1.7.0", "1.8.1")
"""Those of the Harvester lines that the lab has media for."""

_WHAT = "the lab's releases"
_HERE = Path(__file__).parent
_MODULES = _HERE / "go_tools"
_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly")


@dataclass(frozen=True, slots=True)
class GoTool:
    """A program: the folder of its module, its package, and what its linker is told."""

    folder: str
    package: str
    settings: tuple[str, ...]


TOFU = GoTool(
    "tofu",
    "github.com/opentofu/opentofu/cmd/tofu",
    ("-X", "github.com/opentofu/opentofu/version.dev=no"),
)
REGISTRY = GoTool(
    "registry",
    "github.com/distribution/distribution/v3/cmd/registry",
    ("-X", "github.com/distribution/distribution/v3/version.version=v{version}"),
)

BUILT = frozenset(
    name for files in (tofu_files(), registry_files()) for name in (files.archive, files.sums)
)
"""What is no stand-in: upstream's own programs."""


def version(tool: GoTool) -> str:
    """Give the version that a tool's module pins, without its `v`."""
    module = tool.package.partition("/cmd/")[0]
    text = (_MODULES / tool.folder / "go.mod").read_text(encoding="utf-8")
    found = re.search(rf"^(?:require |\t){re.escape(module)} v(\S+)", text, re.MULTILINE)
    if found is None:
        raise ArtifactError(f"{module} is not pinned", where=f"{tool.folder}/go.mod")
    return found[1]


def build(cache: Path, say: Say | None = None) -> Path:
    """Give the folder of all releases under `cache`, building what is not there yet.

    Go's part takes seven minutes on two cores and half a gigabyte of downloads, once; a second
    call returns at once and needs no Go. Raises ArtifactError.
    """
    tell = say or to_stderr
    programs = _go_programs(cache, tell)
    target = place(cache)
    if not target.is_dir():
        with in_place(target) as draft:
            for path in programs.iterdir():
                os.link(path, draft / path.name)
            for each in PROVIDER_VERSIONS:
                write_provider(draft, each)
    return target


def _go_programs(cache: Path, tell: Say) -> Path:
    target = cache / _go_programs_name()
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    go = find_go(cache)
    tell(f"building OpenTofu and the registry with {go} in {target}: about seven minutes, once")
    with in_place(target) as draft:
        scratch = draft / "scratch"
        tofu = _compiled(go, TOFU, scratch)
        files = tofu_files(version(TOFU))
        write_zip(draft / files.archive, tofu.name, tofu.read_bytes())
        write_sums(draft / files.sums, draft / files.archive)
        registry = _compiled(go, REGISTRY, scratch)
        files = registry_files(version(REGISTRY))
        write_tar(draft / files.archive, registry.name, registry)
        write_sums(draft / files.sums, draft / files.archive)
        _remove(scratch)
    return target


def _go_programs_name() -> str:
    return f"go-programs-{digest(RECIPE, EPOCH, *contents(_MODULES))[:16]}"


def find_go(cache: Path) -> str:
    """Find a Go that is new enough: this host's, else the one set-up put beside the cache.

    Raises ArtifactError where there is none.
    """
    beside = cache.parent / f"go-{'.'.join(map(str, GO))}" / "go" / "bin" / "go"
    for program in (shutil.which("go"), "/usr/local/go/bin/go", str(beside)):
        if program and Path(program).exists() and _go_version(program) >= GO:
            return program
    raise ArtifactError(
        f"there is no Go {'.'.join(map(str, GO))} or newer",
        where=_WHAT,
        fix="run .ci/set-up --lab, which fetches one",
    )


def _go_version(program: str) -> tuple[int, ...]:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [program, "env", "GOVERSION"], env=environment, capture_output=True, text=True, check=False
    )
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    return tuple(int(each or 0) for each in found.groups()) if found else ()


def _compiled(go: str, tool: GoTool, scratch: Path) -> Path:
    """Compile a program with caches that live only as long as the build."""
    target = scratch / tool.folder
    settings = (each.format(version=version(tool)) for each in tool.settings)
    run(
        _WHAT,
        *("env", f"GOPATH={scratch / 'go'}", f"GOCACHE={scratch / 'cache'}", "GOFLAGS="),
        *("CGO_ENABLED=0", "GOTOOLCHAIN=local", "GOOS=linux", "GOARCH=amd64"),
        *("nice", go, "-C", _MODULES / tool.folder, "build", *_FLAGS),
        *("-ldflags", " ".join(("-s", "-w", *settings)), "-o", target, tool.package),
    )
    return target


def _remove(scratch: Path) -> None:
    """Go writes its modules read-only."""
    for folder, _, _ in os.walk(scratch):
        os.chmod(folder, 0o700)  # noqa: PTH101 - os.walk gives texts
    shutil.rmtree(scratch)


# --- the provider -----------------------------------------------------------------------------


def _provider_inputs() -> tuple[str, ...]:
    return (RECIPE, sys.executable, *PROVIDER_VERSIONS, *contents(_HERE / "harvester_provider"))


def write_provider(folder: Path, number: str, python: str = "") -> None:
    """Write the stand-in's release: a program that starts it by `python`, words for a shell.

    Empty: in this very environment.
    """
    files = provider_files(number)
    words = (
        f"{python or shlex.quote(sys.executable)} -P -m appliance.lab.harvester_provider {number}"
    )
    program = f"#!/bin/sh\n# Stands in for Harvester's provider in the lab.\nexec {words}\n"
    name = f"terraform-provider-harvester_v{number}"
    write_zip(folder / files.archive, name, program.encode())
    write_sums(folder / files.sums, folder / files.archive)


# --- archives of which equal inputs give equal bytes ------------------------------------------


def write_zip(path: Path, name: str, content: bytes) -> None:
    """Write an archive that holds one program."""
    entry = zipfile.ZipInfo(name, time.gmtime(int(EPOCH))[:6])
    entry.external_attr = (stat.S_IFREG | 0o755) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, content)


def write_tar(path: Path, name: str, program: Path) -> None:
    """Write a gzipped archive that holds one program."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = program.stat().st_size, 0o755, int(EPOCH)
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=int(EPOCH)) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
        program.open("rb") as content,
    ):
        archive.addfile(entry, content)


def write_sums(path: Path, *files: Path) -> None:
    """Write the list of checksums that upstream publishes beside its files."""
    lines = (f"{sha('sha256', each)}  {each.name}\n" for each in files)
    path.write_text("".join(lines), encoding="ascii")


def place(cache: Path) -> Path:
    """Name the folder that `build` gives, whether it is there or not."""
    inputs = digest(_go_programs_name(), *_provider_inputs())
    return cache / f"releases-{inputs[:16]}"


def unpack_tofu(cache: Path, folder: Path) -> Path:
    """Put OpenTofu's program into a folder; give its path. Raises ArtifactError."""
    archive = build(cache) / tofu_files(version(TOFU)).archive
    with zipfile.ZipFile(archive) as opened:
        draft = Path(opened.extract("tofu", folder / ".unpacked"))
    draft.chmod(0o755)
    target = draft.replace(folder / "tofu")
    shutil.rmtree(folder / ".unpacked")
    return target


def main(arguments: Sequence[str]) -> int:
    """Build all under the folder given, and say where; exit 1 of `--is-there` says it is not."""
    parser = argparse.ArgumentParser(prog="python -m appliance.lab.releases")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--is-there", action="store_true", help="build nothing")
    parser.add_argument("--unpack-tofu", type=Path, metavar="FOLDER", help="put `tofu` there")
    asked = parser.parse_args(arguments)
    if asked.is_there:
        return 0 if place(asked.cache).is_dir() else 1
    try:
        found = (
            build(asked.cache)
            if asked.unpack_tofu is None
            else unpack_tofu(asked.cache, asked.unpack_tofu)
        )
    except ArtifactError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
