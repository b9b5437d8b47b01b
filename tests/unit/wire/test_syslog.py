"""Whatever an installer sends as syslog becomes one harmless line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.wire.syslog import LIMIT, SyslogLine, parse


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"<134>ipxe: Booting", SyslogLine(134, 16, 6, "ipxe", "Booting")),
        (b"<134>hv1 alpha.lan ipxe: net0: up", SyslogLine(134, 16, 6, "ipxe", "net0: up")),
        (
            b"<13>Nov 21 10:00:00 hv1 harvester-installer[812]: disk found",
            SyslogLine(13, 1, 5, "harvester-installer", "disk found"),
        ),
        (b"<13>Nov  1 10:00:00 dracut: root ok", SyslogLine(13, 1, 5, "dracut", "root ok")),
        (b"<13>Nov  1 10:00:00 hv1 no tag here", SyslogLine(13, 1, 5, "", "no tag here")),
        (
            b"<30>2026-11-21T10:00:00.1+00:00 hv1 sshd[1]: hi",
            SyslogLine(30, 3, 6, "sshd", "hi"),
        ),
        (
            b'<165>1 2026-11-21T10:00:00Z hv1 rke2 12 ID47 [a@1 k="v\\"]"][b] \xef\xbb\xbfready',
            SyslogLine(165, 20, 5, "rke2", "ready"),
        ),
        (b"<165>1 - - - - - -", SyslogLine(165, 20, 5, "", "")),
        (b"<165>1 - - app - - - a: b", SyslogLine(165, 20, 5, "app", "a: b")),
        (b"plain words\n", SyslogLine(None, None, None, "", "plain words")),
        (b"kernel: panic", SyslogLine(None, None, None, "kernel", "panic")),
        (b"<191>x", SyslogLine(191, 23, 7, "", "x")),
        (b"<192>x", SyslogLine(None, None, None, "", "<192>x")),
        (b"<0>x", SyslogLine(0, 0, 0, "", "x")),
        (b"", SyslogLine(None, None, None, "", "")),
    ],
)
def test_each_dialect_is_read(raw: bytes, line: SyslogLine) -> None:
    """RFC 3164 with and without host, RFC 5424, iPXE's own, and none."""
    assert parse(raw) == line


def test_control_characters_become_visible() -> None:
    """No line can clear the operator's terminal or forge a second line."""
    line = parse("<13>a\x1b[2J\nb\u202ec\u2028d é\r\n".encode() + b"\xff\0\n")

    assert line.text == "a\\x1b[2J\\x0ab\\u202ec\\u2028d é\\x0d\\x0a\\xff"


def test_a_long_line_is_cut_and_marked() -> None:
    """2048 octets are read, 2048 characters are kept."""
    assert len(parse(b"x" * LIMIT).text) == LIMIT
    assert not parse(b"x" * LIMIT).text.endswith("…")
    for raw in (b"x" * (LIMIT + 1), b"x" * 65000, b"\x01" * 2000):
        text = parse(raw).text
        assert len(text) == LIMIT
        assert text.endswith("…")


@given(st.binary(max_size=300))
def test_any_datagram_becomes_one_visible_line(raw: bytes) -> None:
    """Never an exception, never a control character."""
    line = parse(raw)

    assert line.text.isprintable()
    assert line.tag.isprintable()
    assert line.priority is None or 0 <= line.priority <= 191
