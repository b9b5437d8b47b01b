"""The API client against a real HTTPS server: working, empty, broken."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from appliance.errors import StepError
from appliance.hypervisor import kubeconfig as kubeconfigs
from appliance.hypervisor.api import HarvesterApi
from appliance.values import Secret
from tests.harvester_server import ADDRESS, VIP, Harvester, Mood, identity, serving

SECRET = "/api/v1/namespaces/default/secrets/srv1-user-data"
IMAGES = "/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages"
MACHINES = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
MGMT = "/apis/network.harvesterhci.io/v1beta1/clusternetworks/mgmt"


@pytest.fixture
def harvester() -> Iterator[Harvester]:
    """Give a server that works."""
    with serving(Harvester(identity("dynamic", VIP))) as running:
        yield running


def before(harvester: Harvester) -> HarvesterApi:
    """Stand before it, not logged in."""
    return HarvesterApi.at(ADDRESS, harvester.identity.fingerprint, port=harvester.port)


def inside(harvester: Harvester) -> HarvesterApi:
    """Come with its kubeconfig."""
    given = Secret(harvester.kubeconfig())
    pem = harvester.identity.pem
    port = harvester.port
    return HarvesterApi.by(kubeconfigs.through_vip(given, ADDRESS, pem, str(ADDRESS), port=port))


def test_login_password_kubeconfig(harvester: Harvester) -> None:
    """The documented three, one after the other."""
    api = before(harvester)
    assert api.login(Secret("admin")) == Secret(harvester.token)
    api.change_password(Secret("admin"), Secret("twelve letters"))
    assert harvester.password == "twelve letters"
    assert kubeconfigs.read(api.kubeconfig()).token == Secret(harvester.token)


def test_a_wrong_password_is_an_answer(harvester: Harvester) -> None:
    """Not an error: another one is tried."""
    assert before(harvester).login(Secret("other")) is None


def test_a_password_that_it_does_not_take(harvester: Harvester) -> None:
    """Its own words are told, the passwords are not."""
    api = before(harvester)
    api.login(Secret("admin"))
    with pytest.raises(StepError, match="must be at least 12") as caught:
        api.change_password(Secret("admin"), Secret("tooshort"))
    assert "tooshort" not in str(caught.value)


def test_without_login(harvester: Harvester) -> None:
    """Refused, and what to do is said."""
    with pytest.raises(
        StepError, match=r"refused POST .* with 401 \(must authenticate\)"
    ) as caught:
        before(harvester).kubeconfig()
    assert "logged in to anew" in caught.value.fix


def test_a_secret_is_made_once_and_changed_when_it_differs(harvester: Harvester) -> None:
    """The second time nothing is written."""
    api = inside(harvester)
    data = {"userdata": Secret("#cloud-config\n")}
    assert [api.put_secret("default", "srv1-user-data", data) for _ in range(2)] == [True, False]
    kept = harvester.objects[SECRET]
    assert kept["data"] == {"userdata": base64.b64encode(b"#cloud-config\n").decode()}
    kept["metadata"]["resourceVersion"] = "7"
    assert api.put_secret("default", "srv1-user-data", {"userdata": Secret("other")})
    assert harvester.objects[SECRET]["metadata"]["resourceVersion"] == "7"
    assert [method for method, _ in harvester.asked] == ["GET", "POST", "GET", "GET", "PUT"]


def test_a_secret_is_deleted_twice(harvester: Harvester) -> None:
    """The second time there is none, which is as it should be."""
    api = inside(harvester)
    api.put_secret("default", "x", {"a": Secret("b")})
    api.delete_secret("default", "x")
    api.delete_secret("default", "x")
    assert harvester.objects == {}


def test_orders_to_virtual_machines(harvester: Harvester) -> None:
    """Given once; given again, they are carried out already."""
    api = inside(harvester)
    api.start_vm("srv1")
    api.start_vm("srv1")
    api.stop_vm("srv1")
    api.restart_vm("srv2")
    assert harvester.orders == [("srv1", "start"), ("srv1", "stop"), ("srv2", "restart")]


def test_virtual_machines_and_images(harvester: Harvester) -> None:
    """Read from the lists; what is not there is None."""
    harvester.objects[MACHINES] = {"items": [{"metadata": {"name": "srv1"}}]}
    harvester.objects[MACHINES.replace("machines", "machineinstances")] = {"items": []}
    harvester.objects[f"{IMAGES}/debian"] = {"metadata": {"name": "debian"}}
    api = inside(harvester)
    assert [vm.name for vm in api.vms()] == ["srv1"]
    image = api.image("debian")
    assert image is not None
    assert image.name == "debian"
    assert api.image("other") is None


def test_ready_when_all_kinds_are_served(harvester: Harvester) -> None:
    """One after the other comes up."""
    api = inside(harvester)
    assert api.why_not_ready() == "it does not serve images yet"
    harvester.objects[IMAGES] = {"items": []}
    assert api.why_not_ready() == "it does not serve virtual machines yet"
    harvester.objects[MACHINES] = {"items": []}
    assert api.why_not_ready() == "it does not serve networks yet"
    harvester.objects[MGMT] = {}
    assert api.why_not_ready() == ""


def test_an_empty_server(harvester: Harvester) -> None:
    """It runs and serves nothing yet: said, not raised."""
    harvester.mood = Mood.EMPTY
    assert inside(harvester).why_not_ready() == "it does not serve images yet"
    with pytest.raises(StepError, match="serves no virtual machines yet"):
        inside(harvester).vms()
    with pytest.raises(StepError, match=r"refused POST .* with 404"):
        before(harvester).login(Secret("admin"))


def test_a_broken_server(harvester: Harvester) -> None:
    """Its words are told, with what was asked of it."""
    harvester.mood = Mood.BROKEN
    api = inside(harvester)
    assert "with 500 (etcd has no leader)" in api.why_not_ready()
    with pytest.raises(
        StepError, match=r"refused GET .*/secrets/x with 500 \(etcd has no leader\)"
    ):
        api.put_secret("default", "x", {})


def test_nobody_answers(harvester: Harvester) -> None:
    """One sentence, with what to do."""
    api = HarvesterApi.at(ADDRESS, harvester.identity.fingerprint, port=1)
    with pytest.raises(StepError, match=r"does not answer .*nothing listens") as caught:
        api.login(Secret("admin"))
    assert caught.value.where == "127.0.0.1"


def test_another_certificate(harvester: Harvester) -> None:
    """Refused with both fingerprints, and no password was sent."""
    api = HarvesterApi.at(ADDRESS, "ab" * 32, port=harvester.port)
    with pytest.raises(StepError) as caught:
        api.login(Secret("admin"))
    assert f"known is {'ab' * 32}, shown is {harvester.identity.fingerprint}" in str(caught.value)
    assert harvester.asked == []


def test_a_kubeconfig_with_a_broken_authority() -> None:
    """Found when it is opened."""
    text = Secret(Harvester(identity(), authority="no certificate").kubeconfig())
    with pytest.raises(StepError, match="cannot be used"):
        HarvesterApi.by(text)


TAGS = {"bridgehead-site": "alpha"}
LABELS = {"tag.harvesterhci.io/bridgehead-site": "alpha"}
WANTED = {"namespace": "default", "name": "debian", "tags": TAGS}


def test_what_a_killed_apply_left(harvester: Harvester) -> None:
    """Ours is taken over by its id; what is not there is made."""
    api = inside(harvester)
    assert api.existing("harvester_image", WANTED) is None
    assert api.existing("terraform_data", WANTED) is None
    harvester.objects[f"{IMAGES}/debian"] = {"metadata": {"name": "debian", "labels": LABELS}}
    assert api.existing("harvester_image", WANTED) == "default/debian"


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"labels": {}}, "it is not of this site"),
        ({"labels": LABELS, "deletionTimestamp": "2026-11-21T13:00:00Z"}, "just being removed"),
    ],
)
def test_what_is_in_the_way(harvester: Harvester, metadata: dict[str, object], why: str) -> None:
    """Another's is never touched; what is going is waited for."""
    harvester.objects[f"{IMAGES}/debian"] = {"metadata": metadata}
    with pytest.raises(StepError, match=f"image debian is on the hypervisor already .*{why}"):
        inside(harvester).existing("harvester_image", WANTED)
    assert f"{IMAGES}/debian" in harvester.objects


def test_an_image_of_ours_that_failed_is_made_anew(harvester: Harvester) -> None:
    """It would never become ready."""
    conditions = [{"type": "Imported", "status": "False", "message": "wrong sum"}]
    harvester.objects[f"{IMAGES}/debian"] = {
        "metadata": {"name": "debian", "labels": LABELS},
        "status": {"conditions": conditions},
    }
    assert inside(harvester).existing("harvester_image", WANTED) is None
    assert harvester.objects == {}


def test_devices_of_the_host_are_attached_once(harvester: Harvester) -> None:
    """The provider cannot do it before 1.9."""
    api = inside(harvester)
    path = f"{MACHINES}/srv1"
    harvester.objects[path] = {"spec": {"template": {"spec": {"domain": {"devices": {}}}}}}
    devices = {"usb-1": "vendor/DONGLE", "pci-1": "vendor/GPU"}
    assert [api.attach_devices("srv1", devices) for _ in range(2)] == [True, False]
    inner = harvester.objects[path]["spec"]["template"]["spec"]["domain"]["devices"]
    assert inner["hostDevices"] == [
        {"name": "pci-1", "deviceName": "vendor/GPU"},
        {"name": "usb-1", "deviceName": "vendor/DONGLE"},
    ]
    with pytest.raises(StepError, match="has no virtual machine srv2"):
        api.attach_devices("srv2", devices)
    harvester.objects[path] = {"spec": {}}
    with pytest.raises(StepError, match="not as documented"):
        api.attach_devices("srv1", devices)


def test_images_that_failed(harvester: Harvester) -> None:
    """By name with the reason; nobody answering is no failed image."""
    api = inside(harvester)
    assert api.failed_images() == {}
    wrong = [{"type": "Imported", "status": "False", "message": "wrong sum"}]
    harvester.objects[IMAGES] = {
        "items": [
            {"metadata": {"name": "debian"}, "status": {"conditions": wrong}},
            {"metadata": {"name": "other"}},
        ]
    }
    assert api.failed_images() == {"image debian": "wrong sum"}
    harvester.mood = Mood.BROKEN
    assert api.failed_images() == {}
