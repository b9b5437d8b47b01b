"""A bounded reader: every read checks what is left and raises the one wire error.

The shape is that of dnspython's `wirebase.Parser`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import WireError


class Reader:
    """Read big-endian fields from `raw` in order.

    `what` names the message in errors. Every read raises WireError when too little is left.
    """

    __slots__ = ("_at", "_end", "_raw", "_what")

    def __init__(self, raw: bytes, what: str = "packet") -> None:
        self._raw = raw
        self._at = 0
        self._end = len(raw)
        self._what = what

    @property
    def remaining(self) -> int:
        """How many octets are left."""
        return self._end - self._at

    def take(self, count: int) -> bytes:
        """Give the next `count` octets."""
        start, stop = self._at, self._at + count
        if count < 0 or stop > self._end:
            raise WireError(
                f"{self._what} is cut short",
                where=f"octet {start}",
                why=f"{count} octets needed, {self._end - start} left",
            )
        self._at = stop
        return self._raw[start:stop]

    def skip(self, count: int) -> None:
        """Pass over the next `count` octets."""
        self.take(count)

    def uint8(self) -> int:
        """Give the next octet as a number."""
        return self.take(1)[0]

    def uint16(self) -> int:
        """Give the next two octets as a big-endian number."""
        return int.from_bytes(self.take(2), "big")

    def uint32(self) -> int:
        """Give the next four octets as a big-endian number."""
        return int.from_bytes(self.take(4), "big")

    def uint64(self) -> int:
        """Give the next eight octets as a big-endian number."""
        return int.from_bytes(self.take(8), "big")

    def until_nul(self) -> bytes:
        """Give the octets up to the next NUL and pass over that NUL."""
        stop = self._raw.find(b"\0", self._at, self._end)
        if stop < 0:
            raise WireError(
                f"{self._what} holds a string without its end",
                where=f"octet {self._at}",
                why="no NUL follows",
            )
        text = self._raw[self._at : stop]
        self._at = stop + 1
        return text

    def rest(self) -> bytes:
        """Give everything that is left."""
        return self.take(self.remaining)

    @contextmanager
    def restrict_to(self, count: int) -> Iterator[None]:
        """Confine the reads inside the block to `count` octets, all of which must be read."""
        if count < 0 or count > self.remaining:
            raise WireError(
                f"{self._what} is cut short",
                where=f"octet {self._at}",
                why=f"{count} octets promised, {self.remaining} left",
            )
        outer, self._end = self._end, self._at + count
        try:
            yield
            if self.remaining:
                raise WireError(
                    f"{self._what} has octets nobody read",
                    where=f"octet {self._at}",
                    why=f"{self.remaining} left over",
                )
        finally:
            self._end = outer
