"""Where the wizard listens, as it is written."""

from __future__ import annotations

import pytest

from appliance.errors import InputError
from appliance.web.deps import DEFAULT_LISTEN, Listen


@pytest.mark.parametrize(
    ("text", "url", "tls"),
    [
        (DEFAULT_LISTEN, "http://127.0.0.1:8421/", False),
        ("localhost:80", "http://127.0.0.1:80/", False),
        ("[::1]:8421", "http://[::1]:8421/", False),
        ("::1:8421", "http://[::1]:8421/", False),
        ("192.0.2.7:443", "https://192.0.2.7:443/", True),
        ("0.0.0.0:8421", "https://0.0.0.0:8421/", True),
        ("[::]:0", "https://[::]:0/", True),
    ],
)
def test_addresses_are_read(text: str, url: str, *, tls: bool) -> None:
    """Only loopback is spoken to in the clear."""
    listen = Listen.parse(text)

    assert listen.url() == url
    assert listen.tls is tls


@pytest.mark.parametrize(
    "text",
    ["", "8421", ":8421", "127.0.0.1", "127.0.0.1:", "bridge:80", "1.2.3.4:65536", "1.2.3.4:-1"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With how it is written."""
    with pytest.raises(InputError) as refused:
        Listen.parse(text)

    assert DEFAULT_LISTEN in refused.value.fix


def test_everywhere_is_told_from_one_address() -> None:
    """`0.0.0.0` is no name to type; the names of the laptop are."""
    listen = Listen.parse("0.0.0.0:8421", ("192.0.2.7", "bridge.local"))

    assert listen.everywhere
    assert not Listen.parse("192.0.2.7:1").everywhere
    assert [listen.url(name) for name in listen.names] == [
        "https://192.0.2.7:8421/",
        "https://bridge.local:8421/",
    ]
