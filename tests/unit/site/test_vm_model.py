"""The keys of virtual machines: what is read, what is refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import SiteFileError
from appliance.site.fields import GIB
from appliance.site.load import load_text
from appliance.site.model import Site

_HEAD = "site: a\nhypervisor: {harvester: v1.8.2, machines: {hv1: {}}}\n"


def loaded(text: str) -> Site:
    """Load a site file with this at its end."""
    return load_text(_HEAD + text, "a.yaml").site


def test_a_machine_of_every_key() -> None:
    """As the file writes them: all scalars are text to begin with."""
    site = loaded(
        "vms:\n"
        "  app:\n"
        "    {cpus: 4, memory: 8G, disk: 100G, image: ubuntu-24.04, network: main,\n"
        "     address: 10.20.0.70, efi: true, secure_boot: true, tpm: true,\n"
        "     pci: [hv1-000001010], usb: [hv1-usb-1], running: false}\n"
    )
    vm = site.vms["app"]
    assert (vm.cpus, vm.memory, vm.disk) == (4, 8 * GIB, 100 * GIB)
    assert (vm.efi, vm.secure_boot, vm.tpm, vm.running) == (True, True, True, False)
    assert (vm.pci, vm.usb) == (("hv1-000001010",), ("hv1-usb-1",))


def test_a_machine_needs_no_key() -> None:
    """All has a default."""
    vm = loaded("vms: {app: {}}\n").vms["app"]
    assert (vm.cpus, vm.memory, vm.disk, vm.efi, vm.running) == (2, 4 * GIB, 40 * GIB, True, True)


def test_staging_is_there_where_something_needs_it() -> None:
    """With a cluster, a virtual machine or a word of it; never against the file."""
    cases: list[tuple[str, bool]] = [
        ("", False),
        ("vms: {app: {}}\n", True),
        ("cluster: {rke2: v1.36.3+rke2r1}\n", True),
        ("staging: {memory: 3G}\n", True),
        ("staging: {enabled: true}\n", True),
        ("vms: {app: {}}\nstaging: {enabled: false}\n", False),
    ]
    assert [loaded(text).has_staging for text, _ in cases] == [said for _, said in cases]


def test_the_default_image_may_be_written_otherwise() -> None:
    """Its name stays."""
    assert "cloud-images.ubuntu.com" in str(getattr(loaded("").image("ubuntu-24.04"), "url", ""))
    own = loaded("images: {ubuntu-24.04: {file: own.img}}\n").image("ubuntu-24.04")
    assert own is not None
    assert (own.url, own.file) == (None, "own.img")
    assert loaded("").image("debian") is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("vms: {App: {}}\n", "is no RFC 1123 label"),
        ("vms: {app: {imag: x}}\n", "did you mean image?"),
        ("vms: {app: {pci: ['; reboot']}}\n", "is no device name"),
        ("images: {a: {url: 'ftp://x.org/a.img'}}\n", "is no URL of a file"),
        ("images: {a: {url: 'https://x.org/'}}\n", "is no URL of a file"),
        ("images: {a: {url: 'https://x.org/a.img?b=c'}}\n", "is no URL of a file"),
        ("images: {a: {file: ../a.img}}\n", "is no file name"),
        ("images: {a: {file: a.img, sha256: abc}}\n", "is no SHA-256"),
        ("images: {A_b: {file: a.img}}\n", "is no image name"),
        ("staging: {images: ['a b.tar']}\n", "is no file name or URL"),
        ("cluster: {rke2: v1.36.3+rke2r1, profile: cis-1.23}\n", "write one of cis"),
        ("cluster: {rke2: v1.36.3+rke2r1, addresses: {server1: x}}\n", "is no IPv4 address"),
    ],
)
def test_what_is_refused(text: str, what: str) -> None:
    """With its place and a fix."""
    with pytest.raises(SiteFileError) as caught:
        loaded(text)
    said = str(caught.value)
    assert what in said
    assert "a.yaml:3" in said


def test_unknown_values_of_a_map_keep_the_schema_strict() -> None:
    """Editors tell the same as the loader."""
    schema: dict[str, Any] = Site.model_json_schema()
    for name in ("vms", "images"):
        assert "patternProperties" in schema["properties"][name]
    assert "patternProperties" in schema["$defs"]["ClusterSite"]["properties"]["addresses"]
