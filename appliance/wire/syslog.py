"""One syslog datagram, read liberally (RFC 3164, RFC 5424): installers and iPXE are loose with it.

iPXE's form is in its `core/syslog.c`: `<PRI>`, then host and domain if known, then `ipxe: `.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LIMIT = 2048
_CUT = "…"

_PRIORITY = re.compile(r"<(\d{1,3})>")
_NEW = re.compile(
    r"1 \S+ \S+ (?P<tag>\S+) \S+ \S+ "
    r'(?:-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*")*\])+)(?: (?P<text>.*))?$'
)
_OLD_TIME = re.compile(r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) ")
_TAG = re.compile(r"(?P<tag>[^\s:\[\]]{1,48})(?:\[[^\]\s]{0,24}\])?: ?")
_HOST = re.compile(r"[^\s:\[\]]{1,255} (?=\S)")
_IPXE = re.compile(r"(?:\S{1,255} ){0,2}(?P<tag>ipxe): ")


@dataclass(frozen=True, slots=True)
class SyslogLine:
    r"""One line. `priority`, `facility` and `severity` are None when the datagram has no `<PRI>`.

    `text` and `tag` hold no control characters: these appear as `\xNN` or `\uNNNN`.
    """

    priority: int | None
    facility: int | None
    severity: int | None
    tag: str
    text: str


def parse(raw: bytes) -> SyslogLine:
    """Read one datagram; never raises. What is above 2048 octets is cut, marked with `…`."""
    line = _visible(raw[: LIMIT + 1].rstrip(b"\r\n\0 "))
    priority, line = _take_priority(line)
    tag, text = _take_tag(line)
    if len(raw) > LIMIT or len(text) > LIMIT:
        text = text[: LIMIT - 1] + _CUT
    if priority is None:
        return SyslogLine(None, None, None, tag, text)
    return SyslogLine(priority, priority >> 3, priority & 7, tag, text)


def _take_priority(line: str) -> tuple[int | None, str]:
    found = _PRIORITY.match(line)
    if found is None or int(found[1]) > 191:
        return None, line
    return int(found[1]), line[found.end() :]


def _take_tag(line: str) -> tuple[str, str]:
    """Split the program's name from its text; the host and the time are known better by others."""
    if found := _NEW.match(line):
        tag = found["tag"]
        return "" if tag == "-" else tag, (found["text"] or "").removeprefix("\\ufeff")
    timed = _OLD_TIME.match(line)
    if timed:
        line = line[timed.end() :]
    found = _IPXE.match(line) or _TAG.match(line)
    if not found and timed and (host := _HOST.match(line)):
        # RFC 3164, 4.1.2: a host follows the time; syslog(3) leaves it out.
        line = line[host.end() :]
        found = _TAG.match(line)
    return (found["tag"], line[found.end() :]) if found else ("", line)


def _visible(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
