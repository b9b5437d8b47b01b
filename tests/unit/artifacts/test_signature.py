"""Upstream's signature, by real keys made here and the real gpgv."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.artifacts.signature import UBUNTU_FINGERPRINTS, check_signature
from appliance.errors import ArtifactError


@dataclass(frozen=True)
class Signed:
    """A list, its signature, the keyring and the fingerprint of who signed."""

    file: Path
    signature: Path
    keyring: Path
    fingerprint: str


def gpg(home: Path, *words: str) -> str:
    """Run gpg with a home of its own."""
    done = subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--no-tty", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def signed() -> Iterator[Signed]:
    """Make a key, sign a list with it, export a keyring."""
    # gpg's own socket has a path of at most 108 octets, which pytest's folders exceed.
    with tempfile.TemporaryDirectory(prefix="bh-gpg-") as name:
        home = Path(name)
        options = ("--passphrase", "", "--quick-generate-key", "Upstream <a@b.invalid>")
        gpg(home, *options, "ed25519", "sign", "never")
        file, signature, keyring = home / "SUMS", home / "SUMS.gpg", home / "keys.gpg"
        file.write_text("one\n")
        gpg(home, "--output", str(signature), "--detach-sign", str(file))
        gpg(home, "--output", str(keyring), "--export")
        listed = gpg(home, "--with-colons", "--fingerprint")
        fingerprint = next(
            line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")
        )
        yield Signed(file, signature, keyring, fingerprint)
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


def test_who_signed_is_named(signed: Signed) -> None:
    """The key's own fingerprint."""
    found = check_signature(
        signed.file, signed.signature, signed.keyring, fingerprints=[signed.fingerprint]
    )
    assert found == signed.fingerprint


def test_a_changed_list_is_refused(signed: Signed, tmp_path: Path) -> None:
    """To the octet."""
    other = tmp_path / "SUMS"
    other.write_text("two\n")
    with pytest.raises(ArtifactError, match="is not right") as caught:
        check_signature(other, signed.signature, signed.keyring)
    assert "BAD signature" in caught.value.why


def test_a_key_that_is_not_in_the_keyring(signed: Signed, tmp_path: Path) -> None:
    """An empty keyring knows nobody."""
    empty = tmp_path / "none.gpg"
    empty.write_bytes(b"")
    with pytest.raises(ArtifactError, match="is not right"):
        check_signature(signed.file, signed.signature, empty)


def test_somebody_elses_key_is_refused(signed: Signed) -> None:
    """A right signature of a key that is in the keyring, and not upstream's."""
    with pytest.raises(ArtifactError, match="signed by somebody else") as caught:
        check_signature(signed.file, signed.signature, signed.keyring)
    assert signed.fingerprint in caught.value.why


def test_ubuntus_fingerprints_are_whole() -> None:
    """Forty digits each: a short key id can be forged."""
    assert {len(each) for each in UBUNTU_FINGERPRINTS} == {40}
