"""Secrets kept out of texts that leave the laptop or reach a log: known ones, and known shapes.

Known secrets are replaced wherever they stand: plain, JSON-escaped, URL-quoted, and in base64 at
each of its three alignments, because `Authorization: Basic` encodes them behind a user name.
Shapes catch what nobody told us of: password hashes, boot tokens in URLs, private keys.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

from appliance.values import Secret

MASK = "******"

MIN_LENGTH = 6
"""Shorter secrets are not looked for: they would blank ordinary words."""

_MIN_BASE64 = 8

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A key cut off by the end of a log is still a key.
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"
            r"(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY-----|.*\Z)",
            re.DOTALL,
        ),
        MASK,
    ),
    # crypt(5): $1$ $2b$ $5$ $6$ $7$ $y$ $gy$, and argon2's own form.
    (
        re.compile(r"\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|argon2(?:id|i|d))\$[./A-Za-z0-9$=,+_-]{8,}"),
        MASK,
    ),
    (re.compile(r"""(/(?:c|hook)/)[^/\s"'<>?#]+"""), rf"\1{MASK}"),
    (
        re.compile(r"""(?i)((?:proxy-)?authorization["']?\s*[:=]\s*["']?)[^\r\n"']+"""),
        rf"\1{MASK}",
    ),
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+@"), rf"\1{MASK}@"),
    # RKE2's and K3s' full join token.
    (re.compile(r"\bK10[0-9a-f]{64}::\S+"), MASK),
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"), MASK),
    (
        re.compile(
            r"""(?i)((?:password|passwd|passphrase|token|secret|api[_-]?key)\\*["']?[:=][ \t]*"""
            r"""\\*["']?)[^\s"',;&\\]+"""
        ),
        rf"\1{MASK}",
    ),
)


_SECRET_KEY = re.compile(
    r"(?i)(?:password|passwd|passphrase|token|secret|api[_-]?key|private[_-]?key)$"
)


class Redactor:
    """Blanks a set of secrets and all known shapes of secrets. Made once, used for many texts."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret.reveal())}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._in_key = False

    def text(self, text: str) -> str:
        """Give a whole text with every secret in it blanked."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _SHAPES:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: object) -> object:
        """Give a JSON-ready value with every text in it blanked, before it is dumped.

        Done on the dumped text instead, escaped quotes would end what is to be blanked too early.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): MASK
                if isinstance(each, str) and each and _SECRET_KEY.search(str(key))
                else self.value(each)
                for key, each in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value

    def line(self, line: str) -> str:
        """Give the next line of a stream; the lines of a private key stay blank to its end."""
        if self._in_key:
            end = _KEY_END.search(line)
            if end is None:
                return MASK
            self._in_key = False
            return MASK + self.text(line[end.end() :])
        begins = list(_KEY_BEGIN.finditer(line))
        if begins and not _KEY_END.search(line, begins[-1].end()):
            self._in_key = True
        return self.text(line)


def redact(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Give the text with these secrets, and all that looks like one, replaced by asterisks."""
    return Redactor(secrets).text(text)


def _forms(secret: str) -> Iterator[str]:
    """Give the ways in which a secret may stand in a text. Its lines count on their own too."""
    for plain in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if len(plain) < MIN_LENGTH:
            continue
        yield plain
        yield json.dumps(plain)[1:-1]
        yield json.dumps(plain, ensure_ascii=False)[1:-1]
        yield quote(plain, safe="", errors="replace")
        yield quote(plain, errors="replace")
        yield quote_plus(plain, errors="replace")
        yield from _base64_forms(plain.encode(errors="replace"))


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Give what base64 makes of these octets whatever stands before and behind them.

    Three octets become four characters; those that share bits with a neighbour are left out.
    """
    for lead in range(3):
        encoded = b64encode(b"\0" * lead + raw).decode().rstrip("=")
        first = -(-8 * lead // 6)
        last = 8 * (lead + len(raw)) // 6
        form = encoded[first:last]
        if len(form) >= _MIN_BASE64:
            yield form
            yield form.replace("+", "-").replace("/", "_")
