"""What is known of each version's fields."""

from __future__ import annotations

import pytest

from appliance.errors import InputError
from appliance.hypervisor.versions import fields_of, first_version_with, is_uefi_only, minor_of


@pytest.mark.parametrize(
    ("version", "minor"), [("v1.7.3", 7), ("v1.8.2", 8), ("1.9.0", 9), ("v1.9.0-rc6", 9)]
)
def test_known_lines(version: str, minor: int) -> None:
    """With and without the v, release candidates too."""
    assert minor_of(version) == minor


@pytest.mark.parametrize("version", ["v1.6.1", "v1.10.0", "v2.8.0", "1.8", "latest", ""])
def test_others_are_refused(version: str) -> None:
    """A line whose fields nobody has read is refused, naming the known ones."""
    with pytest.raises(InputError, match=r"1\.7, 1\.8, 1\.9"):
        fields_of(version)


def test_uefi_only_since_1_8() -> None:
    """The automatic installation stops on BIOS."""
    assert [is_uefi_only(each) for each in ("v1.7.3", "v1.8.0", "v1.9.0")] == [False, True, True]


def test_fields_that_came_later() -> None:
    """1.8 brought `disable_password_auth` and new settings, 1.9 `cordoned`."""
    assert "os.sshd.disable_password_auth" not in fields_of("v1.7.3").fields
    assert "os.sshd.disable_password_auth" in fields_of("v1.8.2").fields
    assert "install.cordoned" not in fields_of("v1.8.2").fields
    assert "install.cordoned" in fields_of("v1.9.0").fields
    assert "rancher-cluster" not in fields_of("v1.7.3").system_settings
    assert "rancher-cluster" in fields_of("v1.8.2").system_settings
    assert first_version_with("install.cordoned") == "1.9"
    assert first_version_with("install.device") == "1.7"
    assert first_version_with("install.nonsense") is None


def test_parents_are_known() -> None:
    """A path on the way to a field is no unknown field."""
    table = fields_of("v1.8.2")
    assert table.has_parent("install")
    assert table.has_parent("install.webhooks")
    assert not table.has_parent("install.web")
