"""What udev found out about a device: its database in /run/udev/data."""

from __future__ import annotations

from typing import NamedTuple

from .files import octets, text


class Device(NamedTuple):
    """One entry: the links under /dev, the properties, and whether udev was done with it."""

    links: tuple[str, ...]
    properties: dict[str, str]
    done: bool

    def get(self, *keys: str) -> str:
        """Give the first of these properties that is not empty."""
        return next((self.properties[key] for key in keys if self.properties.get(key)), "")


def decode(raw: str) -> Device:
    """Read one file of the database: `S:` a link, `E:` a property, `I:` when it was initialized."""
    links, properties, done = [], {}, False
    for line in raw.splitlines():
        kind, _, value = line.partition(":")
        if kind == "S":
            links.append(value)
        elif kind == "E":
            key, _, meaning = value.partition("=")
            properties[key] = meaning
        elif kind == "I":
            done = True
    return Device(tuple(sorted(links)), properties, done)


def of_block(root: str, folder: str) -> Device:
    """Give the entry of a block device, by its folder in /sys."""
    raw = octets(f"{root}/run/udev/data/b{text(folder, 'dev')}")
    return decode(raw.decode("utf-8", "replace"))


def of_network(root: str, folder: str) -> Device:
    """Give the entry of a network interface, by its folder in /sys."""
    raw = octets(f"{root}/run/udev/data/n{text(folder, 'ifindex')}")
    return decode(raw.decode("utf-8", "replace"))
