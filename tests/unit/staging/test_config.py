"""What the staging machine is told: written and read back, and refused where it is wrong."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError
from appliance.staging.config import (
    FillConfig,
    ImageSource,
    Ports,
    ServeConfig,
    StagedFile,
    read,
)

SERVE = ServeConfig(
    zone="alpha.site",
    name="staging",
    address=IPv4Address("10.20.0.5"),
    hosts=(("cluster", IPv4Address("10.20.0.21")), ("cluster", IPv4Address("10.20.0.22"))),
    networks=(IPv4Network("10.20.0.0/24"),),
    folder="/var/lib/files",
    files=(StagedFile("rke2_v1.tar.gz", 12, "ab" * 32),),
    ports=Ports(dns=5353),
)
FILL = FillConfig(
    program="/opt/registry",
    root="/var/lib/registry",
    images=(ImageSource("site.oci.tar", "http://10.20.0.2/a/site.oci.tar", "cd" * 32),),
)


def test_both_survive_being_written(tmp_path: Path) -> None:
    """As JSON, through a file."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(SERVE.as_json()))
    assert ServeConfig.from_json(read(path)) == SERVE
    path.write_text(json.dumps(FILL.as_json()))
    assert FillConfig.from_json(read(path)) == FILL


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"address": "10.20.0"}, "10.20.0"),
        ({"hosts": [["a"]]}, "values to unpack"),
        ({"files": [{"name": "../etc/passwd", "size": 1, "sha256": "ab" * 32}]}, "plain file"),
        ({"files": [{"name": "a", "size": 1, "sha256": "ab"}]}, "SHA-256"),
        ({"ports": {"smtp": 25}}, "smtp"),
        ({"zone": None, "networks": ["x"]}, "'x'"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], word: str) -> None:
    """One error, whatever it is."""
    with pytest.raises(InputError, match="staging machine") as caught:
        ServeConfig.from_json({**SERVE.as_json(), **change})
    assert word in caught.value.why


def test_what_is_missing_is_named() -> None:
    """By its key."""
    said = SERVE.as_json()
    del said["zone"]
    with pytest.raises(InputError) as caught:
        ServeConfig.from_json(said)
    assert caught.value.why == "'zone' is missing"
    with pytest.raises(InputError, match="registry"):
        FillConfig.from_json({})


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    """The place is said."""
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.where == str(path)
    with pytest.raises(InputError):
        read(tmp_path / "missing")
