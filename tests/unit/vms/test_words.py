"""Names in an operator's words."""

from __future__ import annotations

import pytest

from appliance.vms.words import address_words, resource_words, type_words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            ("harvester_virtualmachine", None, "this", 'module.machine["srv1"]'),
            "virtual machine srv1",
        ),
        (("harvester_image", "debian", "this", ""), "image debian"),
        (("harvester_network", None, "main", ""), "network main"),
        (("harvester_network", 0, "main", ""), "network 0"),
        (("terraform_data", None, "x", 'module.a["b.c"].module.d["e"]'), "terraform data e"),
    ],
)
def test_a_resource(given: tuple[str, object, str, str], words: str) -> None:
    """By its key, else its module's, else its name."""
    assert resource_words(*given) == words


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ('module.machine["srv1"].harvester_virtualmachine.this', "virtual machine srv1"),
        ('module.cloud_init["a.b"].harvester_cloudinit_secret.this', "network data a.b"),
        ('harvester_image.all["x"]', "image x"),
        ("harvester_image.one", "image one"),
        ("terraform", "terraform"),
        ("", ""),
    ],
)
def test_an_address(address: str, words: str) -> None:
    """A dot in a key divides nothing; what is no address stays as it is."""
    assert address_words(address) == words


def test_a_type_nobody_named() -> None:
    """Its own name, without the provider's."""
    assert type_words("harvester_schedule_backup") == "schedule backup"
