"""The lab's BMCs: what sushy-tools' emulator is given, and what it needs of Debian."""

from __future__ import annotations

import runpy
import socket
import stat
import sys
from pathlib import Path

import bcrypt
import pytest

from appliance.errors import PreflightError
from appliance.lab.redfish import RedfishPlace, furnish

BINDING = f"libvirtmod.cpython-{sys.version_info[0]}{sys.version_info[1]}-x86_64-linux-gnu.so"


def place_in(folder: Path, *, port: int = 8443) -> RedfishPlace:
    """Give a place of one machine on loopback."""
    return RedfishPlace(folder, "127.0.0.1", port, "test:///default", "operator", ("a-uuid",))


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A folder as Debian has its Python packages in."""
    folder = tmp_path / "debian"
    folder.mkdir()
    for name in ("libvirt.py", BINDING, "bcrypt.py", "flask.py"):
        (folder / name).touch()
    return folder


def test_the_emulator_is_told_who_may_switch_what(tmp_path: Path, debian: Path) -> None:
    """Its settings are a Python file; other machines of this computer are not shown."""
    place = place_in(tmp_path / "bmc")
    furnish(place, "secret", debian=debian)

    read = runpy.run_path(str(place.configuration))
    assert {name: read[name] for name in place.settings()} == dict(place.settings())
    assert read["SUSHY_EMULATOR_ALLOWED_INSTANCES"] == ["a-uuid"]
    assert Path(read["SUSHY_EMULATOR_SSL_CERT"]).read_text().startswith("-----BEGIN CERTIFICATE")
    user, _, hashed = Path(read["SUSHY_EMULATOR_AUTH_FILE"]).read_text().strip().partition(":")
    assert user == "operator"
    assert bcrypt.checkpw(b"secret", hashed.encode())


def test_the_password_is_in_no_file_and_no_argument(tmp_path: Path, debian: Path) -> None:
    """Only its hash is, in a file that nobody else reads; the key is as private."""
    place = place_in(tmp_path / "bmc")
    furnish(place, "0penSesame", debian=debian)

    written = [path for path in place.folder.rglob("*") if path.is_file()]
    assert not [path for path in written if b"0penSesame" in path.read_bytes()]
    assert "0penSesame" not in " ".join([*place.words(), *place.environment().values()])
    for name in ("users", "tls.key"):
        assert stat.S_IMODE((place.folder / name).stat().st_mode) == 0o600


def test_of_debians_python_only_libvirts_binding_is_taken(tmp_path: Path, debian: Path) -> None:
    """What else is installed there must not replace the locked packages. Again is as once."""
    place = place_in(tmp_path / "bmc")
    for _ in range(2):
        furnish(place, "secret", debian=debian)

    taken = sorted(path.name for path in (place.folder / "python").iterdir())
    assert taken == sorted(["libvirt.py", BINDING])
    assert place.environment()["PYTHONPATH"] == str(place.folder / "python")


def test_another_pythons_binding_is_refused(tmp_path: Path, debian: Path) -> None:
    """The words say which Python's is missing and what brings it."""
    (debian / BINDING).rename(debian / "libvirtmod.cpython-27-x86_64-linux-gnu.so")
    with pytest.raises(PreflightError, match="libvirt cannot be spoken to") as refused:
        furnish(place_in(tmp_path / "bmc"), "secret", debian=debian)
    assert "--vagrant" in refused.value.fix


def test_the_door_is_tried(tmp_path: Path) -> None:
    """Open while somebody listens there, closed afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = place_in(tmp_path, port=server.getsockname()[1])
        assert place.answers()
    assert not place.answers()
