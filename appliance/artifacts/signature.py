"""Ubuntu's signature of a list of checksums, checked by `gpgv` with the operator's keyring.

Debian 12 packages no keyring of the cloud images, and a key from anywhere but its owner would vouch
for nothing: so the operator brings the keyring, and the fingerprints are pinned here.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from appliance.errors import ArtifactError
from appliance.tools.process import run

UBUNTU_FINGERPRINTS = frozenset(
    {
        "D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81",  # UEC Image Automatic Signing Key
        "4A3CE3CD565D7EB5C810E2B97FF3F408476CF100",  # Cloud Image Builder
    }
)
_VALID = "[GNUPG:] VALIDSIG "


def check_signature(
    file: Path,
    signature: Path,
    keyring: Path,
    *,
    fingerprints: Collection[str] = UBUNTU_FINGERPRINTS,
) -> str:
    """Give the fingerprint of the key that signed a file, one of `fingerprints`.

    `keyring` is a binary OpenPGP keyring, as `gpg --export` writes it. Raises ArtifactError for a
    signature that is not right, a key that is not in the keyring, and one that is not expected.
    """
    result = run(["gpgv", "--status-fd", "1", "--keyring", str(keyring), str(signature), str(file)])
    signers = [
        field
        for line in result.out.splitlines()
        if line.startswith(_VALID)
        for field in (line.split()[2], line.split()[-1])  # the signing key, and its primary key
    ]
    if not result.ok or not signers:
        raise ArtifactError(
            f"the signature of {file.name} is not right",
            where=str(signature),
            why=_last_words(result.err),
            fix=f"fetch list and signature again; is {keyring} the keyring of who signed, "
            "as 'gpg --export' writes it?",
        )
    known = [each for each in signers if each in fingerprints]
    if not known:
        raise ArtifactError(
            f"{file.name} is signed by somebody else",
            where=str(signature),
            why=f"by {signers[-1]}, and expected is {' or '.join(sorted(fingerprints))}",
            fix=f"take the list from upstream, and upstream's keys into {keyring}",
        )
    return known[0]


def _last_words(text: str) -> str:
    lines = [line.removeprefix("gpgv: ").strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-2:]) or "gpgv says nothing of it"
