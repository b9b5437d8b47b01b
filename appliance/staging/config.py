"""What the staging machine is told, in two JSON files: what it answers, and what it is filled with.

Written by the laptop from the Plan, read in the virtual machine, where only Python's own library
and this package's few needed files are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from appliance.errors import InputError

REGISTRY_PORT = 5000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that is served at `/a/<name>`; `size` in octets, `sha256` in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the services listen."""

    dns: int = 53
    ntp: int = 123
    http: int = 80


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Names, time and files. `hosts` are names within `zone`; `name` is the machine's own.

    `networks` are those whose addresses are looked up in reverse. The files lie in `folder`.
    """

    zone: str
    name: str
    address: IPv4Address
    hosts: tuple[tuple[str, IPv4Address], ...]
    networks: tuple[IPv4Network, ...]
    folder: str
    files: tuple[StagedFile, ...] = ()
    ports: Ports = Ports()

    def as_json(self) -> dict[str, Any]:
        """Give it as it is written."""
        return _plain(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> ServeConfig:
        """Read what `as_json` gave. Raises InputError naming what is wrong."""
        with _reading("the staging machine's configuration"):
            return cls(
                zone=str(said["zone"]),
                name=str(said["name"]),
                address=IPv4Address(said["address"]),
                hosts=tuple((str(name), IPv4Address(each)) for name, each in said["hosts"]),
                networks=tuple(IPv4Network(each) for each in said["networks"]),
                folder=str(said["folder"]),
                files=tuple(_file(each) for each in said["files"]),
                ports=Ports(**said["ports"]),
            )


@dataclass(frozen=True, slots=True)
class ImageSource:
    """An archive of images: where it is fetched from, and what it must be."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class FillConfig:
    """What the registry is filled with. `program` is the registry; `root` holds what it stores."""

    program: str
    root: str
    images: tuple[ImageSource, ...]

    def as_json(self) -> dict[str, Any]:
        """Give it as it is written."""
        return _plain(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> FillConfig:
        """Read what `as_json` gave. Raises InputError naming what is wrong."""
        with _reading("what the registry is to be filled with"):
            return cls(
                program=str(said["program"]),
                root=str(said["root"]),
                images=tuple(_image(each) for each in said["images"]),
            )


def read(path: Path) -> dict[str, Any]:
    """Read a JSON file. Raises InputError if it is not there or no JSON object."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), str(error)) from None
    return parse(text, str(path))


def parse(text: str, where: str) -> dict[str, Any]:
    """Read JSON. Raises InputError, naming `where`, if it is no JSON object."""
    try:
        said = json.loads(text)
    except ValueError as error:
        raise _unreadable(where, str(error)) from None
    if not isinstance(said, dict):
        raise InputError("a configuration is not a JSON object", where=where)
    return said


def _unreadable(where: str, why: str) -> InputError:
    return InputError("a configuration cannot be read", where=where, why=why)


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Turn whatever is wrong in a document into the one error."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{what} cannot be read", why=why) from error


def _file(said: Mapping[str, Any]) -> StagedFile:
    made = StagedFile(str(said["name"]), int(said["size"]), str(said["sha256"]))
    return StagedFile(_name(made.name), made.size, _sha256(made.sha256))


def _image(said: Mapping[str, Any]) -> ImageSource:
    return ImageSource(_name(str(said["name"])), str(said["url"]), _sha256(str(said["sha256"])))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no plain file name")
    return text


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError(f"{text!r} is no SHA-256 in hex")
    return text


def _plain(value: ServeConfig | FillConfig) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(json.dumps(asdict(value), default=str))
    return decoded
