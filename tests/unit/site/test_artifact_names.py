"""Names in the depot, and upstream's own."""

from __future__ import annotations

import pytest

from appliance.artifacts.depot import plain_name
from appliance.site.artifact_names import (
    DistributionFiles,
    image_file,
    image_signature_file,
    image_sums_file,
    is_iso,
    kubectl_files,
    kubernetes_version,
    provider_files,
    provider_files_for,
    registry_files,
    terraform_files,
    tofu_files,
    upstream_name,
)
from appliance.site.plan import Distribution

FILES = [
    *DistributionFiles.of(Distribution.RKE2, "v1.36.3+rke2r1").all,
    *DistributionFiles.of(Distribution.K3S, "v1.36.3-rc1+k3s1").all,
]


def test_every_name_may_stand_in_the_depot_and_in_a_url() -> None:
    """Plain, and nothing in it has to be quoted."""
    more = [
        name
        for files in (
            terraform_files(),
            tofu_files(),
            registry_files(),
            provider_files("1.8.1"),
            kubectl_files("v1.36.3"),
        )
        for name in (files.archive, files.sums)
    ]
    for name in [*FILES, *more]:
        assert plain_name(name) == name
        assert "+" not in name


def test_upstreams_own_names_come_back() -> None:
    """For `install.sh`, which looks for them in its folder."""
    assert [upstream_name(name) for name in FILES] == [
        "sha256sum-amd64.txt",
        "install.sh",
        "rke2.linux-amd64.tar.gz",
        "rke2-images-core.linux-amd64.tar.zst",
        "rke2-images-canal.linux-amd64.tar.zst",
        "sha256sum-amd64.txt",
        "install.sh",
        "k3s",
        "k3s-airgap-images-amd64.tar.zst",
    ]


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("https://x.org/noble/release-20260814/a_b.img", "20260814_a_b.img"),
        ("https://x.org/noble/20260814.1/a.img", "20260814.1_a.img"),
        ("https://x.org/noble/current/a.img", "a.img"),
        ("https://x.org/a.img", "a.img"),
        ("", ""),
    ],
)
def test_an_image_is_led_by_its_date(url: str, file: str) -> None:
    """Two dates of one image are two files; and back again."""
    assert image_file(url) == file
    assert upstream_name(file) == url.rpartition("/")[2]


@pytest.mark.parametrize(
    "name", ["terraform_1.14.8_SHA256SUMS", "own_image.img", "registry_3.1.2_linux_amd64.tar.gz"]
)
def test_a_name_without_a_lead_is_upstreams_own(name: str) -> None:
    """An underscore alone makes no lead."""
    assert upstream_name(name) == name


def test_lists_and_signatures_of_an_image() -> None:
    """Beside the image, by its name."""
    assert image_sums_file("a.img") == "a.img.SHA256SUMS"
    assert image_sums_file("a.img", "SHA512SUMS") == "a.img.SHA512SUMS"
    assert image_signature_file("a.img") == "a.img.SHA256SUMS.gpg"
    assert [is_iso(name) for name in ("a.img", "a.iso", "A.ISO")] == [False, True, True]


def test_versions() -> None:
    """The provider follows Harvester, kubectl the cluster."""
    assert provider_files_for("v1.8.2") == provider_files("1.8.1")
    assert provider_files_for("v1.7.3").version == "1.7.0"
    assert kubernetes_version("v1.36.3+rke2r1") == "v1.36.3"
