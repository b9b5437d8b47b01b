"""Small values of the domain, each valid once made: MAC addresses, digests, secrets."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Self

_MAC_FORMS = re.compile(
    r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}"
    r"|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{12}"
)
_NO_SEPARATORS = str.maketrans("", "", ":-.")
_HEX12 = re.compile(r"[0-9a-f]{12}")
_HEX_LENGTH = {"sha256": 64, "sha512": 128}


@dataclass(frozen=True, slots=True, order=True)
class Mac:
    """An EUI-48 hardware address, kept as twelve lower-case hex digits.

    `str()` gives the colon form (`52:54:00:12:34:56`), `bare` the form used in
    URLs and file names, where colons upset BMCs and some firmware.
    """

    bare: str

    def __post_init__(self) -> None:
        if not _HEX12.fullmatch(self.bare):
            raise ValueError(f"{self.bare!r} is not twelve lower-case hex digits")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `aa:bb:…`, `aa-bb-…`, `aabb.ccdd.eeff` or bare hex, in any case.

        Raises ValueError for anything else, and for a multicast or all-zero address,
        which no network card owns.
        """
        lower = text.strip().lower()
        if not _MAC_FORMS.fullmatch(lower):
            raise ValueError(f"{text!r} is not a MAC address such as 52:54:00:12:34:56")
        bare = lower.translate(_NO_SEPARATORS)
        if int(bare[:2], 16) & 1:
            raise ValueError(f"{text!r} is a multicast address; no network card owns it")
        if bare == "0" * 12:
            raise ValueError(f"{text!r} is the all-zero address; no network card owns it")
        return cls(bare)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Take six octets from the wire, with no judgement on what they are."""
        if len(raw) != 6:
            raise ValueError(f"a MAC address is 6 octets, not {len(raw)}")
        return cls(raw.hex())

    def to_bytes(self) -> bytes:
        """Give the six octets."""
        return bytes.fromhex(self.bare)

    def __str__(self) -> str:
        return ":".join(self.bare[i : i + 2] for i in range(0, 12, 2))


@dataclass(frozen=True, slots=True)
class Digest:
    """A checksum with the name of its algorithm: `sha256` or `sha512`."""

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        length = _HEX_LENGTH.get(self.algorithm)
        if length is None:
            raise ValueError(f"{self.algorithm!r} is not sha256 or sha512")
        if not re.fullmatch(rf"[0-9a-f]{{{length}}}", self.hex):
            raise ValueError(f"a {self.algorithm} digest is {length} lower-case hex digits")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `sha256:…`/`sha512:…`, or bare hex told apart by its length."""
        algorithm, colon, digits = text.strip().lower().partition(":")
        if not colon:
            digits = algorithm
            algorithm = "sha512" if len(digits) == _HEX_LENGTH["sha512"] else "sha256"
        return cls(algorithm, digits)

    def matches(self, other: Digest) -> bool:
        """Compare without leaking where two digests differ."""
        return self.algorithm == other.algorithm and hmac.compare_digest(self.hex, other.hex)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


class Secret:
    """A text that must reach no log, event, command line or world-readable file.

    `repr()`, `str()` and `format()` give asterisks; only `reveal()` gives the text.
    No dataclass: `dataclasses.asdict` of whatever holds a secret would lay it open.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself, to the one place that needs it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._text.encode("utf-8", "surrogatepass"),
            other._text.encode("utf-8", "surrogatepass"),
        )

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __repr__(self) -> str:
        return "Secret('******')"

    def __str__(self) -> str:
        return "******"

    def __format__(self, spec: str) -> str:
        return format("******", spec)
