"""The vault opens with its own key under its own names, and with nothing else."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.store.vault import Vault, host_key
from appliance.values import Secret

NONE = Path("/nonexistent/credential.secret")


@pytest.fixture
def database(tmp_path: Path, opened: Callable[[Path], sqlite3.Connection]) -> sqlite3.Connection:
    """A fresh main.db."""
    return opened(tmp_path / "main.db")


@pytest.fixture
def vault(database: sqlite3.Connection) -> Vault:
    """An empty vault."""
    return Vault(database, Secret("k" * 64))


def test_a_secret_comes_back_and_lies_sealed(vault: Vault, tmp_path: Path) -> None:
    """No file beside it holds its text."""
    vault.put("token", Secret("correct horse battery"))
    assert vault.get("token") == Secret("correct horse battery")
    assert vault.get("other") is None
    assert not [file for file in tmp_path.iterdir() if b"correct horse" in file.read_bytes()]


def test_another_key_opens_nothing(vault: Vault, database: sqlite3.Connection) -> None:
    """A copied main.db tells nothing, and the operator learns what to do."""
    vault.put("token", Secret("x"))
    stranger = Vault(database, Secret("l" * 64))
    with pytest.raises(PreflightError, match="'token'") as caught:
        stranger.get("token")
    assert "host.key" in caught.value.fix


def test_a_sealed_value_opens_under_its_own_name_only(
    vault: Vault, database: sqlite3.Connection
) -> None:
    """Who can write the file cannot pass one secret off as another."""
    vault.put("password", Secret("a"))
    database.execute("UPDATE vault SET name='token'")
    with pytest.raises(PreflightError):
        vault.get("token")


def test_a_changed_byte_is_noticed(vault: Vault, database: sqlite3.Connection) -> None:
    """A sealed value is whole or nothing."""
    vault.put("token", Secret("abc"))
    (sealed,) = database.execute("SELECT sealed FROM vault").fetchone()
    database.execute("UPDATE vault SET sealed=?", (bytes([sealed[0] ^ 1]) + sealed[1:],))
    with pytest.raises(PreflightError):
        vault.get("token")


def test_sealing_twice_never_repeats_a_nonce(vault: Vault, database: sqlite3.Connection) -> None:
    """GCM fails with a nonce used twice; equal secrets look different."""
    rows = set()
    for name in ("a", "b", "b"):
        vault.put(name, Secret("same"))
        rows |= {tuple(row) for row in database.execute("SELECT nonce, sealed FROM vault")}
    assert len(rows) == 3
    assert len({nonce for nonce, _ in rows}) == 3


def test_a_secret_is_made_once(vault: Vault) -> None:
    """It is as long as asked for, safe in URLs and as an argument, and stays."""
    made = vault.get_or_make("token", 20)
    assert vault.get_or_make("token", 20) == made
    assert len(made.reveal()) == 20
    assert made.reveal().isalnum()
    assert vault.get_or_make("other", 20) != made
    assert set(vault.all()) == {made, vault.get("other")}


def test_the_key_of_a_host_is_made_once_and_is_private(tmp_path: Path) -> None:
    """Nobody else reads it, whatever the umask; no draft is left behind."""
    own = tmp_path / "state" / "host.key"
    old = os.umask(0)
    try:
        key = host_key(own, systemd=NONE)
    finally:
        os.umask(old)
    assert host_key(own, systemd=NONE) == key
    assert len(key.reveal()) == 64
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert [file.name for file in own.parent.iterdir()] == ["host.key"]


def test_systemds_secret_comes_first_unless_we_have_a_key(tmp_path: Path) -> None:
    """Where the host keeps a credential secret nothing new is made; a key once made stays."""
    systemd, own = tmp_path / "credential.secret", tmp_path / "host.key"
    own_key = host_key(own, systemd=NONE)
    systemd.write_bytes(b"\x00\x01secret")
    assert host_key(own, systemd=systemd) == own_key
    assert host_key(tmp_path / "none", systemd=systemd) == Secret(b"\x00\x01secret".hex())
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", ["", "short"])
def test_a_damaged_key_is_refused(tmp_path: Path, content: str) -> None:
    """An empty file is no key: all would be sealed under a key that everybody has."""
    own = tmp_path / "host.key"
    own.write_text(content)
    with pytest.raises(PreflightError, match="damaged"):
        host_key(own, systemd=NONE)


def test_a_lost_key_is_not_made_anew(
    tmp_path: Path, opened: Callable[[Path], sqlite3.Connection]
) -> None:
    """A new one would open no vault that is there, and be in the way of the one in the backup."""
    own = tmp_path / "host.key"
    opened(tmp_path / "beta" / "main.db")  # nothing is sealed in it
    alpha = opened(tmp_path / "alpha" / "main.db")
    key = host_key(own, systemd=NONE)
    Vault(alpha, key).put("token", Secret("x"))
    own.rename(tmp_path / "backup")
    with pytest.raises(PreflightError, match="is gone") as refused:
        host_key(own, systemd=NONE)
    assert "alpha/main.db" in refused.value.why
    assert not own.exists()
    (tmp_path / "backup").rename(own)
    assert host_key(own, systemd=NONE) == key


def test_a_key_open_to_others_is_closed(tmp_path: Path) -> None:
    """A copy made with the wrong mode is mended."""
    own = tmp_path / "host.key"
    host_key(own, systemd=NONE)
    own.chmod(0o644)
    host_key(own, systemd=NONE)
    assert stat.S_IMODE(own.stat().st_mode) == 0o600


def test_a_key_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """With its place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PreflightError, match="cannot be read"):
        host_key(tmp_path / "file" / "host.key", systemd=NONE)
