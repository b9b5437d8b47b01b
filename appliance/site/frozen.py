"""What is kept of a site from its first use on: the values, and how they are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Self

from pydantic import TypeAdapter

from appliance.site.plan import AddressRange
from appliance.values import Mac


@dataclass(frozen=True, slots=True)
class FrozenNetwork:
    """A network's addresses."""

    cidr: IPv4Network
    gateway: IPv4Address
    bridge: IPv4Address
    pool_first: IPv4Address
    pool_last: IPv4Address

    @property
    def pool(self) -> AddressRange:
        """The dynamic range."""
        return AddressRange(self.pool_first, self.pool_last)


@dataclass(frozen=True, slots=True)
class FrozenMachine:
    """A machine's address on the provisioning network, and its host name."""

    address: IPv4Address
    hostname: str


@dataclass(frozen=True, slots=True)
class FrozenDiscovery:
    """Which reported machine is the one of this name, and the disk that was chosen from its report.

    `macs`: first the card that it reported by, then its others. `identity` and `asked` are what
    the file said then (`site/discovered.py`); an empty `identity`: people said which one it is.
    """

    macs: tuple[str, ...]
    disk: str | None
    identity: str
    asked: str

    @property
    def cards(self) -> tuple[Mac, ...]:
        """Its MAC addresses. Raises ValueError where the store was tampered with."""
        return tuple(Mac.parse(mac) for mac in self.macs)


@dataclass(frozen=True, slots=True)
class FrozenVm:
    """A virtual machine's card and address, and what it was made from.

    `address` is None where the installed system settles its own. `image` is the depot's name of
    the image its disk began as, or of the CD it is installed from; `disk` is in octets.
    """

    network: str
    mac: str
    address: IPv4Address | None
    image: str
    disk: int

    @property
    def card(self) -> Mac:
        """Its MAC address. Raises ValueError where the store was tampered with."""
        return Mac.parse(self.mac)


@dataclass(frozen=True, slots=True)
class FrozenCluster:
    """What a cluster cannot change once it runs: its certificates and its members hold it."""

    version: str
    registration: str
    cis: bool
    servers: int


@dataclass(frozen=True, slots=True)
class Frozen:
    """All that is frozen for one site. Machines no longer in the file are kept in it.

    `images` are the URLs of images that the file leaves unsaid, `staging` is the address in force
    of the staging machine, `discovered` are machines that reported and were matched. What was
    frozen before there were such lacks them.
    """

    site: str
    harvester: str
    create: str
    vip: IPv4Address
    networks: dict[str, FrozenNetwork]
    machines: dict[str, FrozenMachine]
    vms: dict[str, FrozenVm] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    cluster: FrozenCluster | None = None
    staging: IPv4Address | None = None
    discovered: dict[str, FrozenDiscovery] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON-ready values, for the store."""
        values: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return values

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Take what `as_json` gave. Raises ValueError for anything else."""
        frozen: Self = _ADAPTER.validate_python(values, strict=False)
        return frozen


_ADAPTER: TypeAdapter[Any] = TypeAdapter(Frozen)
