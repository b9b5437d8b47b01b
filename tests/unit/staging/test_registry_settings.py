"""The registry's configuration: read-only for everybody, and of the keys that upstream knows."""

from __future__ import annotations

from appliance.staging.registry_settings import registry_settings


def test_the_registry_everybody_reaches_is_read_only() -> None:
    """Images come in by the other one alone."""
    settings = registry_settings("/store", ":5000", readonly=True)
    assert settings["http"] == {"addr": ":5000"}
    assert settings["storage"] == {
        "filesystem": {"rootdirectory": "/store"},
        "maintenance": {"uploadpurging": {"enabled": False}, "readonly": {"enabled": True}},
    }
    assert registry_settings("/store", ":5000") != settings
