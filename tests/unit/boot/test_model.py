"""The values that boot is handed keep secrets and cannot be changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from appliance.boot.model import TOKEN_MARK, Documents, Moment
from appliance.values import Secret
from tests.unit.boot.dhcp_packets import NETWORK, NODE


def test_documents_show_no_secret() -> None:
    """A machine's repr, as it lands in a log, holds neither script nor configuration."""
    documents = Documents(Secret(f"kernel token={TOKEN_MARK}"), Secret("password: hunter2"))
    assert "hunter2" not in repr(documents)
    assert TOKEN_MARK not in f"{documents}"
    assert "#!ipxe" not in repr(NODE)


def test_values_are_frozen() -> None:
    """What was handed over stays as it was."""
    with pytest.raises(FrozenInstanceError):
        NETWORK.proxy = True  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Moment(1.0, 2.0).unix = 3.0  # type: ignore[misc]
