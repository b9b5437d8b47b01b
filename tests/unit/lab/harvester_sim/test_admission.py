"""What is filled in and refused when an object is written or deleted."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.admission import admit, admit_deletion
from appliance.lab.harvester_sim.kinds import Kind
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.refusals import RefusedError
from tests.unit.lab.harvester_sim.parts import Machine

Json = dict[str, Any]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1lHlLDp9vJzZ3Zr8r3s7z3c0wzqkZ9b5m6o9yqE0aV site"


def make(store: ObjectStore, kind: Kind, body: Json) -> Json:
    """Admit and create an object."""
    admit(store, kind, body, None)
    return store.create(kind, body)


def network(vlan: int, cluster_network: str = "mgmt") -> Json:
    """Give a network as the provider sends it (builder.NetworkVLANConfigTemplate)."""
    config = (
        f'{{"cniVersion":"0.3.1","name":"n","type":"bridge","bridge":"{cluster_network}-br",'
        f'"promiscMode":true,"vlan":{vlan},"ipam":{{}}}}'
    )
    labels = {"network.harvesterhci.io/clusternetwork": cluster_network}
    meta = {"name": "n", "namespace": "default", "labels": labels}
    return {"metadata": meta, "spec": {"config": config}}


def image(name: str = "debian", **spec: Any) -> Json:
    """Give an image as the provider sends it."""
    said = {"displayName": name, "sourceType": "download", "url": "http://x/y", **spec}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": said}


def test_text_of_a_secret_becomes_data(store: ObjectStore) -> None:
    """stringData is written and never read; it goes before data."""
    body = {
        "metadata": {"name": "s", "namespace": "default"},
        "data": {"a": "MQ==", "b": "MQ=="},
        "stringData": {"b": "2"},
    }
    made = make(store, kinds.SECRET, body)
    assert made["data"] == {"a": "MQ==", "b": "Mg=="}
    assert "stringData" not in made
    assert made["type"] == "Opaque"
    with pytest.raises(RefusedError, match="illegal base64"):
        admit(store, kinds.SECRET, {"metadata": {"name": "t"}, "data": {"a": "%"}}, None)


@pytest.mark.parametrize(
    ("vlan", "kind"), [(0, "UntaggedNetwork"), (1, "L2VlanNetwork"), (4094, "L2VlanNetwork")]
)
def test_a_network_bears_its_kind(store: ObjectStore, vlan: int, kind: str) -> None:
    """Without that label the provider reads VLAN 0 back, for ever another than wanted."""
    labels = make(store, kinds.NETWORK, network(vlan))["metadata"]["labels"]
    assert labels["network.harvesterhci.io/type"] == kind
    assert labels.get("network.harvesterhci.io/vlan-id") == (str(vlan) if vlan else None)
    assert labels["network.harvesterhci.io/ready"] == "true"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (network(4095), "VLAN ID 4095"),
        (network(1, "none"), '"none" not found'),
        ({"metadata": {"name": "n"}, "spec": {"config": "{"}}, "cannot be read"),
        ({**network(1), "spec": {"config": '{"bridge": "br0"}'}}, "is not of 'mgmt'"),
    ],
)
def test_a_network_that_cannot_be_is_refused(store: ObjectStore, body: Json, why: str) -> None:
    """By the network controller's webhook."""
    with pytest.raises(RefusedError, match=why) as caught:
        admit(store, kinds.NETWORK, body, None)
    assert "harvester-network-webhook" in caught.value.message


def test_a_cluster_network_is_ready_once_it_is_wired(store: ObjectStore) -> None:
    """`mgmt` always is, and cannot be taken away."""
    body: Json = {"metadata": {"name": "vms"}}
    admit(store, kinds.CLUSTER_NETWORK, body, None)
    assert body["status"]["conditions"] == [{"type": "ready", "status": "False"}]
    store.create(kinds.CLUSTER_NETWORK, body)
    wire = {"metadata": {"name": "w"}, "spec": {"clusterNetwork": "vms"}}
    make(store, kinds.VLAN_CONFIG, wire)
    admit(store, kinds.CLUSTER_NETWORK, body, body)
    assert body["status"]["conditions"] == [{"type": "ready", "status": "True"}]
    with pytest.raises(RefusedError, match="VlanConfig w still exists"):
        admit_deletion(store, kinds.CLUSTER_NETWORK, body)
    with pytest.raises(RefusedError, match="not allowed"):
        admit_deletion(store, kinds.CLUSTER_NETWORK, {"metadata": {"name": "mgmt"}})
    with pytest.raises(RefusedError, match="more than 12"):
        admit(store, kinds.CLUSTER_NETWORK, {"metadata": {"name": "thirteen-long"}}, None)
    for name in ("mgmt", "none"):
        body = {"metadata": {"name": "x"}, "spec": {"clusterNetwork": name}}
        with pytest.raises(RefusedError):
            admit(store, kinds.VLAN_CONFIG, body, None)


def test_an_image_is_completed(store: ObjectStore) -> None:
    """Retries, back end, class parameters, and the label of its name for people."""
    made = make(store, kinds.IMAGE, image(backend=""))
    assert made["spec"]["retry"] == 3
    assert made["spec"]["backend"] == "backingimage"
    assert made["metadata"]["labels"]["harvesterhci.io/imageDisplayName"] == "debian"


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        (image("other", displayName="debian"), 409, "same name exists"),
        (image("other", displayName=""), 422, "displayName is required"),
        (image("other", displayName="no label!"), 422, "not a valid Kubernetes label value"),
        (image("other", url=""), 422, "url is required"),
        (image("other", sourceType="upload"), 422, "url should be empty"),
    ],
)
def test_an_image_that_cannot_be_is_refused(
    store: ObjectStore, body: Json, code: int, why: str
) -> None:
    """With Harvester's words."""
    make(store, kinds.IMAGE, image())
    with pytest.raises(RefusedError, match=why) as caught:
        admit(store, kinds.IMAGE, body, None)
    assert caught.value.code == code


def test_an_image_s_origin_stays(store: ObjectStore) -> None:
    """Another checksum or URL is another image."""
    old = make(store, kinds.IMAGE, image())
    new = image(checksum="0" * 128)
    with pytest.raises(RefusedError, match="checksum cannot be modified"):
        admit(store, kinds.IMAGE, new, old)


def test_a_key_is_validated(store: ObjectStore) -> None:
    """Its fingerprint is in the status."""
    made = make(store, kinds.KEY_PAIR, {"metadata": {"name": "k"}, "spec": {"publicKey": KEY}})
    assert len(made["status"]["fingerPrint"].split(":")) == 16
    assert made["status"]["conditions"] == [{"type": "validated", "status": "True"}]
    with pytest.raises(RefusedError, match="OpenSSH"):
        admit(store, kinds.KEY_PAIR, {"metadata": {"name": "l"}, "spec": {"publicKey": "x"}}, None)


@pytest.mark.parametrize("name", ["Upper", "-a", "a_b", "a" * 254, "a."])
def test_a_name_that_is_none_is_refused(store: ObjectStore, name: str) -> None:
    """422, as of the real server."""
    with pytest.raises(RefusedError, match="RFC 1123") as caught:
        admit(store, kinds.SECRET, {"metadata": {"name": name}}, None)
    assert caught.value.code == 422


def test_a_label_that_is_none_is_refused(store: ObjectStore) -> None:
    """A description with a blank in it is an annotation, never a label."""
    body = {"metadata": {"name": "a", "labels": {"x": "two words"}}}
    with pytest.raises(RefusedError, match="no label value"):
        admit(store, kinds.SECRET, body, None)


def test_what_a_machine_uses_cannot_be_deleted(store: ObjectStore, machine: Machine) -> None:
    """Neither its network nor its volume."""
    made = make(store, kinds.NETWORK, network(0))
    make(store, kinds.MACHINE, machine(network="default/n"))
    with pytest.raises(RefusedError, match="still used by VM"):
        admit_deletion(store, kinds.NETWORK, made)
    claim = {"metadata": {"name": "vm1-disk", "namespace": "default"}, "spec": {}}
    with pytest.raises(RefusedError, match="currently attached to VMs: default/vm1"):
        admit_deletion(store, kinds.CLAIM, claim)


def test_a_claim_is_bound(store: ObjectStore) -> None:
    """Its class must be there."""
    spec = {"resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "longhorn"}
    made = make(
        store, kinds.CLAIM, {"metadata": {"name": "c", "namespace": "default"}, "spec": spec}
    )
    assert made["status"]["phase"] == "Bound"
    assert made["status"]["capacity"] == {"storage": "1Gi"}
    other = {"metadata": {"name": "d"}, "spec": {**spec, "storageClassName": "none"}}
    with pytest.raises(RefusedError, match="not found"):
        admit(store, kinds.CLAIM, other, None)


def test_a_setting_keeps_its_default(store: ObjectStore) -> None:
    """A client sends the value alone."""
    old = store.get(kinds.SETTING, "", "ui-source")
    new: Json = {"metadata": {"name": "ui-source"}, "value": "bundled"}
    admit(store, kinds.SETTING, new, old)
    assert new["default"] == "auto"
