"""Settings of one start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.lab.rke2.program.log import FatalError
from appliance.lab.rke2.program.options import Options, Product, Surroundings, read_options

RKE2 = Product("rke2", "v1.36.3+rke2r1")
K3S = Product("k3s", "v1.36.3+k3s1")


def options(product: Product = RKE2, command: str = "server", **values: str | list[str]) -> Options:
    """Make settings from flags."""
    given = {k.replace("_", "-"): [v] if isinstance(v, str) else v for k, v in values.items()}
    return Options(product, command, given, Surroundings())


def read(etc: Path, *words: str, **variables: str) -> Options:
    """Read settings as the program does, with another /etc."""
    around = {"STANDIN_SURROUNDINGS": json.dumps({"etc": str(etc), "pace": {"grace": 3}})}
    return read_options(RKE2, "server", list(words), {**around, **variables})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The path of config.yaml below another /etc."""
    folder = tmp_path / "rancher" / "rke2"
    folder.mkdir(parents=True)
    return folder / "config.yaml"


def test_file_folder_and_arguments_are_joined(config: Path, tmp_path: Path) -> None:
    """Files of config.yaml.d in the order of their names, arguments last."""
    config.write_text("token: one\ntls-san: [a]\nnode-name: cp1\n")
    parts = config.with_name("config.yaml.d")
    parts.mkdir()
    (parts / "20-more.yaml").write_text("tls-san+: [b]\n")
    (parts / "10-token.yaml").write_text("token: two\n")
    found = read(tmp_path, "--tls-san=c")

    assert found.token == "two"
    assert found.texts("tls-san") == ("a", "b", "c")
    assert found.node_name == "cp1"
    assert found.around.pace.grace == 3


def test_without_a_file_defaults_hold(tmp_path: Path) -> None:
    """An absent config.yaml is no fault, one that was named is."""
    found = read(tmp_path, "--node-name=cp1")
    assert found.data == Path("/var/lib/rancher/rke2")
    assert found.kubeconfig == tmp_path / "rancher/rke2/rke2.yaml"
    with pytest.raises(FatalError, match="no such file"):
        read(tmp_path, f"--config={tmp_path}/other.yaml")
    with pytest.raises(FatalError, match="no such file"):
        read(tmp_path, RKE2_CONFIG_FILE=f"{tmp_path}/other.yaml")


def test_a_file_that_is_no_yaml_is_refused(config: Path, tmp_path: Path) -> None:
    """With the parser's words, on one line."""
    config.write_text("token: [a\nnode")
    with pytest.raises(FatalError, match=r"failed to parse .*yaml: ") as refused:
        read(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_token_may_be_in_a_file(tmp_path: Path) -> None:
    """Its end of line is no part of it; a file that is not there is named."""
    (tmp_path / "token").write_text("sesame\n")
    assert options(token_file=str(tmp_path / "token")).token == "sesame"
    with pytest.raises(FatalError, match="no such file"):
        _ = options(token_file=str(tmp_path / "none")).token


@pytest.mark.parametrize("name", ["a_b", "-a", "a..-", "ä"])
def test_a_name_that_kubernetes_would_not_take_is_refused(name: str) -> None:
    """In the API's words."""
    with pytest.raises(FatalError, match="RFC 1123"):
        _ = options(node_name=name).node_name


def test_a_name_is_in_small_letters() -> None:
    """As the kubelet makes it."""
    assert options(node_name="CP1").node_name == "cp1"


def test_critical_settings_have_their_defaults() -> None:
    """What servers compare when one joins."""
    found = options(service_cidr="10.53.0.0/16").critical
    assert found["cluster-cidr"] == "10.42.0.0/16"
    assert found["cluster-dns"] == "10.53.0.10"
    assert found["cluster-domain"] == "cluster.local"
    with pytest.raises(FatalError, match="invalid cluster-cidr"):
        _ = options(cluster_cidr="10.42/99").critical


def test_a_switch_is_true_or_false() -> None:
    """Another word is refused when settings are read."""
    assert options(selinux="true").switch("selinux")
    assert not options().switch("selinux")
    with pytest.raises(FatalError, match="invalid boolean value"):
        options(selinux="maybe").switch("selinux")


def test_only_https_is_joined_at() -> None:
    """As upstream says it."""
    assert options(server="https://a:9345/").server == "https://a:9345"
    with pytest.raises(FatalError, match="only https:// URLs"):
        _ = options(server="http://a:9345").server


def test_a_profile_is_one_that_is_known() -> None:
    """`cis-1.23` was upstream's earlier."""
    assert options(profile="cis").profile == "cis"
    with pytest.raises(FatalError, match="--profile"):
        _ = options(profile="cis-1.23").profile


def test_k3s_keeps_several_servers_only_when_asked() -> None:
    """RKE2 always does."""
    assert options(RKE2).keeps_members
    assert not options(K3S).keeps_members
    assert options(K3S, cluster_init="true").keeps_members
    assert K3S.supervisor_port == 6443
    assert K3S.kubernetes == "v1.36.3"
