"""The registry's own configuration, as JSON, which is YAML too. Pure.

Source: distribution/distribution 3.1, docs/content/about/configuration.md.
"""

from __future__ import annotations


def registry_settings(root: str, address: str, *, readonly: bool = False) -> dict[str, object]:
    """Give the configuration of a registry that stores in `root` and listens on `address`.

    `readonly`: nothing can be pushed or deleted, so that no machine of the site changes an image.
    """
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": root},
            "maintenance": {
                "uploadpurging": {"enabled": False},
                "readonly": {"enabled": readonly},
            },
        },
        "http": {"addr": address},
    }
