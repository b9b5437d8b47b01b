"""Login, password and tokens."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from appliance.lab.harvester_sim.accounts import AccountError, Accounts, kubeconfig
from appliance.lab.harvester_sim.objects import ObjectStore


def test_the_first_password_is_admin_until_it_is_changed(store: ObjectStore) -> None:
    """And after a restart the new one holds."""
    accounts = Accounts(store)
    token = accounts.log_in("admin", "admin")["token"]
    assert accounts.knows(f"Bearer {token}")
    accounts.change_password("admin", "a long password")
    with pytest.raises(AccountError) as caught:
        accounts.log_in("admin", "admin")
    assert caught.value.status == 401
    again = Accounts(store)
    assert again.log_in("admin", "a long password")["type"] == "token"
    assert again.knows(f"Bearer {token}")


@pytest.mark.parametrize(
    ("current", "new", "why"),
    [
        ("wrong", "a long password", "invalid current password"),
        ("admin", "short", "at least 12 characters"),
    ],
)
def test_a_password_that_cannot_be_is_refused(
    store: ObjectStore, current: str, new: str, why: str
) -> None:
    """422 with Rancher's words; the old one holds."""
    accounts = Accounts(store)
    with pytest.raises(AccountError, match=why) as caught:
        accounts.change_password(current, new)
    assert caught.value.status == 422
    assert accounts.log_in("admin", "admin")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x:y", "Basic YWRtaW46YWRtaW4="])
def test_who_brings_no_token_of_ours_is_not_known(store: ObjectStore, header: str) -> None:
    """Nor does a token's name alone open anything."""
    accounts = Accounts(store)
    name, _ = accounts.new_token("token")
    assert not accounts.knows(header)
    assert not accounts.knows(f"Bearer {name}")


def test_no_token_and_no_password_is_kept_as_it_is(store: ObjectStore) -> None:
    """Only digests are."""
    accounts = Accounts(store)
    _, token = accounts.new_token("token")
    accounts.change_password("admin", "a long password")
    assert token.partition(":")[2] not in store.fact("tokens")
    assert "a long password" not in store.fact("password")


def test_a_kubeconfig_names_server_token_and_certificate() -> None:
    """As YAML that any reader reads."""
    document = YAML(typ="safe", pure=True).load(kubeconfig("https://10.0.0.9/k", "t:1", b"UEVN"))
    assert document["clusters"][0]["cluster"] == {
        "server": "https://10.0.0.9/k",
        "certificate-authority-data": "UEVN",
    }
    assert document["users"][0]["user"] == {"token": "t:1"}
    assert "certificate-authority-data" not in kubeconfig("https://x", "t")
