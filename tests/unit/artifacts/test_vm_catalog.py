"""What virtual machines, cluster and staging want: names, places, what vouches for each."""

from __future__ import annotations

from appliance.artifacts.catalog import Trust, Wanted, fix_for
from appliance.artifacts.vm_catalog import wanted_for_vms
from tests import plans
from tests.site_files import whole_plan
from tests.sites import site

IMAGE = "20260814_ubuntu-24.04-server-cloudimg-amd64.img"
RKE2 = "rke2-v1.36.3-rke2r1_"


def wants(**changes: object) -> dict[str, Wanted]:
    """Give what a whole site wants, by name."""
    return {each.name: each for each in wanted_for_vms(whole_plan(**changes))}


def test_a_site_without_virtual_machines_wants_nothing_of_it() -> None:
    """Harvester alone needs none of it."""
    assert wanted_for_vms(plans.plan()) == ()


def test_all_that_a_whole_site_wants() -> None:
    """Every list of checksums stands before what it vouches for."""
    assert list(wants()) == [
        f"{IMAGE}.SHA256SUMS.gpg",
        f"{IMAGE}.SHA256SUMS",
        IMAGE,
        "terraform_1.14.8_SHA256SUMS",
        "terraform_1.14.8_linux_amd64.zip",
        "tofu_1.12.6_SHA256SUMS",
        "tofu_1.12.6_linux_amd64.zip",
        "terraform-provider-harvester_1.8.1_SHA256SUMS",
        "terraform-provider-harvester_1.8.1_linux_amd64.zip",
        f"{RKE2}sha256sum-amd64.txt",
        f"{RKE2}install.sh",
        f"{RKE2}rke2.linux-amd64.tar.gz",
        f"{RKE2}rke2-images-core.linux-amd64.tar.zst",
        f"{RKE2}rke2-images-canal.linux-amd64.tar.zst",
        "kubectl-v1.36.3-linux-amd64.sha256",
        "kubectl-v1.36.3-linux-amd64",
        "registry_3.1.2_linux_amd64.tar.gz.sha256",
        "registry_3.1.2_linux_amd64.tar.gz",
    ]


def test_each_has_upstreams_own_place() -> None:
    """A version's `+` is quoted, for it means a blank to some servers."""
    found = {name: each.source for name, each in wants().items()}
    releases = "https://github.com/rancher/rke2/releases/download/v1.36.3%2Brke2r1"
    assert found[f"{RKE2}rke2.linux-amd64.tar.gz"] == f"{releases}/rke2.linux-amd64.tar.gz"
    assert found[f"{RKE2}install.sh"] == (
        "https://raw.githubusercontent.com/rancher/rke2/v1.36.3%2Brke2r1/install.sh"
    )
    assert found[f"{IMAGE}.SHA256SUMS"] == (
        "https://cloud-images.ubuntu.com/releases/noble/release-20260814/SHA256SUMS"
    )
    assert found["kubectl-v1.36.3-linux-amd64"] == (
        "https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl"
    )
    assert found["terraform-provider-harvester_1.8.1_SHA256SUMS"].endswith(
        "/terraform-provider-harvester/releases/download/v1.8.1/"
        "terraform-provider-harvester_1.8.1_SHA256SUMS"
    )


def test_every_list_vouches_for_somebody_and_is_wanted() -> None:
    """What has a list is held to it; lists and installers come at first use."""
    found = wants()
    for each in found.values():
        if each.trust is Trust.SUMS:
            assert each.sums in found
            assert list(found).index(str(each.sums)) < list(found).index(each.name)
    loose = {name for name, each in found.items() if each.trust is Trust.FIRST_USE}
    assert loose == {each.sums for each in found.values() if each.sums} | {
        f"{RKE2}install.sh",
        f"{IMAGE}.SHA256SUMS.gpg",
    }


def test_what_machines_may_ask_for() -> None:
    """Images, the cluster's files, kubectl and the registry; never what is this laptop's own."""
    served = {name for name, each in wants().items() if each.served}
    assert served == {
        IMAGE,
        f"{RKE2}sha256sum-amd64.txt",
        f"{RKE2}install.sh",
        f"{RKE2}rke2.linux-amd64.tar.gz",
        f"{RKE2}rke2-images-core.linux-amd64.tar.zst",
        f"{RKE2}rke2-images-canal.linux-amd64.tar.zst",
        "kubectl-v1.36.3-linux-amd64",
        "registry_3.1.2_linux_amd64.tar.gz",
    }


def test_k3s_in_rke2s_place() -> None:
    """Its program is one file, its images one archive."""
    found = wants(cluster={"k3s": "v1.36.3+k3s1"})
    assert [name for name in found if name.startswith("k3s-")] == [
        "k3s-v1.36.3-k3s1_sha256sum-amd64.txt",
        "k3s-v1.36.3-k3s1_install.sh",
        "k3s-v1.36.3-k3s1_k3s",
        "k3s-v1.36.3-k3s1_k3s-airgap-images-amd64.tar.zst",
    ]
    assert found["k3s-v1.36.3-k3s1_k3s"].source == (
        "https://github.com/k3s-io/k3s/releases/download/v1.36.3%2Bk3s1/k3s"
    )


def test_two_versions_share_no_name() -> None:
    """Two sites of one laptop share its depot."""
    here = {name for name in wants() if "rke2" in name}
    there = {name for name in wants(cluster={"rke2": "v1.35.6+rke2r1"}) if "rke2" in name}
    assert here & there == set()


def test_an_image_of_the_operators() -> None:
    """A given checksum, a list of another name, neither; and what can only be imported."""
    given = {
        "a": {"url": "https://x.org/1/a.img", "sha512": "a" * 128},
        "b": {"url": "https://cloud.debian.org/cdimage/20260801/b.qcow2"},
        "c": {"url": "https://x.org/virtio.iso"},
        "d": {"file": "win2012.iso", "sha256": "b" * 64},
        "e": {"url": "https://x.org/2/e.img", "sums": "https://x.org/2/MD"},
    }
    found = wants(images=given)
    assert found["a.img"].trust is Trust.GIVEN
    assert [each.hex for each in found["a.img"].accepted] == ["a" * 128]
    assert found["20260801_b.qcow2"].sums == "20260801_b.qcow2.SHA512SUMS"
    assert found["20260801_b.qcow2.SHA512SUMS"].signature is None
    assert found["virtio.iso"].trust is Trust.FIRST_USE
    assert (found["win2012.iso"].source, found["win2012.iso"].is_remote) == ("", False)
    assert found["e.img"].sums == "e.img.MD"
    assert "site file" in fix_for(found["a.img"])
    assert site(images=given).images.keys() == given.keys()


def test_the_registrys_images() -> None:
    """From a URL, or imported."""
    found = wants(staging={"images": ["https://x.org/app.tar", "base.tar"]})
    assert found["app.tar"].source == "https://x.org/app.tar"
    assert found["base.tar"].source == ""
    assert found["base.tar"].needed
