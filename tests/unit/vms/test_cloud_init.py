"""What cloud-init is told, judged by cloud-init's own schema and by old YAML readers."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

import pytest
import yaml as yaml11
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from appliance.errors import InputError
from appliance.lab.cloud_image.image import schema
from appliance.site.plan import Plan, VmPlan
from appliance.tools.cache import cache_folder
from appliance.values import Secret
from appliance.vms.cloud_init import (
    INTERFACE,
    LIMIT,
    USER,
    VmSecrets,
    network_data,
    user_data,
    user_secret_name,
)
from appliance.vms.host_keys import make_host_key
from tests.clusters import cluster_plan

HOST_KEY = make_host_key()
OURS = f"{make_host_key().public} bridgehead"
SECRETS = VmSecrets(HOST_KEY.private, HOST_KEY.public, (OURS,))


@functools.cache
def by_schema() -> Draft4Validator:
    """Give the schema of the cloud-init that the lab's image holds."""
    path = schema(cache_folder() / "payload")
    if not path.exists():
        pytest.skip("the lab's cloud image is not built: .ci/set-up --lab")
    return Draft4Validator(json.loads(path.read_text(encoding="utf-8")))


def user_document(plan: Plan, vm: VmPlan, secrets: VmSecrets = SECRETS) -> dict[str, Any]:
    """Give user data as cloud-init reads it."""
    text = user_data(plan, vm, secrets).reveal()
    first, _, rest = text.partition("\n")
    assert first == "#cloud-config"
    read = yaml11.safe_load(rest)
    assert isinstance(read, dict)
    return read


def card(plan: Plan, vm: VmPlan) -> dict[str, Any]:
    """Give the one interface of network data as cloud-init reads it."""
    read = yaml11.safe_load(network_data(plan, vm))
    assert read["version"] == 2
    assert list(read["ethernets"]) == [INTERFACE]
    found = read["ethernets"][INTERFACE]
    assert isinstance(found, dict)
    return found


def hosts(document: dict[str, Any]) -> list[list[str]]:
    """Give the rows of /etc/hosts."""
    files = {each["path"]: each["content"] for each in document["write_files"]}
    return [line.split() for line in files["/etc/hosts"].splitlines()]


def test_who_gets_in() -> None:
    """One user, by key alone: ours and the site's, each once; root and passwords are shut."""
    plan = cluster_plan()
    vm = replace(plan.vm("server1"), ssh_keys=("ssh-rsa AAAAB3Nza operator", OURS))
    document = user_document(plan, vm)
    (user,) = document["users"]
    assert user["name"] == USER
    assert user["ssh_authorized_keys"] == [OURS, "ssh-rsa AAAAB3Nza operator"]
    assert user["lock_passwd"] is True
    assert document["disable_root"] is True
    assert document["ssh_pwauth"] is False


def test_the_host_key_is_the_one_that_known_hosts_names() -> None:
    """The image's own keys go, and cloud-init makes none."""
    plan = cluster_plan()
    document = user_document(plan, plan.vm("agent1"))
    assert document["ssh_deletekeys"] is True
    assert document["ssh_keys"]["ed25519_private"] == HOST_KEY.private.reveal()
    assert document["ssh_keys"]["ed25519_public"].startswith(HOST_KEY.public)
    assert "ssh_genkeytypes" not in document


def test_the_host_key_stays_inside_a_secret() -> None:
    """It is in the user data, which no log shows, and in nothing else."""
    plan = cluster_plan()
    data = user_data(plan, plan.vm("server1"), SECRETS)
    assert "PRIVATE KEY" in data.reveal()
    assert "PRIVATE" not in f"{data}{data!r}{SECRETS!r}"
    assert "PRIVATE" not in network_data(plan, plan.vm("server1"))


def test_names_and_time_stay_on_site() -> None:
    """Nothing a machine asks for leads to the laptop or to the Internet."""
    plan = cluster_plan()
    vm = plan.vm("server2")
    document = user_document(plan, vm)
    assert (document["hostname"], document["fqdn"]) == ("server2", f"server2.{plan.zone}")
    assert document["ntp"] == {"enabled": True, "pools": [], "servers": [str(plan.services)]}
    assert card(plan, vm)["nameservers"] == {
        "addresses": [str(plan.services)],
        "search": [plan.zone],
    }
    assert document["package_update"] is document["package_upgrade"] is False


def test_a_member_knows_its_cluster_without_dns() -> None:
    """Every server stands under the cluster's name; Go programs try each address in turn."""
    plan = cluster_plan(servers=3)
    rows = hosts(user_document(plan, plan.vm("agent1")))
    agent = plan.vm("agent1")
    assert [str(agent.address), f"agent1.{plan.zone}", "agent1"] in rows
    servers = {str(plan.vm(name).address) for name in ("server1", "server2", "server3")}
    assert {row[0] for row in rows if f"cluster.{plan.zone}" in row} == servers


def test_with_a_load_balancer_the_cluster_is_there() -> None:
    """The site file's `cluster.address`."""
    plan = cluster_plan(address="10.20.0.77")
    rows = hosts(user_document(plan, plan.vm("server1")))
    assert [row[0] for row in rows if "cluster" in row] == ["10.20.0.77"]


def test_who_is_no_member_is_told_of_no_cluster() -> None:
    """The staging machine answers DNS itself."""
    plan = cluster_plan()
    rows = hosts(user_document(plan, plan.vm("staging")))
    assert all("cluster" not in row for row in rows)


def test_the_network_of_a_machine() -> None:
    """Found by its MAC address; address, route and MTU as planned; no DHCP."""
    plan = cluster_plan()
    vm = plan.vm("server1")
    network = plan.network(vm.network)
    found = card(plan, vm)
    assert found["match"] == {"macaddress": str(vm.mac)}
    assert found["set-name"] == INTERFACE
    assert found["addresses"] == [f"{vm.address}/{network.cidr.prefixlen}"]
    assert found["routes"] == [{"to": "0.0.0.0/0", "via": str(network.gateway)}]
    assert found["mtu"] == network.mtu
    assert found["dhcp4"] is found["dhcp6"] is False


def test_a_machine_without_a_planned_address_asks_for_one() -> None:
    """Then nothing of the network is said twice."""
    plan = cluster_plan()
    vm = replace(plan.vm("server1"), address=None)
    found = card(plan, vm)
    assert found["dhcp4"] is True
    assert "addresses" not in found
    assert "routes" not in found
    rows = hosts(user_document(plan, vm))
    assert ["127.0.1.1", f"server1.{plan.zone}", "server1"] in rows


def test_the_name_of_the_secret() -> None:
    """It is a contract with Terraform's side."""
    vm = cluster_plan().vm("server1")
    assert user_secret_name(vm) == "server1-user-data"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ((), "nobody could log in"),
        (("AAAAB3Nza",), "no public SSH key"),
        (("ssh-ed25519 AAAA\nssh_pwauth: true",), "no public SSH key"),
    ],
)
def test_a_machine_nobody_can_enter_is_refused(keys: tuple[str, ...], said: str) -> None:
    """No key, or something that is none."""
    plan = cluster_plan()
    secrets = VmSecrets(HOST_KEY.private, HOST_KEY.public, keys)
    with pytest.raises(InputError, match=said):
        user_data(plan, plan.vm("server1"), secrets)


def test_a_private_key_given_as_a_public_one_is_not_repeated() -> None:
    """The commonest mistake is not printed in full."""
    plan = cluster_plan()
    private = make_host_key().private.reveal()
    with pytest.raises(InputError) as raised:
        user_data(
            plan, plan.vm("server1"), VmSecrets(HOST_KEY.private, HOST_KEY.public, (private,))
        )
    assert private.splitlines()[1] not in str(raised.value)


def test_a_machine_installed_from_an_iso_gets_none() -> None:
    """There is no cloud-init in it."""
    plan = cluster_plan()
    vm = replace(plan.vm("server1"), image=None, iso="windows")
    with pytest.raises(InputError, match="takes no cloud-init"):
        user_data(plan, vm, SECRETS)


def test_user_data_has_a_limit() -> None:
    """Hundreds of keys belong in a directory service."""
    plan = cluster_plan()
    many = tuple(f"ssh-rsa {'A' * 370}{number:04} x" for number in range(LIMIT // 370))
    with pytest.raises(InputError, match="64 KiB"):
        user_data(plan, plan.vm("server1"), VmSecrets(HOST_KEY.private, HOST_KEY.public, many))


def test_a_host_key_that_is_none_is_refused_unseen() -> None:
    """And its text stays out of the error."""
    plan = cluster_plan()
    with pytest.raises(InputError, match="ed25519_private") as raised:
        user_data(
            plan, plan.vm("server1"), VmSecrets(Secret("hush hush"), "ssh-ed25519 A", (OURS,))
        )
    assert "hush" not in str(raised.value)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any Plan with virtual machines: counts, networks, zones and keys as a site may have them."""
    plan = cluster_plan(servers=draw(st.sampled_from([1, 3, 5])), agents=draw(st.integers(0, 4)))
    prefix = draw(st.integers(8, 29))
    address = draw(st.integers(0x0A000000, 0x0AFFFF00))
    cidr = IPv4Network((address, prefix), strict=False)
    first = int(cidr.network_address)
    size = cidr.num_addresses
    place = st.integers(1, size - 2).map(lambda offset: IPv4Address(first + offset))
    network = replace(
        plan.networks[0],
        cidr=cidr,
        gateway=draw(place),
        dns=tuple(draw(st.lists(place, min_size=1, max_size=3))),
        ntp=tuple(draw(st.lists(place, min_size=1, max_size=3))),
        mtu=draw(st.integers(576, 9000)),
    )
    comment = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=20)
    key = comment.map(lambda text: f"ssh-ed25519 AAAAC3Nza {text}")
    vms = tuple(
        replace(
            vm,
            address=draw(st.none() | place),
            ssh_keys=tuple(draw(st.lists(key, max_size=2))),
        )
        for vm in plan.vms
    )
    zone = draw(st.from_regex("[a-z][a-z0-9]{0,10}(\\.[a-z]{2,8}){1,2}", fullmatch=True))
    return replace(plan, zone=zone, networks=(network, *plan.networks[1:]), vms=vms)


@given(plan=plans())
def test_any_plan_gives_documents_that_cloud_init_takes(plan: Plan) -> None:
    """By its own schema; and what it reads is what the Plan says."""
    for vm in plan.vms:
        document = user_document(plan, vm)
        assert [error.message for error in by_schema().iter_errors(document)] == []
        assert set(document["users"][0]["ssh_authorized_keys"]) == {OURS, *vm.ssh_keys}
        found = card(plan, vm)
        assert found["match"]["macaddress"] == str(vm.mac)
        network = plan.network(vm.network)
        if vm.address is not None:
            (address,) = found["addresses"]
            assert IPv4Interface(address).ip == vm.address
            assert IPv4Interface(address).network == network.cidr


def test_the_schema_would_say_so() -> None:
    """The judge of the test above is awake: a wrong type is found."""
    plan = cluster_plan()
    document = user_document(plan, plan.vm("server1"))
    document["users"][0]["ssh_authorized_keys"] = []
    document["ntp"]["servers"] = "10.0.0.1"
    assert len(list(by_schema().iter_errors(document))) == 2
