"""The API by path."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.lab.harvester_provider.kube import ApiError, Cluster, access, kubeconfig_text
from appliance.lab.harvester_sim.accounts import kubeconfig
from appliance.lab.harvester_sim.sim import HarvesterSim, SimOptions

SECRETS = "/api/v1/namespaces/default/secrets"


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[HarvesterSim]:
    """Give the API's stand-in, with TLS."""
    with HarvesterSim(SimOptions(tmp_path / "sim", tmp_path / "place", tls=True)) as started:
        yield started


def config(sim: HarvesterSim, folder: Path, *, ca: bool = True) -> str:
    """Give a kubeconfig that leads there."""
    _, token = sim.accounts.new_token("test")
    authority = base64.b64encode((folder / "sim" / "tls.crt").read_bytes()) if ca else b""
    return kubeconfig(sim.url, token, authority)


def test_an_object_from_its_making_to_its_end(sim: HarvesterSim, tmp_path: Path) -> None:
    """Made, made twice (409), read, replaced, removed, read (nothing), removed again."""
    cluster = Cluster(access(config(sim, tmp_path)))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}, "stringData": {}}
    made = cluster.post(SECRETS, {**secret, "stringData": {"a": "b"}})
    assert made["data"] == {"a": "Yg=="}
    with pytest.raises(ApiError, match="already exists") as raised:
        cluster.post(SECRETS, secret)
    assert raised.value.status == 409
    found = cluster.get(f"{SECRETS}/one")
    assert found is not None
    found["metadata"]["labels"] = {"a": "b"}
    assert cluster.put(f"{SECRETS}/one", found)["metadata"]["labels"] == {"a": "b"}
    cluster.delete(f"{SECRETS}/one")
    assert cluster.get(f"{SECRETS}/one") is None
    cluster.delete(f"{SECRETS}/one", foreground=True)


def test_a_wrong_token_is_told(sim: HarvesterSim, tmp_path: Path) -> None:
    """The API's own word for it."""
    text = config(sim, tmp_path).replace('token: "', 'token: "x')
    with pytest.raises(ApiError) as raised:
        Cluster(access(text)).get(SECRETS)
    assert raised.value.status == 401


def test_a_certificate_nobody_vouches_for_is_refused(sim: HarvesterSim, tmp_path: Path) -> None:
    """Without the authority in the kubeconfig there is no connection, unless it is waived."""
    text = config(sim, tmp_path, ca=False)
    with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
        Cluster(access(text)).get(SECRETS)
    waived = text.replace("    server:", "    insecure-skip-tls-verify: true\n    server:")
    assert Cluster(access(waived)).get(SECRETS) is not None


def test_nobody_answers() -> None:
    """A dead address is named."""
    entry = access(kubeconfig("http://127.0.0.1:1", "t"))
    with pytest.raises(ApiError, match=r"127\.0\.0\.1:1") as raised:
        Cluster(entry).get("/version")
    assert raised.value.status == 0


@pytest.mark.parametrize("text", ["", "a: [", "contexts: []\ncurrent-context: x\nclusters: []"])
def test_what_is_no_kubeconfig(text: str) -> None:
    """It is told that the configuration is at fault."""
    with pytest.raises(ApiError, match="invalid configuration"):
        access(text)


def test_where_the_kubeconfig_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the argument itself, at its path, or where KUBECONFIG says; else its lack is told."""
    path = tmp_path / "config"
    path.write_text("kind: Config")
    assert kubeconfig_text(base64.b64encode(b"kind: Config").decode()) == "kind: Config"
    assert kubeconfig_text(str(path)) == "kind: Config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert kubeconfig_text(None) == "kind: Config"
    monkeypatch.delenv("KUBECONFIG")
    with pytest.raises(ApiError, match="no configuration has been provided"):
        kubeconfig_text(None)
