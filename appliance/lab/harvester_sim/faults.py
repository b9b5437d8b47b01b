"""What the stand-in does wrong on purpose."""

from __future__ import annotations

import threading
import time
from typing import Any

from appliance.errors import InputError

Json = dict[str, Any]

FORMS = (
    "checksum=IMAGE (its download does not have the sum that was asked for), "
    "no-address=MACHINE (its cable is out), unavailable=SECONDS (everything answers 503), "
    "conflict=N (every Nth replacement of an object is refused with 409)"
)


class Faults:
    """The faults in force. Safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong_checksum: set[str] = set()
        self._no_address: set[str] = set()
        self._unavailable_until = 0.0
        self._conflict_every = 0
        self._replacements = 0

    def add(self, text: str) -> None:
        """Put a fault in force, such as `checksum=debian`. Raises InputError."""
        name, _, value = text.partition("=")
        with self._lock:
            if name == "checksum" and value:
                self._wrong_checksum.add(value)
            elif name == "no-address" and value:
                self._no_address.add(value)
            elif name == "unavailable" and value.isdigit():
                self._unavailable_until = time.monotonic() + int(value)
            elif name == "conflict" and value.isdigit():
                self._conflict_every = int(value)
            else:
                raise InputError(f"{text!r} is no fault of the lab", fix=f"one of: {FORMS}")

    def clear(self) -> None:
        """Take every fault back."""
        with self._lock:
            self._wrong_checksum.clear()
            self._no_address.clear()
            self._unavailable_until = 0.0
            self._conflict_every = 0

    def as_json(self) -> Json:
        """Give the faults in force."""
        with self._lock:
            return {
                "checksum": sorted(self._wrong_checksum),
                "no-address": sorted(self._no_address),
                "unavailable": max(0, round(self._unavailable_until - time.monotonic())),
                "conflict": self._conflict_every,
            }

    def has_wrong_checksum(self, image: str) -> bool:
        """Tell whether the image's sum is to be a wrong one."""
        with self._lock:
            return image in self._wrong_checksum

    def has_no_address(self, machine: str) -> bool:
        """Tell whether the machine's cable is to be out."""
        with self._lock:
            return machine in self._no_address

    @property
    def unavailable(self) -> bool:
        """Whether nothing is to be answered but 503."""
        with self._lock:
            return time.monotonic() < self._unavailable_until

    def next_conflicts(self) -> bool:
        """Count a replacement; tell whether it is to be refused."""
        with self._lock:
            self._replacements += 1
            return bool(self._conflict_every) and self._replacements % self._conflict_every == 0
