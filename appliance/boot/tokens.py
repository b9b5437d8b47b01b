"""Minted boots: one machine's script and configuration, valid for one boot.

Pure: the random token and the time come in as arguments. A boot ends when its machine boots again,
when its installer reports success, when a reinstallation is ordered, or at its deadline. The table
keeps a digest of each token, so that a restart can take a running installer's token back without
the token ever having been on disk.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address

from appliance.boot.model import CARD_MARK, TOKEN_MARK, BootMachine, Documents
from appliance.values import Mac, Secret

DEFAULT_LIFE = 3 * 3600.0
"""Seconds. Longer than the slowest installation: a token that expires under a running installer
leaves the machine "in build" for ever (theforeman/foreman#4508)."""

KEPT_PER_MACHINE = 8


class Hook(StrEnum):
    """What an installer reports."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refusal(StrEnum):
    """Why a token is not honoured, or not given."""

    UNKNOWN = "unknown"
    WRONG_ADDRESS = "wrong-address"
    ENDED = "ended"
    TOO_SOON = "too-soon"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal with its reason in words; `boot` if the token is known."""

    refusal: Refusal
    reason: str
    boot: Boot | None = None


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of one machine. Times are seconds of one monotonic clock.

    `script`, `arguments` and `config` are None after a restart: `config` is then made again from
    the machine's documents and the token that its installer presents. `kernel`, `initrd` and
    `arguments` are for a start without iPXE, as in Documents. `ended` says why it is over.
    """

    digest: str
    machine: str
    mac: Mac
    address: IPv4Address
    minted_at: float
    deadline: float
    script: Secret | None = None
    config: Secret | None = None
    config_name: str = ""
    kernel_taken: bool = False
    config_taken: bool = False
    hooks: frozenset[Hook] = frozenset()
    ended: str = ""
    kernel: str = ""
    initrd: str = ""
    arguments: Secret | None = None


@dataclass(frozen=True, slots=True)
class Honoured:
    """A hook that was honoured. `fresh` is False for a repetition, which must have no effect."""

    boot: Boot
    fresh: bool


def digest_of(token: str) -> str:
    """Give the SHA-256 under which a token is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def with_token(document: Secret, token: str) -> Secret:
    """Put the token where the document has its mark."""
    return Secret(document.reveal().replace(TOKEN_MARK, token))


def kernel_line(documents: Documents, token: str, mac: Mac) -> Secret:
    """Give the kernel line as iPXE would have given it to the machine that booted by `mac`."""
    line = with_token(documents.arguments, token).reveal()
    return Secret(line.replace(CARD_MARK, str(mac).replace(":", "-")))


class Boots:
    """All minted boots. Not thread-safe: BootState holds its lock around every call."""

    def __init__(self, *, life: float = DEFAULT_LIFE) -> None:
        self._life = life
        self._boots: dict[str, Boot] = {}

    def mint(
        self,
        token: str,
        *,
        machine: BootMachine,
        documents: Documents,
        mac: Mac,
        address: IPv4Address,
        now: float,
    ) -> Boot:
        """Start a boot of a machine; every earlier boot of it ends."""
        self.end_machine(machine.name, "the machine booted again")
        boot = Boot(
            digest=digest_of(token),
            machine=machine.name,
            mac=mac,
            address=address,
            minted_at=now,
            deadline=now + self._life,
            script=with_token(documents.script, token),
            config=with_token(documents.config, token),
            config_name=documents.config_name,
            kernel=documents.kernel,
            initrd=documents.initrd,
            arguments=kernel_line(documents, token, mac),
        )
        self._boots[boot.digest] = boot
        self._prune(machine.name)
        return boot

    def restore(self, boots: Iterable[Boot]) -> None:
        """Take back what was minted before a restart."""
        self._boots.update((boot.digest, boot) for boot in boots)

    def repeatable(self, machine: str, mac: Mac, now: float) -> Boot | None:
        """Give the boot whose script a repeated request gets again, byte for byte.

        iPXE asks again when a transfer breaks. Once the kernel was fetched the request is a
        new boot, and a boot from before a restart has no script to repeat.
        """
        for boot in self._boots.values():
            if (boot.machine, boot.mac) != (machine, mac) or boot.ended or boot.script is None:
                continue
            if not boot.kernel_taken and now < boot.deadline:
                return boot
        return None

    def find(
        self, token: str, *, address: IPv4Address, owner: str | None, now: float
    ) -> Boot | Refused:
        """Give the living boot of a token, or say why not.

        `owner` is the machine that owns the requesting address; a live system may have another
        address than its firmware had, where the site's own DHCP server keys leases by client-id.
        """
        boot = self._known(token, address=address, owner=owner)
        if isinstance(boot, Refused):
            return boot
        if boot.ended:
            return Refused(Refusal.ENDED, f"this boot is over: {boot.ended}", boot)
        if now >= boot.deadline:
            hours = (boot.deadline - boot.minted_at) / 3600
            return Refused(Refusal.ENDED, f"this boot is over: its {hours:.1f} h are up", boot)
        return boot

    def report(
        self, token: str, hook: Hook, *, address: IPv4Address, owner: str | None, now: float
    ) -> Honoured | Refused:
        """Take an installer's report. A repetition is honoured at any time, without effect."""
        known = self._known(token, address=address, owner=owner)
        if isinstance(known, Refused):
            return known
        if hook in known.hooks:
            return Honoured(known, fresh=False)
        living = self.find(token, address=address, owner=owner, now=now)
        if isinstance(living, Refused):
            return living
        boot = replace(living, hooks=living.hooks | {hook})
        if hook is Hook.SUCCEEDED:
            boot = _ended(boot, "its installer reported success")
        self._boots[boot.digest] = boot
        return Honoured(boot, fresh=True)

    def rebuild(self, boot: Boot, token: str, documents: Documents) -> Boot:
        """Make the configuration of a boot from before a restart again, from its own token."""
        rebuilt = replace(
            boot,
            config=with_token(documents.config, token),
            config_name=documents.config_name,
        )
        self._boots[boot.digest] = rebuilt
        return rebuilt

    def take_kernel(self, machine: str) -> tuple[Boot, ...]:
        """Note that the machine fetched its kernel; give the boots this changed."""
        changed = tuple(
            replace(boot, kernel_taken=True)
            for boot in self._boots.values()
            if boot.machine == machine and not boot.ended and not boot.kernel_taken
        )
        self._boots.update((boot.digest, boot) for boot in changed)
        return changed

    def take_config(self, boot: Boot) -> Boot | None:
        """Note that an installer fetched its configuration; None if this boot's already had."""
        if boot.config_taken:
            return None
        taken = replace(boot, config_taken=True)
        self._boots[boot.digest] = taken
        return taken

    def end_machine(self, machine: str, reason: str) -> tuple[Boot, ...]:
        """End every boot of a machine; give those that lived."""
        return self._end((boot for boot in self._boots.values() if boot.machine == machine), reason)

    def end_mac(self, mac: Mac, reason: str) -> tuple[Boot, ...]:
        """End every boot begun by one network card; give those that lived."""
        return self._end((boot for boot in self._boots.values() if boot.mac == mac), reason)

    def _end(self, boots: Iterable[Boot], reason: str) -> tuple[Boot, ...]:
        ended = tuple(_ended(boot, reason) for boot in boots if not boot.ended)
        self._boots.update((boot.digest, boot) for boot in ended)
        return ended

    def of_machine(self, machine: str) -> tuple[Boot, ...]:
        """Give the boots of a machine, oldest first."""
        return tuple(boot for boot in self._boots.values() if boot.machine == machine)

    def _known(self, token: str, *, address: IPv4Address, owner: str | None) -> Boot | Refused:
        digest = digest_of(token)
        # The digest is looked up, not the token: the time of a look-up tells nothing of a token.
        boot = self._boots.get(digest)
        if boot is None or not hmac.compare_digest(boot.digest, digest):
            return Refused(Refusal.UNKNOWN, "no boot of this site has this token")
        if address != boot.address and owner != boot.machine:
            return Refused(
                Refusal.WRONG_ADDRESS,
                f"this token is not of the machine at {address}",
                boot,
            )
        return boot

    def _prune(self, machine: str) -> None:
        for boot in self.of_machine(machine)[:-KEPT_PER_MACHINE]:
            del self._boots[boot.digest]


def _ended(boot: Boot, reason: str) -> Boot:
    return replace(boot, ended=reason, script=None, config=None, arguments=None)
