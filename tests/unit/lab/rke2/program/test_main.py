"""The command line, in this process: what ends at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.lab.rke2.program import main
from appliance.lab.rke2.program.log import FatalError, Log
from appliance.lab.rke2.program.options import Options, Product, Surroundings
from appliance.lab.rke2.program.zstd import compress
from appliance.lab.rke2.tarballs import image_archive, images_of
from tests.rke2_members import ROUTES

RKE2 = Product("rke2", "v1.36.3+rke2r1")
K3S = Product("k3s", "v1.36.3+k3s1")


def run(tmp_path: Path, *words: str) -> int:
    """Run it with folders of its own and a default route."""
    (tmp_path / "proc/net").mkdir(parents=True, exist_ok=True)
    (tmp_path / "proc/net/route").write_text(ROUTES)
    around = json.dumps({"etc": str(tmp_path / "etc"), "proc": str(tmp_path / "proc")})
    data = [f"--data-dir={tmp_path}/data"] if words else []
    return main.main(RKE2, [*words, *data], {"STANDIN_SURROUNDINGS": around})


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """As the playbook reads them: the version is the third word."""
    assert main.main(RKE2, ["--version"], {}) == 0
    assert capsys.readouterr().out.split()[:3] == ["rke2", "version", "v1.36.3+rke2r1"]
    for words in ([], ["--help"], ["server", "--help"], ["agent", "-h"]):
        assert main.main(RKE2, words, {}) == 0
        assert capsys.readouterr().out.startswith("NAME:\n   rke2")


def test_another_command_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """With upstream's code."""
    assert main.main(RKE2, ["serve"], {}) == 3
    assert "No help topic for 'serve'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["server", "--nodename=a"], "flag provided but not defined"),
        (["server", "--node-name=a"], "failed to get runtime image"),
        (["agent", "--node-name=a_b"], "RFC 1123"),
        (["server", "--profile=cis", "--node-name=a"], "no such file"),
        (["server", "--selinux=maybe"], "invalid boolean value"),
    ],
)
def test_a_start_that_cannot_be_ends_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    """Exit code 1 and one line of level fatal."""
    assert run(tmp_path, *words) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "level=fatal" in last
    assert why in last


def options(tmp_path: Path, product: Product = RKE2) -> Options:
    """Settings with a data folder of its own."""
    return Options(product, "server", {"data-dir": [str(tmp_path)]}, Surroundings())


def put(tmp_path: Path, name: str, data: bytes) -> None:
    """Put an archive where images are imported from."""
    folder = tmp_path / "agent/images"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def test_images_are_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All archives together; what is missing is named."""
    wanted = images_of(RKE2.version)
    core = [each for each in wanted.all() if each not in wanted.network]
    put(tmp_path, "core.tar.zst", compress(image_archive(core)))
    found = main.import_images(options(tmp_path), Log())

    assert {image.reference for image in found} == set(core)
    said = capsys.readouterr().err
    assert all(f"No local image available for {each}" in said for each in wanted.network)


def test_a_damaged_archive_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it there is no runtime, and nothing is pulled from outside."""
    data = compress(image_archive(images_of(RKE2.version).all()))
    put(tmp_path, "core.tar.zst", data[: len(data) // 2])
    with pytest.raises(FatalError, match="no image is pulled from outside"):
        main.import_images(options(tmp_path), Log())
    assert "Error encountered while importing" in capsys.readouterr().err


def test_k3s_starts_without_images(tmp_path: Path) -> None:
    """Its pods would wait for them."""
    assert main.import_images(options(tmp_path, K3S), Log()) == ()


@pytest.mark.parametrize("text", ["mirrors: [", "mirror: {}", "[a]"])
def test_a_registries_file_that_is_wrong(tmp_path: Path, text: str) -> None:
    """Not YAML, not its keys."""
    path = tmp_path / "registries.yaml"
    path.write_text(text)
    with pytest.raises(FatalError, match="registry configuration"):
        main.check_registries(path)


def test_a_registries_file_that_is_right(tmp_path: Path) -> None:
    """Or none at all."""
    path = tmp_path / "registries.yaml"
    main.check_registries(path)
    path.write_text('mirrors: {"*": {endpoint: ["http://10.0.0.5:5000"]}}\nconfigs: {}\n')
    main.check_registries(path)
