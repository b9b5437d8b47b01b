"""Each fault is found before the installer would fall silent over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from appliance.errors import InputError
from appliance.hypervisor.config import NodeSecrets, create_config, join_config
from appliance.hypervisor.validation import Config, check
from appliance.hypervisor.versions import fields_of
from appliance.values import Secret
from tests import plans

HASH = "$6$3umtovdY4sc1K7iu$" + "a" * 86
SECRETS = NodeSecrets(Secret("a token"), Secret(HASH))


def created() -> Config:
    """Give a good configuration of the first machine."""
    return create_config(plans.plan(), plans.machine(1), SECRETS, hook_base_url="http://b/hook/t")


def joined() -> Config:
    """Give a good configuration of a joining machine."""
    plan = plans.plan(plans.machine(1), plans.machine(2))
    return join_config(plan, plan.machines[1], SECRETS, hook_base_url="http://b/hook/t")


def put(path: str, value: Any) -> Callable[[Config], None]:
    """Make a change of one field."""

    def change(config: Config) -> None:
        *way, last = path.split(".")
        for key in way:
            config = config.setdefault(key, {})
        if value is None:
            config.pop(last, None)
        else:
            config[last] = value

    return change


FAULTS: list[tuple[str, Any, str]] = [
    ("scheme_version", 2, "scheme_version"),
    ("scheme_version", True, "scheme_version"),
    ("server_url", "https://10.0.0.1:443", "server_url"),
    ("token", "in the clear", "token"),
    ("token", Secret("tökén"), "token"),
    ("token", None, "token"),
    ("nonsense", 1, "nonsense"),
    ("install.nonsense", 1, "install.nonsense"),
    ("install.iso_url", None, "install.iso_url"),
    ("install.device", None, "install.device"),
    ("install.device", "sda", "install.device"),
    ("install.mode", "upgrade", "install.mode"),
    ("install.mode", None, "install.mode"),
    ("install.vip", "vip.site", "install.vip"),
    ("install.vip_mode", "dhcp", "install.vip_hw_addr"),
    ("install.cordoned", True, "1.9 does"),
    ("install.automatic", "true", "install.automatic"),
    ("install", "everything", "install"),
    ("install.harvester.storage_class.replica_count", 4, "replica_count"),
    ("install.management_interface.interfaces", [], "interfaces"),
    ("install.management_interface.interfaces", [{"name": "ens3"}], "hardware address only"),
    ("install.management_interface.interfaces", [{"hwAddr": "ens3"}], "hwAddr"),
    ("install.management_interface.mtu", 500, "mtu"),
    ("install.management_interface.vlan_id", 4095, "vlan_id"),
    ("install.management_interface.gateway", None, "gateway"),
    ("install.management_interface.bond_options.mode", "lacp", "bond_options.mode"),
    ("install.webhooks", [{"event": "DONE", "url": "http://b"}], "event"),
    ("os.dns_nameservers", None, "dns_nameservers"),
    ("os.dns_nameservers", [53], "dns_nameservers"),
    ("os.hostname", "HV1", "os.hostname"),
    ("os.hostname", "", "os.hostname"),
    ("os.password", Secret("plain"), "os.password"),
    ("os.password", HASH, "os.password"),
    ("system_settings.ui-source", True, "system_settings"),
    ("system_settings.ui-colour", "red", "ui-colour"),
]


@pytest.mark.parametrize(("path", "value", "named"), FAULTS)
def test_a_fault_names_its_field(path: str, value: Any, named: str) -> None:
    """One change to a good configuration: refused, with the field and the version, no secret."""
    config = created()
    check(config, fields_of("v1.8.2"))
    put(path, value)(config)
    with pytest.raises(InputError) as caught:
        check(config, fields_of("v1.8.2"))
    assert named in str(caught.value)
    assert "v1.8.2" in str(caught.value)
    assert HASH not in str(caught.value)
    assert "a token" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("server_url", None, "server_url"),
        ("server_url", "https://10.0.0.1:6443", "server_url"),
        ("server_url", "https://10.0.0.1/v3", "server_url"),
        ("system_settings", {"ui-source": "bundled"}, "system_settings"),
    ],
)
def test_a_joining_machine_has_rules_of_its_own(path: str, value: Any, named: str) -> None:
    """The cluster's URL is needed, its settings are the founder's alone."""
    config = joined()
    check(config, fields_of("v1.8.2"))
    put(path, value)(config)
    with pytest.raises(InputError, match=named):
        check(config, fields_of("v1.8.2"))


def test_all_faults_at_once() -> None:
    """Nobody corrects one field a time."""
    config = created()
    config["one"], config["two"] = 1, 2
    with pytest.raises(InputError) as caught:
        check(config, fields_of("v1.8.2"))
    assert "one:" in caught.value.why
    assert "two:" in caught.value.why


def test_neither_password_nor_key() -> None:
    """Nobody could log in."""
    config = created()
    del config["os"]["password"], config["os"]["ssh_authorized_keys"]
    with pytest.raises(InputError, match="password or an SSH key"):
        check(config, fields_of("v1.8.2"))


def test_a_field_of_a_later_version_passes_there() -> None:
    """`cordoned` in 1.9."""
    config = joined()
    config["install"]["cordoned"] = True
    check(config, fields_of("v1.9.0"))
