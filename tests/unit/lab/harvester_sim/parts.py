"""What the tests of the stand-in share: disks that boot, a server of images, a machine's object."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Machine = Callable[..., Json]

# A boot sector that asks the BIOS (APM 1.2, INT 15h AX=5307h) to switch the machine off.
POWER_OFF = bytes.fromhex("b80753bb0100b90300cd15f4ebfd")
HALT = bytes.fromhex("f4ebfd")


def boot_disk(code: bytes) -> bytes:
    """Give a raw disk of 1 MiB whose boot sector is that code."""
    return code.ljust(510, b"\0") + b"\x55\xaa" + bytes((1 << 20) - 512)


@dataclass(slots=True)
class ImageServer:
    """Serves files as a depot does, and notes who asked for what."""

    files: dict[str, bytes] = field(default_factory=dict)
    knows_ranges: bool = True
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def url(self, name: str) -> str:
        """Give a file's URL."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def put(self, name: str, content: bytes) -> Json:
        """Serve a file; give the image object that names it."""
        self.files[name] = content
        spec = {
            "displayName": name,
            "sourceType": "download",
            "url": self.url(name),
            "checksum": hashlib.sha512(content).hexdigest(),
        }
        return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
