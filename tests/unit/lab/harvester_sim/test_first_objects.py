"""What a fresh Harvester has."""

from __future__ import annotations

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.admission import is_ready
from appliance.lab.harvester_sim.objects import ObjectStore


def test_a_fresh_harvester_can_be_worked_with(store: ObjectStore) -> None:
    """A default storage class, a ready management network, its version, its namespaces."""
    default = [
        found["metadata"]["name"]
        for found in store.all(kinds.STORAGE_CLASS)
        if found["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    ]
    assert default == ["harvester-longhorn"]
    assert is_ready(store.get(kinds.CLUSTER_NETWORK, "", "mgmt"))
    assert store.get(kinds.SETTING, "", "server-version")["value"] == "v1.8.2"
    assert store.find(kinds.NAMESPACE, "", "default") is not None
